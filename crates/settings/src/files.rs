//! Folders and small files that settings name.

use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::{self, ErrorKind, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

/// Makes a folder that a setting names, for its owner only: keys, faces and secrets lie in such.
///
/// # Errors
/// Of the file system, with the path.
pub fn private_folder(path: &Path) -> io::Result<()> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))
}

/// Puts a text in a file's place: whoever reads it sees the old one or the new one, and the new one has this mode from its
/// first moment. What an interrupted write has left beside it is removed. For one writer at a time.
///
/// # Errors
/// Of the file system, with the path; then the old one is there.
pub fn replace_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let fresh = path.with_extension("new");
    match fs_err::remove_file(&fresh) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(mode).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs_err::rename(&fresh, path)?;
    // The name, too: a power loss must not bring the old one back.
    fs_err::File::open(path.parent().unwrap_or(Path::new("/")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_file_is_replaced_with_its_mode_whatever_lies_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("name.txt");
        fs_err::write(path.with_extension("new"), "interrupted").unwrap();
        for (text, mode) in [("one", 0o640), ("two", 0o600)] {
            replace_file(&path, text, mode).unwrap();
            let found = fs_err::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!((fs_err::read_to_string(&path).unwrap().as_str(), found), (text, mode));
        }
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }
}
