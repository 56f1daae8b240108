//! Routes that read like a table, and one place where each request is refused.

use crate::error::{ApiError, Refused};
use oz_wire::Code;
use serde::Serialize;
use warp::filters::BoxedFilter;
use warp::http::StatusCode;
use warp::{Filter, Rejection, Reply};

/// warp's response.
pub type Response = warp::reply::Response;

/// One or more endpoints, and the names they were given (`"GET /api/folders/{folder_id}"`).
#[derive(Clone)]
pub struct Route {
    filter: BoxedFilter<(Response,)>,
    names: Vec<&'static str>,
}

/// The name of the endpoint that answered, for metrics and logs: a template, never a raw path.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RouteName(pub(crate) &'static str);

impl Route {
    /// The names of all endpoints.
    pub fn names(&self) -> &[&'static str] {
        &self.names
    }

    /// The filter itself, for a service or a test.
    pub fn filter(&self) -> BoxedFilter<(Response,)> {
        self.filter.clone()
    }
}

/// One endpoint. `name` is `METHOD /path/{with}/{templates}`; the filter gives the handler's result.
///
/// Whatever an extractor refuses becomes a response here. Only "not my path" and "not my method" travel on, so another
/// route's answer can never hide this one's.
pub fn endpoint<F, T, E>(name: &'static str, filter: F) -> Route
where
    F: Filter<Extract = (Result<T, E>,), Error = Rejection> + Clone + Send + Sync + 'static,
    F::Future: Send,
    T: Reply + Send + 'static,
    E: Into<ApiError> + Send + 'static,
{
    let filter = filter
        .map(|result: Result<T, E>| match result {
            Ok(reply) => reply.into_response(),
            Err(error) => error.into().into_response(),
        })
        .boxed()
        .recover(refuse)
        .unify()
        .map(move |mut response: Response| {
            response.extensions_mut().insert(RouteName(name));
            response
        })
        .boxed();
    Route { filter, names: vec![name] }
}

/// Tries the routes as a balanced tree: the depth, and with it the cost of the last one, is logarithmic.
pub fn any_of(routes: impl IntoIterator<Item = Route>) -> Route {
    let mut level: Vec<Route> = routes.into_iter().collect();
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut pairs = level.into_iter();
        while let Some(first) = pairs.next() {
            next.push(match pairs.next() {
                Some(second) => Route {
                    filter: first.filter.or(second.filter).unify().boxed(),
                    names: [first.names, second.names].concat(),
                },
                None => first,
            });
        }
        level = next;
    }
    // No routes at all: nothing matches.
    level.pop().unwrap_or_else(|| Route {
        filter: warp::any().and_then(|| async { Err::<Response, _>(warp::reject::not_found()) }).boxed(),
        names: Vec::new(),
    })
}

/// The routes below one path segment.
pub fn under(segment: &'static str, route: Route) -> Route {
    Route { filter: warp::path(segment).and(route.filter).boxed(), names: route.names }
}

/// JSON with status 200.
pub fn json_reply<T: Serialize>(body: &T) -> Response {
    warp::reply::json(body).into_response()
}

/// JSON with another status.
pub fn reply_status<T: Serialize>(status: StatusCode, body: &T) -> Response {
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}

/// An extractor's refusal as a response; anything else goes on to the next route.
async fn refuse(rejection: Rejection) -> Result<Response, Rejection> {
    match rejection.find::<Refused>() {
        Some(Refused(error)) => Ok(error.clone().into_response()),
        None => Err(rejection),
    }
}

/// What is left when no route took the request: 405 when the path exists (`Allow` is added by the server, which knows all
/// names), else 404.
pub(crate) async fn last(rejection: Rejection) -> Result<Response, Rejection> {
    let error = if let Some(Refused(error)) = rejection.find::<Refused>() {
        error.clone()
    } else if rejection.is_not_found() {
        ApiError::not_found("path")
    } else if rejection.find::<warp::reject::MethodNotAllowed>().is_some() {
        ApiError::new(Code::NotAllowed, "method not allowed here")
    } else if warp_refused(&rejection) {
        ApiError::new(Code::InvalidStructure, "a header, the query or the body cannot be read")
    } else {
        ApiError::internal(Code::Unknown, format!("{rejection:?}"))
    };
    Ok(error.into_response())
}

/// Refusals of warp's own extractors. Ours name what came; these are the client's fault nevertheless.
fn warp_refused(rejection: &Rejection) -> bool {
    use warp::reject as r;
    rejection.find::<r::InvalidHeader>().is_some()
        || rejection.find::<r::MissingHeader>().is_some()
        || rejection.find::<r::InvalidQuery>().is_some()
        || rejection.find::<r::LengthRequired>().is_some()
        || rejection.find::<r::PayloadTooLarge>().is_some()
        || rejection.find::<r::UnsupportedMediaType>().is_some()
}

/// The methods that endpoints with these names have at a path, HEAD and OPTIONS with them; none when there is no such path.
pub(crate) fn allowed_methods(names: &[&'static str], path: &str) -> Vec<&'static str> {
    let asked: Vec<&str> = segments(path).collect();
    let mut methods: Vec<&'static str> = names
        .iter()
        .filter_map(|name| name.split_once(' '))
        .filter(|(_, template)| fits(template, &asked))
        .map(|(method, _)| method)
        .collect();
    if methods.contains(&"GET") {
        methods.push("HEAD");
    }
    if !methods.is_empty() {
        methods.push("OPTIONS");
    }
    methods.sort_unstable();
    methods.dedup();
    methods
}

fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter(|s| !s.is_empty())
}

fn fits(template: &str, asked: &[&str]) -> bool {
    let parts: Vec<&str> = segments(template).collect();
    parts.len() == asked.len() && parts.iter().zip(asked).all(|(part, came)| part.starts_with('{') || part == came)
}
