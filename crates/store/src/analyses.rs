//! Analyses: what was asked of media, and what came of it.

use crate::blobs::{self, DeadBlob};
use crate::folders::refresh_status;
use crate::schema::{analyses, analysis_images, analysis_media, folders};
use crate::types::{Plain as _, Sql, row};
use crate::viewer::visible;
use crate::{AnyConn, MultiBackend, Result, Viewer};
use diesel::prelude::*;
use oz_domain::{
    AnalysisId, AnalysisKind, AnalysisState, BlobId, CompanyId, FolderId, GroupId, ImageId, ImageKind, MediaId, Millis,
    Resolution, Status,
};
use serde_json::Value;
use std::collections::HashMap;

/// Ids named in one query; SQLite takes at most 32,766 values.
const IDS: usize = 1000;

row! {
    /// An analysis.
    Analysis in analyses by (id) {
        /// Its id.
        id: AnalysisId as Sql,
        /// The folder it belongs to.
        folder_id: FolderId as Sql,
        /// The company it belongs to.
        company_id: CompanyId as Sql,
        /// The analyses that were started with it.
        group_id: GroupId as Sql,
        /// What it looks for.
        kind: AnalysisKind as Sql,
        /// Where it is.
        state: AnalysisState as Sql,
        /// The system's verdict.
        resolution: Option<Resolution> as Sql,
        /// A person's verdict; the system's own stays (decision 24).
        operator_resolution: Option<Resolution> as Sql,
        /// What that person wrote.
        operator_comment: Option<String>,
        /// What was asked.
        params: Value as Sql,
        /// The thresholds that decide.
        thresholds: Value as Sql,
        /// Results for each medium, as the pipeline tells them.
        results_media: Value as Sql,
        /// Results of the whole.
        results_data: Option<Value> as Sql,
        /// Why it failed, a number of the error table.
        error_code: Option<i32>,
        /// Why it failed, in words.
        error_message: Option<String>,
        /// Name and version of the models that judged.
        model_pack: Option<String>,
        /// How often work on it began.
        attempts: i32,
        /// Free JSON of the clients.
        meta_data: Value as Sql,
        /// Free JSON of the service.
        technical_meta_data: Value as Sql,
        /// When it was ordered.
        time_created: Millis as Sql,
        /// When it last changed.
        time_updated: Millis as Sql,
        /// When it was given to the queue.
        time_task_send_to_broker: Millis as Sql,
        /// When work on it began (last).
        time_task_received: Option<Millis> as Sql,
        /// When it ended.
        time_task_finished: Option<Millis> as Sql,
    }
}

row! {
    /// A picture that an analysis made.
    AnalysisImage in analysis_images by (id) {
        /// Its id.
        id: ImageId as Sql,
        /// The analysis.
        analysis_id: AnalysisId as Sql,
        /// The medium it was taken from.
        media_id: MediaId as Sql,
        /// What it is.
        kind: ImageKind as Sql,
        /// The content; counted ([`crate::blobs`]).
        blob_id: BlobId as Sql,
        /// Its type.
        mime: String,
        /// Width in pixels.
        width: i32,
        /// Height in pixels.
        height: i32,
        /// Place in the video, in milliseconds.
        time_ms: Option<i64>,
        /// When it was made.
        time_created: Millis as Sql,
    }
}

impl Analysis {
    /// What the analysis shows: a person's verdict over the system's, once it ended well.
    pub fn status(&self) -> Status {
        Status::of_analysis(self.state, self.operator_resolution.or(self.resolution))
    }

    /// What the system alone says.
    pub fn system_status(&self) -> Status {
        Status::of_analysis(self.state, self.resolution)
    }
}

/// An analysis with what it looks at and the pictures it made.
#[derive(Debug, Clone, PartialEq)]
pub struct AnalysisWithMedia {
    /// The analysis.
    pub analysis: Analysis,
    /// The media it looks at, in the order they were asked for.
    pub source_media: Vec<MediaId>,
    /// The pictures it made.
    pub images: Vec<AnalysisImage>,
}

/// How an analysis ended well.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The verdict.
    pub resolution: Resolution,
    /// Results for each medium.
    pub results_media: Value,
    /// Results of the whole.
    pub results_data: Option<Value>,
    /// Name and version of the models that judged.
    pub model_pack: Option<String>,
    /// Pictures, whose blobs are acquired already.
    pub images: Vec<AnalysisImage>,
}

/// Which analyses of a folder are asked for; an empty list asks for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Only these.
    pub ids: Vec<AnalysisId>,
    /// None of these.
    pub ids_exclude: Vec<AnalysisId>,
    /// Only of these kinds.
    pub kinds: Vec<AnalysisKind>,
    /// Of none of these kinds.
    pub kinds_exclude: Vec<AnalysisKind>,
    /// Only in these states.
    pub states: Vec<AnalysisState>,
    /// In none of these states.
    pub states_exclude: Vec<AnalysisState>,
    /// Only those that show one of these ([`Analysis::status`]).
    pub statuses: Vec<Status>,
}

impl Filter {
    fn takes(&self, a: &Analysis) -> bool {
        fn within<T: PartialEq>(only: &[T], none: &[T], value: &T) -> bool {
            (only.is_empty() || only.contains(value)) && !none.contains(value)
        }
        within(&self.ids, &self.ids_exclude, &a.id)
            && within(&self.kinds, &self.kinds_exclude, &a.kind)
            && within(&self.states, &self.states_exclude, &a.state)
            && within(&self.statuses, &[], &a.status())
    }
}

/// Stores analyses that were ordered together, in one folder, and brings the folder's status up to date.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the folder or a medium is gone.
pub fn insert(conn: &mut AnyConn, new: &[AnalysisWithMedia]) -> Result<()> {
    for one in new {
        let id = one.analysis.id;
        diesel::insert_into(analyses::table).values(one.analysis.storable()?).execute(conn)?;
        for (position, media) in (0i32..).zip(&one.source_media) {
            diesel::insert_into(analysis_media::table)
                .values((
                    analysis_media::analysis_id.eq(Sql(id)),
                    analysis_media::media_id.eq(Sql(*media)),
                    analysis_media::position.eq(position),
                ))
                .execute(conn)?;
        }
    }
    match new.last() {
        Some(last) => refresh_status(conn, last.analysis.folder_id, last.analysis.time_created),
        None => Ok(()),
    }
}

/// One analysis.
///
/// # Errors
/// [`crate::Error::NotFound`], also for one that the viewer may not see.
pub fn get(conn: &mut AnyConn, viewer: Viewer, id: AnalysisId) -> Result<AnalysisWithMedia> {
    let analysis = row(conn, viewer, id)?;
    Ok(complete(conn, vec![analysis])?.swap_remove(0))
}

fn row(conn: &mut AnyConn, viewer: Viewer, id: AnalysisId) -> Result<Analysis> {
    type Joined =
        diesel::dsl::IntoBoxed<'static, diesel::dsl::InnerJoin<analyses::table, folders::table>, MultiBackend>;
    let query: Joined = analyses::table.inner_join(folders::table).into_boxed();
    // By its own company, which is the folder's: what is foreign ends the search as early as what is nowhere.
    Ok(visible!(query, viewer, analyses::company_id, folders::user_id)
        .filter(analyses::id.eq(Sql(id)))
        .select(Analysis::as_select())
        .first(conn)?)
}

/// The analyses of folders that the caller may see, in order of creation.
///
/// # Errors
/// Of the database only.
pub fn of_folders(conn: &mut AnyConn, folders: &[FolderId], filter: &Filter) -> Result<Vec<AnalysisWithMedia>> {
    let mut rows: Vec<Analysis> = analyses::table
        .filter(analyses::folder_id.eq_any(folders.iter().map(ToString::to_string)))
        .order((analyses::time_created.asc(), analyses::id.asc()))
        .select(Analysis::as_select())
        .load(conn)?;
    // A folder has few analyses; a query for each combination of filters would cost more than it saves.
    rows.retain(|row| filter.takes(row));
    complete(conn, rows)
}

/// The analyses of one group of a folder that the caller may see, in order of creation.
///
/// # Errors
/// Of the database only.
pub fn of_group(conn: &mut AnyConn, folder: FolderId, group: GroupId) -> Result<Vec<AnalysisWithMedia>> {
    let rows: Vec<Analysis> = analyses::table
        .filter(analyses::folder_id.eq(Sql(folder)))
        .filter(analyses::group_id.eq(Sql(group)))
        .order((analyses::time_created.asc(), analyses::id.asc()))
        .select(Analysis::as_select())
        .load(conn)?;
    complete(conn, rows)
}

/// How many analyses a folder has, whoever ordered them: for a limit on them.
///
/// # Errors
/// Of the database only.
pub fn count_of_folder(conn: &mut AnyConn, folder: FolderId) -> Result<i64> {
    Ok(analyses::table.filter(analyses::folder_id.eq(Sql(folder))).count().get_result(conn)?)
}

/// Adds media and pictures to analyses.
fn complete(conn: &mut AnyConn, rows: Vec<Analysis>) -> Result<Vec<AnalysisWithMedia>> {
    let ids: Vec<String> = rows.iter().map(|row| row.id.to_string()).collect();
    let (mut links, mut images) = (Vec::new(), Vec::new());
    for ids in ids.chunks(IDS) {
        let some: Vec<(Sql<AnalysisId>, Sql<MediaId>)> = analysis_media::table
            .filter(analysis_media::analysis_id.eq_any(ids))
            .order(analysis_media::position.asc())
            .select((analysis_media::analysis_id, analysis_media::media_id))
            .load(conn)?;
        links.extend(some);
        let some: Vec<AnalysisImage> = analysis_images::table
            .filter(analysis_images::analysis_id.eq_any(ids))
            .order((analysis_images::time_created.asc(), analysis_images::id.asc()))
            .select(AnalysisImage::as_select())
            .load(conn)?;
        images.extend(some);
    }
    let mut found: HashMap<AnalysisId, (Vec<MediaId>, Vec<AnalysisImage>)> = HashMap::new();
    for (analysis, media) in links {
        found.entry(analysis.0).or_default().0.push(media.0);
    }
    for image in images {
        found.entry(image.analysis_id).or_default().1.push(image);
    }
    Ok(rows
        .into_iter()
        .map(|analysis| {
            let (source_media, images) = found.remove(&analysis.id).unwrap_or_default();
            AnalysisWithMedia { analysis, source_media, images }
        })
        .collect())
}

/// One picture that an analysis made, with the company it belongs to.
///
/// # Errors
/// [`crate::Error::NotFound`], also for one that the viewer may not see.
pub fn image(conn: &mut AnyConn, viewer: Viewer, id: ImageId) -> Result<(AnalysisImage, CompanyId)> {
    let image: Option<AnalysisImage> = analysis_images::table
        .filter(analysis_images::id.eq(Sql(id)))
        .select(AnalysisImage::as_select())
        .first(conn)
        .optional()?;
    // Asked even when there is no picture, then for an analysis that is none: otherwise the time of a second query would
    // tell whoever may not see a picture that it is there.
    let of = image.as_ref().map_or_else(|| AnalysisId::from_uuid(id.uuid()), |image| image.analysis_id);
    let analysis = row(conn, viewer, of)?;
    Ok((image.ok_or(crate::Error::NotFound)?, analysis.company_id))
}

/// Notes that work began. `false` when the analysis is gone or has ended: then there is nothing to do.
///
/// # Errors
/// Of the database only.
pub fn begin(conn: &mut AnyConn, id: AnalysisId, now: Millis) -> Result<bool> {
    let changed = diesel::update(running(id))
        .set((
            analyses::attempts.eq(analyses::attempts + 1),
            analyses::time_task_received.eq(Sql(Some(now))),
            analyses::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// Ends an analysis well. `false` when it is gone or has ended; then nothing is stored, and the caller releases the
/// blobs of the pictures.
///
/// # Errors
/// [`crate::Error::Conflict`] with `foreign key` when the medium of a picture is gone.
pub fn finish(conn: &mut AnyConn, id: AnalysisId, outcome: &Outcome, now: Millis) -> Result<bool> {
    let changed = diesel::update(running(id))
        .set((
            analyses::state.eq(Sql(AnalysisState::Finished)),
            analyses::resolution.eq(Sql(Some(outcome.resolution))),
            analyses::results_media.eq(Sql(outcome.results_media.clone())),
            analyses::results_data.eq(Sql(outcome.results_data.clone())),
            analyses::model_pack.eq(&outcome.model_pack),
            analyses::time_task_finished.eq(Sql(Some(now))),
            analyses::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    if changed == 0 {
        return Ok(false);
    }
    for image in &outcome.images {
        diesel::insert_into(analysis_images::table).values(image.storable()?).execute(conn)?;
    }
    refresh_folder_of(conn, id, now)?;
    Ok(true)
}

/// Ends an analysis by an error. `false` when it is gone or has ended.
///
/// # Errors
/// Of the database only.
pub fn fail(conn: &mut AnyConn, id: AnalysisId, code: i32, message: &str, now: Millis) -> Result<bool> {
    let changed = diesel::update(running(id))
        .set((
            analyses::state.eq(Sql(AnalysisState::Failed)),
            analyses::error_code.eq(Some(code)),
            analyses::error_message.eq(Some(message)),
            analyses::time_task_finished.eq(Sql(Some(now))),
            analyses::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    if changed == 1 {
        refresh_folder_of(conn, id, now)?;
    }
    Ok(changed == 1)
}

fn refresh_folder_of(conn: &mut AnyConn, id: AnalysisId, now: Millis) -> Result<()> {
    let folder: Sql<FolderId> =
        analyses::table.filter(analyses::id.eq(Sql(id))).select(analyses::folder_id).first(conn)?;
    refresh_status(conn, folder.0, now)
}

type Running = diesel::dsl::Filter<
    diesel::dsl::Filter<analyses::table, diesel::dsl::Eq<analyses::id, Sql<AnalysisId>>>,
    diesel::dsl::Eq<analyses::state, Sql<AnalysisState>>,
>;

/// The analysis, unless it has ended: an end is never overwritten by another one.
fn running(id: AnalysisId) -> Running {
    analyses::table.filter(analyses::id.eq(Sql(id))).filter(analyses::state.eq(Sql(AnalysisState::Processing)))
}

/// Notes a person's verdict; `None` takes it back.
///
/// # Errors
/// As [`get`]; [`crate::Error::Conflict`] with `analyses.state` while the analysis has not ended well.
pub fn decide(
    conn: &mut AnyConn,
    viewer: Viewer,
    id: AnalysisId,
    resolution: Option<Resolution>,
    comment: Option<&str>,
    now: Millis,
) -> Result<AnalysisWithMedia> {
    if comment.is_some_and(|text| !text.storable()) {
        return Err(crate::Error::Text);
    }
    let before = row(conn, viewer, id)?;
    if before.state != AnalysisState::Finished {
        return Err(crate::Error::Conflict("analyses.state".to_owned()));
    }
    diesel::update(analyses::table.filter(analyses::id.eq(Sql(id))))
        .set((
            analyses::operator_resolution.eq(Sql(resolution)),
            analyses::operator_comment.eq(comment),
            analyses::time_updated.eq(Sql(now)),
        ))
        .execute(conn)?;
    crate::folders::touch(conn, before.folder_id, now)?;
    get(conn, viewer, id)
}

/// Removes an analysis. Gives files to remove after the commit.
///
/// # Errors
/// As [`get`].
pub fn delete(conn: &mut AnyConn, viewer: Viewer, id: AnalysisId, now: Millis) -> Result<Vec<DeadBlob>> {
    let found = get(conn, viewer, id)?;
    diesel::delete(analyses::table.filter(analyses::id.eq(Sql(id)))).execute(conn)?;
    refresh_status(conn, found.analysis.folder_id, now)?;
    let used: Vec<BlobId> = found.images.iter().map(|image| image.blob_id).collect();
    blobs::release(conn, &used)
}
