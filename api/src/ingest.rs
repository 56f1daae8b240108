//! From a form to verified media: every part staged encrypted, then probed in the decoding child.
//!
//! [`Verified`] cannot be made otherwise. Dropped before it is committed, it leaves no file.

use crate::app::App;
use crate::error::{Error, Result};
use bytes::Bytes;
use oz_blobs::{Location, Staged};
use oz_domain::{BlobId, CompanyId, FileRole, FolderId, MediaId, Millis};
use oz_http::Form;
use oz_media::{Input, Probe};
use oz_store::AnyConn;
use oz_store::blobs::{NewBlob, acquire};
use oz_store::media::{Media, MediaFile, MediaWithFiles};
use oz_wire::{Code, FolderPayload};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use std::time::Duration;

/// Longest file name that is stored, in characters.
const NAME: usize = 255;
/// Longest time of a form: well below the age at which the sweeper takes a file in the spool for abandoned.
const LONGEST: Duration = Duration::from_secs(3600);
/// How often a file is looked at before it is blamed for a crash.
const PROBES: u32 = 3;
/// Most tags of a medium.
const TAGS: usize = 50;

/// A part of a form that decodes.
pub(crate) struct Verified {
    part: String,
    file_name: Option<String>,
    staged: Staged,
    probe: Probe,
    /// The form that plays in a browser, where the file as it came does not (decision 39).
    playable: Option<Staged>,
}

/// A whole form.
pub(crate) struct Upload {
    pub(crate) payload: FolderPayload,
    pub(crate) media: Vec<Verified>,
    /// SHA-256 over payload, names and contents: what an idempotency key stands for.
    pub(crate) digest: Vec<u8>,
}

/// Files in place, with the rows they need.
pub(crate) struct Placed {
    /// Part name and row, in the order of the form.
    pub(crate) media: Vec<(String, MediaWithFiles)>,
    blobs: Vec<NewBlob>,
}

/// Reads a form to its end. Nothing of it is kept when any part is refused.
pub(crate) async fn read(app: &App, company: CompanyId, form: Form) -> Result<Upload> {
    let whole = tokio::time::timeout(LONGEST, receive(app, company, form)).await;
    whole.unwrap_or_else(|_| Err(Error::new(Code::InvalidStructure, "the form took more than an hour")))
}

async fn receive(app: &App, company: CompanyId, mut form: Form) -> Result<Upload> {
    let mut payload = None;
    let mut staged: Vec<(String, Option<String>, Staged)> = Vec::new();
    let mut digest = Sha256::new();
    while let Some(mut part) = form.next().await? {
        if part.name == "payload" {
            let bytes = part.bytes().await?;
            digest.update(&bytes);
            payload = Some(oz_wire::parse(&bytes)?);
            continue;
        }
        if staged.len() >= app.settings.max_files_per_folder {
            let text = format!("more than {} files", app.settings.max_files_per_folder);
            return Err(Error::new(Code::MediaOverLimit, text));
        }
        let mut stage = app.blobs.stage(company, BlobId::new(app.now())).await?;
        while let Some(chunk) = part.chunk().await? {
            stage.write(&chunk).await?;
        }
        let stage = stage.finish().await?;
        let file_name = part.file_name.take().map(|n| n.chars().filter(|c| !c.is_control()).take(NAME).collect());
        staged.push((std::mem::take(&mut part.name), file_name, stage));
    }
    let mut media = Vec::new();
    for (part, file_name, staged) in staged {
        digest.update(part.as_bytes());
        digest.update(staged.name.as_bytes());
        if let Some((probe, playable)) = probe(app, &part, &staged).await? {
            let playable = match playable {
                Some(bytes) => Some(app.blobs.stage_bytes(company, BlobId::new(app.now()), &bytes).await?),
                None => None,
            };
            media.push(Verified { part, file_name, staged, probe, playable });
        }
    }
    let payload: FolderPayload = payload.unwrap_or_default();
    check(&payload)?;
    Ok(Upload { payload, media, digest: digest.finalize().to_vec() })
}

/// What the file is, and the form of it that plays in a browser if it needs another. `None` for an archive without
/// pictures, which makes no medium and is no error (decision 41).
async fn probe(app: &App, part: &str, staged: &Staged) -> Result<Option<(Probe, Option<Bytes>)>> {
    // Taken before the file is copied: sixty-four uploads at once must not lie in memory all together.
    // The looking keeps the room, not this function: a client that leaves frees no memory that is still in use.
    let room = Arc::clone(&app.in_memory).acquire_owned().await;
    let room = room.map_err(|e| Error::new(Code::Unavailable, e.to_string()))?;
    let memory = staged.memory_file(app.settings.max_file_size).await?;
    let decoder = app.decoder.clone();
    let look = move || {
        let _room = room;
        let input = Input::from_fd(memory)?;
        let probe = patiently(|| decoder.probe(&input))?;
        Ok((probe, patiently(|| decoder.remux_for_playback(&input))?))
    };
    match app.door.run(look).await.map_err(|e| Error::new(Code::Unavailable, e.to_string()))? {
        Ok(found) => Ok(Some(found)),
        Err(oz_media::Error::NoPictures) => Ok(None),
        Err(error) => Err(Error::Media(part.to_owned(), error)),
    }
}

/// A child may have been killed by somebody else (the kernel, short of memory): the file is blamed only when it happens
/// again and again.
fn patiently<T>(
    mut look: impl FnMut() -> std::result::Result<T, oz_media::Error>,
) -> std::result::Result<T, oz_media::Error> {
    for _ in 1..PROBES {
        match look() {
            Err(oz_media::Error::Crashed) => {}
            other => return other,
        }
    }
    look()
}

fn check(payload: &FolderPayload) -> Result<()> {
    if payload.resolution_endpoint.is_some() {
        return Err(Error::new(Code::NotRealized, "resolution_endpoint: webhooks are not built yet"));
    }
    for (part, tags) in &payload.media_tags {
        check_tags(&format!("media:tags.{part}"), tags)?;
    }
    Ok(())
}

/// Tags are free (decision 7), but neither endless nor many.
pub(crate) fn check_tags(field: &str, tags: &[String]) -> Result<()> {
    if tags.len() > TAGS {
        return Err(Error::value(field, &format!("{} tags", tags.len()), "at most 50"));
    }
    match tags.iter().find(|t| t.is_empty() || t.chars().count() > 100) {
        Some(tag) => Err(Error::value(field, tag, "1 to 100 characters")),
        None => Ok(()),
    }
}

impl Upload {
    /// Moves the files into place and makes their rows. Files first: a crash in between leaves a file without a row,
    /// which the sweeper finds, never a row without its file.
    pub(crate) async fn place(&mut self, folder: FolderId, company: CompanyId, now: Millis) -> Result<Placed> {
        let mut placed = Placed { media: Vec::new(), blobs: Vec::new() };
        for verified in std::mem::take(&mut self.media) {
            let id = MediaId::new(now);
            let Verified { part, file_name, staged, probe, playable } = verified;
            let tags = self.payload.media_tags.get(&part).cloned().unwrap_or_default();
            let meta_data = self.payload.media_meta_data.get(&part).cloned().map_or_else(|| json!({}), Value::Object);
            let size = i64::try_from(staged.size).unwrap_or(i64::MAX);
            let md5 = Some(staged.md5.clone());
            let mut stored = vec![(FileRole::Original, size, staged.commit().await?)];
            if let Some(playable) = playable {
                let size = i64::try_from(playable.size).unwrap_or(i64::MAX);
                stored.push((FileRole::Video, size, playable.commit().await?));
            }
            let mime = probe.mime().to_owned();
            let row = Media {
                id,
                folder_id: folder,
                company_id: company,
                kind: probe.kind(),
                tags,
                original_name: file_name,
                mime: mime.clone(),
                size,
                md5,
                width: i32::try_from(probe.width).ok(),
                height: i32::try_from(probe.height).ok(),
                duration_ms: probe.duration.map(millis),
                frames: probe.frames.and_then(|f| i32::try_from(f).ok()),
                meta_data,
                technical_meta_data: json!({}),
                time_created: now,
                time_updated: now,
            };
            let mut files = Vec::with_capacity(stored.len());
            for (role, size, at) in stored {
                files.push(MediaFile { media_id: id, role, blob_id: at.id, mime: mime.clone() });
                let Location { company, name, id } = at;
                placed.blobs.push(NewBlob { id, company_id: company, name, size });
            }
            placed.media.push((part, MediaWithFiles { media: row, files }));
        }
        Ok(placed)
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a duration that the decoder bounded")]
pub(crate) fn millis(seconds: f64) -> i64 {
    (seconds * 1000.0).round() as i64
}

impl Placed {
    /// Writes the rows, inside the caller's transaction. Gives the files that turned out to be there already: the
    /// caller's copies are to be removed after the commit.
    pub(crate) fn insert(&self, conn: &mut AnyConn, now: Millis) -> oz_store::Result<Vec<NewBlob>> {
        let mut copies = Vec::new();
        for (_, media) in &self.media {
            let mut media = media.clone();
            for file in &mut media.files {
                let Some(blob) = self.blobs.iter().find(|b| b.id == file.blob_id) else { continue };
                let acquired = acquire(conn, blob, now)?;
                file.blob_id = acquired.id;
                if acquired.existing {
                    copies.push(blob.clone());
                }
            }
            oz_store::media::insert(conn, &media)?;
        }
        Ok(copies)
    }

    /// The files, for when nothing was written after all.
    pub(crate) fn blobs(&self) -> &[NewBlob] {
        &self.blobs
    }
}
