//! The keys of a store: one file, mode 0600.
//!
//! `naming` never changes (names would change with it); the first `master` wraps new blobs, the others still open old
//! ones until they are wrapped anew.

use crate::{Error, Result};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use oz_domain::CompanyId;
use ring::{digest, hmac};
use std::io::Write as _;
use std::path::Path;
use zeroize::{Zeroize as _, Zeroizing};

pub(crate) const KEY: usize = 32;

pub(crate) struct Master {
    pub(crate) id: [u8; 8],
    pub(crate) key: Zeroizing<[u8; KEY]>,
}

/// The keys of a store. Never printed.
pub struct Keyring {
    naming: Zeroizing<[u8; KEY]>,
    masters: Vec<Master>,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} master keys)", self.masters.len())
    }
}

impl Keyring {
    /// Reads the key file; makes one with fresh keys when it is missing.
    ///
    /// # Errors
    /// When the file cannot be read or written, or holds something else.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        if !fs_err::exists(path)? {
            create(path)?;
        }
        let text = Zeroizing::new(fs_err::read_to_string(path)?);
        Self::parse(&text).ok_or_else(|| Error::KeyFile(path.to_owned()))
    }

    fn parse(text: &str) -> Option<Self> {
        let (mut naming, mut masters) = (None, Vec::new());
        for line in text.lines().map(str::trim).filter(|l| !l.is_empty() && !l.starts_with('#')) {
            let (kind, digits) = line.split_once(' ')?;
            let mut key = Zeroizing::new([0; KEY]);
            hex::decode_to_slice(digits.trim(), &mut *key).ok()?;
            match kind {
                "naming" => naming = Some(key),
                "master" => {
                    let mut id = [0; 8];
                    id.copy_from_slice(&digest::digest(&digest::SHA256, &*key).as_ref()[..8]);
                    masters.push(Master { id, key });
                }
                _ => return None,
            }
        }
        (!masters.is_empty()).then_some(())?;
        Some(Self { naming: naming?, masters })
    }

    pub(crate) fn current(&self) -> Option<&Master> {
        self.masters.first()
    }

    pub(crate) fn master(&self, id: &[u8; 8]) -> Result<&Master> {
        self.masters.iter().find(|m| m.id == *id).ok_or_else(|| Error::UnknownKey(hex::encode(id)))
    }

    /// The key that names a company's contents: no two companies can tell that they hold the same file.
    pub(crate) fn naming(&self, company: CompanyId) -> hmac::Key {
        let root = hmac::Key::new(hmac::HMAC_SHA256, &*self.naming);
        let derived = hmac::sign(&root, &[b"oz-blob-name/v1\0", company.uuid().as_bytes().as_slice()].concat());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    }
}

fn create(path: &Path) -> Result<()> {
    let mut text =
        Zeroizing::new(String::from("# Keys of the stored files. Lost keys are lost files: keep a copy apart.\n"));
    for kind in ["naming", "master"] {
        let mut key = [0u8; KEY];
        getrandom::fill(&mut key).map_err(|e| Error::Random(e.to_string()))?;
        text.push_str(&format!("{kind} {}\n", *Zeroizing::new(hex::encode(key))));
        key.zeroize();
    }
    Ok(create_private(path, &text)?)
}

/// Writes a file of secrets, mode 0600, unless it is there: the name appears complete or not at all, and of two that start
/// at once the first one's content stays. Flushed to the disk with its name.
///
/// # Errors
/// Of the file system.
pub fn create_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs_err::create_dir_all(folder)?;
    }
    let draft = path.with_extension(format!("{}.tmp", std::process::id()));
    let mut file = fs_err::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    // A link, not a rename, which would replace the first one's.
    let linked = fs_err::hard_link(&draft, path);
    fs_err::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        // Also when another process was first: it may not have come to its own flush.
        _ => flush_name(path),
    }
}

/// Flushes the name of a new file to the disk: its folder, and the one above, for the folder may be as new as the file.
/// Without it a power loss takes the only key of everything that was made with it since, though the file itself was
/// flushed.
///
/// # Errors
/// When a folder cannot be flushed; that the one above may not be read is none.
fn flush_name(path: &Path) -> std::io::Result<()> {
    let here =
        |folder: &Path| if folder.as_os_str().is_empty() { Path::new(".").to_owned() } else { folder.to_owned() };
    for (above, folder) in path.ancestors().skip(1).take(2).map(here).enumerate() {
        match fs_err::File::open(folder).and_then(|folder| folder.sync_all()) {
            Err(e) if above > 0 && e.kind() == std::io::ErrorKind::PermissionDenied => {}
            done => done?,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_file_is_made_once_and_is_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets/blobs.key");
        let first = Keyring::load_or_create(&path).unwrap();
        let again = Keyring::load_or_create(&path).unwrap();
        assert_eq!(*first.naming, *again.naming);
        // Nothing of the draft stays; the name was flushed, as it is for a path of one part and for one in a gone folder not.
        assert_eq!(fs_err::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        flush_name(Path::new("Cargo.toml")).unwrap();
        assert!(flush_name(&folder.path().join("gone/x")).is_err());
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs_err::write(&path, "master 12\n").unwrap();
        assert!(matches!(Keyring::load_or_create(&path), Err(Error::KeyFile(_))));
    }
}
