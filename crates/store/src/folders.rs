//! Folders: one case with its media and analyses.

use crate::blobs::{self, DeadBlob};
use crate::schema::{analyses, analysis_images, folder_metadata, folders, idempotency_keys, media, media_files};
use crate::types::{Sql, row};
use crate::{AnyConn, MultiBackend, Result, Viewer, each, metadata};
use diesel::prelude::*;
use oz_domain::{
    AnalysisState, BlobId, CompanyId, FolderId, GroupId, MediaId, Millis, Resolution, Status, Tag, UserId,
    folder_status,
};
use serde_json::{Value, json};

row! {
    /// A folder.
    Folder in folders by (id) {
        /// Its id.
        id: FolderId as Sql,
        /// The company it belongs to.
        company_id: CompanyId as Sql,
        /// Its owner; none after that user was deleted.
        user_id: Option<UserId> as Sql,
        /// How far its analyses are; kept true by [`refresh_status`].
        resolution_status: Status as Sql,
        /// The worst of the newest group; kept true by [`refresh_status`].
        system_resolution: Status as Sql,
        /// What an operator decided.
        operator_status: Option<Resolution> as Sql,
        /// What an operator wrote.
        operator_comment: Option<String>,
        /// Where to tell that all analyses ended (decision 19).
        resolution_endpoint: Option<String>,
        /// Whether personal data were removed (decision 26).
        is_cleaned: bool,
        /// Free JSON of the clients; changed through [`crate::metadata`] only.
        meta_data: Value as Sql,
        /// Free JSON of the service.
        technical_meta_data: Value as Sql,
        /// When it was made.
        time_created: Millis as Sql,
        /// When it or something in it last changed.
        time_updated: Millis as Sql,
    }
}

/// What is to change in a folder; what is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    /// The operator's decision, or its removal.
    pub operator_status: Option<Option<Resolution>>,
    /// The operator's words, or their removal.
    pub operator_comment: Option<Option<String>>,
    /// Another owner; the caller has checked that it is of the folder's company.
    pub owner: Option<UserId>,
    /// Another place to tell the end to, or none.
    pub resolution_endpoint: Option<Option<String>>,
}

/// Stores a new folder and indexes its metadata.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when its company or owner is gone.
pub fn insert(conn: &mut AnyConn, folder: &Folder) -> Result<()> {
    diesel::insert_into(folders::table).values(folder.storable()?).execute(conn)?;
    metadata::index(conn, folder)
}

/// One folder.
///
/// # Errors
/// [`crate::Error::NotFound`], also for one that the viewer may not see.
pub fn get(conn: &mut AnyConn, viewer: Viewer, id: FolderId) -> Result<Folder> {
    // The most frequent query of all is not boxed, and typed for each database: so its text is made once.
    let found: Folder = each!(conn, c => {
        let query = folders::table.find(Sql(id)).select(Folder::as_select());
        match viewer {
            Viewer::All => query.first(c),
            Viewer::Company(company) => query.filter(folders::company_id.eq(Sql(company))).first(c),
            Viewer::Own { company, user } => query
                .filter(folders::company_id.eq(Sql(company)).and(folders::user_id.eq(Sql(user))))
                .first(c),
            Viewer::Nobody => Err(diesel::NotFound),
        }
    })?;
    Ok(found)
}

/// Changes a folder.
///
/// # Errors
/// As [`get`]; [`crate::Error::Conflict`] with `foreign key` when the new owner does not exist.
pub fn patch(conn: &mut AnyConn, viewer: Viewer, id: FolderId, patch: &Patch, now: Millis) -> Result<Folder> {
    let mut folder = get(conn, viewer, id)?;
    if let Some(status) = patch.operator_status {
        folder.operator_status = status;
    }
    if let Some(comment) = &patch.operator_comment {
        folder.operator_comment.clone_from(comment);
    }
    if let Some(endpoint) = &patch.resolution_endpoint {
        folder.resolution_endpoint.clone_from(endpoint);
    }
    folder.time_updated = now;
    let mut folder = folder.storable()?;
    if let Some(owner) = patch.owner {
        folder.user_id = Some(owner);
        diesel::update(folder_metadata::table.filter(folder_metadata::folder_id.eq(Sql(id))))
            .set(folder_metadata::user_id.eq(Sql(folder.user_id)))
            .execute(conn)?;
    }
    diesel::update(folders::table.filter(folders::id.eq(Sql(id))))
        .set((
            folders::user_id.eq(Sql(folder.user_id)),
            folders::operator_status.eq(Sql(folder.operator_status)),
            folders::operator_comment.eq(&folder.operator_comment),
            folders::resolution_endpoint.eq(&folder.resolution_endpoint),
            folders::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    Ok(folder)
}

/// Notes that something in the folder changed.
///
/// # Errors
/// Of the database only.
pub fn touch(conn: &mut AnyConn, id: FolderId, now: Millis) -> Result<()> {
    diesel::update(folders::table.filter(folders::id.eq(Sql(id))))
        .set(folders::time_updated.eq(Sql(now)))
        .execute(conn)?;
    Ok(())
}

/// Removes a folder with all in it. Gives the files to remove after the commit.
///
/// # Errors
/// As [`get`].
pub fn delete(conn: &mut AnyConn, viewer: Viewer, id: FolderId) -> Result<Vec<DeadBlob>> {
    get(conn, viewer, id)?;
    let used = blobs_of(conn, id)?;
    diesel::delete(folders::table.filter(folders::id.eq(Sql(id)))).execute(conn)?;
    blobs::release(conn, &used)
}

/// Removes personal data (decision 26): files, pictures, metadata, names, comments, stored answers. Ids, times, scores
/// and resolutions stay. Gives the files to remove before anybody is told that they are gone.
///
/// # Errors
/// As [`get`].
pub fn clean(conn: &mut AnyConn, viewer: Viewer, id: FolderId, now: Millis) -> Result<Vec<DeadBlob>> {
    get(conn, viewer, id)?;
    let used = blobs_of(conn, id)?;
    let of_folder = || analyses::table.filter(analyses::folder_id.eq(Sql(id))).select(analyses::id);
    let media_of_folder = || media::table.filter(media::folder_id.eq(Sql(id))).select(media::id);
    diesel::delete(analysis_images::table.filter(analysis_images::analysis_id.eq_any(of_folder()))).execute(conn)?;
    diesel::delete(media_files::table.filter(media_files::media_id.eq_any(media_of_folder()))).execute(conn)?;
    diesel::delete(folder_metadata::table.filter(folder_metadata::folder_id.eq(Sql(id)))).execute(conn)?;
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::folder_id.eq(Sql(Some(id))))).execute(conn)?;
    diesel::update(media::table.filter(media::folder_id.eq(Sql(id))))
        .set((
            media::original_name.eq(None::<String>),
            media::md5.eq(None::<String>),
            media::meta_data.eq(Sql(json!({}))),
            media::technical_meta_data.eq(Sql(json!({}))),
            media::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    let tagged: Vec<(Sql<MediaId>, Sql<Vec<String>>)> =
        media::table.filter(media::folder_id.eq(Sql(id))).select((media::id, media::tags)).load(conn)?;
    for (medium, tags) in tagged {
        // Tags of the product's own; others are free text of the client.
        let known: Vec<String> = tags.0.into_iter().filter(|tag| tag.parse::<Tag>().is_ok()).collect();
        diesel::update(media::table.filter(media::id.eq(Sql(medium.0))))
            .set(media::tags.eq(Sql(known)))
            .execute(conn)?;
    }
    diesel::update(analyses::table.filter(analyses::folder_id.eq(Sql(id))))
        .set((
            analyses::operator_comment.eq(None::<String>),
            analyses::meta_data.eq(Sql(json!({}))),
            analyses::technical_meta_data.eq(Sql(json!({}))),
            analyses::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    diesel::update(folders::table.filter(folders::id.eq(Sql(id))))
        .set((
            folders::is_cleaned.eq(true),
            folders::operator_comment.eq(None::<String>),
            folders::resolution_endpoint.eq(None::<String>),
            folders::meta_data.eq(Sql(json!({}))),
            folders::technical_meta_data.eq(Sql(json!({}))),
            folders::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    blobs::release(conn, &used)
}

/// Every use of a blob in a folder, once each.
fn blobs_of(conn: &mut AnyConn, id: FolderId) -> Result<Vec<BlobId>> {
    let files: Vec<Sql<BlobId>> = media_files::table
        .inner_join(media::table)
        .filter(media::folder_id.eq(Sql(id)))
        .select(media_files::blob_id)
        .load(conn)?;
    let images: Vec<Sql<BlobId>> = analysis_images::table
        .inner_join(analyses::table)
        .filter(analyses::folder_id.eq(Sql(id)))
        .select(analysis_images::blob_id)
        .load(conn)?;
    Ok(files.into_iter().chain(images).map(|id| id.0).collect())
}

/// Works out `resolution_status` and `system_resolution` anew from the folder's analyses. Whoever changes analyses calls
/// it in the same transaction.
///
/// Only the different statuses are read: a folder with thousands of analyses moves two handfuls of rows.
pub(crate) fn refresh_status(conn: &mut AnyConn, id: FolderId, now: Millis) -> Result<()> {
    let newest: Option<Sql<GroupId>> = analyses::table
        .filter(analyses::folder_id.eq(Sql(id)))
        .order((analyses::time_created.desc(), analyses::id.desc()))
        .select(analyses::group_id)
        .first(conn)
        .optional()?;
    let all = statuses(conn, id, None)?;
    let of_newest = match newest {
        Some(group) => statuses(conn, id, Some(group.0))?,
        None => Vec::new(),
    };
    let (progress, verdict) = folder_status(&all, &of_newest);
    diesel::update(folders::table.filter(folders::id.eq(Sql(id))))
        .set((
            folders::resolution_status.eq(Sql(progress)),
            folders::system_resolution.eq(Sql(verdict)),
            folders::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    Ok(())
}

/// The statuses that the folder's analyses show, or those of one group, each once.
fn statuses(conn: &mut AnyConn, id: FolderId, group: Option<GroupId>) -> Result<Vec<Status>> {
    let mut query = analyses::table
        .filter(analyses::folder_id.eq(Sql(id)))
        .select((analyses::state, analyses::resolution))
        .distinct()
        .into_boxed::<MultiBackend>();
    if let Some(group) = group {
        query = query.filter(analyses::group_id.eq(Sql(group)));
    }
    let rows: Vec<(Sql<AnalysisState>, Sql<Option<Resolution>>)> = query.load(conn)?;
    Ok(rows.into_iter().map(|(state, resolution)| Status::of_analysis(state.0, resolution.0)).collect())
}
