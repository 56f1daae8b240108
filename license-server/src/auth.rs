//! Who may call: over the network by a secret, over the socket whoever may open its file.

use crate::app::App;
use crate::secrets::Right;
use oz_http::{ApiError, RequestMeta};
use oz_wire::Code;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Where a call came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// Over the network.
    Network,
    /// Over the socket in the file system.
    Socket,
}

/// The caller's right; refuses who has less than this.
pub(crate) fn at_least(app: &App, door: Door, least: Right) -> BoxedFilter<(Right,)> {
    right(app, door)
        .and_then(move |right: Option<Right>| async move {
            let refused = match right {
                Some(right) if right >= least => return Ok(right),
                Some(_) => ApiError::new(Code::AuthForbidden, "this call needs the admin token, not the join secret"),
                None => ApiError::new(Code::AuthNotProvided, "no secret: expected `Authorization: Bearer …`"),
            };
            Err(warp::Rejection::from(refused))
        })
        .boxed()
}

/// Refuses who has less than this right.
pub(crate) fn needs(app: &App, door: Door, least: Right) -> BoxedFilter<()> {
    at_least(app, door, least).map(|_| ()).untuple_one().boxed()
}

/// The caller's right; none without a secret. A wrong secret is refused, and one who shows many is told to wait.
pub(crate) fn right(app: &App, door: Door) -> BoxedFilter<(Option<Right>,)> {
    let app = app.clone();
    oz_http::header("authorization")
        .and(oz_http::meta())
        .and_then(move |header: Option<String>, meta: RequestMeta| {
            let right = if door == Door::Socket { Ok(Some(Right::Admin)) } else { shown(&app, header, &meta) };
            async move { right.map_err(warp::Rejection::from) }
        })
        .boxed()
}

fn shown(app: &App, header: Option<String>, meta: &RequestMeta) -> Result<Option<Right>, ApiError> {
    let Some(header) = header else { return Ok(None) };
    let secret = header.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    // The right secret is never throttled: nobody locks a node out by guessing from its address.
    if let Some(right) = secret.and_then(|(_, secret)| app.secrets.right_of(secret.trim())) {
        return Ok(Some(right));
    }
    app.wrong.check(meta.client.0)?;
    Err(ApiError::new(Code::AuthInvalid, "not the admin token or the join secret of this server"))
}
