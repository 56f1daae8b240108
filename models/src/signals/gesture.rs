//! Stage "gesture": was the action that the medium's tag names really done, and when?
//!
//! Turns and nods count from the session's own neutral pose, because the pose net has an offset from person to person.
//! Blinks and smiles count as changes, so that a photo that shows them from the start does not pass.

use oz_domain::Tag;

use crate::landmarks::{BLINK_LEFT, BLINK_RIGHT, SMILE};
use crate::signals::Fact;
use crate::signals::grey::{mean, quantile};
use crate::track::{FaceMeasures, Observation, Pose, Track};

/// Yaw from neutral that counts as a turn, degrees.
const TURN: f64 = 20.0;
/// Pitch from neutral that counts as a nod, degrees.
const NOD: f64 = 12.0;
/// Poses within this many degrees of yaw are frontal enough for the neutral pose.
const FRONTAL: f32 = 15.0;
/// Frontal poses that make the neutral one.
const NEUTRAL_OF: usize = 5;
/// Blink blendshape above which eyes are closed. Measured: 0.13 open, 0.63 closed.
const CLOSED: f64 = 0.45;
/// How far it must rise above the clip's open eyes and fall back again.
const BLINK_RISE: f64 = 0.2;
/// Smile blendshape above which a mouth smiles.
const SMILES: f64 = 0.5;
/// How far it must rise above the clip's calm mouth.
const SMILE_RISE: f64 = 0.25;
/// Way of the face through the frame that counts as moving the camera along it, in parts of the face's size.
const SCAN_WAY: f64 = 0.25;
/// Larger over smaller size of the face while that happens.
const SCAN_SCALE: f64 = 1.12;
/// Larger over smaller size of the face for coming closer or going away.
const ZOOM: f64 = 1.2;
/// Part of the frames on which a held face must be there.
const HELD: f64 = 0.8;

/// Whether a gesture was done.
#[derive(Debug, Clone, PartialEq)]
pub struct Gesture {
    /// The tag that asked for it.
    pub tag: Tag,
    /// Whether it was seen.
    pub done: bool,
    /// The observation's place in the track at which it shows best, done or not.
    pub at: Option<usize>,
    /// The numbers it was judged by.
    pub facts: Vec<Fact>,
}

/// Judges every gesture among `asked`. `mirrored` is what the capturing side says of the picture: in a picture that is not
/// mirrored the person's left is at the right. When it says nothing, a turn to either side counts: products in the
/// field do both, and a direction nobody declared is no evidence.
pub fn gestures(track: &Track, asked: &[Tag], mirrored: Option<bool>) -> Vec<Gesture> {
    let mut all: Vec<Gesture> = asked.iter().filter_map(|tag| gesture(track, *tag, mirrored)).collect();
    all.dedup_by_key(|g| g.tag);
    all
}

fn gesture(track: &Track, tag: Tag, mirrored: Option<bool>) -> Option<Gesture> {
    let seen: Vec<Seen<'_>> = track.observations.iter().enumerate().filter_map(Seen::of).collect();
    let (done, at, facts) = match tag {
        Tag::Eyes => blink(&seen),
        Tag::Smile => smile(&seen),
        // Positive yaw looks at the right of the picture, which is the person's left when it is not mirrored.
        Tag::Left => turn(&seen, mirrored.map(|m| if m { -1.0 } else { 1.0 })),
        Tag::Right => turn(&seen, mirrored.map(|m| if m { 1.0 } else { -1.0 })),
        Tag::High => nod(&seen, 1.0),
        Tag::Down => nod(&seen, -1.0),
        Tag::Scan => scan(&seen),
        Tag::ZoomIn => zoom(&seen, true),
        Tag::ZoomOut => zoom(&seen, false),
        Tag::Blank => held(&seen, track.observations.len()),
        Tag::Oneshot => (!seen.is_empty(), seen.first().map(|s| s.at), vec![]),
        Tag::VideoSelfie
        | Tag::OrientationPortrait
        | Tag::OrientationLandscape
        | Tag::PhotoSelfie
        | Tag::PhotoId
        | Tag::PhotoIdFront
        | Tag::PhotoIdBack => return None,
    };
    Some(Gesture { tag, done, at, facts })
}

/// An observation with a face, and its place in the track.
struct Seen<'a> {
    at: usize,
    main: &'a FaceMeasures,
}

impl<'a> Seen<'a> {
    fn of((at, observation): (usize, &'a Observation)) -> Option<Self> {
        Some(Self { at, main: observation.main.as_ref()? })
    }

    fn size(&self) -> f64 {
        f64::from(self.main.face.size())
    }
}

type Verdict = (bool, Option<usize>, Vec<Fact>);

/// Open, closed, open again: both eyes, each beyond doubt.
fn blink(seen: &[Seen<'_>]) -> Verdict {
    let closed: Vec<(usize, f64)> = seen.iter().filter_map(|s| Some((s.at, closure(s.main)?))).collect();
    let Some(peak) = (0..closed.len()).max_by(|a, b| closed[*a].1.total_cmp(&closed[*b].1)) else {
        return (false, None, vec![]);
    };
    let lowest = |part: &[(usize, f64)]| part.iter().map(|c| c.1).fold(f64::INFINITY, f64::min);
    let top = closed[peak].1;
    let rise = top - lowest(&closed[..peak]).max(lowest(&closed[peak + 1..]));
    let done = top >= CLOSED && rise >= BLINK_RISE;
    let rise = if rise.is_finite() { rise } else { 0.0 };
    (done, Some(closed[peak].0), vec![("eyes_closed_most", top), ("eyes_closed_rise", rise)])
}

/// How closed both eyes are, 0-1: the more open one counts, so that a wink is no blink.
pub(crate) fn closure(main: &FaceMeasures) -> Option<f64> {
    let shapes = main.blendshapes.as_ref()?;
    Some(f64::from(shapes[BLINK_LEFT].min(shapes[BLINK_RIGHT])))
}

fn smile(seen: &[Seen<'_>]) -> Verdict {
    let shape = |s: &Seen<'_>| {
        let shapes = s.main.blendshapes.as_ref()?;
        Some((s.at, f64::from(f32::midpoint(shapes[SMILE[0]], shapes[SMILE[1]]))))
    };
    let all: Vec<(usize, f64)> = seen.iter().filter_map(shape).collect();
    let Some(&(at, top)) = all.iter().max_by(|a, b| a.1.total_cmp(&b.1)) else { return (false, None, vec![]) };
    let calm = quantile(&all.iter().map(|s| s.1).collect::<Vec<_>>(), 0.1);
    (top >= SMILES && top - calm >= SMILE_RISE, Some(at), vec![("smile_most", top), ("smile_rise", top - calm)])
}

/// The pose that counts as looking straight ahead: the median of the first frontal frames, else of all.
fn neutral(poses: &[(usize, Pose)]) -> (f64, f64) {
    let frontal: Vec<Pose> = poses.iter().map(|p| p.1).filter(|p| p.yaw.abs() <= FRONTAL).take(NEUTRAL_OF).collect();
    if frontal.is_empty() {
        return (0.0, quantile(&poses.iter().map(|p| f64::from(p.1.pitch)).collect::<Vec<_>>(), 0.5));
    }
    let middle = |of: fn(&Pose) -> f32| quantile(&frontal.iter().map(|p| f64::from(of(p))).collect::<Vec<_>>(), 0.5);
    (middle(|p| p.yaw), middle(|p| p.pitch))
}

fn poses(seen: &[Seen<'_>]) -> Vec<(usize, Pose)> {
    seen.iter().filter_map(|s| Some((s.at, s.main.pose?))).collect()
}

/// `sign` 1 for the right of the picture, -1 for the left, `None` for either.
fn turn(seen: &[Seen<'_>], sign: Option<f64>) -> Verdict {
    let poses = poses(seen);
    let zero = neutral(&poses).0;
    let angle = |p: &Pose| {
        let yaw = f64::from(p.yaw) - zero;
        sign.map_or(yaw.abs(), |s| yaw * s)
    };
    let best = poses.iter().map(|(at, p)| (*at, angle(p))).max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((at, most)) = best else { return (false, None, vec![]) };
    let declared = if sign.is_some() { 1.0 } else { 0.0 };
    (most >= TURN, Some(at), vec![("turn_degrees", most), ("mirroring_declared", declared)])
}

/// `sign` 1 for up, -1 for down.
fn nod(seen: &[Seen<'_>], sign: f64) -> Verdict {
    let poses = poses(seen);
    let zero = neutral(&poses).1;
    let best = poses.iter().map(|(at, p)| (*at, (f64::from(p.pitch) - zero) * sign)).max_by(|a, b| a.1.total_cmp(&b.1));
    let Some((at, most)) = best else { return (false, None, vec![]) };
    (most >= NOD, Some(at), vec![("nod_degrees", most)])
}

/// The face moves through the frame while its size changes.
fn scan(seen: &[Seen<'_>]) -> Verdict {
    if seen.is_empty() {
        return (false, None, vec![]);
    }
    let sizes: Vec<f64> = seen.iter().map(Seen::size).collect();
    let size = mean(&sizes).max(1.0);
    let range = |axis: usize| {
        let places = seen.iter().map(|s| f64::from(s.main.face.centre()[axis]));
        let (low, high) = places.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
        high - low
    };
    let way = range(0).hypot(range(1)) / size;
    let scale = quantile(&sizes, 0.95) / quantile(&sizes, 0.05).max(1.0);
    let at = seen.get(seen.len() / 2).map(|s| s.at);
    (way >= SCAN_WAY && scale >= SCAN_SCALE, at, vec![("scan_way", way), ("scan_scale", scale)])
}

/// The face grows (or shrinks) from the first fifth of the clip to the last.
fn zoom(seen: &[Seen<'_>], closer: bool) -> Verdict {
    let fifth = (seen.len() / 5).max(1);
    let (Some(first), Some(last)) = (seen.get(..fifth), seen.len().checked_sub(fifth).and_then(|i| seen.get(i..)))
    else {
        return (false, None, vec![]);
    };
    let size = |part: &[Seen<'_>]| mean(&part.iter().map(Seen::size).collect::<Vec<_>>()).max(1.0);
    let grown = if closer { size(last) / size(first) } else { size(first) / size(last) };
    (grown >= ZOOM, seen.last().map(|s| s.at), vec![("zoom", grown)])
}

fn held(seen: &[Seen<'_>], observations: usize) -> Verdict {
    let part = super::grey::count(seen.len()) / super::grey::count(observations).max(1.0);
    (part >= HELD, seen.get(seen.len() / 2).map(|s| s.at), vec![("face_held", part)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::{face_at, observation, track};

    fn posed(angles: &[(f32, f32)]) -> Track {
        track(angles.iter().enumerate().map(|(i, (yaw, pitch))| {
            let mut main = face_at(0.0, 0.0, 100.0);
            main.pose = Some(Pose { yaw: *yaw, pitch: *pitch, roll: 0.0 });
            observation(i, Some(main))
        }))
    }

    fn shaped(places: [usize; 2], values: &[f32]) -> Track {
        track(values.iter().enumerate().map(|(i, v)| {
            let mut main = face_at(0.0, 0.0, 100.0);
            let mut shapes = Box::new([0.1; 52]);
            places.iter().for_each(|p| shapes[*p] = *v);
            main.blendshapes = Some(shapes);
            observation(i, Some(main))
        }))
    }

    fn done(track: &Track, tag: Tag, mirrored: Option<bool>) -> bool {
        let all = gestures(track, &[Tag::VideoSelfie, tag], mirrored);
        assert_eq!(all.len(), 1, "tags that are no gesture are left out");
        all[0].done
    }

    #[test]
    fn a_turn_counts_from_the_own_neutral_and_on_the_asked_side_only() {
        let to_picture_right = posed(&[(-6.0, 0.0), (-5.0, 0.0), (-7.0, 0.0), (4.0, 0.0), (16.0, 0.0), (3.0, 0.0)]);
        assert!(done(&to_picture_right, Tag::Left, Some(false)));
        assert!(!done(&to_picture_right, Tag::Right, Some(false)));
        assert!(done(&to_picture_right, Tag::Right, Some(true)));
        assert!(!done(&to_picture_right, Tag::Left, Some(true)));
        assert!(done(&to_picture_right, Tag::Left, None) && done(&to_picture_right, Tag::Right, None));
        assert_eq!(gestures(&to_picture_right, &[Tag::Left], Some(false))[0].at, Some(4));
        assert!(!done(&posed(&[(0.0, 0.0), (19.0, 0.0), (0.0, 0.0)]), Tag::Left, Some(false)));
    }

    #[test]
    fn a_nod_needs_twelve_degrees_from_neutral() {
        let down = posed(&[(0.0, -9.0), (0.0, -8.0), (0.0, -10.0), (0.0, -22.0), (0.0, -9.0), (0.0, -9.0)]);
        assert!(done(&down, Tag::Down, None) && !done(&down, Tag::High, None));
        assert!(!done(&posed(&[(0.0, -9.0), (0.0, -20.0), (0.0, -9.0), (0.0, -9.0)]), Tag::Down, None));
        let up = posed(&[(0.0, -9.0), (0.0, -9.0), (0.0, -9.0), (0.0, 4.0)]);
        assert!(done(&up, Tag::High, None) && !done(&up, Tag::Down, None));
    }

    #[test]
    fn a_blink_opens_closes_and_opens() {
        let of = |values: &[f32]| done(&shaped([BLINK_LEFT, BLINK_RIGHT], values), Tag::Eyes, None);
        assert!(of(&[0.1, 0.12, 0.6, 0.2, 0.1]));
        assert!(!of(&[0.6, 0.6, 0.6, 0.6]), "a photo with closed eyes");
        assert!(!of(&[0.1, 0.1, 0.3, 0.1]), "jitter");
        assert!(!of(&[0.1, 0.1, 0.6, 0.6]), "eyes that stay closed");
        assert!(!done(&shaped([BLINK_LEFT, BLINK_LEFT], &[0.1, 0.7, 0.1]), Tag::Eyes, None), "a wink");
        assert!(!of(&[]));
    }

    #[test]
    fn a_smile_is_a_change() {
        let of = |values: &[f32]| done(&shaped(SMILE, values), Tag::Smile, None);
        assert!(of(&[0.05, 0.1, 0.4, 0.8, 0.7]));
        assert!(!of(&[0.8, 0.8, 0.8, 0.8]), "a photo of a smile");
        assert!(!of(&[0.05, 0.1, 0.3]));
    }

    #[test]
    fn a_scan_moves_and_grows_and_a_zoom_only_grows() {
        let moving = |places: &[(f32, f32)]| {
            track(places.iter().enumerate().map(|(i, (x, size))| observation(i, Some(face_at(*x, 0.0, *size)))))
        };
        let scan = moving(&[(0.0, 100.0), (20.0, 105.0), (40.0, 115.0), (60.0, 125.0)]);
        assert!(done(&scan, Tag::Scan, None));
        assert!(!done(&moving(&[(0.0, 100.0), (2.0, 100.0), (3.0, 101.0)]), Tag::Scan, None));
        assert!(done(&scan, Tag::ZoomIn, None) && !done(&scan, Tag::ZoomOut, None));
        assert!(!done(&moving(&[]), Tag::ZoomIn, None));
    }

    #[test]
    fn a_held_face_is_there_nearly_always() {
        let some = |there: usize| track((0..10).map(|i| observation(i, (i < there).then(|| face_at(0.0, 0.0, 100.0)))));
        assert!(done(&some(9), Tag::Blank, None) && !done(&some(7), Tag::Blank, None));
        assert!(done(&some(1), Tag::Oneshot, None) && !done(&some(0), Tag::Oneshot, None));
    }
}
