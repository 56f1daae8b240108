//! Presentation-attack signals: from what was measured on a clip or a still to one number and the reasons for it.
//!
//! Every signal is a pure function in a file of its own. It answers with the probability that it sees an attack, or with
//! nothing when the clip cannot tell, and with the raw numbers behind it. [`fuse`] turns them into
//! `confidence_spoofing` with the fitted weights of [`crate::calibration`]; [`gesture`] and [`integrity`] find things
//! that no weight can argue away.

mod background;
mod border;
pub mod fuse;
mod geometry;
pub mod gesture;
mod grey;
pub mod integrity;
pub mod life;
pub mod motion;
mod repeats;
mod spectrum;
pub mod surface;
#[cfg(test)]
pub(crate) mod testing;

use oz_domain::{ClipFacts, Frame, Tag};

use crate::calibration::Calibration;
use crate::liveness::LivenessOptions;
use crate::track::Track;

pub use gesture::Gesture;

/// The signals that are weighed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SignalName {
    /// The two Silent-Face nets, mean over the measured frames.
    PadNet,
    /// Does the head move like a body, or like a picture that is held?
    PadMotion,
    /// Does the face itself move?
    PadLife,
    /// Does the surface look like a screen or like paper?
    PadSurface,
}

impl SignalName {
    /// All of them, in the order in which they are listed.
    pub const ALL: [Self; 4] = [Self::PadNet, Self::PadMotion, Self::PadLife, Self::PadSurface];

    /// The name in calibrations, tables and stored details.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PadNet => "pad-net",
            Self::PadMotion => "pad-motion",
            Self::PadLife => "pad-life",
            Self::PadSurface => "pad-surface",
        }
    }
}

/// A raw number behind a judgement: its name with its unit, and its value.
pub type Fact = (&'static str, f64);

/// What one signal says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Evidence {
    /// P(attack), 0-1; `None` when this clip or still cannot tell.
    pub attack: Option<f64>,
    /// The numbers it comes from.
    pub facts: Vec<Fact>,
}

/// What one signal says and what that did to the result.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Which signal.
    pub name: SignalName,
    /// What it says.
    pub evidence: Evidence,
    /// What it adds to the log odds of an attack; 0 with a weight of 0 and when it says nothing.
    pub contribution: f64,
}

/// Something that makes a medium unacceptable whatever the signals say. `confidence_spoofing` is at least 0.5 with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// No face was found.
    NoFace,
    /// The face is missing on more than half of the frames.
    FaceLost,
    /// More than one person.
    TwoPeople,
    /// Another face in the course of the clip.
    FaceChanged,
    /// The scene changes from one frame to the next.
    Cut,
    /// A stretch of the clip comes again, forwards or backwards.
    Looped,
    /// A still picture in the form of a video.
    Frozen,
    /// Time stamps that no recording has.
    ImpossibleTimes,
    /// A gesture that was asked for and not seen.
    GestureMissing(Tag),
    /// A still picture without colour: the nets cannot judge it.
    NoColour,
    /// No frame on which the attack nets could be asked: too dark, or too small a face.
    NotMeasured,
}

impl Finding {
    /// A stable name for logs and stored details.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::FaceLost => "face_lost",
            Self::TwoPeople => "two_people",
            Self::FaceChanged => "face_changed",
            Self::Cut => "cut",
            Self::Looped => "looped",
            Self::Frozen => "frozen",
            Self::ImpossibleTimes => "impossible_times",
            Self::GestureMissing(_) => "gesture_missing",
            Self::NoColour => "no_colour",
            Self::NotMeasured => "not_measured",
        }
    }
}

/// Everything that is known about whether a medium is an attack.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// How sure we are that this is an attack, 0-1.
    pub confidence_spoofing: f64,
    /// All signals in the order of [`SignalName::ALL`].
    pub signals: Vec<Signal>,
    /// Why it is at least 0.5 whatever the signals say, most serious first.
    pub findings: Vec<Finding>,
    /// The gestures that were asked for.
    pub gestures: Vec<Gesture>,
    /// Facts of the recording that are kept and not judged.
    pub recording: Vec<Fact>,
}

/// Assesses a video or a shot set.
///
/// `frames` are the sampled pictures of the track's observations (others are ignored), `facts` those of all frames,
/// `options` say which gestures are asked for and what the capturing side says of the picture.
pub fn assess(
    track: &Track,
    frames: &[Frame],
    facts: &ClipFacts,
    options: &LivenessOptions,
    calibration: &Calibration,
) -> Assessment {
    let evidence = SignalName::ALL.map(|name| match name {
        _ if !wanted(name, options, calibration) => Evidence::default(),
        SignalName::PadNet => pad_net(track),
        SignalName::PadMotion => motion::motion(track, frames),
        SignalName::PadLife => life::life(track),
        SignalName::PadSurface => surface::surface(track, frames),
    });
    let gestures = gesture::gestures(track, &options.asked, options.mirrored);
    let (mut findings, recording) = integrity::integrity(track, facts, &calibration.faces);
    findings.extend(gestures.iter().filter(|g| !g.done).map(|g| Finding::GestureMissing(g.tag)));
    conclude(evidence, findings, gestures, recording, calibration)
}

/// Assesses a still picture, the only observation of its track: nets, surface and gestures, and `NoColour` with its own name.
pub fn assess_still(
    track: &Track,
    frames: &[Frame],
    options: &LivenessOptions,
    calibration: &Calibration,
) -> Assessment {
    let mut findings = integrity::persons(track, &calibration.faces);
    let main = track.observations.first().and_then(|o| o.main.as_ref());
    if main.and_then(|m| m.quality).is_some_and(|q| q.colour < surface::LEAST_COLOUR) {
        findings.push(Finding::NoColour);
    }
    let gestures = gesture::gestures(track, &options.asked, options.mirrored);
    findings.extend(gestures.iter().filter(|g| !g.done).map(|g| Finding::GestureMissing(g.tag)));
    let evidence = SignalName::ALL.map(|name| match name {
        SignalName::PadNet => pad_net(track),
        SignalName::PadSurface if wanted(name, options, calibration) => surface::surface(track, frames),
        _ => Evidence::default(),
    });
    conclude(evidence, findings, gestures, vec![], calibration)
}

/// Whether a signal is worth its time: it has a weight, or somebody measures it. The nets are asked in any case: without
/// them there is no answer at all.
fn wanted(name: SignalName, options: &LivenessOptions, calibration: &Calibration) -> bool {
    let weight = calibration.fusion.signals.get(name.as_str()).map_or(0.0, |s| s.weight);
    name == SignalName::PadNet || weight > 0.0 || options.all_signals
}

fn conclude(
    evidence: [Evidence; 4],
    mut findings: Vec<Finding>,
    gestures: Vec<Gesture>,
    recording: Vec<Fact>,
    calibration: &Calibration,
) -> Assessment {
    if evidence[0].attack.is_none() && findings.is_empty() {
        findings.push(Finding::NotMeasured);
    }
    let (fused, signals) = fuse::fuse(evidence, &calibration.fusion);
    let confidence_spoofing = if findings.is_empty() { fused } else { fused.max(0.5) };
    Assessment { confidence_spoofing, signals, findings, gestures, recording }
}

/// Stage "pad-net" over a clip: the mean of both nets over all frames that were measured.
fn pad_net(track: &Track) -> Evidence {
    let attack: Vec<f64> =
        track.observations.iter().filter_map(|o| Some(1.0 - f64::from(o.main.as_ref()?.pad?.live()))).collect();
    if attack.is_empty() {
        return Evidence::default();
    }
    let mean = grey::mean(&attack);
    let worst = attack.iter().copied().fold(0.0, f64::max);
    let facts = vec![("pad_net_mean", mean), ("pad_net_worst", worst), ("pad_net_frames", grey::count(attack.len()))];
    Evidence { attack: Some(mean), facts }
}
