//! Who calls: access tokens, sessions, and how far the caller may see.

mod access;
pub(crate) mod change;
pub(crate) mod enter;
pub(crate) mod issue;
pub(crate) mod ldap;
pub(crate) mod lockout;
pub(crate) mod password;
pub(crate) mod policy;
mod rank;
mod seen;
pub(crate) mod stateless;
pub(crate) mod throttle;
pub(crate) mod token;

use crate::app::App;
use crate::error::{Error, Result};
use crate::links::Links;
use crate::settings::{Api, Components};
pub(crate) use access::{Access, Caller, Visitor};
use issue::life;
use ldap::Directory;
use lockout::Lockout;
use oz_domain::{Action, AuthSource, Object, Role, Scope, SessionKind};
use oz_http::{ApiError, RequestMeta};
use oz_store::Viewer;
use oz_store::sessions;
use oz_store::users::User;
use oz_wire::Code;
use password::Passwords;
use seen::Seen;
use sha2::{Digest as _, Sha256};
use std::sync::Arc;
use throttle::{Class, Throttle};
use token::{Tokens, unix};
use warp::Filter;
use warp::filters::BoxedFilter;

/// Tokens, passwords, and who comes too often.
pub(crate) struct Auth {
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    pub(crate) lockout: Lockout,
    pub(crate) throttle: Throttle,
    /// Signs links to files, when files are seen by links.
    pub(crate) links: Option<Arc<Links>>,
    /// Where other people's passwords are.
    pub(crate) directory: Option<Directory>,
    seen: Seen,
}

impl Auth {
    /// Loads the keys of the settings, or makes a pair in the data folder.
    pub(crate) fn open(settings: &Api) -> anyhow::Result<Self> {
        let tokens = match &settings.jwt_keys {
            Some((private, public)) => Tokens::load(private, public.as_deref())?,
            None => Tokens::load_or_create(&settings.data_dir.join("secrets/jwt.pem"))?,
        };
        Ok(Self {
            lockout: Lockout::new(tokens.derive("oz-counters/v1")),
            links: settings.static_link_ttl.map(|life| Arc::new(Links::new(tokens.derive("oz-links/v1"), life))),
            throttle: Throttle::new(settings.throttling, settings.throttling_shared),
            tokens,
            passwords: Passwords::new(),
            directory: Directory::open(settings)?,
            seen: Seen::default(),
        })
    }
}

fn no_token() -> Error {
    Error::new(Code::AuthNotProvided, "no access token: send X-Forensic-Access-Token")
}

fn unknown_token() -> Error {
    Error::new(Code::AuthInvalid, "the access token is not known")
}

/// Refuses a user that is switched off (code 1401).
pub(crate) fn check_active(user: &User) -> Result<()> {
    if user.is_active { Ok(()) } else { Err(Error::new(Code::Blocked, Code::Blocked.meaning())) }
}

/// Who sends this token, as the session row says.
///
/// The token's own times are not looked at: the row is the truth, so that the clocks of several nodes need not agree.
async fn authenticate(app: &App, token: Option<String>) -> Result<Caller> {
    if app.settings.components == Components::Stateless {
        return stateless::caller(app, token.as_deref());
    }
    let token = token.ok_or_else(no_token)?;
    let now = app.now();
    let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    if let Some(caller) = app.auth.seen.recall(&key, now) {
        return Ok(caller);
    }
    let mut revocations = app.auth.seen.revocations();
    let claims = app.auth.tokens.verify(&token).ok_or_else(unknown_token)?;
    let found = app.db.read(move |conn| sessions::get_with_user(conn, claims.jti)).await;
    let (mut session, user) = match found {
        Err(oz_store::Error::NotFound) => return Err(unknown_token()),
        other => other?,
    };
    let fits = (claims.purpose == Some(SessionKind::Capture)) == (session.kind == SessionKind::Capture);
    let served = session.kind != SessionKind::Service || user.role == Role::ClientService;
    if session.user_id != claims.sub || !fits || !served {
        return Err(unknown_token());
    }
    check_active(&user)?;
    if session.time_revoked.is_some() {
        return Err(unknown_token());
    }
    if !session.is_live(now) {
        return Err(Error::new(Code::AuthExpired, "the access token has expired: log in or refresh"));
    }
    if let Some(directory) = app.auth.directory.as_ref().filter(|_| user.auth_source == AuthSource::Ldap)
        && session.kind == SessionKind::Person
        && directory.must_be_asked(session.family, now)
    {
        return Err(Error::new(Code::AuthExpired, "log in again: the directory has to be asked"));
    }
    let life = life(&app.settings, user.role, session.kind);
    // Every use extends the life, but for a capture's; written at most once in a tenth of it (decision 9), and always when
    // this session replaces another, which ends now.
    let extends = session.kind != SessionKind::Capture && now.since(session.time_seen) >= life / 10;
    if session.predecessor.is_some() || extends {
        let (id, expires) = (session.id, now.plus(life));
        let predecessor = session.predecessor;
        session = match app.db.write(move |conn| sessions::touch(conn, id, now, expires)).await {
            // Ended since it was read.
            Err(oz_store::Error::NotFound) => return Err(unknown_token()),
            other => other?,
        };
        if let Some(predecessor) = predecessor {
            app.auth.forget(&[predecessor]);
            // Its own doing; should another end in the same moment, the next request asks the database again.
            revocations += 1;
        }
    }
    let due =
        if session.kind == SessionKind::Capture { session.time_expires } else { session.time_seen.plus(life / 10) };
    let caller = Caller { user: Arc::new(user), session: Arc::new(session) };
    app.auth.seen.remember(key, now, due, caller.clone(), revocations);
    Ok(caller)
}

/// A caller who may do `action` to `object` somewhere; how far says [`Access::viewer`]. Nothing else of the request is
/// read before this.
pub(crate) fn user(app: &App, object: Object, action: Action) -> BoxedFilter<(Access,)> {
    let app = app.clone();
    oz_http::access_token()
        .and(oz_http::meta())
        .and_then(move |token: Option<String>, meta: RequestMeta| {
            let app = app.clone();
            async move {
                enter(&app, token, &meta, object, action).await.map_err(|e| ApiError::from(e).into()) as Entered<_>
            }
        })
        .boxed()
}

/// Somebody without a token: at the doors where one gets a token or a password.
pub(crate) fn visitor(app: &App) -> BoxedFilter<(Visitor,)> {
    let app = app.clone();
    oz_http::meta()
        .and_then(move |meta: RequestMeta| {
            let app = app.clone();
            async move {
                let visitor = Visitor::of(&meta);
                let checked = throttle::check(&app, Class::Auth, &oz_http::neighbourhood(visitor.address)).await;
                checked.map(|()| visitor).map_err(|e| ApiError::from(e).into()) as Entered<_>
            }
        })
        .boxed()
}

type Entered<T> = std::result::Result<T, warp::Rejection>;

async fn enter(app: &App, token: Option<String>, meta: &RequestMeta, object: Object, action: Action) -> Result<Access> {
    let caller = match authenticate(app, token).await {
        Ok(caller) => caller,
        // Whoever tries tokens is slowed down; the database being down is nobody's fault.
        Err(refusal @ Error::Api(_)) => {
            throttle::check(app, Class::Unauthorized, &oz_http::neighbourhood(meta.client.0)).await?;
            return Err(refusal);
        }
        Err(error) => return Err(error),
    };
    throttle::check(app, Class::WithToken, &caller.session.id.to_string()).await?;
    tracing::Span::current().record("user_id", tracing::field::display(caller.user.id));
    meta.tell(
        warp::http::HeaderName::from_static("x-token-expires"),
        warp::http::HeaderValue::from(unix(caller.session.time_expires)),
    );
    let user = &caller.user;
    let scope = caller.scope(object, action);
    if scope == Scope::None {
        let who = if caller.session.kind == SessionKind::Capture { "a token for capture" } else { user.role.as_str() };
        return Err(Error::new(Code::AuthForbidden, format!("{who} may not {action} a {object}")));
    }
    let viewer = Viewer::of(scope, user.company_id, user.id);
    Ok(Access { caller, viewer, visitor: Visitor::of(meta) })
}
