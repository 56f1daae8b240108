//! The site key: made once, kept in a file of its own, never anywhere else.

use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::zeroize::Zeroize as _;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Why there is no site key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// Not 64 hexadecimal digits.
    #[error("{0}: not a site key (64 hexadecimal digits)")]
    Damaged(String),
    /// Others than its owner may read it.
    #[error("{0}: others may read the site key; chmod 600 it")]
    Open(String),
    /// The system gives no random bytes.
    #[error("no random bytes: {0}")]
    Random(String),
}

/// Reads the key, or makes one where there is none and `may_make` allows it.
///
/// # Errors
/// [`KeyError`]; [`KeyError::Io`] with `NotFound`, too, where none may be made.
pub fn load_or_create(path: &Path, may_make: bool) -> Result<SigningKey, KeyError> {
    let mut text = match fs_err::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound && may_make => {
            if let Some(key) = create(path)? {
                return Ok(key);
            }
            fs_err::read_to_string(path)?
        }
        read => read?,
    };
    if fs_err::metadata(path)?.permissions().mode() & 0o077 != 0 {
        return Err(KeyError::Open(path.display().to_string()));
    }
    let mut seed = [0; 32];
    let decoded = hex::decode_to_slice(text.trim(), &mut seed);
    text.zeroize();
    decoded.map_err(|_| KeyError::Damaged(path.display().to_string()))?;
    let key = SigningKey::from_bytes(&seed);
    seed.zeroize();
    Ok(key)
}

/// Makes a key; none when another program was first.
fn create(path: &Path) -> Result<Option<SigningKey>, KeyError> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(|e| KeyError::Random(e.to_string()))?;
    let key = SigningKey::from_bytes(&seed);
    let mut text = hex::encode(seed);
    seed.zeroize();
    let mut name = [0; 8];
    getrandom::fill(&mut name).map_err(|e| KeyError::Random(e.to_string()))?;
    // Whole or not at all: a half-written key could never be told from a damaged one. Written under a name of its own and
    // linked, which fails where a key is: of programs that start at once one makes the key, and all have it.
    let fresh = path.with_extension(format!("new-{}", hex::encode(name)));
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    text.zeroize();
    let linked = written.and_then(|()| match fs_err::hard_link(&fresh, path) {
        // A volume that has no links.
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists && !path.try_exists()? => fs_err::rename(&fresh, path),
        linked => linked,
    });
    match fs_err::remove_file(&fresh) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(e.into()),
        _ => {}
    }
    match linked {
        Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => return Ok(None),
        linked => linked?,
    }
    if let Some(folder) = path.parent() {
        fs_err::File::open(folder)?.sync_all()?;
    }
    Ok(Some(key))
}
