//! A model pack on disk: a folder with `manifest.toml` and the ONNX files it names.
//!
//! Nothing of a pack is used before its size and SHA-256 are what the manifest says, and the bytes that were hashed are the
//! bytes that are loaded.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use sha2::{Digest, Sha256};

/// Largest file of a pack that is read.
const MAX_BYTES: u64 = 512 << 20;
/// Largest manifest that is read.
const MAX_MANIFEST: u64 = 1 << 20;

/// Why a pack cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// There is no pack, or files of it are not there.
    #[error("{0}")]
    Missing(Missing),
    /// `manifest.toml` cannot be understood.
    #[error("{}: {message}", path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong and where.
        message: String,
    },
    /// A file is not the one that the manifest names.
    #[error("{}: SHA-256 is {found}, the manifest says {expected}: the file was changed or is of another pack", path.display())]
    WrongHash {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: String,
        /// What was found.
        found: String,
    },
    /// A file has another length than the manifest says.
    #[error("{}: {found} bytes, the manifest says {expected}", path.display())]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// What the manifest says.
        expected: u64,
        /// What was found.
        found: u64,
    },
    /// A net does not have the inputs or outputs that it should have.
    #[error("{file}: {message}")]
    Shape {
        /// Name of the ONNX file.
        file: String,
        /// Tensor, expected and found shape.
        message: String,
    },
    /// A file cannot be read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
}

/// Files that are not where a pack should be.
#[derive(Debug, PartialEq, Eq)]
pub struct Missing {
    /// The folder that was looked at.
    pub dir: PathBuf,
    /// Name and SHA-256 of every file that is missing.
    pub files: Vec<(String, String)>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "no complete model pack in {}. Missing, with SHA-256:", self.dir.display())?;
        for (file, sha256) in &self.files {
            writeln!(f, "  {sha256}  {file}")?;
        }
        write!(f, "Put the pack's files into that folder, or set OZ_MODELS_DIR to the folder that has them.")
    }
}

/// One tensor of a net.
#[derive(Debug, Clone, Deserialize)]
pub struct TensorCard {
    /// Name in the graph.
    pub name: String,
    /// Element type; `f32` is the only one used.
    pub dtype: String,
    /// Sizes; a name is a free axis.
    pub shape: Vec<String>,
}

/// What the manifest says of one net.
#[derive(Debug, Clone, Deserialize)]
pub struct ModelCard {
    /// Name of the net.
    pub name: String,
    /// File name inside the pack.
    pub file: String,
    /// What it is for: `detect`, `detect-fallback`, `landmarks`, `blendshapes`, `pose`, `quality`, `pad`, `embed`, ...
    pub task: String,
    /// Whether the product works without it.
    pub optional: bool,
    /// Version of the weights.
    pub version: String,
    /// Hex SHA-256 of the file.
    pub sha256: String,
    /// Length of the file.
    pub bytes: u64,
    /// Inputs, in the order of the graph.
    pub inputs: Vec<TensorCard>,
    /// Outputs, in the order of the graph.
    pub outputs: Vec<TensorCard>,
    /// `NCHW` or `NHWC`; something else for nets that do not read pictures.
    pub layout: String,
    /// `RGB` or `BGR`; `none` for nets that do not read pictures.
    pub color: String,
    /// What bytes 0 and 255 are mapped to first.
    pub range: [f32; 2],
    /// Taken off each channel then, in the order of `color`.
    pub mean: Vec<f32>,
    /// Each channel is divided by this at last.
    pub std: Vec<f32>,
    /// Side of the square crop in pixels.
    pub side: Option<u32>,
    /// Factor by which the box is enlarged for the crop.
    pub scale: Option<f32>,
    /// Places of the face's points in the crop, in pixels.
    pub template: Option<Vec<[f32; 2]>>,
    /// Long sides at which a detector is tried, in order.
    pub sides: Option<Vec<u32>>,
    /// Lowest score of a detection.
    pub score_min: Option<f32>,
    /// Highest overlap of two detections.
    pub nms_iou: Option<f32>,
    /// Lowest landmark presence of a detection.
    pub presence_min: Option<f32>,
}

#[derive(Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    version: String,
    blendshape_points: Vec<usize>,
    model: Vec<ModelCard>,
}

#[derive(Deserialize)]
struct DefaultPack {
    files: Vec<DefaultFile>,
}

#[derive(Deserialize)]
struct DefaultFile {
    file: String,
    sha256: String,
    #[serde(default)]
    optional: bool,
}

/// A pack whose manifest was read; files are verified as they are read.
#[derive(Debug)]
pub struct Pack {
    dir: PathBuf,
    /// Name of the pack.
    pub name: String,
    /// Version of the pack.
    pub version: String,
    /// Which of the landmarks the blendshape net reads, in its order.
    pub blendshape_points: Vec<usize>,
    /// The nets.
    pub models: Vec<ModelCard>,
}

impl Pack {
    /// Reads the manifest in `dir` and looks whether all needed files are there.
    ///
    /// # Errors
    /// [`PackError::Missing`] with every missing file at once, [`PackError::Manifest`].
    pub fn open(dir: &Path) -> Result<Self, PackError> {
        let path = dir.join("manifest.toml");
        if !path.try_exists()? {
            return Err(PackError::Missing(Missing { dir: dir.to_owned(), files: default_files() }));
        }
        let bad = |message: String| PackError::Manifest { path: path.clone(), message };
        if fs_err::metadata(&path)?.len() > MAX_MANIFEST {
            return Err(bad(format!("more than {MAX_MANIFEST} bytes")));
        }
        let manifest: Manifest =
            toml::from_str(&fs_err::read_to_string(&path)?).map_err(|e| bad(e.to_string().trim_end().to_owned()))?;
        if manifest.format != 1 {
            return Err(bad(format!("format is {}, this version reads 1", manifest.format)));
        }
        let mut missing = Vec::new();
        for model in manifest.model.iter().filter(|m| !m.optional) {
            if Path::new(&model.file).file_name() != Some(model.file.as_ref()) {
                return Err(bad(format!("{:?} is not a plain file name", model.file)));
            }
            if !dir.join(&model.file).try_exists()? {
                missing.push((model.file.clone(), model.sha256.clone()));
            }
        }
        if !missing.is_empty() {
            return Err(PackError::Missing(Missing { dir: dir.to_owned(), files: missing }));
        }
        Ok(Self {
            dir: dir.to_owned(),
            name: manifest.name,
            version: manifest.version,
            blendshape_points: manifest.blendshape_points,
            models: manifest.model,
        })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The `nth` needed net of a task.
    ///
    /// # Errors
    /// [`PackError::Manifest`] when there is none.
    pub fn card(&self, task: &str, nth: usize) -> Result<&ModelCard, PackError> {
        self.models.iter().filter(|m| m.task == task && !m.optional).nth(nth).ok_or_else(|| PackError::Manifest {
            path: self.dir.join("manifest.toml"),
            message: format!("{} needed nets of task {task:?}, {nth} found", nth + 1),
        })
    }

    /// The bytes of a net, verified.
    ///
    /// # Errors
    /// [`PackError::WrongSize`], [`PackError::WrongHash`], [`PackError::Read`].
    pub fn read(&self, card: &ModelCard) -> Result<Vec<u8>, PackError> {
        let path = self.dir.join(&card.file);
        let found = fs_err::metadata(&path)?.len();
        if found != card.bytes || found > MAX_BYTES {
            return Err(PackError::WrongSize { path, expected: card.bytes.min(MAX_BYTES), found });
        }
        let bytes = fs_err::read(&path)?;
        let found = hex::encode(Sha256::digest(&bytes));
        if !found.eq_ignore_ascii_case(&card.sha256) {
            return Err(PackError::WrongHash { path, expected: card.sha256.clone(), found });
        }
        Ok(bytes)
    }
}

/// Needed files of the default pack with their hashes, for whoever has no pack at all.
fn default_files() -> Vec<(String, String)> {
    toml::from_str::<DefaultPack>(include_str!("../pack.toml"))
        .map(|pack| pack.files.into_iter().filter(|f| !f.optional).map(|f| (f.file, f.sha256)).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_pack_is_told_with_files_hashes_and_place() {
        let error = Pack::open(Path::new("/nowhere/pack")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/pack") && error.contains("OZ_MODELS_DIR"), "{error}");
        assert!(
            error.contains("104ee26c71d5c270ce79a6b3dced91c91013260d29a6bf18f9296c5b8c4c2b12  detect_yunet_n.onnx")
        );
        assert!(!error.contains("mobilefacenet"), "an optional file is not asked for");
        assert_eq!(error.lines().count(), 2 + 10);
    }
}
