//! Judging a set with the product's own code: its decoder in its own child process, and its engine.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use oz_domain::MediaKind;
use oz_media::{Decoder, Input, Limits, Sampling};
use oz_models::signals::{Evidence, SignalName};
use oz_models::{Details, Engine, EngineOptions, FRAMES_PER_SECOND, Liveness, LivenessOptions, SPREAD};
use serde::Serialize;

use crate::set::Item;

/// The argument that makes this program the decoding child.
pub(crate) const CHILD: &str = "decode-media";

/// The product's machinery.
pub(crate) struct Machine {
    engine: Engine,
    decoder: Decoder,
}

/// What came of one presentation.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Row {
    /// The presentation.
    #[serde(skip)]
    pub(crate) item: Item,
    /// P(attack) by each signal in the order of [`SignalName::ALL`].
    pub(crate) signals: [Option<f64>; 4],
    /// Whether a finding says no whatever the signals say.
    pub(crate) findings: bool,
    /// The product's answer, 0-1; `None` when there was nothing to judge (no face, two people, does not decode).
    pub(crate) confidence: Option<f64>,
    /// Why there was nothing to judge.
    pub(crate) failure: Option<String>,
    /// Time of decoding.
    pub(crate) decode: Duration,
    /// Time of judging.
    pub(crate) judge: Duration,
    /// Everything that is stored with an analysis.
    pub(crate) details: Option<Details>,
}

impl Machine {
    /// Loads the pack and starts the decoder's process.
    ///
    /// # Errors
    /// When the pack, the runtime or the decoder cannot be loaded.
    pub(crate) fn start(root: &Path, shared: &Path) -> Result<Self> {
        let or = |name: &str, path: std::path::PathBuf| std::env::var_os(name).map_or(path, Into::into);
        let engine = Engine::load(&EngineOptions {
            pack_dir: or("OZ_MODELS_DIR", shared.join("models")),
            runtime_lib: or("OZ_RUNTIME_LIB", root.join(".runtime/libonnxruntime.so")),
            sessions: 1,
            intra_threads: 1,
        })?;
        let decoder = Decoder::start(&std::env::current_exe()?, &[CHILD], Limits::default())?;
        Ok(Self { engine, decoder })
    }

    /// The engine.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The decoder.
    pub(crate) fn decoder(&self) -> &Decoder {
        &self.decoder
    }

    /// Judges one presentation.
    ///
    /// # Errors
    /// When the file cannot be read or a net cannot be run; a medium that does not decode is a row like any other.
    pub(crate) fn judge(&self, item: &Item) -> Result<Row> {
        let input = self.input(&item.path)?;
        let start = Instant::now();
        // Bona fide and attack alike: no gesture is asked, so that presence and absence of one decide nothing.
        let options = LivenessOptions { all_signals: true, ..LivenessOptions::default() };
        let (decode, liveness) = if input.sniff().is_ok_and(|f| f.kind() == MediaKind::Image) {
            let picture = self.decoder.picture(&input);
            (start.elapsed(), picture.map(|p| self.engine.still(&p, &options)))
        } else {
            let sampling = Sampling { per_second: FRAMES_PER_SECOND.into(), spread: SPREAD, ..Sampling::default() };
            let clip = self.decoder.clip(&input, &sampling);
            (start.elapsed(), clip.map(|c| self.engine.clip(&c, &options)))
        };
        let judge = start.elapsed().saturating_sub(decode);
        match liveness {
            Ok(liveness) => Ok(row(item, &liveness?, decode, judge)),
            Err(error) => Ok(Row {
                item: item.clone(),
                signals: [None; 4],
                findings: false,
                confidence: None,
                failure: Some(error.to_string()),
                decode,
                judge,
                details: None,
            }),
        }
    }

    /// The template of the largest face of a picture; `None` without a face.
    ///
    /// # Errors
    /// When the file does not decode or a net cannot be run.
    pub(crate) fn template(&self, path: &Path) -> Result<Option<Vec<f32>>> {
        let picture = self.decoder.picture(&self.input(path)?).with_context(|| path.display().to_string())?;
        Ok(self.engine.embed(&picture)?.map(|t| t.values))
    }

    fn input(&self, path: &Path) -> Result<Input> {
        let file = fs_err::File::open(path)?;
        Ok(Input::from_fd(file.into_parts().0.into())?)
    }
}

fn row(item: &Item, liveness: &Liveness, decode: Duration, judge: Duration) -> Row {
    let failure = liveness.failure.map(|f| format!("{f:?}"));
    let of = |name: SignalName| {
        let signal = liveness.assessment.signals.iter().find(|s| s.name == name);
        signal.and_then(|s| s.evidence.attack)
    };
    Row {
        item: item.clone(),
        signals: SignalName::ALL.map(of),
        findings: !liveness.assessment.findings.is_empty(),
        confidence: failure.is_none().then_some(liveness.confidence_spoofing),
        failure,
        decode,
        judge,
        details: Some(liveness.details()),
    }
}

/// Evidence without facts, as fusion takes it.
pub(crate) fn evidence(signals: [Option<f64>; 4]) -> [Evidence; 4] {
    signals.map(|attack| Evidence { attack, facts: vec![] })
}
