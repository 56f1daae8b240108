//! An analysis in words and numbers, to be stored with it (`results_media[].details`).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::liveness::Liveness;
use crate::quality::Quality;
use crate::signals::Fact;

/// Everything an operator may see of why a result is as it is. Not for clients: it would teach an attacker.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Details {
    /// How sure we are that this is an attack, 0-1.
    pub confidence_spoofing: f64,
    /// Words of [`crate::Reason::as_str`], most serious first.
    pub reasons: Vec<&'static str>,
    /// All signals, weighed or not.
    pub signals: Vec<SignalDetails>,
    /// Gestures that were asked for.
    pub gestures: Vec<GestureDetails>,
    /// Facts of the recording, kept and not judged.
    pub recording: BTreeMap<&'static str, f64>,
    /// Measures of the best picture of the face, when there is one.
    pub quality: Option<BTreeMap<&'static str, f64>>,
}

/// One signal.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalDetails {
    /// Name as in calibrations: `pad-net`, `pad-motion`, `pad-life`, `pad-surface`.
    pub name: &'static str,
    /// P(attack) by this signal alone, 0-1; nothing when it could not tell.
    pub attack: Option<f64>,
    /// What it added to the log odds of an attack.
    pub contribution: f64,
    /// The numbers behind it, by name.
    pub facts: BTreeMap<&'static str, f64>,
}

/// One gesture.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GestureDetails {
    /// The tag that asked for it.
    pub tag: &'static str,
    /// Whether it was seen.
    pub done: bool,
    /// The numbers it was judged by.
    pub facts: BTreeMap<&'static str, f64>,
}

impl Liveness {
    /// The analysis as it is stored. Versions of pack and calibration are not in it: [`crate::Engine::version`] says them.
    pub fn details(&self) -> Details {
        let assessment = &self.assessment;
        let signals = assessment.signals.iter().map(|s| SignalDetails {
            name: s.name.as_str(),
            attack: s.evidence.attack,
            contribution: s.contribution,
            facts: map(&s.evidence.facts),
        });
        let gestures = assessment.gestures.iter();
        Details {
            confidence_spoofing: self.confidence_spoofing,
            reasons: self.reasons.iter().map(|r| r.as_str()).collect(),
            signals: signals.collect(),
            gestures: gestures
                .map(|g| GestureDetails { tag: g.tag.as_str(), done: g.done, facts: map(&g.facts) })
                .collect(),
            recording: map(&assessment.recording),
            quality: self.quality.as_ref().map(quality),
        }
    }
}

fn map(facts: &[Fact]) -> BTreeMap<&'static str, f64> {
    facts.iter().copied().collect()
}

fn quality(q: &Quality) -> BTreeMap<&'static str, f64> {
    let all = [
        ("unified", q.unified),
        ("inter_eye_distance", q.inter_eye_distance),
        ("sharpness", q.sharpness),
        ("under_exposure", q.under_exposure),
        ("over_exposure", q.over_exposure),
        ("brightness", q.brightness),
        ("pose", q.pose),
        ("eyes_open", q.eyes_open),
        ("mouth_closed", q.mouth_closed),
        ("unoccluded", q.unoccluded),
        ("colour", q.colour),
        ("net", q.net),
    ];
    all.into_iter().map(|(name, v)| (name, f64::from(v))).collect()
}
