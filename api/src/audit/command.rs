//! `oz-api admin audit …`: checks the chain, writes the log out.

use super::heads::{kept, kept_heads};
use super::{By, Deed, SignedHead, Signer, note, show};
use crate::cli::AuditAction;
use crate::settings::Api;
use anyhow::{Context as _, bail, ensure};
use ed25519_dalek::VerifyingKey;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use oz_blobs::Keyring;
use oz_domain::{Action, Clock as _, Object, SystemClock};
use oz_store::Db;
use oz_store::audit::{Head, fits, sealed, verify, waiting};
use oz_store::companies::SYSTEM;
use serde_json::json;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

/// Records read at once.
const BATCH: u32 = 1000;

/// Runs one command; what it prints goes to `out`.
pub(crate) async fn run(
    settings: &Api,
    db: &Db,
    keys: &Arc<Keyring>,
    action: AuditAction,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    match action {
        AuditAction::Verify { mut head, heads_file, key } => {
            if let Some(path) = heads_file {
                let found = SignedHead::all_in(&fs_err::read_to_string(&path)?);
                ensure!(!found.is_empty(), "--heads-file: no head of an audit log is in {}", path.display());
                head.extend(found);
            }
            check(settings, db, head, key, out).await
        }
        AuditAction::Export { from_seq, to } if to == Path::new("-") => export(keys, db, from_seq, out).await,
        AuditAction::Export { from_seq, to } => {
            // For the owner only: what was sealed is readable in it.
            let file = fs_err::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
            let mut file = std::io::BufWriter::new(file);
            export(keys, db, from_seq, &mut file).await?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            Ok(())
        }
    }
}

/// Walks the whole chain, then holds it against the heads: those that are given, signed by `key` or this data folder's own,
/// and those that this data folder keeps.
async fn check(
    settings: &Api,
    db: &Db,
    given: Vec<SignedHead>,
    key: Option<String>,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let mut end = Head::NONE;
    loop {
        let from = end.clone();
        let next = db.read(move |conn| verify(conn, &from, BATCH)).await?;
        let next = next.map_err(|broken| anyhow::anyhow!("the audit log is broken: {broken}"))?;
        if next.seq == end.seq {
            break;
        }
        end = next;
    }
    let own = kept_heads(&kept(&settings.data_dir))?;
    let heads = given.len() + own.len();
    if heads > 0 {
        let this = Signer::load_or_create(&settings.data_dir)?.verifying();
        let theirs = key.map(|key| public(&key)).transpose()?.unwrap_or(this);
        for (head, key) in given.iter().map(|head| (head, &theirs)).chain(own.iter().map(|head| (head, &this))) {
            head.check(key)?;
            against(db, &end, head).await?;
        }
    }
    let more = if db.read(waiting).await? { "; newer ones wait to be sealed" } else { "" };
    let Head { seq, hash } = end;
    Ok(writeln!(
        out,
        "{seq} records are whole and in order, {heads} signed heads fit; the last is {seq}:{}{more}",
        hex::encode(hash)
    )?)
}

/// Holds a whole chain that ends at `end` against a head that was signed once.
async fn against(db: &Db, end: &Head, SignedHead { head, .. }: &SignedHead) -> anyhow::Result<()> {
    let seq = head.seq;
    if seq > end.seq {
        bail!("the audit log ends at record {}, but a head of record {seq} was signed: its tail was cut off", end.seq);
    }
    let told = head.clone();
    let good = db.read(move |conn| fits(conn, &told)).await?;
    ensure!(good, "record {seq} is not the one whose head was signed: the audit log was written anew");
    Ok(())
}

fn public(text: &str) -> anyhow::Result<VerifyingKey> {
    let mut bytes = [0; 32];
    hex::decode_to_slice(text, &mut bytes).context("--key: expected 64 hexadecimal digits")?;
    VerifyingKey::from_bytes(&bytes).context("--key: expected an Ed25519 public key")
}

/// Writes one line of JSON for each sealed record, values opened.
async fn export(keys: &Arc<Keyring>, db: &Db, from_seq: i64, out: &mut dyn Write) -> anyhow::Result<()> {
    let (now, noted) = (SystemClock.now(), Arc::clone(keys));
    // Before anything is shown, like every read of what is said of people.
    db.write(move |conn| {
        let deed = Deed::new(Object::Audit, Action::Export, "", SYSTEM).to(json!({"from_seq": from_seq}));
        note(conn, &noted, By::SYSTEM, now, deed)
    })
    .await?;
    let mut after = from_seq.max(1) - 1;
    loop {
        let keys = Arc::clone(keys);
        let lines = db
            .read(move |conn| {
                let records = sealed(conn, after, BATCH)?;
                show(conn, &keys, &records)
            })
            .await?;
        let Some(last) = lines.last().and_then(|record| record.seq) else { break };
        for line in &lines {
            writeln!(out, "{}", serde_json::to_string(line)?)?;
        }
        after = last;
    }
    Ok(out.flush()?)
}
