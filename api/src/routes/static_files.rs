//! Stored files: `GET /api/static/{folder_id}/{file}`, whole or a range of them. Permission is checked like that of any
//! object (decision 18); the path holds ids, and guessing one is of no use.

use super::with;
use crate::app::{App, location};
use crate::audit::{self, By, Deed};
use crate::auth::{Access, Visitor, user};
use crate::error::{Error, Result};
use oz_blobs::Location;
use oz_domain::{Action, FileRole, FolderId, ImageId, MediaId, Object, TokenId};
use oz_http::{RequestMeta, Response, Route, endpoint, header, meta, parse_range, query, ranged, unsatisfiable};
use oz_store::{AnyConn, Viewer, analyses, folders, media};
use oz_wire::Code;
use serde_json::json;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderValue, header as h};
use warp::path::{end, param};

pub(super) fn routes(app: &App) -> Route {
    endpoint(
        "GET /api/static/{folder_id}/{file}",
        param::<FolderId>()
            .and(param::<String>())
            .and(end())
            .and(warp::get())
            .and(by_link(app).or(by_token(app)).unify())
            .and(header("range"))
            .and(meta())
            .and(with(app))
            .then(download),
    )
}

/// Who asks for a file.
enum Seeker {
    /// Somebody with a token and what it reaches.
    Caller(Access),
    /// Somebody with a signed link, to be checked.
    Holder { visitor: Visitor, expires: String, signature: String },
}

fn by_token(app: &App) -> BoxedFilter<(Seeker,)> {
    user(app, Object::Media, Action::Download).map(Seeker::Caller).boxed()
}

/// Leaves requests without a signature, and all of them where files need a token, to [`by_token`].
fn by_link(app: &App) -> BoxedFilter<(Seeker,)> {
    let on = app.auth.links.is_some();
    query()
        .and(meta())
        .and_then(move |pairs: Vec<(String, String)>, meta: RequestMeta| async move {
            let value = |name: &str| pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.clone());
            let (Some(expires), Some(signature), true) = (value("expires"), value("signature"), on) else {
                return Err(warp::reject::not_found());
            };
            let visitor = Visitor::of(&meta);
            Ok(Seeker::Holder { visitor, expires, signature })
        })
        .boxed()
}

impl Seeker {
    /// What is reached, who it is and with which session.
    fn admitted(self, app: &App, folder: FolderId, file: &str) -> Result<(Viewer, By, Option<TokenId>)> {
        match self {
            Self::Caller(access) => Ok((access.viewer, access.by(), Some(access.caller.session.id))),
            Self::Holder { visitor, expires, signature } => {
                let path = format!("/api/static/{folder}/{file}");
                let good = app.auth.links.as_ref().is_some_and(|l| l.check(&path, &expires, &signature, app.now()));
                // The link is the permission for this one file, whoever holds it.
                good.then(|| (Viewer::All, visitor.by(None), None))
                    .ok_or_else(|| Error::new(Code::AuthForbidden, "this link has ended, or is none of ours"))
            }
        }
    }
}

async fn download(
    folder: FolderId,
    file: String,
    seeker: Seeker,
    range: Option<String>,
    meta: RequestMeta,
    app: App,
) -> Result<Response> {
    let (viewer, by, session) = seeker.admitted(&app, folder, &file)?;
    let (at, mime, deed) = app.db.read(move |conn| find(conn, viewer, folder, &file)).await?;
    let size = app.blobs.size(&at).await?;
    let Ok(range) = parse_range(range.as_deref(), size) else { return Ok(unsatisfiable(size)) };
    let (from, length) = range.map_or((0, size), |r| (r.first, r.len()));
    let body = app.blobs.stream(&at, from, length).await?;
    // The head alone shows nothing of a person.
    if !meta.is_head {
        audit::downloaded(&app, by, session, range.is_some(), deed).await?;
    }
    let mut response = ranged(size, range, &mime, body);
    let headers = response.headers_mut();
    // A face: in no shared cache, and never run as a page, whatever its bytes would pass for.
    headers.insert(h::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    headers.insert(h::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(h::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// The file that a name of [`crate::view`] means: `{media_id}.{ext}`, or `{image_id}_{what it is}.jpg`; its type; and what
/// the audit log says of its download.
fn find(conn: &mut AnyConn, viewer: Viewer, folder: FolderId, file: &str) -> Result<(Location, String, Deed)> {
    let missing = || Error::Store(oz_store::Error::NotFound);
    let deed = |id: String, company| {
        let after = json!({"folder_id": folder, "file": file});
        Deed::new(Object::Media, Action::Download, id, company).about(folder).to(after)
    };
    let stem = file.split('.').next().unwrap_or_default();
    if let Some((id, _what)) = stem.split_once('_') {
        let id: ImageId = id.parse().map_err(|_| missing())?;
        // First, so that a foreign folder's pictures are refused by the same query as those that are nowhere.
        folders::get(conn, viewer, folder)?;
        let (image, company) = analyses::image(conn, viewer, id)?;
        let analysis = analyses::get(conn, viewer, image.analysis_id)?.analysis;
        if analysis.folder_id != folder {
            return Err(missing());
        }
        return Ok((location(conn, image.blob_id)?, image.mime, deed(image.id.to_string(), company)));
    }
    let id: MediaId = stem.parse().map_err(|_| missing())?;
    let found = media::get(conn, viewer, id)?;
    if found.media.folder_id != folder {
        return Err(missing());
    }
    // The form that plays in a browser, where the original does not (decision 39).
    let stored = found.file(FileRole::Video).or_else(|| found.file(FileRole::Original)).ok_or_else(missing)?;
    Ok((location(conn, stored.blob_id)?, stored.mime.clone(), deed(id.to_string(), found.media.company_id)))
}
