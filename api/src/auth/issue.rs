//! New sessions and the tokens that speak for them.

use super::token::{Claims, unix};
use crate::app::App;
use crate::settings::Api;
use oz_domain::{Millis, Role, SessionKind, TokenId};
use oz_store::sessions::Session;
use oz_store::users::User;
use std::time::Duration;

/// Longest life of a token for a capture, and of any token on a stateless node (decision 9).
pub(crate) const SHORT: Duration = Duration::from_secs(15 * 60);

/// Life of a session of this kind and role.
pub(crate) fn life(settings: &Api, role: Role, kind: SessionKind) -> Duration {
    match kind {
        SessionKind::Service => settings.session_longlive_ttl,
        SessionKind::Person if role == Role::Admin && settings.admin_longlive => settings.session_longlive_ttl,
        SessionKind::Person => settings.session_ttl,
        SessionKind::Capture => settings.session_ttl.min(SHORT),
    }
}

/// A session of its own family that is not stored yet and cannot be refreshed.
pub(crate) fn session(settings: &Api, user: &User, kind: SessionKind, now: Millis) -> Session {
    Session::new(TokenId::new(now), user.id, kind, now, now.plus(life(settings, user.role, kind)))
}

/// The signed token of a session.
pub(crate) fn token(app: &App, user: &User, session: &Session) -> String {
    app.auth.tokens.issue(&Claims {
        sub: user.id,
        jti: session.id,
        exp: unix(session.time_expires),
        iat: unix(session.time_created),
        role: user.role,
        company_id: (!user.role.is_system()).then_some(user.company_id),
        purpose: (session.kind == SessionKind::Capture).then_some(session.kind),
    })
}
