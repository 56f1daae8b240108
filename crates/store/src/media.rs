//! Media: the pictures, videos and shot sets of folders, and their stored files.

use crate::blobs::{self, DeadBlob};
use crate::schema::{analysis_images, folders, media, media_files};
use crate::types::{Sql, row};
use crate::viewer::visible;
use crate::{AnyConn, MultiBackend, Result, Viewer, each};
use diesel::prelude::*;
use oz_domain::{BlobId, CompanyId, FileRole, FolderId, MediaId, MediaKind, Millis};
use serde_json::Value;
use std::collections::HashMap;

row! {
    /// A medium.
    Media in media by (id) {
        /// Its id.
        id: MediaId as Sql,
        /// The folder it lies in.
        folder_id: FolderId as Sql,
        /// The company it belongs to.
        company_id: CompanyId as Sql,
        /// What it is.
        kind: MediaKind as Sql,
        /// What it shows.
        tags: Vec<String> as Sql,
        /// The file's name at the client; a text, never a path.
        original_name: Option<String>,
        /// The type of the original.
        mime: String,
        /// Length of the original in bytes.
        size: i64,
        /// MD5 of the original in hex, for clients that compare it (`oz-api.md` 7.2).
        md5: Option<String>,
        /// Upright width in pixels.
        width: Option<i32>,
        /// Upright height in pixels.
        height: Option<i32>,
        /// Length in milliseconds, of what has one.
        duration_ms: Option<i64>,
        /// Number of frames, of what has several.
        frames: Option<i32>,
        /// Free JSON of the clients.
        meta_data: Value as Sql,
        /// Free JSON of the service.
        technical_meta_data: Value as Sql,
        /// When it was made.
        time_created: Millis as Sql,
        /// When it last changed.
        time_updated: Millis as Sql,
    }
}

row! {
    /// A stored file of a medium.
    MediaFile in media_files by (media_id, role) {
        /// The medium.
        media_id: MediaId as Sql,
        /// What the file is for.
        role: FileRole as Sql,
        /// The content; counted ([`crate::blobs`]).
        blob_id: BlobId as Sql,
        /// Its type.
        mime: String,
    }
}

/// A medium with its stored files.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaWithFiles {
    /// The medium.
    pub media: Media,
    /// Its files; none after it was cleaned.
    pub files: Vec<MediaFile>,
}

impl MediaWithFiles {
    /// The file that plays this part.
    pub fn file(&self, role: FileRole) -> Option<&MediaFile> {
        self.files.iter().find(|file| file.role == role)
    }
}

/// Stores a new medium with its files, whose blobs are acquired already, and notes it in the folder.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when its folder or a blob is gone.
pub fn insert(conn: &mut AnyConn, new: &MediaWithFiles) -> Result<()> {
    diesel::insert_into(media::table).values(new.media.storable()?).execute(conn)?;
    for file in &new.files {
        diesel::insert_into(media_files::table).values(file.storable()?).execute(conn)?;
    }
    crate::folders::touch(conn, new.media.folder_id, new.media.time_updated)
}

/// One medium.
///
/// # Errors
/// [`crate::Error::NotFound`], also for one that the viewer may not see.
pub fn get(conn: &mut AnyConn, viewer: Viewer, id: MediaId) -> Result<MediaWithFiles> {
    type Joined = diesel::dsl::IntoBoxed<'static, diesel::dsl::InnerJoin<media::table, folders::table>, MultiBackend>;
    let query: Joined = media::table.inner_join(folders::table).into_boxed();
    // By its own company, which is the folder's: what is foreign ends the search as early as what is nowhere.
    let media: Media = visible!(query, viewer, media::company_id, folders::user_id)
        .filter(media::id.eq(Sql(id)))
        .select(Media::as_select())
        .first(conn)?;
    let files =
        media_files::table.filter(media_files::media_id.eq(Sql(id))).select(MediaFile::as_select()).load(conn)?;
    Ok(MediaWithFiles { media, files })
}

/// The media of folders that the caller may see, in order of creation.
///
/// # Errors
/// Of the database only.
pub fn of_folders(conn: &mut AnyConn, folders: &[FolderId]) -> Result<Vec<MediaWithFiles>> {
    // One folder is asked for most: as an equality its statement is prepared once and kept.
    if let [folder] = folders {
        return of_folder(conn, *folder);
    }
    let rows: Vec<Media> = media::table
        .filter(media::folder_id.eq_any(folders.iter().map(ToString::to_string)))
        .order((media::time_created.asc(), media::id.asc()))
        .select(Media::as_select())
        .load(conn)?;
    let files: Vec<MediaFile> = media_files::table
        .inner_join(media::table)
        .filter(media::folder_id.eq_any(folders.iter().map(ToString::to_string)))
        .select(MediaFile::as_select())
        .load(conn)?;
    Ok(joined(rows, files))
}

fn of_folder(conn: &mut AnyConn, folder: FolderId) -> Result<Vec<MediaWithFiles>> {
    // For each database by itself: so the type of the query is the key of its prepared statement, and its text, which
    // costs more than its run, is made once.
    let rows: Vec<Media> = each!(conn, c => media::table
        .filter(media::folder_id.eq(Sql(folder)))
        .order((media::time_created.asc(), media::id.asc()))
        .select(Media::as_select())
        .load(c))?;
    let files: Vec<MediaFile> = each!(conn, c => media_files::table
        .inner_join(media::table)
        .filter(media::folder_id.eq(Sql(folder)))
        .select(MediaFile::as_select())
        .load(c))?;
    Ok(joined(rows, files))
}

fn joined(rows: Vec<Media>, files: Vec<MediaFile>) -> Vec<MediaWithFiles> {
    let mut by_media: HashMap<MediaId, Vec<MediaFile>> = HashMap::new();
    for file in files {
        by_media.entry(file.media_id).or_default().push(file);
    }
    rows.into_iter()
        .map(|media| MediaWithFiles { files: by_media.remove(&media.id).unwrap_or_default(), media })
        .collect()
}

/// Replaces the tags of a medium.
///
/// # Errors
/// As [`get`].
pub fn set_tags(
    conn: &mut AnyConn,
    viewer: Viewer,
    id: MediaId,
    tags: &[String],
    now: Millis,
) -> Result<MediaWithFiles> {
    let mut found = get(conn, viewer, id)?;
    diesel::update(media::table.filter(media::id.eq(Sql(id))))
        .set((media::tags.eq(Sql(tags.to_vec())), media::time_updated.eq(Sql(now))))
        .execute(conn)?;
    crate::folders::touch(conn, found.media.folder_id, now)?;
    found.media.tags = tags.to_vec();
    found.media.time_updated = now;
    Ok(found)
}

/// Adds a file to a medium, or replaces the one that played its part. Gives files to remove after the commit.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the medium or the blob is gone.
pub fn put_file(conn: &mut AnyConn, file: &MediaFile, now: Millis) -> Result<Vec<DeadBlob>> {
    let this = || {
        media_files::table
            .filter(media_files::media_id.eq(Sql(file.media_id)))
            .filter(media_files::role.eq(Sql(file.role)))
    };
    let old: Option<Sql<BlobId>> = this().select(media_files::blob_id).first(conn).optional()?;
    diesel::delete(this()).execute(conn)?;
    diesel::insert_into(media_files::table).values(file.storable()?).execute(conn)?;
    diesel::update(media::table.filter(media::id.eq(Sql(file.media_id))))
        .set(media::time_updated.eq(Sql(now)))
        .execute(conn)?;
    let old: Vec<BlobId> = old.into_iter().map(|id| id.0).collect();
    blobs::release(conn, &old)
}

/// Removes a medium, its files and what analyses made of it. Gives files to remove after the commit.
///
/// # Errors
/// As [`get`].
pub fn delete(conn: &mut AnyConn, viewer: Viewer, id: MediaId, now: Millis) -> Result<Vec<DeadBlob>> {
    let found = get(conn, viewer, id)?;
    let images: Vec<Sql<BlobId>> = analysis_images::table
        .filter(analysis_images::media_id.eq(Sql(id)))
        .select(analysis_images::blob_id)
        .load(conn)?;
    let used: Vec<BlobId> =
        found.files.iter().map(|file| file.blob_id).chain(images.into_iter().map(|id| id.0)).collect();
    diesel::delete(media::table.filter(media::id.eq(Sql(id)))).execute(conn)?;
    crate::folders::touch(conn, found.media.folder_id, now)?;
    blobs::release(conn, &used)
}
