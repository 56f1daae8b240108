//! The whole API on one screen.

mod analyses;
mod authorize;
mod folders;
mod media;
mod static_files;
mod system;

use crate::app::App;
use crate::auth::Access;
use crate::error::{Error, Result};
use crate::view::View;
use oz_domain::{Action, Object, Scope};
use oz_http::{Response, Route, any_of, json_reply, under};
use oz_store::{Page, Sort, SortBy};
use oz_wire::{Code, ListQuery};
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderValue;

/// Every route.
pub(crate) fn routes(app: &App) -> Route {
    let api = any_of([
        under("folders", folders::routes(app)),
        under("analyses", analyses::routes(app)),
        under("media", media::routes(app)),
        under("authorize", authorize::routes(app)),
        under("static", static_files::routes(app)),
        system::routes(app),
    ]);
    under("api", api)
}

/// The private listener's routes.
pub(crate) fn private(app: &App) -> Route {
    system::private(app)
}

/// Gives the handler its own handle on the app.
fn with(app: &App) -> BoxedFilter<(App,)> {
    let app = app.clone();
    warp::any().map(move || app.clone()).boxed()
}

/// The start of a link back to us, as the client sees us.
fn origin(app: &App) -> BoxedFilter<(String,)> {
    let (fixed, tls) = (app.settings.public_url.clone(), app.settings.tls.is_some());
    oz_http::header("host")
        .map(move |host: Option<String>| match (&fixed, host) {
            (Some(url), _) => url.clone(),
            (None, Some(host)) => format!("{}://{host}", if tls { "https" } else { "http" }),
            (None, None) => String::new(),
        })
        .boxed()
}

/// How answers are shown to this caller.
fn view(app: &App, access: &Access, origin: String) -> View {
    let sees_details = access.scope(Object::Analysis, Action::ReadDetails) != Scope::None;
    View { origin, legacy: app.settings.legacy_names, details: sees_details || app.settings.quality_details }
}

/// The page that a list's query asks for.
fn page_of(query: &ListQuery) -> Result<Page> {
    let sort = query.sort.map(|sort| match sort {
        oz_wire::Sort::Created { descending } => Sort { by: SortBy::Created, descending },
        oz_wire::Sort::Updated { descending } => Sort { by: SortBy::Updated, descending },
    });
    let after = query.cursor.as_deref().map(str::parse).transpose()?;
    if after.is_some() && query.offset > 0 {
        return Err(Error::value("offset", &query.offset.to_string(), "0 beside a cursor, or no cursor"));
    }
    Ok(Page { limit: query.limit, offset: query.offset, after, sort, total: !query.total_omit })
}

/// A bare array, cut to the asked page, with the number of all in `X-Total-Count` (decision 5). For lists that are short
/// by nature, and so read whole.
fn counted<T: Serialize>(all: Vec<T>, query: &ListQuery) -> Response {
    let total = all.len();
    let page: Vec<T> = all.into_iter().skip(query.offset as usize).take(query.limit as usize).collect();
    let mut response = json_reply(&page);
    if !query.total_omit {
        response.headers_mut().insert("x-total-count", HeaderValue::from(total));
    }
    response
}

/// What one sees and may not change is forbidden, not hidden.
fn forbidden(error: oz_store::Error, what: &str) -> Error {
    match error {
        oz_store::Error::NotFound => Error::new(Code::AuthForbidden, format!("this user may not {what}")),
        other => Error::Store(other),
    }
}
