//! ONNX Runtime: loaded once per process from a file, telemetry off, quiet.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};

use ort::environment::Environment;
use ort::session::Session;
use ort::session::builder::GraphOptimizationLevel;

use crate::manifest::{ModelCard, PackError, TensorCard};

/// Oldest ONNX Runtime that the default pack was checked with: 1.32.
const OLDEST_MINOR: u32 = 32;

/// Why ONNX Runtime cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The library is not there or cannot be loaded.
    #[error("ONNX Runtime cannot be loaded from {}: {message}. Set OZ_RUNTIME_LIB to libonnxruntime.so 1.32 or newer.", path.display())]
    Load {
        /// The library.
        path: PathBuf,
        /// What the loader said.
        message: String,
    },
    /// The library is too old.
    #[error("{} is ONNX Runtime 1.{found}, 1.{OLDEST_MINOR} or newer is needed", path.display())]
    Old {
        /// The library.
        path: PathBuf,
        /// Its minor version.
        found: u32,
    },
    /// ONNX Runtime refused something.
    #[error("ONNX Runtime: {0}")]
    Ort(String),
}

impl<R> From<ort::Error<R>> for RuntimeError {
    fn from(error: ort::Error<R>) -> Self {
        Self::Ort(error.message().to_owned())
    }
}

static ENVIRONMENT: OnceLock<Environment> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// The loaded runtime. There is one per process: the first path wins.
#[derive(Clone)]
pub struct Runtime(Environment);

impl Runtime {
    /// Loads the library, or gives the one that is loaded already.
    ///
    /// # Errors
    /// [`RuntimeError::Load`], [`RuntimeError::Old`]; never panics for want of a library.
    pub fn load(path: &Path) -> Result<Self, RuntimeError> {
        let _one = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(environment) = ENVIRONMENT.get() {
            return Ok(Self(environment.clone()));
        }
        let load = |message: String| RuntimeError::Load { path: path.to_owned(), message };
        // A relative path would be searched for beside the program and in the system's folders: it is ours or none.
        let path = fs_err::canonicalize(path).map_err(|e| load(e.to_string()))?;
        let builder = ort::init_from(&path).map_err(|e| load(e.to_string()))?;
        if let Some(found) = minor_version(ort::info()).filter(|found| *found < OLDEST_MINOR) {
            return Err(RuntimeError::Old { path, found });
        }
        let environment = builder.with_name("oz").with_telemetry(false).build()?;
        environment.set_log_level(ort::logging::LogLevel::Error);
        Ok(Self(ENVIRONMENT.get_or_init(|| environment).clone()))
    }

    /// What the library says of its build: branch, commit, flags.
    pub fn build(&self) -> &'static str {
        ort::info()
    }

    /// A session of `threads` threads on verified bytes.
    ///
    /// The memory arena stays on: without it 100 stills cost 5 % more CPU and a set of nets 20 MiB less.
    ///
    /// # Errors
    /// [`RuntimeError::Ort`].
    pub(crate) fn session(
        &self,
        bytes: &[u8],
        threads: usize,
        weights: &PrepackedWeights,
    ) -> Result<Session, RuntimeError> {
        let mut builder = Session::builder(&self.0)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(threads)?
            .with_inter_threads(1)?
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            .with_prepacked_weights(weights)?;
        builder.commit_from_memory(bytes).map_err(Into::into)
    }
}

pub(crate) use ort::session::builder::PrepackedWeights;

/// `1.x` from a build text that names its branch `rel-1.x.y`.
fn minor_version(build: &str) -> Option<u32> {
    build.split_once("rel-1.")?.1.split(['.', ',']).next()?.parse().ok()
}

/// Whether a loaded net has the tensors that its card names.
pub(crate) fn check(card: &ModelCard, session: &Session) -> Result<(), PackError> {
    same(card, "input", &card.inputs, session.inputs())?;
    same(card, "output", &card.outputs, session.outputs())
}

fn same(card: &ModelCard, what: &str, cards: &[TensorCard], outlets: &[ort::value::Outlet]) -> Result<(), PackError> {
    let wrong = |message: String| PackError::Shape { file: card.file.clone(), message };
    if cards.len() != outlets.len() {
        return Err(wrong(format!("{} {what}s, the manifest says {}", outlets.len(), cards.len())));
    }
    for (card, outlet) in cards.iter().zip(outlets) {
        let found = outlet.dtype().tensor_shape().map(|s| s.iter().copied().collect::<Vec<i64>>()).unwrap_or_default();
        let fits = |(expected, found): (&String, &i64)| expected.parse::<i64>().map_or(*found < 0, |n| n == *found);
        let f32s = outlet.dtype().tensor_type() == Some(ort::value::TensorElementType::Float32) && card.dtype == "f32";
        if card.name != outlet.name()
            || !f32s
            || found.len() != card.shape.len()
            || !card.shape.iter().zip(&found).all(fits)
        {
            return Err(wrong(format!(
                "{what} {} {found:?}, the manifest says {} of {} {}",
                outlet.name(),
                card.name,
                card.dtype,
                card.shape.join("x")
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_build_text() {
        assert_eq!(minor_version("ORT Build Info: git-branch=rel-1.32.0, git-commit-id=1"), Some(32));
        assert_eq!(minor_version("ORT Build Info: git-branch=main"), None);
    }

    #[test]
    fn a_missing_library_is_an_error_with_its_path() {
        let error = Runtime::load(Path::new("/nowhere/libonnxruntime.so"));
        // Another test of this process may have loaded a library already: then that one is given.
        if let Err(error) = error {
            let text = error.to_string();
            assert!(text.contains("/nowhere/libonnxruntime.so") && text.contains("OZ_RUNTIME_LIB"), "{text}");
        }
    }
}
