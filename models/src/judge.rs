//! From measures to an answer: signals, fusion, reasons, pictures.

use oz_domain::{ClipFacts, Frame};

use crate::best_shot::{self, Shot};
use crate::calibration::Calibration;
use crate::liveness::{Failure, Liveness, LivenessOptions, Reason, Timings};
use crate::signals;
use crate::track::{FaceMeasures, Observation, Track};

/// What is judged.
pub(crate) struct Case<'a> {
    pub(crate) track: &'a Track,
    pub(crate) frames: &'a [Frame],
    /// Facts of the recording; `None` for a still picture.
    pub(crate) facts: Option<&'a ClipFacts>,
    pub(crate) failure: Option<Failure>,
}

/// The answer to a case.
pub(crate) fn judge(case: &Case<'_>, options: &LivenessOptions, calibration: &Calibration) -> Liveness {
    let assessment = match case.facts {
        Some(facts) => signals::assess(case.track, case.frames, facts, options, calibration),
        None => signals::assess_still(case.track, case.frames, options, calibration),
    };
    let best = best(case.track, calibration);
    let shot = |o: &Observation| shot(case.frames, o);
    let mut reasons: Vec<Reason> = assessment.findings.iter().copied().map(Reason::from).collect();
    if let Some(Failure::TooFewFrames { .. }) = case.failure {
        reasons.insert(0, Reason::TooFewFrames);
    }
    let fused = assessment.confidence_spoofing;
    let confidence_spoofing = if reasons.is_empty() { fused } else { fused.max(0.5) };
    let quality = best.and_then(|o| o.main.as_ref()?.quality);
    reasons.extend(quality.into_iter().flat_map(|q| q.defects()).map(Reason::Defect));
    let done = assessment.gestures.iter().find(|g| g.done).and_then(|g| case.track.observations.get(g.at?));
    Liveness {
        confidence_spoofing,
        reasons,
        failure: case.failure,
        quality,
        best_shot: best.filter(|_| options.best_shot).and_then(shot),
        action_shot: done.filter(|_| options.action_shot).and_then(shot),
        assessment,
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
