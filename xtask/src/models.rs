//! `cargo xtask models`: the model pack, verified file by file, and the runtime that loads it.

use crate::project::Project;
use crate::runtime;
use crate::steps::Steps;
use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// What the product needs to infer.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// The folder of the pack: `OZ_MODELS_DIR`.
    pub(crate) pack: PathBuf,
    /// ONNX Runtime: `OZ_RUNTIME_LIB`.
    pub(crate) runtime: PathBuf,
}

impl fmt::Display for Prepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OZ_MODELS_DIR={}\nOZ_RUNTIME_LIB={}", self.pack.display(), self.runtime.display())
    }
}

/// One file that a pack should have.
#[derive(Debug, Deserialize)]
struct Wanted {
    file: String,
    sha256: String,
    #[serde(default)]
    optional: bool,
}

/// `models/pack.toml`, and what is read of a pack's own `manifest.toml`.
#[derive(Debug, Deserialize)]
struct List {
    #[serde(alias = "model")]
    files: Vec<Wanted>,
}

/// Hex SHA-256 of bytes.
pub(crate) fn hash(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Hex SHA-256 of a file.
///
/// # Errors
/// When it cannot be read.
pub(crate) fn sha256(path: &Path) -> Result<String> {
    Ok(hash(&fs::read(path)?))
}

/// Verifies the pack, fetches and verifies the runtime.
///
/// # Errors
/// One text with every file that is missing or another one than expected.
pub(crate) fn prepare(project: &Project, steps: &Steps) -> Result<Prepared> {
    let pack = pack(project, steps)?;
    let runtime = runtime::prepare(project, steps)?;
    Ok(Prepared { pack, runtime })
}

fn pack(project: &Project, steps: &Steps) -> Result<PathBuf> {
    let default: List = read(&project.root.join("models/pack.toml"))?;
    let own = std::env::var_os("OZ_MODELS_DIR").filter(|own| !own.is_empty()).map(PathBuf::from);
    let folder = own.clone().unwrap_or_else(|| project.shared().join("models"));
    let folder = std::path::absolute(&folder).with_context(|| folder.display().to_string())?;
    let manifest = folder.join("manifest.toml");
    // Another pack than the default one is as good as its own manifest says.
    let other = own.is_some()
        && manifest.is_file()
        && default.files.iter().all(|w| w.file != "manifest.toml" || sha256(&manifest).is_ok_and(|h| h != w.sha256));
    let wanted = if other { read::<List>(&manifest)?.files } else { default.files };
    let verified = verify(&folder, &wanted)?;
    let whose = if other { "by its own manifest" } else { "by models/pack.toml" };
    steps.say(format_args!("model pack: {verified} files in {} verified {whose}", folder.display()));
    Ok(folder)
}

fn read<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T> {
    toml::from_str(&fs::read_to_string(path)?).with_context(|| path.display().to_string())
}

/// How many files are there, each with its hash.
fn verify(folder: &Path, wanted: &[Wanted]) -> Result<usize> {
    let mut wrong = String::new();
    let mut verified = 0;
    for Wanted { file, sha256: expected, optional } in wanted {
        let path = folder.join(file);
        if !path.is_file() {
            if !optional {
                let _ = writeln!(wrong, "  {expected}  {file}: missing");
            }
            continue;
        }
        let found = sha256(&path)?;
        if found.eq_ignore_ascii_case(expected) {
            verified += 1;
        } else {
            let _ = writeln!(wrong, "  {expected}  {file}: it has {found}");
        }
    }
    if wrong.is_empty() {
        return Ok(verified);
    }
    bail!(
        "no complete model pack in {}. Expected SHA-256 and file:\n{wrong}Put the pack's files into that folder, or set \
         OZ_MODELS_DIR to the folder that has them. The weights are no part of this project.",
        folder.display()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(file: &str, bytes: &[u8], optional: bool) -> Wanted {
        Wanted { file: file.to_owned(), sha256: hash(bytes), optional }
    }

    #[test]
    fn a_missing_and_a_changed_file_are_both_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("good.onnx"), b"good").unwrap();
        fs::write(folder.path().join("changed.onnx"), b"changed").unwrap();
        let list = [
            wanted("good.onnx", b"good", false),
            wanted("changed.onnx", b"as it was", false),
            wanted("absent.onnx", b"absent", false),
            wanted("extra.onnx", b"extra", true),
        ];
        let error = verify(folder.path(), &list).unwrap_err().to_string();
        for part in [&format!("{}  absent.onnx: missing", hash(b"absent")), &hash(b"changed"), "OZ_MODELS_DIR"] {
            assert!(error.contains(part), "{error}");
        }
        assert!(!error.contains("extra.onnx") && !error.contains("good.onnx"), "{error}");
        assert_eq!(verify(folder.path(), &list[..1]).unwrap(), 1);
    }

    #[test]
    fn the_default_pack_and_a_manifest_are_lists() {
        let default: List = toml::from_str(include_str!("../../models/pack.toml")).unwrap();
        assert!(default.files.iter().any(|w| w.file == "manifest.toml"));
        let manifest = "format = 1\n[[model]]\nfile = \"a.onnx\"\nsha256 = \"00\"\noptional = true\ntask = \"pad\"\n";
        let list: List = toml::from_str(manifest).unwrap();
        assert!(list.files.len() == 1 && list.files[0].optional);
    }
}
