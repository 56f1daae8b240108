//! This node's own name, kept in the data folder.

use std::io::ErrorKind;
use std::path::Path;

/// The name, made where there is none.
///
/// # Errors
/// Of the file.
pub(crate) fn load_or_create(folder: &Path) -> std::io::Result<String> {
    match fs_err::read_to_string(folder.join("instance.id")) {
        Ok(text) if uuid::Uuid::parse_str(text.trim()).is_ok() => Ok(text.trim().to_owned()),
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => make(folder),
    }
}

/// Another name: somebody else has the old one, by a copied data folder.
///
/// # Errors
/// Of the file.
pub(crate) fn make(folder: &Path) -> std::io::Result<String> {
    let name = uuid::Uuid::now_v7().to_string();
    replace(&folder.join("instance.id"), &name)?;
    Ok(name)
}

/// Writes a small file for its owner only: whole, or not at all.
///
/// # Errors
/// Of the file.
pub(crate) fn replace(path: &Path, text: &str) -> std::io::Result<()> {
    let fresh = path.with_extension("new");
    match fs_err::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    oz_blobs::create_private(&fresh, text)?;
    fs_err::rename(&fresh, path)
}
