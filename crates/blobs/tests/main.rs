//! Stored files: what goes in comes out, and nothing else does.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use futures_util::StreamExt as _;
use oz_blobs::{Blobs, Error, Keyring, Location};
use oz_domain::{BlobId, Clock as _, CompanyId, Millis, SystemClock};
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};

const FRAME: usize = 64 * 1024;

fn open(folder: &Path) -> Blobs {
    let keys = Keyring::load_or_create(&folder.join("secrets/blobs.key")).unwrap();
    Blobs::open_local(folder, keys).unwrap()
}

fn ids() -> (CompanyId, BlobId) {
    (CompanyId::new(SystemClock.now()), BlobId::new(SystemClock.now()))
}

fn content(size: usize) -> Vec<u8> {
    (0..size).map(|i| (i * 31 % 251).to_le_bytes()[0]).collect()
}

async fn store(blobs: &Blobs, company: CompanyId, bytes: &[u8]) -> Location {
    let id = BlobId::new(SystemClock.now());
    blobs.stage_bytes(company, id, bytes).await.unwrap().commit().await.unwrap()
}

async fn read(blobs: &Blobs, at: &Location, from: u64, length: u64) -> Result<Vec<u8>, Error> {
    let mut stream = std::pin::pin!(blobs.stream(at, from, length).await?);
    let mut all = Vec::new();
    while let Some(chunk) = stream.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        if entry.path().is_dir() { found.extend(files(&entry.path())) } else { found.push(entry.path()) }
    }
    found
}

#[tokio::test]
async fn contents_come_back_at_every_size_near_a_frames_end() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (company, _) = ids();
    for size in [0, 1, FRAME - 1, FRAME, FRAME + 1, 2 * FRAME, 9 * FRAME + 5] {
        let bytes = content(size);
        let at = store(&blobs, company, &bytes).await;
        assert_eq!(read(&blobs, &at, 0, u64::MAX).await.unwrap(), bytes, "{size}");
        assert_eq!(blobs.size(&at).await.unwrap(), size as u64);
        let mut file = fs_err::File::from_parts(blobs.memory_file(&at, 1 << 30).await.unwrap().into(), "content");
        let mut copy = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut copy).unwrap();
        assert_eq!(copy, bytes, "{size} in memory");
    }
    assert!(files(&folder.path().join("spool")).is_empty());
}

#[tokio::test]
async fn ranges_give_just_their_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let bytes = content(10 * FRAME + 77);
    let at = store(&blobs, ids().0, &bytes).await;
    for (from, length) in [
        (0, 1),
        (FRAME - 1, 2),
        (FRAME, FRAME),
        (9 * FRAME, 2 * FRAME),
        (10 * FRAME + 76, 1),
        (10 * FRAME + 77, 5),
        (3, 0),
    ] {
        let expected = &bytes[from.min(bytes.len())..(from + length).min(bytes.len())];
        assert_eq!(read(&blobs, &at, from as u64, length as u64).await.unwrap(), expected, "{from}+{length}");
    }
}

#[tokio::test]
async fn equal_contents_have_one_name_in_a_company_and_another_in_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (a, b) = (CompanyId::new(Millis::new(1)), CompanyId::new(Millis::new(2)));
    let (first, second, other) =
        (store(&blobs, a, b"x").await, store(&blobs, a, b"x").await, store(&blobs, b, b"x").await);
    assert_eq!(first.name, second.name);
    assert_ne!(first.id, second.id);
    assert_ne!(first.name, other.name);
}

/// Changes the only stored file and expects that reading says so.
async fn tampered(size: usize, change: impl Fn(&mut Vec<u8>)) {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let at = store(&blobs, ids().0, &content(size)).await;
    let path = files(&folder.path().join("blobs")).remove(0);
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
    let result = read(&blobs, &at, 0, u64::MAX).await;
    assert!(matches!(result, Err(Error::Damaged | Error::UnknownKey(_))), "{result:?}");
}

#[tokio::test]
async fn every_changed_byte_is_noticed() {
    let stored = 88 + 50 + 16;
    for at in 0..stored {
        tampered(50, |bytes| {
            assert_eq!(bytes.len(), stored);
            bytes[at] ^= 1;
        })
        .await;
    }
}

#[tokio::test]
async fn cut_grown_and_reordered_files_are_noticed() {
    let (header, frame) = (88, FRAME + 16);
    tampered(3 * FRAME, |b| b.truncate(header + 2 * frame)).await;
    tampered(3 * FRAME, |b| b.truncate(header + 2 * frame + 20)).await;
    tampered(3 * FRAME, |b| b.truncate(header)).await;
    tampered(3 * FRAME, |b| b.truncate(10)).await;
    tampered(3 * FRAME, |b| b.extend_from_slice(&[0; 16])).await;
    tampered(3 * FRAME, |b| {
        let (first, second) = b[header..].split_at_mut(frame);
        first.swap_with_slice(&mut second[..frame]);
    })
    .await;
}

#[tokio::test]
async fn a_file_put_in_anothers_place_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let company = ids().0;
    let (a, b) = (store(&blobs, company, b"the first").await, store(&blobs, company, b"the other").await);
    let path = |at: &Location| {
        files(&folder.path().join("blobs"))
            .into_iter()
            .find(|p| p.to_string_lossy().contains(&at.id.to_string()))
            .unwrap()
    };
    std::fs::copy(path(&b), path(&a)).unwrap();
    assert!(matches!(read(&blobs, &a, 0, 9).await, Err(Error::Damaged)));
}

#[tokio::test]
async fn nothing_readable_lies_on_the_disk_not_even_in_the_spool() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let secret = b"a very recognisable face".repeat(20_000);
    let (company, id) = ids();
    let staged = blobs.stage_bytes(company, id, &secret).await.unwrap();
    for path in files(folder.path()) {
        let bytes = std::fs::read(&path).unwrap();
        assert!(!bytes.windows(12).any(|w| w == &secret[..12]), "{}", path.display());
    }
    drop(staged.commit().await.unwrap());
}

#[tokio::test]
async fn what_is_not_committed_goes_away() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let (company, id) = ids();
    let mut half = blobs.stage(company, id).await.unwrap();
    half.write(&content(3 * FRAME)).await.unwrap();
    drop(half);
    drop(blobs.stage_bytes(company, BlobId::new(SystemClock.now()), b"whole").await.unwrap());
    let spool = folder.path().join("spool");
    tokio::time::timeout(std::time::Duration::from_secs(10), async {
        while !files(&spool).is_empty() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_a_crash_left_is_swept_and_the_rest_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    std::fs::write(folder.path().join("spool/left#1"), b"x").unwrap();
    let later = SystemClock.now().plus(std::time::Duration::from_secs(5));
    assert_eq!(blobs.sweep_spool(Millis::new(0)).unwrap(), 0);
    assert_eq!(blobs.sweep_spool(later).unwrap(), 1);
    let at = store(&blobs, ids().0, b"kept").await;
    assert_eq!(blobs.stored_before(later, 500).next().await.unwrap(), Some(vec![at.clone()]));
    for number in 0..6u8 {
        store(&blobs, ids().0, &[number]).await;
    }
    let (mut batches, mut sizes) = (blobs.stored_before(later, 3), Vec::new());
    while let Some(batch) = batches.next().await.unwrap() {
        sizes.push(batch.len());
    }
    assert_eq!(sizes, [3, 3, 1]);
    assert_eq!(blobs.stored_before(Millis::new(0), 500).next().await.unwrap(), None);
    blobs.remove(&at).await.unwrap();
    blobs.remove(&at).await.unwrap();
    assert!(matches!(blobs.size(&at).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn a_rotated_master_key_opens_old_files_and_a_lost_one_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secrets/blobs.key");
    let at = store(&open(folder.path()), ids().0, b"old").await;
    let text = std::fs::read_to_string(&path).unwrap();
    let fresh = format!("master {}\n", "ab".repeat(32));
    std::fs::write(&path, format!("{fresh}{text}")).unwrap();
    assert_eq!(read(&open(folder.path()), &at, 0, 9).await.unwrap(), b"old");
    let naming = text.lines().find(|l| l.starts_with("naming")).unwrap();
    std::fs::write(&path, format!("{fresh}{naming}\n")).unwrap();
    assert!(matches!(read(&open(folder.path()), &at, 0, 9).await, Err(Error::UnknownKey(_))));
}

#[tokio::test]
async fn a_longer_content_than_allowed_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = open(folder.path());
    let at = store(&blobs, ids().0, &content(100)).await;
    assert!(matches!(blobs.memory_file(&at, 99).await, Err(Error::TooBig(99))));
}

#[tokio::test]
async fn a_full_disk_is_said_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=1m", "oz-test"])
        .arg(folder.path())
        .status();
    if !mounted.is_ok_and(|s| s.success()) {
        eprintln!("skipped: only root can mount a small disk");
        return;
    }
    let result = {
        let blobs = open(folder.path());
        let (company, id) = ids();
        blobs.stage_bytes(company, id, &content(4 << 20)).await.map(|_| ())
    };
    let unmounted = std::process::Command::new("umount").arg("-l").arg(folder.path()).status();
    assert!(matches!(result, Err(Error::NoSpace)), "{result:?}");
    assert!(unmounted.unwrap().success());
}
