//! Signed heads: a few of them leave this machine with its journal, so that whoever cuts the log's tail, or writes the whole
//! log anew, contradicts one of them.

use anyhow::{Context as _, ensure};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey as _, EncodePrivateKey as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use fs_err::os::unix::fs::OpenOptionsExt as _;
use oz_store::audit::Head;
use sha2::{Digest as _, Sha256};
use std::cmp::Reverse;
use std::fmt;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use zeroize::Zeroizing;

/// Heads kept at most.
const KEPT: usize = 160;

/// Signs heads, with the key of this data folder.
pub(crate) struct Signer {
    key: SigningKey,
    kept: PathBuf,
}

impl Signer {
    /// Reads the key of the data folder, made there with mode 0600 when missing.
    pub(crate) fn load_or_create(data_dir: &Path) -> anyhow::Result<Self> {
        let path = data_dir.join("secrets/audit.key");
        if !fs_err::exists(&path)? {
            let mut seed = Zeroizing::new([0u8; 32]);
            getrandom::fill(&mut *seed).context("the system gave no random bytes")?;
            oz_blobs::create_private(&path, &SigningKey::from_bytes(&seed).to_pkcs8_pem(LineEnding::LF)?)?;
        }
        let text = Zeroizing::new(fs_err::read_to_string(&path)?);
        let key = SigningKey::from_pkcs8_pem(&text)
            .with_context(|| format!("{}: expected an Ed25519 private key in PEM (PKCS#8)", path.display()))?;
        Ok(Self { key, kept: kept(data_dir) })
    }

    /// The public key in hex: who checks heads elsewhere needs it.
    pub(crate) fn public(&self) -> String {
        hex::encode(self.key.verifying_key().as_bytes())
    }

    pub(crate) fn verifying(&self) -> VerifyingKey {
        self.key.verifying_key()
    }

    fn sign(&self, head: Head) -> SignedHead {
        SignedHead { signature: self.key.sign(&signed(&head)), head }
    }

    /// Logs a head, and keeps it in the data folder: against those who reach the database only.
    pub(crate) fn tell(&self, head: Head) {
        let (seq, hash) = (head.seq, hex::encode(&head.hash));
        let head = self.sign(head);
        tracing::info!(target: "audit_head", seq, hash, %head, key = self.public(), "head of the audit log");
        if let Err(error) = self.keep(&head) {
            tracing::warn!(%error, "a head of the audit log is in this log only");
        }
    }

    /// The latest head that this key signed and this data folder keeps.
    pub(crate) fn last(&self) -> std::io::Result<Option<Head>> {
        let mut all = kept_heads(&self.kept)?;
        all.sort_by_key(|signed| Reverse(signed.head.seq));
        Ok(all.into_iter().find(|signed| signed.check(&self.verifying()).is_ok()).map(|signed| signed.head))
    }

    fn keep(&self, head: &SignedHead) -> std::io::Result<()> {
        // A start tells the head of the last stop once more.
        if kept_heads(&self.kept)?.last() == Some(head) {
            return Ok(());
        }
        let mut options = fs_err::OpenOptions::new();
        options.create(true).mode(0o600);
        let mut file = options.clone().append(true).open(&self.kept)?;
        // Earlier versions left it readable for all.
        file.set_permissions(PermissionsExt::from_mode(0o600))?;
        writeln!(file, "{head}")?;
        let all = kept_heads(&self.kept)?;
        if all.len() > KEPT {
            let draft = self.kept.with_extension(format!("{}.tmp", std::process::id()));
            let mut file = options.write(true).truncate(true).open(&draft)?;
            for head in thinned(all) {
                writeln!(file, "{head}")?;
            }
            file.sync_all()?;
            fs_err::rename(&draft, &self.kept)?;
        }
        Ok(())
    }

    /// What shows that a secret is another one, and nothing of the secret: who lacks the key cannot even try out guesses.
    pub(crate) fn mark(&self, secret: &str) -> String {
        let digest = Sha256::digest(self.key.sign(format!("oz-audit-secret/v1\n{secret}").as_bytes()).to_bytes());
        hex::encode(&digest[..4])
    }
}

/// The file of the heads that this data folder keeps.
pub(crate) fn kept(data_dir: &Path) -> PathBuf {
    data_dir.join("audit.heads")
}

/// The heads that a file keeps, as they were written; none when it is not there.
pub(crate) fn kept_heads(path: &Path) -> std::io::Result<Vec<SignedHead>> {
    match fs_err::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(vec![]),
        text => Ok(SignedHead::all_in(&text?)),
    }
}

/// Without a quarter of the heads: the first and the last stay, and of the others each time the one goes that leaves the
/// smallest gap for its age. So the new ones lie close, the old ones ever wider apart, and none of the past is without.
fn thinned(mut heads: Vec<SignedHead>) -> Vec<SignedHead> {
    let (few, last) = (heads.len() * 3 / 4, heads.last().map_or(0, |last| last.head.seq));
    while heads.len() > few {
        let gap = |at: &usize| {
            let (before, after) = (heads[at - 1].head.seq, heads[at + 1].head.seq);
            (i128::from(after - before) << 32) / i128::from(last - before).max(1)
        };
        let Some(at) = (1..heads.len() - 1).min_by_key(gap) else { break };
        heads.remove(at);
    }
    heads
}

/// A head with its signature, written as `seq:hash:signature`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedHead {
    pub(crate) head: Head,
    signature: Signature,
}

impl SignedHead {
    /// Every head in a text of whatever form: lines of a journal, or of the kept file.
    pub(crate) fn all_in(text: &str) -> Vec<Self> {
        let words = text.split(|c: char| !matches!(c, '0'..='9' | 'a'..='f' | ':'));
        words.filter_map(|word| word.parse().ok()).collect()
    }

    /// Whether this key signed it.
    pub(crate) fn check(&self, key: &VerifyingKey) -> anyhow::Result<()> {
        let good = key.verify_strict(&signed(&self.head), &self.signature).is_ok();
        ensure!(good, "the head of record {} is not signed by this key", self.head.seq);
        Ok(())
    }
}

/// The bytes under a signature.
fn signed(head: &Head) -> Vec<u8> {
    format!("oz-audit-head/v1\n{}\n{}\n", head.seq, hex::encode(&head.hash)).into_bytes()
}

impl fmt::Display for SignedHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Head { seq, hash } = &self.head;
        write!(f, "{seq}:{}:{}", hex::encode(hash), hex::encode(self.signature.to_bytes()))
    }
}

/// The text is no head.
#[derive(Debug, thiserror::Error)]
#[error("expected seq:hash:signature, as the log line `head of the audit log` has it")]
pub(crate) struct NotAHead;

impl FromStr for SignedHead {
    type Err = NotAHead;

    fn from_str(text: &str) -> Result<Self, NotAHead> {
        let mut parts = text.split(':');
        let (Some(seq), Some(hash), Some(signature), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAHead);
        };
        let (mut digest, mut bytes) = ([0; 32], [0; 64]);
        hex::decode_to_slice(hash, &mut digest).map_err(|_| NotAHead)?;
        hex::decode_to_slice(signature, &mut bytes).map_err(|_| NotAHead)?;
        let seq = seq.parse().map_err(|_| NotAHead)?;
        Ok(Self { head: Head { seq, hash: digest.to_vec() }, signature: Signature::from_bytes(&bytes) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(seq: i64) -> Head {
        Head { seq, hash: vec![7; 32] }
    }

    #[test]
    fn a_head_is_found_in_a_log_and_checked() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(folder.path()).unwrap();
        let again = Signer::load_or_create(folder.path()).unwrap();
        let other = Signer::load_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        let line = format!(r#"{{"level":"INFO","seq":5,"head":"{}","time":"03:04:05"}}"#, signer.sign(head(5)));
        let found = SignedHead::all_in(&format!("2026-11-25 noise\n{line}\n"));
        assert_eq!(found, [signer.sign(head(5))]);
        found[0].check(&again.verifying()).unwrap();
        assert!(found[0].check(&other.verifying()).is_err());
        let forged = SignedHead { head: head(6), ..found[0].clone() };
        assert!(forged.check(&signer.verifying()).is_err());
        for bad in ["", "5", "5:07:07", "x:y:z", &format!("{}:1", found[0])] {
            assert!(bad.parse::<SignedHead>().is_err(), "{bad}");
        }
    }

    #[test]
    fn kept_heads_stay_few_private_and_of_all_times() {
        let folder = tempfile::tempdir().unwrap();
        let (signer, path) = (Signer::load_or_create(folder.path()).unwrap(), kept(folder.path()));
        assert_eq!(signer.last().unwrap(), None);
        fs_err::write(&path, "").unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        for seq in (1..=600).flat_map(|seq| [seq, seq]) {
            signer.keep(&signer.sign(head(seq))).unwrap();
            if [1, 600].contains(&seq) {
                assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            }
        }
        let seqs: Vec<i64> = kept_heads(&path).unwrap().iter().map(|signed| signed.head.seq).collect();
        assert!(seqs.len() <= KEPT);
        assert!(seqs.is_sorted_by(|a, b| a < b), "each once, in order: {seqs:?}");
        assert_eq!((seqs.first(), seqs.last()), (Some(&1), Some(&600)));
        for part in [2..100, 100..300, 300..600] {
            assert!(seqs.iter().any(|seq| part.contains(seq)), "none of {part:?}: {seqs:?}");
        }
    }

    #[test]
    fn the_last_head_is_the_highest_that_this_key_signed() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::load_or_create(folder.path()).unwrap();
        let other = Signer::load_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        for signed in [signer.sign(head(8)), signer.sign(head(6)), other.sign(head(9))] {
            signer.keep(&signed).unwrap();
        }
        assert_eq!(signer.last().unwrap(), Some(head(8)));
    }

    #[test]
    fn a_mark_tells_secrets_apart_on_one_machine_only() {
        let signer = Signer::load_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        let other = Signer::load_or_create(tempfile::tempdir().unwrap().path()).unwrap();
        assert_eq!(signer.mark("a"), signer.mark("a"));
        assert_ne!(signer.mark("a"), signer.mark("b"));
        assert_ne!(signer.mark("a"), other.mark("a"));
    }
}
