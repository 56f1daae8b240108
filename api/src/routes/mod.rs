//! The whole API on one screen.

mod analyses;
mod audit;
mod authorize;
mod companies;
mod folders;
mod media;
mod passwords;
mod restore;
mod sessions;
mod static_files;
mod subjects;
mod system;
mod tokens;
mod users;

use crate::app::App;
use crate::auth::Access;
use crate::error::{Error, Result};
use crate::settings::Components;
use crate::view::View;
use oz_domain::{Action, Millis, Object, Scope};
use oz_http::{Response, Route, any_of, json_reply, under};
use oz_store::{Page, Sort, SortBy};
use oz_wire::ListQuery;
use serde::Serialize;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderValue;

/// The pairs of a query.
type Pairs = Vec<(String, String)>;

/// Every route. A node without rows has none that would need them.
pub(crate) fn routes(app: &App) -> Route {
    if app.settings.components == Components::Stateless {
        return under("api", system::routes(app));
    }
    let api = any_of([
        under("folders", folders::routes(app)),
        under("analyses", analyses::routes(app)),
        under("media", media::routes(app)),
        under("authorize", authorize::routes(app)),
        under("companies", companies::routes(app)),
        under("users", any_of([sessions::routes(app), passwords::routes(app), users::routes(app)])),
        under("subjects", subjects::routes(app)),
        under("static", static_files::routes(app)),
        under("audit", audit::routes(app)),
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
    oz_http::meta()
        .map(move |meta: oz_http::RequestMeta| match (&fixed, meta.authority) {
            (Some(url), _) => url.clone(),
            (None, Some(host)) => format!("{}://{host}", if tls { "https" } else { "http" }),
            (None, None) => String::new(),
        })
        .boxed()
}

/// How answers are shown to this caller.
fn view(app: &App, access: &Access, origin: String) -> View {
    let sees_details = access.scope(Object::Analysis, Action::ReadDetails) != Scope::None;
    View {
        origin,
        legacy: app.settings.legacy_names,
        details: sees_details || app.settings.quality_details,
        // A capture's token shows nothing, not by a link either.
        links: app.auth.links.clone().filter(|_| !access.is_capture()).map(|links| (links, app.now())),
    }
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

/// What a row of a short list is ordered and found by: id, time of creation, time of the last change.
type Key = (String, f64, f64);

/// A bare array, filtered, ordered and cut to the asked page, with the number of all in `X-Total-Count` and the next cursor
/// in `X-Next-Cursor` (decision 5). For lists that are short by nature, and so read whole.
fn counted<T: Serialize>(mut all: Vec<T>, query: &ListQuery, key: impl Fn(&T) -> Key) -> Result<Response> {
    let within = |time: f64, min: Option<Millis>, max: Option<Millis>| {
        min.is_none_or(|min| time >= min.as_seconds()) && max.is_none_or(|max| time <= max.as_seconds())
    };
    all.retain(|row| {
        let (_, created, updated) = key(row);
        within(created, query.created_min, query.created_max) && within(updated, query.updated_min, query.updated_max)
    });
    let (by_update, descending) = match query.sort {
        None => (false, false),
        Some(oz_wire::Sort::Created { descending }) => (false, descending),
        Some(oz_wire::Sort::Updated { descending }) => (true, descending),
    };
    all.sort_by(|a, b| {
        let order = |row: &T| {
            let (id, created, updated) = key(row);
            (if by_update { updated } else { created }, id)
        };
        let ((time, id), (other_time, other_id)) = (order(a), order(b));
        let rising = time.total_cmp(&other_time).then(id.cmp(&other_id));
        if descending { rising.reverse() } else { rising }
    });
    let total = all.len();
    let after = match &query.cursor {
        None => 0,
        Some(cursor) => all
            .iter()
            .position(|row| key(row).0 == *cursor)
            .map(|at| at + 1)
            .ok_or_else(|| Error::value("cursor", cursor, "an X-Next-Cursor of this list"))?,
    };
    let skip = after + query.offset as usize;
    let page: Vec<T> = all.into_iter().skip(skip).take(query.limit as usize).collect();
    let next = page.last().filter(|_| skip + page.len() < total).map(|row| key(row).0);
    let mut response = json_reply(&page);
    if !query.total_omit {
        response.headers_mut().insert("x-total-count", HeaderValue::from(total));
    }
    if let Some(Ok(next)) = next.map(|id| HeaderValue::from_str(&id)) {
        response.headers_mut().insert("x-next-cursor", next);
    }
    Ok(response)
}
