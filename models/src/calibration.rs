//! Numbers that were fitted, not learnt: how signals are weighed and how cosines become similarities.
//!
//! `calibration.toml` beside this crate is for the default pack; a pack may bring its own file of that name.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::manifest::{Pack, PackError};

/// All fitted numbers of a pack.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of these numbers; stored with every analysis. Must not be empty.
    pub version: String,
    /// Name of the pack they belong to.
    pub pack: String,
    /// Version of the pack they belong to.
    pub pack_version: String,
    /// How signals become one number.
    pub fusion: Fusion,
    /// How cosines become similarities.
    pub matching: Matching,
    /// What counts as a person and as a good picture.
    pub faces: Faces,
}

/// Logistic fusion that can only push the right way: `1 / (1 + exp(-(bias + sum of contributions)))`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fusion {
    /// Log odds of an attack when no signal says anything.
    pub bias: f64,
    /// By name of the signal.
    pub signals: BTreeMap<String, SignalWeight>,
}

/// How one signal counts.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignalWeight {
    /// Factor of the signal's log odds, at least 0: a signal that says attack can never lower the result.
    pub weight: f64,
    /// Largest contribution to the log odds, at least 0.
    pub cap: f64,
    /// How far it may lower the log odds, at least 0; 0 (the default) for a signal that may only raise suspicion.
    #[serde(default)]
    pub floor: f64,
    /// Probability at which the signal says nothing, 0-1.
    pub neutral: f64,
}

/// Similarity on the wire from the cosine of two templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Matching {
    /// Pairs of cosine and similarity, both rising; linear between them and towards (0, 0) and (1, 1).
    pub points: Vec<[f64; 2]>,
}

/// What counts as a person and as a good picture.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Faces {
    /// A second face is a second person when its longer side is at least this part of the main face's.
    pub second_person: f32,
    /// Best shot: largest yaw in degrees, to either side of 0.
    pub frontal_yaw: f32,
    /// Best shot: largest pitch in degrees, to either side of the session's neutral.
    pub frontal_pitch: f32,
    /// Best shot: lowest openness of the eyes, 0-1.
    pub open_eyes: f32,
}

impl Calibration {
    /// The pack's own `calibration.toml`, else the built-in one.
    ///
    /// # Errors
    /// [`PackError::Manifest`] when the file cannot be understood, has no version, is for another pack or breaks a rule
    /// (negative weight, points that do not rise); [`PackError::Read`].
    pub fn of(pack: &Pack) -> Result<Self, PackError> {
        let path = pack.dir().join("calibration.toml");
        if path.try_exists()? {
            Self::parse(&fs_err::read_to_string(&path)?, &path, pack)
        } else {
            Self::parse(include_str!("../calibration.toml"), Path::new("built-in calibration.toml"), pack)
        }
    }

    fn parse(text: &str, path: &Path, pack: &Pack) -> Result<Self, PackError> {
        let bad = |message: String| PackError::Manifest { path: path.to_owned(), message };
        let this: Self = toml::from_str(text).map_err(|e| bad(e.to_string().trim_end().to_owned()))?;
        if this.version.trim().is_empty() {
            return Err(bad("a calibration needs a version".to_owned()));
        }
        if (&this.pack, &this.pack_version) != (&pack.name, &pack.version) {
            return Err(bad(format!(
                "made for pack {} {}, the pack is {} {}: put a calibration.toml for it into the pack",
                this.pack, this.pack_version, pack.name, pack.version
            )));
        }
        this.check().map_err(bad)?;
        Ok(this)
    }

    fn check(&self) -> Result<(), String> {
        let finite = |v: f64| v.is_finite() && v >= 0.0;
        for (name, s) in &self.fusion.signals {
            if !finite(s.weight) || !finite(s.cap) || !finite(s.floor) || !(0.0..=1.0).contains(&s.neutral) {
                return Err(format!(
                    "fusion.signals.{name}: weight, cap and floor must be at least 0, neutral within 0-1"
                ));
            }
        }
        let mut last = [0.0, 0.0];
        for point in &self.matching.points {
            if !(point[0] > last[0] && point[1] > last[1] && point[0] < 1.0 && point[1] < 1.0) {
                return Err("matching.points must rise, between 0 and 1".to_owned());
            }
            last = *point;
        }
        if self.fusion.bias.is_finite() { Ok(()) } else { Err("fusion.bias must be a number".to_owned()) }
    }

    /// Similarity on the wire, 0-1, of a cosine; cosines below 0 are 0.
    pub fn similarity(&self, cosine: f64) -> f64 {
        let cosine = cosine.clamp(0.0, 1.0);
        let mut from = [0.0, 0.0];
        for to in self.matching.points.iter().copied().chain([[1.0, 1.0]]) {
            if cosine <= to[0] {
                return from[1] + (cosine - from[0]) / (to[0] - from[0]) * (to[1] - from[1]);
            }
            from = to;
        }
        1.0
    }
}
