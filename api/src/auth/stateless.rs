//! A node without rows (`OZ_APP_COMPONENTS=stateless`, decisions 9 and 48): signature and `exp` alone decide.
//!
//! Such a node cannot hear of a revocation, so it takes no token that was made for more than a quarter of an hour: no
//! service token, none of an appliance with a longer `OZ_SESSION_TTL`.

use super::issue::SHORT;
use super::{Caller, unknown_token};
use crate::app::App;
use crate::error::{Error, Result};
use crate::settings::Components;
use oz_domain::{CompanyId, Millis, Role, SessionKind, TokenId, UserId};
use oz_store::companies::SYSTEM;
use oz_store::sessions::Session;
use oz_store::users::User;
use oz_wire::Code;
use std::sync::Arc;
use std::time::Duration;

/// How far the clock of the node that issued a token may be ahead of ours.
const SKEW: Duration = Duration::from_secs(5 * 60);

/// Whether everybody may come in: told by health, which then warns.
pub(crate) fn is_open(app: &App) -> bool {
    app.settings.components == Components::Stateless && app.settings.authorize_disabled_stateless
}

/// Who sends this token, as the token itself says.
pub(super) fn caller(app: &App, token: Option<&str>) -> Result<Caller> {
    let now = app.now();
    if is_open(app) {
        // Anybody: a client of no company, who owns nothing.
        let session = Session::new(TokenId::new(now), UserId::new(now), SessionKind::Person, now, now.plus(SHORT));
        return Ok(caller_of(SYSTEM, Role::Client, session));
    }
    let token = token.ok_or_else(super::no_token)?;
    let claims = app.auth.tokens.verify(token).ok_or_else(unknown_token)?;
    let (issued, ends) = (seconds(claims.iat), seconds(claims.exp));
    if ends.since(issued) > SHORT || issued > now.plus(SKEW) {
        return Err(unknown_token());
    }
    if now >= ends {
        return Err(Error::new(Code::AuthExpired, "the access token has expired: log in or refresh"));
    }
    let kind = claims.purpose.unwrap_or(SessionKind::Person);
    let company = claims.company_id.unwrap_or(SYSTEM);
    Ok(caller_of(company, claims.role, Session::new(claims.jti, claims.sub, kind, issued, ends)))
}

fn seconds(time: i64) -> Millis {
    Millis::new(time.saturating_mul(1000))
}

/// What a token says of its user; the rest is not known here.
fn caller_of(company_id: CompanyId, role: Role, session: Session) -> Caller {
    let user = User::new(session.user_id, company_id, role, session.time_created);
    Caller { user: Arc::new(user), session: Arc::new(session) }
}
