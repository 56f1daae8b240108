//! Folders: create, read, list, change, delete; their media and analyses.

mod create;
mod read;
mod start;
mod update;

use super::{origin, with};
use crate::app::App;
use crate::auth::{Access, user};
use create::Asked;
use oz_domain::{Action as A, FolderId, Object as O};
use oz_http::{Route, UploadGate, any_of, endpoint, form, header, json, query};
use warp::filters::BoxedFilter;
use warp::path::{end, param, path};
use warp::{Filter, delete, get, patch, post};

#[rustfmt::skip]
pub(super) fn routes(app: &App) -> Route {
    let id = param::<FolderId>;
    let room = UploadGate::new(app.settings.max_uploads);
    let upload = || create::gate(app, &room).and(form(create::limits(app)));
    let may = |object, action| user(app, object, action);
    any_of([
        endpoint("POST /api/folders", end().and(post()).and(asked(app, O::Folder, A::Create)).and(upload()).and(with(app)).then(create::folder)),
        endpoint("GET /api/folders", end().and(get()).and(may(O::Folder, A::Read)).and(query()).and(origin(app)).and(with(app)).then(read::list)),
        endpoint("GET /api/folders/{folder_id}", id().and(end()).and(get()).and(may(O::Folder, A::Read)).and(query()).and(origin(app)).and(with(app)).then(read::one)),
        endpoint("PATCH /api/folders/{folder_id}", id().and(end()).and(patch()).and(may(O::Folder, A::Read)).and(json()).and(origin(app)).and(with(app)).then(update::change)),
        endpoint("DELETE /api/folders/{folder_id}", id().and(end()).and(delete()).and(may(O::Folder, A::Delete)).and(with(app)).then(update::remove)),
        endpoint("POST /api/folders/{folder_id}/media", id().and(path("media")).and(end()).and(post()).and(may(O::Media, A::Create)).and(origin(app)).and(upload()).and(with(app)).then(create::media)),
        endpoint("GET /api/folders/{folder_id}/media", id().and(path("media")).and(end()).and(get()).and(may(O::Media, A::Read)).and(query()).and(origin(app)).and(with(app)).then(read::media)),
        endpoint("POST /api/folders/{folder_id}/analyses", id().and(path("analyses")).and(end()).and(post()).and(asked(app, O::Analysis, A::Start)).and(json()).and(with(app)).then(start::analyses)),
        endpoint("GET /api/folders/{folder_id}/analyses", id().and(path("analyses")).and(end()).and(get()).and(may(O::Analysis, A::Read)).and(query()).and(origin(app)).and(with(app)).then(read::analyses)),
    ])
}

/// Who asks, and what the head of the request says of what is asked.
fn asked(app: &App, object: O, action: A) -> BoxedFilter<(Asked,)> {
    user(app, object, action)
        .and(header("idempotency-key"))
        .and(origin(app))
        .map(|access: Access, key, origin| Asked { access, key, origin })
        .boxed()
}
