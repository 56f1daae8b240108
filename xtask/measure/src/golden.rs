//! The reference's figures (`golden/metrics.json`), so that both stand side by side.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use serde::Deserialize;

use crate::presentations::Scored;

/// How much worse than the reference a rate may be: decoders and resamplers move a score near the threshold, so one
/// presentation of a class may change sides.
pub(crate) const PRESENTATIONS: usize = 1;
/// How much worse matching may be: equal error rate, and genuine pairs refused at a false match rate.
pub(crate) const MATCHING: [f64; 2] = [0.002, 0.005];

/// Tolerance of a clip's mean of the nets, as the reference states it (`clip_pad_mean`).
pub(crate) const CLIP: f64 = 0.08;

/// What the reference measured.
#[derive(Debug, Deserialize)]
pub(crate) struct Golden {
    #[serde(rename = "match")]
    matching: Matching,
    pad: Pad,
}

#[derive(Debug, Deserialize)]
struct Matching {
    sets: BTreeMap<String, Set>,
}

#[derive(Debug, Deserialize)]
struct Set {
    reid_0095: Rates,
}

/// The reference's rates of one set of pairs.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Rates {
    /// Equal error rate.
    pub(crate) eer: f64,
    /// Genuine pairs found where FMR is at most 1 %.
    #[serde(rename = "tar_at_fmr_1e-2")]
    pub(crate) tar_2: f64,
    /// The same at 0.1 %.
    #[serde(rename = "tar_at_fmr_1e-3")]
    pub(crate) tar_3: f64,
}

#[derive(Debug, Deserialize)]
struct Pad {
    /// By label and path: P(live) of a clip.
    clip_means: BTreeMap<String, BTreeMap<String, f64>>,
}

impl Golden {
    /// Reads `golden/metrics.json` of a set; `None` when it has none.
    ///
    /// # Errors
    /// When the file cannot be understood.
    pub(crate) fn of(dir: &Path) -> Result<Option<Self>> {
        let path = dir.join("golden/metrics.json");
        if !path.try_exists()? {
            return Ok(None);
        }
        Ok(Some(serde_json::from_slice(&fs_err::read(path)?)?))
    }

    /// The rates of a set of pairs, or of `pooled`.
    pub(crate) fn pairs(&self, set: &str) -> Option<Rates> {
        self.matching.sets.get(set).map(|s| s.reid_0095)
    }

    /// The reference's answers to these clips: (path, label, subject) each. `None` unless it knows all of them.
    pub(crate) fn scored(&self, clips: &[(&str, &str, &str)]) -> Option<Vec<Scored>> {
        let one = |(path, label, subject): &(&str, &str, &str)| {
            let live = self.pad.clip_means.get(*label)?.get(*path)?;
            Some(Scored { label: (*label).to_owned(), subject: (*subject).to_owned(), confidence: 1.0 - live })
        };
        clips.iter().map(one).collect()
    }
}
