//! The vendor key: PKCS#8 in PEM (RFC 5958), encrypted with scrypt and AES (RFC 8018, RFC 7914) unless told otherwise.

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::{SigningKey, VerifyingKey};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, EncodePublicKey as _, LineEnding};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// How an encrypted key begins.
const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
/// Shortest passphrase, characters.
const SHORTEST: usize = 12;

/// Where a new key's passphrase comes from.
pub(crate) struct Passphrase(Option<PathBuf>);

impl Passphrase {
    /// From a file's first line, or from the terminal.
    pub(crate) const fn new(file: Option<PathBuf>) -> Self {
        Self(file)
    }

    fn chosen(self) -> Result<Zeroizing<String>> {
        let text = match self.0 {
            Some(path) => first_line(&path)?,
            None => {
                let text = Zeroizing::new(rpassword::prompt_password("Passphrase for the vendor key: ")?);
                if *text != *Zeroizing::new(rpassword::prompt_password("Once more: ")?) {
                    bail!("the two passphrases differ");
                }
                text
            }
        };
        if text.chars().count() < SHORTEST {
            bail!("passphrase: {} characters came, at least {SHORTEST} are expected", text.chars().count());
        }
        Ok(text)
    }
}

/// The public half of a new key.
pub(crate) struct Public {
    pub(crate) path: PathBuf,
    pub(crate) id: String,
    /// As a build of the product takes it in `OZ_VENDOR_KEYS`.
    pub(crate) hex: String,
}

/// Makes a key and writes both halves.
pub(crate) fn generate(out: &Path, passphrase: Option<Passphrase>) -> Result<Public> {
    let passphrase = passphrase.map(Passphrase::chosen).transpose()?;
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|e| anyhow::anyhow!("no randomness: {e}"))?;
    let key = SigningKey::from_bytes(&seed);
    let private = match passphrase {
        Some(text) => key.to_pkcs8_encrypted_pem(text.as_bytes(), LineEnding::LF)?,
        None => key.to_pkcs8_pem(LineEnding::LF)?,
    };
    let public = with_ending(out, "pub");
    write(out, 0o600, private.as_bytes())?;
    let half = write(&public, 0o644, key.verifying_key().to_public_key_pem(LineEnding::LF)?.as_bytes());
    if half.is_err() {
        // A key without its other half is none.
        fs_err::remove_file(out)?;
    }
    half?;
    let verifying = key.verifying_key();
    Ok(Public { path: public, id: oz_license::key_id(&verifying), hex: hex::encode(verifying) })
}

/// The private key in a file.
pub(crate) fn open(path: &Path, passphrase_file: Option<PathBuf>) -> Result<SigningKey> {
    let text = Zeroizing::new(fs_err::read_to_string(path)?);
    if !text.starts_with(ENCRYPTED) {
        return SigningKey::from_pkcs8_pem(&text).ok().with_context(|| format!("{}: no vendor key", path.display()));
    }
    let passphrase = match passphrase_file {
        Some(path) => first_line(&path)?,
        None => Zeroizing::new(rpassword::prompt_password(format!("Passphrase of {}: ", path.display()))?),
    };
    let key = SigningKey::from_pkcs8_encrypted_pem(&text, passphrase.as_bytes());
    key.ok().with_context(|| format!("{}: wrong passphrase, or no vendor key", path.display()))
}

/// The public key in a file.
pub(crate) fn public(path: &Path) -> Result<VerifyingKey> {
    let key = VerifyingKey::from_public_key_pem(&fs_err::read_to_string(path)?);
    key.ok().with_context(|| format!("{}: no public key of a vendor", path.display()))
}

/// A public key of any kind, as a master license carries it.
pub(crate) fn spki(path: &Path) -> Result<String> {
    let text = fs_err::read_to_string(path)?;
    let (label, der) = pkcs8::Document::from_pem(&text).ok().with_context(|| format!("{}: no PEM", path.display()))?;
    if label != "PUBLIC KEY" {
        bail!("{}: {label} came, PUBLIC KEY is expected", path.display());
    }
    Ok(STANDARD.encode(der.as_bytes()))
}

/// Writes a new file, whole and flushed; one that is there is never overwritten.
pub(crate) fn write(path: &Path, mode: u32, bytes: &[u8]) -> Result<()> {
    let mut file = fs_err::OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        fs_err::remove_file(path)?;
    }
    Ok(written?)
}

/// `path` with `.ending` behind all that it has.
pub(crate) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    name.into()
}

fn first_line(path: &Path) -> Result<Zeroizing<String>> {
    let text = Zeroizing::new(fs_err::read_to_string(path)?);
    Ok(Zeroizing::new(text.lines().next().unwrap_or_default().to_owned()))
}
