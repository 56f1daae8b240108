//! From measures to an answer: signals, fusion, reasons, pictures.

use oz_domain::{ClipFacts, Frame};

use crate::best_shot::{self, Shot};
use crate::calibration::Calibration;
use crate::liveness::{Failure, Liveness, LivenessOptions, Reason, Timings};
use crate::track::{FaceMeasures, Observation, Track};

/// What is judged.
pub(crate) struct Case<'a> {
    pub(crate) track: &'a Track,
    pub(crate) frames: &'a [Frame],
    pub(crate) facts: &'a ClipFacts,
    pub(crate) failure: Option<Failure>,
}

/// The answer to a case.
pub(crate) fn judge(case: &Case<'_>, options: &LivenessOptions, calibration: &Calibration) -> Liveness {
    let best = best(case.track, calibration);
    let shot = |o: &Observation| shot(case.frames, o);
    let attack: Vec<f32> =
        case.track.observations.iter().filter_map(|o| Some(1.0 - o.main.as_ref()?.pad?.live())).collect();
    #[expect(clippy::cast_precision_loss, reason = "a handful of frames")]
    let nets = f64::from(attack.iter().sum::<f32>()) / attack.len().max(1) as f64;
    let mut reasons = match case.failure {
        Some(Failure::NoFace) => vec![Reason::NoFace],
        Some(Failure::TwoFaces) => vec![Reason::TwoFaces],
        Some(Failure::TooFewFrames { .. }) => vec![Reason::TooFewFrames],
        None if attack.is_empty() => vec![Reason::TooDark],
        None => vec![],
    };
    let confidence_spoofing = if reasons.is_empty() { nets } else { nets.max(0.5) };
    reasons
        .extend(best.and_then(|o| o.main.as_ref()?.quality).into_iter().flat_map(|q| q.defects()).map(Reason::Defect));
    Liveness {
        confidence_spoofing,
        reasons,
        failure: case.failure,
        quality: best.and_then(|o| o.main.as_ref()?.quality),
        best_shot: best.filter(|_| options.best_shot).and_then(shot),
        action_shot: None,
        timings: Timings::default(),
    }
}

/// The observation with the best picture of the face.
fn best<'a>(track: &'a Track, calibration: &Calibration) -> Option<&'a Observation> {
    let measures = track.observations.iter().enumerate().filter_map(|(i, o)| Some((i, o.main.as_ref()?)));
    best_shot::best(measures, &calibration.faces).and_then(|i| track.observations.get(i))
}

fn shot(frames: &[Frame], observation: &Observation) -> Option<Shot> {
    let FaceMeasures { face, quality, .. } = observation.main.as_ref()?;
    let frame = frames.iter().find(|f| f.index == observation.frame)?;
    Some(Shot {
        frame: frame.index,
        time: frame.time,
        picture: best_shot::portrait(&frame.picture, face),
        quality: quality.map_or(0.0, |q| q.unified),
    })
}
