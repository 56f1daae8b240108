//! Stage "integrity": is this one recording of one person, from beginning to end, that a camera can have made?
//!
//! Findings come from the 8x8 signatures and times of all frames, not only of the sampled ones. What is merely unusual (an
//! encoder's name, missing sound, many repeated frames) is kept as a fact and not judged: honest clients re-encode.

use oz_domain::{ClipFacts, FrameSignature};

use super::repeats;
use crate::calibration::Faces;
use crate::detect::people;
use crate::embed::cosine;
use crate::signals::grey::{count, quantile};
use crate::signals::{Fact, Finding};
use crate::track::Track;

/// Part of the frames with a face that show a second person, from which the clip is one of two people.
const TWO_PEOPLE: f64 = 0.3;
/// Part of the frames without the face from which it counts as lost.
const LOST: f64 = 0.5;
/// Cosine of two templates under which they are of two persons. One person seen from two sides keeps well above it;
/// strangers lie about 0 (`docs/ACCURACY.md`).
const ANOTHER_FACE: f32 = 0.15;
/// Difference of two frames in grey levels, without that of their brightness, from which the scene is another one.
const CUT: f64 = 22.0;
/// How much larger it is than those just before and after: a camera that swings changes over several frames.
const CUT_ALONE: f64 = 4.0;
/// Frames further apart than this, in seconds, may show anything: shots, or a stalled camera.
const CUT_WITHIN: f64 = 0.25;
/// Most frames a second that a camera gives.
const MOST_FRAMES_A_SECOND: f64 = 250.0;
/// Part of the frames that may share their time with the frame before.
const SAME_TIME: f64 = 0.1;
/// Seconds for which nothing may move by a grey level before a clip counts as a still picture.
const FROZEN_FOR: f64 = 1.0;

/// Judges the recording. Findings are in order of weight, most serious first.
pub fn integrity(track: &Track, facts: &ClipFacts, limits: &Faces) -> (Vec<Finding>, Vec<Fact>) {
    let steps: Vec<f64> = facts.signatures.windows(2).map(|w| difference(&w[0], &w[1])).collect();
    let mut findings = persons(track, limits);
    let checks = [
        (cut(&steps, &facts.times), Finding::Cut),
        (repeats::looped(&facts.signatures, facts.duration), Finding::Looped),
        (frozen(&facts.signatures, facts.duration), Finding::Frozen),
        (impossible(facts), Finding::ImpossibleTimes),
    ];
    findings.extend(checks.into_iter().filter_map(|(wrong, finding)| wrong.then_some(finding)));
    (findings, recording(facts))
}

/// Who is seen.
pub(crate) fn persons(track: &Track, limits: &Faces) -> Vec<Finding> {
    let all = count(track.observations.len());
    let seen = count(track.observations.iter().filter(|o| !o.faces.is_empty()).count());
    if seen == 0.0 {
        return vec![Finding::NoFace];
    }
    let crowded = count(track.observations.iter().filter(|o| people(&o.faces, limits) > 1).count());
    let followed = count(track.observations.iter().filter(|o| o.main.is_some()).count());
    let checks = [
        (crowded > seen * TWO_PEOPLE, Finding::TwoPeople),
        (least_alike(track).is_some_and(|c| c < ANOTHER_FACE), Finding::FaceChanged),
        (all - followed > all * LOST, Finding::FaceLost),
    ];
    checks.into_iter().filter_map(|(wrong, finding)| wrong.then_some(finding)).collect()
}

/// The lowest cosine of two templates of the clip.
fn least_alike(track: &Track) -> Option<f32> {
    let templates: Vec<&Vec<f32>> =
        track.observations.iter().filter_map(|o| o.main.as_ref()?.template.as_ref()).collect();
    let pairs = templates.iter().enumerate().flat_map(|(i, a)| templates.iter().skip(i + 1).map(|b| cosine(a, b)));
    pairs.min_by(f32::total_cmp)
}

/// Mean difference of two frames in grey levels, brightness apart.
fn difference(a: &FrameSignature, b: &FrameSignature) -> f64 {
    let mean = |s: &FrameSignature| s.iter().map(|v| f64::from(*v)).sum::<f64>() / 64.0;
    let (ma, mb) = (mean(a), mean(b));
    a.iter().zip(b).map(|(a, b)| ((f64::from(*a) - ma) - (f64::from(*b) - mb)).abs()).sum::<f64>() / 64.0
}

fn cut(steps: &[f64], times: &[f64]) -> bool {
    let at = |i: Option<usize>| i.and_then(|i| steps.get(i)).copied().unwrap_or(0.0);
    steps.iter().enumerate().any(|(i, step)| {
        let near = at(i.checked_sub(1)).max(at(i.checked_add(1)));
        let apart = times.get(i + 1).zip(times.get(i)).map_or(f64::INFINITY, |(b, a)| b - a);
        *step >= CUT && *step >= CUT_ALONE * near && apart <= CUT_WITHIN
    })
}

/// No part of the picture ever changes by more than one grey level.
fn frozen(signatures: &[FrameSignature], duration: f64) -> bool {
    duration >= FROZEN_FOR && signatures.len() >= 5 && repeats::movement(signatures) <= 1
}

fn impossible(facts: &ClipFacts) -> bool {
    let times = &facts.times;
    if times.len() < 2 {
        return false;
    }
    let steps: Vec<f64> = times.windows(2).map(|w| w[1] - w[0]).collect();
    let same = count(steps.iter().filter(|s| **s == 0.0).count());
    let fast = quantile(&steps, 0.5) < 1.0 / MOST_FRAMES_A_SECOND;
    steps.iter().any(|s| !s.is_finite() || *s < 0.0) || same > count(steps.len()) * SAME_TIME || fast
}

/// What is kept and not judged.
fn recording(facts: &ClipFacts) -> Vec<Fact> {
    let steps: Vec<f64> = facts.times.windows(2).map(|w| w[1] - w[0]).collect();
    let usual = quantile(&steps, 0.5);
    let part = |n: usize| count(n) / count(steps.len()).max(1.0);
    let repeated = part(facts.signatures.windows(2).filter(|w| w[0] == w[1]).count());
    let dropped = part(steps.iter().filter(|s| usual > 0.0 && **s > 1.8 * usual).count());
    let flag = |b: bool| f64::from(u8::from(b));
    vec![
        ("frames", count(facts.times.len())),
        ("seconds", facts.duration),
        ("frames_per_second", if usual > 0.0 { 1.0 / usual } else { 0.0 }),
        ("repeated_frames_part", repeated),
        ("dropped_frames_part", dropped),
        ("broken_frames", f64::from(facts.broken_frames)),
        ("sound", flag(facts.has_audio)),
        ("encoder_named", flag(facts.encoder.is_some())),
    ]
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::signals::testing::{face_at, noise, observation, track};
    use oz_domain::ClipFacts;

    const LIMITS: Faces = Faces { second_person: 0.4, frontal_yaw: 15.0, frontal_pitch: 15.0, open_eyes: 0.5 };

    fn facts(signatures: Vec<FrameSignature>) -> ClipFacts {
        let times: Vec<f64> = (0..signatures.len()).map(|i| i as f64 / 25.0).collect();
        ClipFacts { duration: times.len() as f64 / 25.0, times, signatures, ..ClipFacts::default() }
    }

    /// A scene that moves on without ever being the same again.
    fn moving(scene: u32, n: usize) -> Vec<FrameSignature> {
        let value = |i: usize, cell: u32| {
            let phase = noise(cell, scene) * 6.0 + i as f64 * 0.05 * (1.0 + noise(scene, cell));
            (100.0 + 60.0 * noise(cell, scene + 7) + 15.0 * phase.sin()) as u8
        };
        (0..n).map(|i| std::array::from_fn(|cell| value(i, cell as u32))).collect()
    }

    fn judged(facts: &ClipFacts) -> Vec<Finding> {
        let seen = track((0..20).map(|i| observation(i, Some(face_at(0.0, 0.0, 100.0)))));
        integrity(&seen, facts, &LIMITS).0
    }

    #[test]
    fn a_plain_recording_has_no_finding() {
        assert_eq!(judged(&facts(moving(1, 100))), []);
        assert_eq!(judged(&ClipFacts::default()), [], "a shot set of which nothing is known");
    }

    #[test]
    fn another_scene_is_a_cut_and_a_flash_is_none() {
        let joined = [moving(1, 50), moving(2, 50)].concat();
        assert_eq!(judged(&facts(joined.clone())), [Finding::Cut]);
        let mut slow = facts(joined);
        slow.times.iter_mut().for_each(|t| *t *= 10.0);
        assert_eq!(judged(&slow), [], "shots half a second apart");
        let mut flash = moving(1, 100);
        flash[60..].iter_mut().for_each(|s| s.iter_mut().for_each(|v| *v += 60));
        assert_eq!(judged(&facts(flash)), []);
    }

    #[test]
    fn what_comes_again_is_a_loop_forwards_and_backwards() {
        let once = moving(1, 60);
        assert_eq!(judged(&facts([once.clone(), once.clone()].concat())).last(), Some(&Finding::Looped));
        let back: Vec<_> = once.iter().rev().copied().collect();
        assert_eq!(judged(&facts([once, back].concat())), [Finding::Looped]);
    }

    #[test]
    fn a_picture_in_the_form_of_a_video_is_frozen() {
        let mut still = vec![moving(1, 1)[0]; 50];
        still[30][7] += 1;
        assert_eq!(judged(&facts(still.clone())), [Finding::Frozen]);
        still[30][7] += 4;
        assert_eq!(judged(&facts(still)), []);
    }

    #[test]
    fn times_that_no_camera_gives_are_named() {
        let with = |change: fn(&mut Vec<f64>)| {
            let mut facts = facts(moving(1, 50));
            change(&mut facts.times);
            judged(&facts)
        };
        assert_eq!(with(|t| t.swap(10, 11)), [Finding::ImpossibleTimes]);
        assert_eq!(with(|t| t.fill(0.0)), [Finding::ImpossibleTimes]);
        assert_eq!(with(|t| t.iter_mut().for_each(|v| *v /= 100.0)), [Finding::ImpossibleTimes]);
        assert_eq!(with(|t| t[20..].iter_mut().for_each(|v| *v += 0.3)), [], "a camera that stalled once");
    }

    #[test]
    fn another_face_two_people_and_a_lost_face_are_named() {
        let of = |change: fn(usize, &mut crate::track::Observation)| {
            let all = (0..20).map(|i| {
                let mut o = observation(i, Some(face_at(0.0, 0.0, 100.0)));
                change(i, &mut o);
                o
            });
            integrity(&track(all), &ClipFacts::default(), &LIMITS).0
        };
        let template = |i: usize, o: &mut crate::track::Observation| {
            let mut values = vec![0.1; 256];
            values[usize::from(i >= 10)] = 1.0;
            values.iter_mut().skip(2).for_each(|v| *v = 0.0);
            if let Some(m) = &mut o.main {
                m.template = i.is_multiple_of(5).then(|| crate::embed::unit(values).unwrap());
            }
        };
        assert_eq!(of(template), [], "cosine 0.2: one person in bad light");
        assert_eq!(
            of(|i, o| {
                let mut values = vec![0.0; 256];
                values[usize::from(i >= 10)] = 1.0;
                o.main.as_mut().unwrap().template = Some(values);
            }),
            [Finding::FaceChanged]
        );
        assert_eq!(
            of(|i, o| if i < 7 {
                o.faces.push(face_at(200.0, 0.0, 60.0).face)
            }),
            [Finding::TwoPeople]
        );
        assert_eq!(
            of(|i, o| if i < 5 {
                o.faces.push(face_at(200.0, 0.0, 60.0).face)
            }),
            [],
            "somebody walks by"
        );
        assert_eq!(
            of(|i, o| if i < 11 {
                o.main = None
            }),
            [Finding::FaceLost]
        );
        assert_eq!(
            of(|_, o| {
                o.main = None;
                o.faces.clear();
            }),
            [Finding::NoFace]
        );
    }
}
