//! Pipeline of a video or a shot set: follow one face through the sampled frames, measure it, judge.
//!
//! Landmarks on every sampled frame; detection on every third and wherever the face was lost (between them the face is
//! carried over from the landmarks); PAD and quality on ten frames spread over the clip; a template on four of those.
//! Frames that repeat the one before cost nothing.

use std::collections::BTreeSet;

use oz_domain::{Clip, Frame, Tag};

use crate::calibration::Calibration;
use crate::detect::{iou, people};
use crate::engine::{Error, Stages};
use crate::follow::Anchor;
use crate::judge::{self, Case};
use crate::liveness::{Failure, Liveness, LivenessOptions};
use crate::quality::Seen;
use crate::still;
use crate::track::{Detector, Face, FaceMeasures, Observation, Track};

/// Sampled frames per second that the pipeline wants.
pub const FRAMES_PER_SECOND: u32 = 10;
/// Frames spread evenly over the whole clip, the first and the last among them, that it wants as well.
pub const SPREAD: u32 = 10;
/// Most sampled frames that are measured; of a longer clip an even choice.
pub const MOST_FRAMES: usize = 150;
/// Fewest frames of a clip; a single one counts as a still when that was asked for.
pub const FEWEST_FRAMES: usize = 3;

/// Frames from one detection to the next.
const DETECT_EVERY: usize = 3;
/// Which of the spread frames get a template: enough to see another face come in.
const TEMPLATES: [u32; 4] = [0, 3, 6, 9];
/// Landmark presence under which a followed face counts as lost.
const LOST: f32 = 0.5;
/// Part of the frames with a second person from which the clip is one of two people.
const TWO_PEOPLE: f32 = 0.3;

/// The spread frames of a clip of `count` frames: floor(i (count - 1) / 9 + 1/2) for i = 0..9.
pub fn spread(count: u32) -> BTreeSet<u32> {
    let last = count.saturating_sub(1);
    (0..SPREAD).map(|i| nth_spread(i, last)).collect()
}

fn nth_spread(i: u32, last: u32) -> u32 {
    let steps = u64::from(SPREAD - 1);
    u32::try_from((2 * u64::from(i) * u64::from(last) + steps) / (2 * steps)).unwrap_or(last)
}

/// Judges a clip.
pub(crate) fn judge(
    set: &mut Stages,
    clip: &Clip,
    options: &LivenessOptions,
    calibration: &Calibration,
) -> Result<Liveness, Error> {
    let frames = &clip.frames;
    if let ([frame], true) = (frames.as_slice(), options.asked.contains(&Tag::Oneshot)) {
        return still::judge(set, &frame.picture, options, calibration);
    }
    let track = follow(set, clip, options)?;
    let failure = if frames.len() < FEWEST_FRAMES {
        Some(Failure::TooFewFrames { found: frames.len(), needed: FEWEST_FRAMES })
    } else {
        failure(&track, calibration)
    };
    Ok(judge::judge(&Case { track: &track, frames, facts: Some(&clip.facts), failure }, options, calibration))
}

fn failure(track: &Track, calibration: &Calibration) -> Option<Failure> {
    let persons = track.observations.iter().map(|o| people(&o.faces, &calibration.faces)).filter(|n| *n > 0);
    let (mut seen, mut crowded) = (0.0_f32, 0.0_f32);
    for n in persons {
        seen += 1.0;
        crowded += f32::from(u8::from(n > 1));
    }
    if seen == 0.0 { Some(Failure::NoFace) } else { (crowded > seen * TWO_PEOPLE).then_some(Failure::TwoFaces) }
}

/// Measures one face through the clip.
pub(crate) fn follow(set: &mut Stages, clip: &Clip, options: &LivenessOptions) -> Result<Track, Error> {
    let count = u32::try_from(clip.facts.times.len()).unwrap_or(u32::MAX);
    let last = clip.frames.last().map_or(0, |f| f.index);
    let spread = spread(count.max(last.saturating_add(1)));
    let templates: BTreeSet<u32> = spread
        .iter()
        .enumerate()
        .filter(|(i, _)| TEMPLATES.iter().any(|t| *t as usize == *i))
        .map(|(_, f)| *f)
        .collect();
    let frames: Vec<&Frame> = chosen(&clip.frames, &spread).collect();
    let mut walk = Walk { set, spread, templates, poses: wants_poses(&options.asked), anchor: None, since: 0 };
    let mut observations: Vec<Observation> = Vec::new();
    let mut before: Option<&Frame> = None;
    for frame in frames {
        let same = before.filter(|b| b.picture.rgb() == frame.picture.rgb()).and(observations.last());
        let observation = match same {
            // A spread frame that repeats an unmeasured one has to be measured all the same.
            Some(o) if !walk.spread.contains(&frame.index) || o.main.as_ref().is_none_or(|m| m.pad.is_some()) => {
                Observation { frame: frame.index, time: frame.time, ..o.clone() }
            }
            _ => walk.step(frame)?,
        };
        observations.push(observation);
        before = Some(frame);
    }
    let first = clip.frames.first().map(|f| &f.picture);
    let (width, height) = first.map_or((clip.facts.width, clip.facts.height), |p| (p.width(), p.height()));
    Ok(Track { observations, width, height })
}

/// All frames, or the spread ones and an even choice of the rest when there are too many.
fn chosen<'a>(frames: &'a [Frame], spread: &BTreeSet<u32>) -> impl Iterator<Item = &'a Frame> {
    let step = frames.len().div_ceil(MOST_FRAMES).max(1);
    frames.iter().enumerate().filter(move |(i, f)| i % step == 0 || spread.contains(&f.index)).map(|(_, f)| f)
}

/// Whether a gesture was asked for that shows in the pose of every frame.
fn wants_poses(asked: &[Tag]) -> bool {
    asked.iter().any(|t| matches!(t, Tag::Left | Tag::Right | Tag::Down | Tag::High | Tag::Scan))
}

struct Walk<'a> {
    set: &'a mut Stages,
    spread: BTreeSet<u32>,
    templates: BTreeSet<u32>,
    poses: bool,
    anchor: Option<Anchor>,
    since: usize,
}

impl Walk<'_> {
    fn step(&mut self, frame: &Frame) -> Result<Observation, Error> {
        let full = self.spread.contains(&frame.index);
        self.since += 1;
        let followed = match &self.anchor {
            Some(anchor) if !full && self.since < DETECT_EVERY => {
                let mesh = self.set.landmarks.find(&frame.picture, &anchor.face)?;
                (mesh.presence >= LOST).then(|| (anchor.follow(&mesh), mesh))
            }
            _ => None,
        };
        let (faces, mesh) = if let Some((face, mesh)) = followed {
            (vec![face], Some(mesh))
        } else {
            self.since = 0;
            (self.set.detect.faces(&frame.picture, &mut self.set.landmarks)?, None)
        };
        let Some(face) = self.main(&faces) else {
            self.anchor = None;
            return Ok(Observation { frame: frame.index, time: frame.time, faces, main: None });
        };
        let mesh = match mesh {
            Some(mesh) => mesh,
            None => self.set.landmarks.find(&frame.picture, &face)?,
        };
        self.anchor = Some(match self.anchor.take() {
            Some(anchor) if face.detector == Detector::Tracked => anchor.at(face),
            _ => Anchor::new(face, &mesh),
        });
        let blendshapes = self.set.landmarks.blendshapes(&mesh)?;
        let pose = if full || self.poses { self.set.pose.measure(&frame.picture, &face)? } else { None };
        let (mut pad, mut quality) = (None, None);
        if full {
            let seen = Seen { mesh: Some(&mesh), blendshapes: Some(&blendshapes), pose };
            quality = Some(self.set.quality.measure(&frame.picture, &face, seen)?);
            if face.detector != Detector::MediaPipe {
                pad = Some(self.set.pad.measure(&frame.picture, &face)?);
            }
        }
        let template = if self.templates.contains(&frame.index) && face.detector != Detector::MediaPipe {
            self.set.embed.template(&frame.picture, &face.points)?
        } else {
            None
        };
        let (presence, landmarks) = (mesh.presence, Some(mesh.points));
        let main =
            FaceMeasures { face, landmarks, presence, blendshapes: Some(blendshapes), pose, pad, quality, template };
        Ok(Observation { frame: frame.index, time: frame.time, faces, main: Some(main) })
    }

    /// The face that was followed so far, else the largest.
    fn main(&self, faces: &[Face]) -> Option<Face> {
        let overlap = |f: &Face| self.anchor.as_ref().map_or(0.0, |a| iou(&a.face.bbox, &f.bbox));
        let nearest = faces.iter().max_by(|a, b| overlap(a).total_cmp(&overlap(b))).filter(|f| overlap(f) > 0.1);
        nearest.or(faces.first()).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_frames_are_those_of_the_reference() {
        let of = |n| spread(n).into_iter().collect::<Vec<_>>();
        assert_eq!(of(78), [0, 9, 17, 26, 34, 43, 51, 60, 68, 77]);
        assert_eq!(of(150), [0, 17, 33, 50, 66, 83, 99, 116, 132, 149]);
        assert_eq!((of(1), of(0), of(4)), (vec![0], vec![0], vec![0, 1, 2, 3]));
        assert_eq!(spread(u32::MAX).last(), Some(&(u32::MAX - 1)));
    }
}
