//! `GET`: one folder, lists of folders, the media and analyses of one.

use super::super::{Pairs, counted, page_of, view};
use crate::app::App;
use crate::audit::{self, Deed};
use crate::auth::Access;
use crate::error::{Error, Result};
use oz_domain::{Action, AnalysisId, AnalysisKind, AnalysisState, CompanyId, FolderId, Object, Resolution, Status};
use oz_http::{Response, json_reply};
use oz_store::analyses::{self, AnalysisWithMedia};
use oz_store::folder_list::{self, MetadataMatch};
use oz_store::media::MediaWithFiles;
use oz_store::{AnyConn, TimeRange, Viewer, companies, folders, users};
use oz_wire::{FolderPage, ListQuery};
use serde_json::json;
use std::collections::BTreeMap;

/// Ids in comma lists: one that is no id matches nothing, which is not the client's mistake to be told of.
const IDS: &str = "ids, separated by commas";

/// What a folder is shown with.
#[derive(Debug, Clone, Copy)]
struct With {
    analyses: bool,
    user: bool,
    company: bool,
}

impl With {
    fn of(query: &ListQuery) -> Result<Self> {
        Ok(Self {
            analyses: query.flag("with_analyses")?,
            user: query.flag("with_user")?,
            company: query.flag("with_company")?,
        })
    }
}

/// What belongs to some folders.
struct Parts {
    media: Vec<MediaWithFiles>,
    analyses: Option<Vec<AnalysisWithMedia>>,
    users: Vec<users::User>,
    companies: Vec<companies::Company>,
}

impl Parts {
    fn read(conn: &mut AnyConn, rows: &[folders::Folder], with: With, eyes: Eyes) -> Result<Self> {
        let ids: Vec<FolderId> = rows.iter().map(|row| row.id).collect();
        let analyses = match with.analyses {
            true => Some(analyses::of_folders(conn, &ids, &analyses::Filter::default())?),
            false => None,
        };
        let (mut owners, mut tenants) = (Vec::new(), Vec::new());
        for row in rows {
            if let Some(owner) = row.user_id.filter(|id| with.user && !owners.iter().any(|u: &users::User| u.id == *id))
            {
                owners.extend(seen(users::get(conn, eyes.users, owner))?);
            }
            if with.company && !tenants.iter().any(|c: &companies::Company| c.id == row.company_id) {
                tenants.extend(seen(companies::get(conn, eyes.companies, row.company_id))?);
            }
        }
        Ok(Self { media: oz_store::media::of_folders(conn, &ids)?, analyses, users: owners, companies: tenants })
    }
}

/// `None` for what the viewer may not see.
fn seen<T>(found: oz_store::Result<T>) -> Result<Option<T>> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(oz_store::Error::NotFound) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// How far the caller sees people and companies: `with_user` must not show whom `GET /api/users` would not.
#[derive(Debug, Clone, Copy)]
struct Eyes {
    users: Viewer,
    companies: Viewer,
}

impl Eyes {
    fn of(access: &Access) -> Self {
        let reach = |object| access.reach(object, Action::Read);
        Self { users: reach(Object::User), companies: reach(Object::Company) }
    }
}

fn show(app: &App, access: &Access, origin: String, rows: &[folders::Folder], parts: &Parts) -> Vec<oz_wire::Folder> {
    let view = view(app, access, origin);
    let whole = |row: &folders::Folder| {
        let mut folder = view.folder(row, &parts.media, parts.analyses.as_deref());
        folder.user = parts.users.iter().find(|u| Some(u.id) == row.user_id).map(|u| view.user(u));
        folder.company = parts.companies.iter().find(|c| c.id == row.company_id).map(|c| view.company(c, None));
        folder
    };
    rows.iter().map(whole).collect()
}

/// A folder as its creator sees it.
pub(super) async fn read_folder(
    app: &App,
    access: &Access,
    origin: String,
    id: FolderId,
    analyses: bool,
) -> Result<oz_wire::Folder> {
    shown(app, access, origin, id, With { analyses, user: false, company: false }).await
}

async fn shown(app: &App, access: &Access, origin: String, id: FolderId, with: With) -> Result<oz_wire::Folder> {
    let (viewer, eyes) = (access.viewer, Eyes::of(access));
    let (row, parts) = app
        .db
        .read(move |conn| {
            let row = [folders::get(conn, viewer, id)?];
            let parts = Parts::read(conn, &row, with, eyes)?;
            Ok::<_, Error>((row, parts))
        })
        .await?;
    show(app, access, origin, &row, &parts).pop().ok_or(Error::Store(oz_store::Error::NotFound))
}

/// `GET /api/folders/{folder_id}`.
pub(super) async fn one(id: FolderId, access: Access, query: Pairs, origin: String, app: App) -> Result<Response> {
    let with = With::of(&ListQuery::read(query)?)?;
    let folder = shown(&app, &access, origin, id, with).await?;
    let company = folder.company_id.unwrap_or(companies::SYSTEM);
    audit::seen(&app, &access, Deed::new(Object::Folder, Action::Read, id, company)).await?;
    Ok(json_reply(&folder))
}

/// `GET /api/folders`.
pub(super) async fn list(access: Access, query: Pairs, origin: String, app: App) -> Result<Response> {
    let asked = audit::asked(&query);
    let query = ListQuery::read(query)?;
    let (with, page, filter) = (With::of(&query)?, page_of(&query)?, filter(&query, app.settings.legacy_names)?);
    let (viewer, eyes) = (access.viewer, Eyes::of(&access));
    let (found, parts) = app
        .db
        .read(move |conn| {
            let found = folder_list::list(conn, viewer, &filter, &page)?;
            let parts = Parts::read(conn, &found.items, with, eyes)?;
            Ok::<_, Error>((found, parts))
        })
        .await?;
    // The query is ours to keep, it may name others; each company gets a record of its folders that were shown.
    let mut shown: BTreeMap<CompanyId, Vec<FolderId>> = BTreeMap::new();
    for folder in &found.items {
        shown.entry(folder.company_id).or_default().push(folder.id);
    }
    let search = Deed::new(Object::Folder, Action::Read, "", companies::SYSTEM).to(json!({"query": asked}));
    let deeds = shown
        .into_iter()
        .map(|(company, folders)| Deed::new(Object::Folder, Action::Read, "", company).to(json!({"folders": folders})));
    audit::all_seen(&app, &access, std::iter::once(search).chain(deeds).collect()).await?;
    Ok(json_reply(&FolderPage {
        items: show(&app, &access, origin, &found.items, &parts),
        total: found.total,
        next_cursor: found.next.map(|c| c.to_string()),
    }))
}

/// `legacy`: names of before 6.0.1 are understood too (decision 6).
fn filter(query: &ListQuery, legacy: bool) -> Result<folder_list::Filter> {
    const STATUS: &str = "INITIAL, PROCESSING, FAILED, FINISHED, DECLINED, OPERATOR_REQUIRED or SUCCESS";
    let metadata =
        |m: &oz_wire::MetaFilter| MetadataMatch { key: m.key.clone(), value: m.value.clone(), equal: m.equal };
    let mut operator_status: Vec<Resolution> =
        query.words("operator_status", "SUCCESS, DECLINED or OPERATOR_REQUIRED")?;
    if legacy {
        operator_status
            .extend(query.words::<Resolution>("resolution_suggest", "SUCCESS, DECLINED or OPERATOR_REQUIRED")?);
    }
    Ok(folder_list::Filter {
        ids: query.words("folder_id", IDS)?,
        companies: query.words("company_id", IDS)?,
        users: query.words("user_id", IDS)?,
        created: TimeRange { min: query.created_min, max: query.created_max },
        updated: TimeRange { min: query.updated_min, max: query.updated_max },
        resolution_status: query.words("resolution_status", STATUS)?,
        system_resolution: query.words("system_resolution", STATUS)?,
        operator_status,
        analysis_status: [
            query.words::<Status>("analyse.resolution_status", STATUS)?,
            query.words("analysis.resolution_status", STATUS)?,
        ]
        .concat(),
        metadata: query.meta.iter().map(metadata).collect(),
    })
}

/// `GET /api/folders/{folder_id}/media`.
pub(super) async fn media(id: FolderId, access: Access, query: Pairs, origin: String, app: App) -> Result<Response> {
    let query = ListQuery::read(query)?;
    let viewer = access.viewer;
    let (company, found) = app
        .db
        .read(move |conn| {
            let company = folders::get(conn, viewer, id)?.company_id;
            Ok::<_, Error>((company, oz_store::media::of_folders(conn, &[id])?))
        })
        .await?;
    let deed = Deed::new(Object::Folder, Action::Read, id, company);
    audit::seen(&app, &access, deed.to(json!({"shown": "media"}))).await?;
    let view = view(&app, &access, origin);
    counted(found.iter().map(|m| view.media(m)).collect(), &query, |m: &oz_wire::Media| {
        (m.media_id.to_string(), m.time_created, m.time_updated)
    })
}

/// `GET /api/folders/{folder_id}/analyses`.
pub(super) async fn analyses(id: FolderId, access: Access, query: Pairs, origin: String, app: App) -> Result<Response> {
    const KIND: &str = "QUALITY, BIOMETRY, COLLECTION or DOCUMENTS";
    const STATE: &str = "PROCESSING, FAILED or FINISHED";
    let query = ListQuery::read(query)?;
    let legacy = app.settings.legacy_names;
    let both = |old: &str, new: &str| {
        let mut ids = query.words::<AnalysisId>(new, IDS)?;
        if legacy {
            ids.extend(query.words::<AnalysisId>(old, IDS)?);
        }
        Ok::<_, Error>(ids)
    };
    // Older clients ask for verdicts by `state` (`oz-api.md` 14).
    let (mut states, mut statuses) = (Vec::new(), query.words("resolution_status", "a status")?);
    for word in query.words::<Status>("state", STATE)? {
        match word.as_str().parse::<AnalysisState>() {
            Ok(state) => states.push(state),
            Err(_) => statuses.push(word),
        }
    }
    let filter = analyses::Filter {
        ids: both("analyse_id", "analysis_id")?,
        ids_exclude: both("analyse_id.exclude", "analysis_id.exclude")?,
        kinds: query.words::<AnalysisKind>("type", KIND)?,
        kinds_exclude: query.words("type.exclude", KIND)?,
        states,
        states_exclude: query.words("state.exclude", STATE)?,
        statuses,
    };
    let viewer = access.viewer;
    let (company, found, media) = app
        .db
        .read(move |conn| {
            let company = folders::get(conn, viewer, id)?.company_id;
            let found = analyses::of_folders(conn, &[id], &filter)?;
            Ok::<_, Error>((company, found, oz_store::media::of_folders(conn, &[id])?))
        })
        .await?;
    let deed = Deed::new(Object::Folder, Action::Read, id, company);
    audit::seen(&app, &access, deed.to(json!({"shown": "analyses"}))).await?;
    let view = view(&app, &access, origin);
    counted(found.iter().map(|a| view.analysis(a, &media)).collect(), &query, |a: &oz_wire::Analysis| {
        (a.analysis_id.to_string(), a.time_created, a.time_updated)
    })
}
