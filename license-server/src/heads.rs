//! Signed ends of the ledger: they leave with the journal, and a file of the data folder keeps them, so that whoever cuts the
//! database alone contradicts one.

use anyhow::Context as _;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{Purpose, VendorKeys};
use oz_settings::replace_file;
use oz_site::{Head, Site};
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Lines that are kept: the file is cut to them when it has twice as many. The last one is what counts.
const KEPT: usize = 1000;

/// The file, and the furthest head in it.
pub(crate) struct Heads {
    path: PathBuf,
    furthest: Mutex<Option<Head>>,
}

/// What is signed.
#[derive(Debug, Serialize, Deserialize)]
struct Told {
    site_id: String,
    at: Timestamp,
    ledger: Head,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
struct Line {
    count: i64,
    hash: String,
    at: Timestamp,
    /// The same, signed by the site key.
    signed: String,
}

impl Heads {
    /// Those of a data folder.
    pub(crate) fn of(folder: &Path) -> Self {
        Self { path: folder.join("heads"), furthest: Mutex::default() }
    }

    /// Signs a head, logs it and keeps it. `false` when it was told last.
    pub(crate) fn tell(&self, site: &Site, site_id: &str, head: &Head, at: Timestamp) -> anyhow::Result<bool> {
        let mut furthest = self.furthest.lock().unwrap_or_else(PoisonError::into_inner);
        if furthest.as_ref() == Some(head) {
            return Ok(false);
        }
        let told = Told { site_id: site_id.to_owned(), at, ledger: head.clone() };
        let signed = site.sign_usage(&told)?;
        tracing::info!(target: "ledger_head", count = head.count, hash = head.hash, signed, "head of the ledger");
        let line = Line { count: head.count, hash: head.hash.clone(), at, signed };
        let mut file = fs_err::OpenOptions::new().create(true).append(true).mode(0o600).open(&self.path)?;
        writeln!(file, "{}", serde_json::to_string(&line)?)?;
        file.sync_all()?;
        *furthest = Some(head.clone());
        self.cut().map(|()| true)
    }

    fn cut(&self) -> anyhow::Result<()> {
        let text = fs_err::read_to_string(&self.path)?;
        let lines: Vec<&str> = text.lines().collect();
        if lines.len() < 2 * KEPT {
            return Ok(());
        }
        let kept: String = lines[lines.len() - KEPT..].iter().flat_map(|line| [line, "\n"]).collect();
        Ok(replace_file(&self.path, &kept, 0o600)?)
    }

    /// The furthest one that is known.
    pub(crate) fn furthest(&self) -> Option<Head> {
        self.furthest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The heads of this ledger that the site key signed.
    pub(crate) fn kept(&self, site: &Site, site_id: &str) -> anyhow::Result<Vec<Head>> {
        let text = match fs_err::read_to_string(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            text => text?,
        };
        let own = VendorKeys::new([site.key.verifying_key()]);
        let mut kept = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let told = open(line, &own).with_context(|| format!("{}: line {}", self.path.display(), number + 1));
            match told {
                Ok(told) if told.site_id == site_id => kept.push(told.ledger),
                Ok(_) => {}
                // The last line may be half written when the power fails; the others stand.
                Err(error) => tracing::warn!(error = %format!("{error:#}"), "a kept head of the ledger is not ours"),
            }
        }
        let mut furthest = self.furthest.lock().unwrap_or_else(PoisonError::into_inner);
        let known = furthest.take();
        *furthest = kept.iter().cloned().chain(known).max_by_key(|head| head.count);
        Ok(kept)
    }

    /// Puts the heads of a lost ledger aside.
    pub(crate) fn put_aside(&self, now: Millis) -> std::io::Result<()> {
        match fs_err::rename(&self.path, self.path.with_extension(format!("lost-{}", now.get()))) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

fn open(line: &str, key: &VendorKeys) -> anyhow::Result<Told> {
    let line: Line = serde_json::from_str(line)?;
    Ok(serde_json::from_slice(&key.open(Purpose::Usage, line.signed.as_bytes())?)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn site(folder: &Path, name: &str) -> Site {
        let key = oz_site::load_or_create(&folder.join(name), true).unwrap();
        let vendor = VendorKeys::compiled().unwrap();
        Site::new(vendor, key, oz_license::Factors::default(), "1.0.0", Duration::from_secs(60))
    }

    fn head(count: i64) -> Head {
        Head { count, hash: "ab".repeat(32) }
    }

    #[test]
    fn the_heads_that_our_key_signed_for_our_ledger_count() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, theirs) = (site(folder.path(), "a"), site(folder.path(), "b"));
        let heads = Heads::of(folder.path());
        assert_eq!(heads.kept(&ours, "s").unwrap(), []);
        heads.tell(&ours, "s", &head(5), Timestamp::UNIX_EPOCH).unwrap();
        heads.tell(&ours, "s", &head(3), Timestamp::UNIX_EPOCH).unwrap();
        heads.tell(&ours, "another ledger", &head(7), Timestamp::UNIX_EPOCH).unwrap();
        heads.tell(&theirs, "s", &head(9), Timestamp::UNIX_EPOCH).unwrap();
        fs_err::OpenOptions::new().append(true).open(&heads.path).unwrap().write_all(b"{\"count\":").unwrap();
        assert_eq!(heads.kept(&ours, "s").unwrap(), [head(5), head(3)]);
        assert_eq!(Heads::of(folder.path()).furthest(), None, "nothing was read yet");
        heads.put_aside(Millis::new(1)).unwrap();
        assert_eq!(heads.kept(&ours, "s").unwrap(), []);
    }

    #[test]
    fn the_file_stays_short() {
        let folder = tempfile::tempdir().unwrap();
        let (site, heads) = (site(folder.path(), "a"), Heads::of(folder.path()));
        fs_err::write(&heads.path, "{}\n".repeat(2 * KEPT - 1)).unwrap();
        heads.tell(&site, "s", &head(1), Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(fs_err::read_to_string(&heads.path).unwrap().lines().count(), KEPT);
        assert_eq!(heads.kept(&site, "s").unwrap(), [head(1)]);
    }
}
