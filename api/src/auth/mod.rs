//! Who calls: access tokens, sessions, and how far the caller may see.

pub(crate) mod change;
pub(crate) mod enter;
pub(crate) mod issue;
pub(crate) mod ldap;
pub(crate) mod lockout;
pub(crate) mod password;
pub(crate) mod policy;
mod seen;
pub(crate) mod stateless;
pub(crate) mod throttle;
pub(crate) mod token;

use crate::app::App;
use crate::audit::By;
use crate::error::{Error, Result};
use crate::links::Links;
use crate::settings::{Api, Components};
use issue::life;
use ldap::Directory;
use lockout::Lockout;
use oz_domain::{Action, AuthSource, Millis, Object, RequestId, Role, Scope, SessionKind, allowed};
use oz_http::{ApiError, RequestMeta};
use oz_store::sessions::{self, Session};
use oz_store::users::User;
use oz_store::{AnyConn, Viewer};
use oz_wire::Code;
use password::Passwords;
use seen::Seen;
use sha2::{Digest as _, Sha256};
use std::net::IpAddr;
use std::sync::Arc;
use throttle::{Class, Throttle};
use token::{Tokens, unix};
use warp::Filter;
use warp::filters::BoxedFilter;

/// All that a token of a capture is good for, with what its user owns; nothing is read, nothing else is made
/// (`oz-api.md` 3.4).
const CAPTURE: [(Object, Action); 3] =
    [(Object::Folder, Action::Create), (Object::Media, Action::Create), (Object::Analysis, Action::Start)];

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
            None => {
                let folder = settings.data_dir.join("secrets");
                fs_err::create_dir_all(&folder)?;
                Tokens::load_or_create(&folder.join("jwt.pem"))?
            }
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

impl App {
    /// [`oz_store::Db::write`] for a caller: refused when it may not act any more by then. Every handler that changes
    /// something writes by this.
    pub(crate) async fn write_as<T: Send + 'static>(
        &self,
        access: &Access,
        change: impl Fn(&mut AnyConn) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let (access, now) = (access.clone(), self.now());
        self.db
            .write(move |conn| {
                access.still(conn, now)?;
                change(conn)
            })
            .await
    }
}

/// A logged-in user.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) user: Arc<User>,
    pub(crate) session: Arc<Session>,
}

impl Caller {
    /// How far this caller may go: by its role, and with a token of a capture hardly anywhere.
    fn scope(&self, object: Object, action: Action) -> Scope {
        let scope = allowed(self.user.role, object, action);
        if self.session.kind != SessionKind::Capture || scope == Scope::None {
            return scope;
        }
        if CAPTURE.contains(&(object, action)) { Scope::Own } else { Scope::None }
    }
}

/// A caller with the reach that the permission table gives for what is asked.
#[derive(Clone)]
pub(crate) struct Access {
    pub(crate) caller: Caller,
    pub(crate) viewer: Viewer,
    request: RequestId,
    address: IpAddr,
}

impl Access {
    /// Who does it and from where, for the audit log.
    pub(crate) fn by(&self) -> By {
        By { user: Some(self.caller.user.id), request: Some(self.request), address: Some(self.address) }
    }

    /// The same as somebody who comes to a door.
    pub(crate) fn visitor(&self) -> Visitor {
        Visitor { request: self.request, address: self.address }
    }

    /// Asks again, in the transaction that writes: since the caller came, its body may have taken long to arrive, and the
    /// session may have ended, the user been shut out or got another role.
    ///
    /// # Errors
    /// As an unknown token, or code 1401.
    fn still(&self, conn: &mut AnyConn, now: Millis) -> Result<()> {
        let (session, user) = match sessions::get_with_user(conn, self.caller.session.id) {
            Err(oz_store::Error::NotFound) => return Err(unknown_token()),
            other => other?,
        };
        check_active(&user)?;
        let came = &self.caller.user;
        if session.is_live(now) && (user.role, user.company_id) == (came.role, came.company_id) {
            return Ok(());
        }
        Err(unknown_token())
    }

    /// Whether the caller has only the token of a capture.
    pub(crate) fn is_capture(&self) -> bool {
        self.caller.session.kind == SessionKind::Capture
    }

    /// How far the same caller may go in something else.
    pub(crate) fn scope(&self, object: Object, action: Action) -> Scope {
        self.caller.scope(object, action)
    }

    /// What the same caller reaches by something else.
    pub(crate) fn reach(&self, object: Object, action: Action) -> Viewer {
        let user = &self.caller.user;
        Viewer::of(self.scope(object, action), user.company_id, user.id)
    }
}

/// Somebody who wants to come in, and has not come too often.
#[derive(Clone, Copy)]
pub(crate) struct Visitor {
    pub(crate) request: RequestId,
    pub(crate) address: IpAddr,
}

impl Visitor {
    /// For the audit log: `user` is who it turned out to be.
    pub(crate) fn by(self, user: Option<oz_domain::UserId>) -> By {
        By { user, request: Some(self.request), address: Some(self.address) }
    }
}

fn refused(code: Code, text: &str) -> Error {
    Error::new(code, text)
}

fn no_token() -> Error {
    refused(Code::AuthNotProvided, "no access token: send X-Forensic-Access-Token")
}

fn unknown_token() -> Error {
    refused(Code::AuthInvalid, "the access token is not known")
}

/// Refuses a user that is switched off (code 1401).
pub(crate) fn check_active(user: &User) -> Result<()> {
    if user.is_active { Ok(()) } else { Err(refused(Code::Blocked, Code::Blocked.meaning())) }
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
        return Err(refused(Code::AuthExpired, "the access token has expired: log in or refresh"));
    }
    if let Some(directory) = app.auth.directory.as_ref().filter(|_| user.auth_source == AuthSource::Ldap)
        && session.kind == SessionKind::Person
        && directory.must_be_asked(session.family, now)
    {
        return Err(refused(Code::AuthExpired, "log in again: the directory has to be asked"));
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
                let visitor = Visitor { request: meta.id, address: meta.client.0 };
                let checked = throttle::check(&app, Class::Auth, &lockout::neighbourhood(visitor.address)).await;
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
            throttle::check(app, Class::Unauthorized, &lockout::neighbourhood(meta.client.0)).await?;
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
    Ok(Access { caller, viewer, request: meta.id, address: meta.client.0 })
}
