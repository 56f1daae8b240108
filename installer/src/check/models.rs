//! The model pack: whether its files are those that its manifest names.

use super::{Asked, Found};
use crate::machine::open;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};
use std::path::Path;

const FOLDER: &str = "/usr/share/oz/models";

/// What of a manifest matters here; `oz-models` reads the rest.
#[derive(Deserialize)]
struct Manifest {
    format: u32,
    name: String,
    version: String,
    model: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    file: String,
    sha256: String,
    bytes: u64,
    optional: bool,
}

pub(super) fn whole(asked: &Asked<'_>) -> Found {
    let folder = Path::new(asked.settings.get("models_dir").unwrap_or(FOLDER));
    let path = folder.join("manifest.toml");
    let text = match asked.machine.read(&path) {
        Ok(text) => text,
        // Before the packages are there this is no mistake.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Found::warn(format!("none at {}", folder.display()))
                .advise("Install the package oz-models, or set models_dir to the folder that has the pack.");
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Found::unknown(format!("{} may not be read", path.display())).advise("Run it as root.");
        }
        Err(error) => return Found::fail(error.to_string()),
    };
    let manifest: Manifest = match toml::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => return Found::fail(format!("{}: {}", path.display(), error.message())),
    };
    if manifest.format != 1 {
        return Found::fail(format!("{}: format is {}, expected 1", path.display(), manifest.format));
    }
    let folder = asked.machine.path(folder);
    let (mut count, mut wrong) = (0, Vec::new());
    for model in &manifest.model {
        match verified(&folder, model) {
            Ok(true) => count += 1,
            Ok(false) => {}
            Err(error) => wrong.push(format!("{}: {error}", model.file)),
        }
    }
    if wrong.is_empty() {
        Found::pass(format!("{} {}, {count} files", manifest.name, manifest.version))
    } else {
        Found::fail(wrong.join("; "))
    }
}

/// Whether a file is there and good; one that need not be there may be absent.
fn verified(folder: &Path, model: &Model) -> Result<bool, String> {
    if Path::new(&model.file).file_name() != Some(model.file.as_ref()) {
        return Err("not a plain file name".to_owned());
    }
    let file = match open(&folder.join(&model.file)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound && model.optional => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("missing".to_owned()),
        file => file.map_err(|e| e.to_string())?,
    };
    let found = file.metadata().map_err(|e| e.to_string())?.len();
    if found != model.bytes {
        return Err(format!("{found} bytes, the manifest says {}", model.bytes));
    }
    let (mut hash, mut file, mut chunk) = (Sha256::new(), file, vec![0; 1 << 16]);
    loop {
        match file.read(&mut chunk).map_err(|e| e.to_string())? {
            0 => break,
            read => hash.update(chunk.get(..read).unwrap_or_default()),
        }
    }
    let found = hex::encode(hash.finalize());
    if found.eq_ignore_ascii_case(&model.sha256) {
        Ok(true)
    } else {
        Err(format!("SHA-256 is {found}, the manifest says {}", model.sha256))
    }
}
