//! Access tokens: JSON Web Tokens signed with ES384 (RFC 7519, RFC 7518 3.4; decision 9).
//!
//! One algorithm, one header, compared byte for byte: a token cannot choose how it is verified. The signature proves
//! that we issued the token; whether it still counts is said by its session row.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use oz_domain::{CompanyId, Millis, Role, SessionKind, TokenId, UserId};
use p384::ecdsa::signature::{Signer as _, Verifier as _};
use p384::ecdsa::{Signature, SigningKey, VerifyingKey};
use p384::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _, EncodePrivateKey as _, LineEnding};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The only header we write and accept.
const HEADER: &str = r#"{"alg":"ES384","typ":"JWT"}"#;
/// Longest token in bytes that is looked at.
const MAX_BYTES: usize = 4096;

/// What a token says (decision 9).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claims {
    /// The user.
    pub(crate) sub: UserId,
    /// The session row.
    pub(crate) jti: TokenId,
    /// End of life at issue, UNIX seconds; the row may have been extended since.
    pub(crate) exp: i64,
    /// Time of issue, UNIX seconds.
    pub(crate) iat: i64,
    /// The role at issue.
    pub(crate) role: Role,
    /// The company, if the user belongs to one.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) company_id: Option<CompanyId>,
    /// What the token is for, if it is for one thing only: a capture can be verified without asking us.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub(crate) purpose: Option<SessionKind>,
}

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum KeyError {
    /// A key file cannot be read or written.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// The file holds something else.
    #[error("{path}: expected a secp384r1 {what} in PEM (PKCS#8 or SEC1): {why}")]
    Format {
        /// The file.
        path: PathBuf,
        /// `private key` or `public key`.
        what: &'static str,
        /// What the decoder said.
        why: String,
    },
    /// The two files do not belong together.
    #[error("the public key {0} does not belong to the private key")]
    Pair(PathBuf),
    /// No randomness.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

/// Signs and verifies access tokens.
pub(crate) struct Tokens {
    signing: SigningKey,
    verifying: VerifyingKey,
}

impl Tokens {
    /// Reads the key pair from PEM files; the public one, when given, must belong to the private one.
    pub(crate) fn load(private: &Path, public: Option<&Path>) -> Result<Self, KeyError> {
        let text = zeroize::Zeroizing::new(fs_err::read_to_string(private)?);
        let secret = p384::SecretKey::from_pkcs8_pem(&text)
            .or_else(|first| p384::SecretKey::from_sec1_pem(&text).map_err(|_| first.to_string()))
            .map_err(|why| KeyError::Format { path: private.to_owned(), what: "private key", why })?;
        let tokens = Self::from_signing(SigningKey::from(&secret));
        if let Some(path) = public {
            let text = fs_err::read_to_string(path)?;
            let key = VerifyingKey::from_public_key_pem(&text).map_err(|e| KeyError::Format {
                path: path.to_owned(),
                what: "public key",
                why: e.to_string(),
            })?;
            if key != tokens.verifying {
                return Err(KeyError::Pair(path.to_owned()));
            }
        }
        Ok(tokens)
    }

    /// Reads the pair from `path`, made there with mode 0600 when missing.
    pub(crate) fn load_or_create(path: &Path) -> Result<Self, KeyError> {
        if !fs_err::exists(path)? {
            Self::create(path)?;
        }
        Self::load(path, None)
    }

    fn create(path: &Path) -> Result<(), KeyError> {
        let key = loop {
            let mut bytes = zeroize::Zeroizing::new([0u8; 48]);
            getrandom::fill(&mut *bytes).map_err(|e| KeyError::Random(e.to_string()))?;
            // A random string is outside the group's order with probability 2^-190: then draw again.
            if let Ok(key) = p384::SecretKey::from_slice(&*bytes) {
                break key;
            }
        };
        let pem = key.to_pkcs8_pem(LineEnding::LF).map_err(|e| KeyError::Format {
            path: path.to_owned(),
            what: "private key",
            why: e.to_string(),
        })?;
        Ok(oz_blobs::create_private(path, &pem)?)
    }

    /// A key for hashing what must not lie in clear, `what` for `what`: whoever signs tokens for this database has the same.
    pub(crate) fn derive(&self, what: &str) -> ring::hmac::Key {
        let secret = zeroize::Zeroizing::new(self.signing.to_bytes());
        let root = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &secret);
        ring::hmac::Key::new(ring::hmac::HMAC_SHA256, ring::hmac::sign(&root, what.as_bytes()).as_ref())
    }

    fn from_signing(signing: SigningKey) -> Self {
        Self { verifying: *signing.verifying_key(), signing }
    }

    /// The token for these claims.
    pub(crate) fn issue(&self, claims: &Claims) -> String {
        let payload = serde_json::to_vec(claims).unwrap_or_default();
        let body = format!("{}.{}", B64.encode(HEADER), B64.encode(payload));
        let signature: Signature = self.signing.sign(body.as_bytes());
        format!("{body}.{}", B64.encode(signature.to_bytes()))
    }

    /// The claims of a token that we signed; `None` for anything else. Says nothing about expiry.
    pub(crate) fn verify(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (body, signature) = token.rsplit_once('.')?;
        let (header, payload) = body.split_once('.')?;
        if header != B64.encode(HEADER) {
            return None;
        }
        let signature = Signature::from_slice(&B64.decode(signature).ok()?).ok()?;
        self.verifying.verify(body.as_bytes(), &signature).ok()?;
        serde_json::from_slice(&B64.decode(payload).ok()?).ok()
    }
}

/// A new secret, an `expire_token` or that of a link: 256 random bits in base64url (decision 9).
pub(crate) fn new_secret() -> Result<zeroize::Zeroizing<String>, KeyError> {
    let mut bytes = zeroize::Zeroizing::new([0u8; 32]);
    getrandom::fill(&mut *bytes).map_err(|e| KeyError::Random(e.to_string()))?;
    Ok(zeroize::Zeroizing::new(B64.encode(*bytes)))
}

/// How such a secret is stored: SHA-256. It is random, so no salt or slow hash is needed.
pub(crate) fn secret_hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// UNIX seconds of a time, for `exp` and `iat`.
pub(crate) const fn unix(time: Millis) -> i64 {
    time.get().div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        let now = Millis::new(1_700_000_000_000);
        Claims {
            sub: UserId::new(now),
            jti: TokenId::new(now),
            exp: unix(now) + 900,
            iat: unix(now),
            role: Role::Client,
            company_id: Some(CompanyId::new(now)),
            purpose: None,
        }
    }

    #[test]
    fn a_token_comes_back_and_every_changed_bit_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let tokens = Tokens::load_or_create(&dir.path().join("jwt.pem")).unwrap();
        let token = tokens.issue(&claims());
        assert_eq!(tokens.verify(&token).map(|c| c.exp), Some(1_700_000_900));
        // One bit in every character: most stay in the alphabet and change the value.
        for at in (0..token.len()).step_by(7) {
            let mut bytes = token.clone().into_bytes();
            bytes[at] ^= 1;
            if let Ok(text) = String::from_utf8(bytes) {
                assert_eq!(tokens.verify(&text), None, "bit in byte {at}");
            }
        }
    }

    #[test]
    fn another_algorithm_or_key_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let ours = Tokens::load_or_create(&dir.path().join("a.pem")).unwrap();
        let theirs = Tokens::load_or_create(&dir.path().join("b.pem")).unwrap();
        assert_eq!(ours.verify(&theirs.issue(&claims())), None);
        let payload = B64.encode(serde_json::to_vec(&claims()).unwrap());
        let none = format!("{}.{payload}.", B64.encode(r#"{"alg":"none","typ":"JWT"}"#));
        assert_eq!(ours.verify(&none), None);
        assert_eq!(ours.verify(&"a".repeat(MAX_BYTES + 1)), None);
        assert_eq!(ours.verify(""), None);
    }

    #[test]
    fn the_key_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jwt.pem");
        let token = Tokens::load_or_create(&path).unwrap().issue(&claims());
        assert!(Tokens::load_or_create(&path).unwrap().verify(&token).is_some());
        assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_wrong_key_file_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jwt.pem");
        fs_err::write(&path, "nonsense").unwrap();
        let error = Tokens::load(&path, None).err().unwrap().to_string();
        assert!(error.contains("jwt.pem") && error.contains("secp384r1"), "{error}");
    }
}
