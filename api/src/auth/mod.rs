//! Who calls: access tokens, sessions, and how far the caller may see.

pub(crate) mod password;
pub(crate) mod token;

use crate::app::App;
use crate::audit::By;
use crate::error::{Error, Result};
use crate::settings::Api;
use oz_domain::{Action, Millis, Object, RequestId, Role, Scope, SessionKind, TokenId, UserId, allowed};
use oz_http::{ApiError, RequestMeta};
use oz_store::Viewer;
use oz_store::sessions::{self, Session};
use oz_store::users::User;
use oz_wire::Code;
use password::Passwords;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use token::{Claims, KeyError, Tokens, unix};
use warp::Filter;
use warp::filters::BoxedFilter;

/// How long a verified token is believed without asking the database (decision 9).
const BELIEVED: Duration = Duration::from_secs(5);
/// Tokens remembered at once.
const REMEMBERED: usize = 10_000;

/// Tokens, passwords, and the tokens verified a moment ago.
pub(crate) struct Auth {
    pub(crate) tokens: Tokens,
    pub(crate) passwords: Passwords,
    seen: Mutex<HashMap<[u8; 32], Seen>>,
    /// How often sessions were ended on this node.
    revocations: AtomicU64,
}

#[derive(Clone)]
struct Seen {
    at: Millis,
    caller: Caller,
}

/// A logged-in user.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) user: Arc<User>,
    pub(crate) session: Arc<Session>,
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

    /// How far the same caller may go in something else.
    pub(crate) fn scope(&self, object: Object, action: Action) -> Scope {
        allowed(self.caller.user.role, object, action)
    }

    /// What the same caller reaches by something else.
    pub(crate) fn reach(&self, object: Object, action: Action) -> Viewer {
        let user = &self.caller.user;
        Viewer::of(self.scope(object, action), user.company_id, user.id)
    }
}

impl Auth {
    /// Loads the keys of the settings, or makes a pair in the data folder.
    pub(crate) fn open(settings: &Api) -> std::result::Result<Self, KeyError> {
        let tokens = match &settings.jwt_keys {
            Some((private, public)) => Tokens::load(private, public.as_deref())?,
            None => {
                let folder = settings.data_dir.join("secrets");
                fs_err::create_dir_all(&folder)?;
                Tokens::load_or_create(&folder.join("jwt.pem"))?
            }
        };
        Ok(Self { tokens, passwords: Passwords::new(), seen: Mutex::default(), revocations: AtomicU64::new(0) })
    }

    /// Forgets verified tokens of these sessions: a revocation counts on this node at once.
    pub(crate) fn forget(&self, ended: &[TokenId]) {
        self.forget_those(|session| ended.contains(&session.id));
    }

    /// Forgets what was verified of a user: what it is and may do has changed.
    pub(crate) fn forget_user(&self, user: UserId) {
        self.forget_those(|session| session.user_id == user);
    }

    /// Forgets a whole chain of refreshes.
    pub(crate) fn forget_family(&self, family: TokenId) {
        self.forget_those(|session| session.family == family);
    }

    fn forget_those(&self, which: impl Fn(&Session) -> bool) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        // Under the lock: who read a row before this moment may not remember it after.
        self.revocations.fetch_add(1, Ordering::SeqCst);
        seen.retain(|_, s| !which(&s.caller.session));
    }

    fn recall(&self, key: &[u8; 32], now: Millis) -> Option<Caller> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let found = seen.get(key).filter(|s| now.since(s.at) < BELIEVED && now >= s.at)?;
        found.caller.session.is_live(now).then(|| found.caller.clone())
    }

    /// `revocations`: as they stood before the row was read.
    fn remember(&self, key: [u8; 32], now: Millis, caller: Caller, revocations: u64) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if self.revocations.load(Ordering::SeqCst) != revocations {
            return;
        }
        if seen.len() >= REMEMBERED {
            seen.retain(|_, s| now.since(s.at) < BELIEVED);
            if seen.len() >= REMEMBERED {
                seen.clear();
            }
        }
        seen.insert(key, Seen { at: now, caller });
    }
}

/// Life of a session of this kind and role.
pub(crate) fn life(settings: &Api, role: Role, kind: SessionKind) -> Duration {
    match kind {
        SessionKind::Service => settings.session_longlive_ttl,
        SessionKind::Person if role == Role::Admin && settings.admin_longlive => settings.session_longlive_ttl,
        SessionKind::Person | SessionKind::Capture => settings.session_ttl,
    }
}

/// The claims of a session's token.
pub(crate) fn claims(user: &User, session: &Session) -> Claims {
    Claims {
        sub: user.id,
        jti: session.id,
        exp: unix(session.time_expires),
        iat: unix(session.time_created),
        role: user.role,
        company_id: (!user.role.is_system()).then_some(user.company_id),
    }
}

/// Refuses a user that is switched off (code 1401).
pub(crate) fn check_active(user: &User) -> Result<()> {
    if user.is_active { Ok(()) } else { Err(Error::new(Code::Blocked, Code::Blocked.meaning())) }
}

/// Who sends this token, as the session row says.
async fn authenticate(app: &App, token: Option<String>) -> Result<Caller> {
    let token =
        token.ok_or_else(|| Error::new(Code::AuthNotProvided, "no access token: send X-Forensic-Access-Token"))?;
    let now = app.now();
    let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
    if let Some(caller) = app.auth.recall(&key, now) {
        return Ok(caller);
    }
    let unknown = || Error::new(Code::AuthInvalid, "the access token is not known");
    let mut revocations = app.auth.revocations.load(Ordering::SeqCst);
    let claims = app.auth.tokens.verify(&token).ok_or_else(unknown)?;
    let found = app.db.read(move |conn| sessions::get_with_user(conn, claims.jti)).await;
    let (mut session, user) = match found {
        Err(oz_store::Error::NotFound) => return Err(unknown()),
        other => other?,
    };
    if session.user_id != claims.sub || session.time_revoked.is_some() {
        return Err(unknown());
    }
    if !session.is_live(now) {
        return Err(Error::new(Code::AuthExpired, "the access token has expired: log in or refresh"));
    }
    check_active(&user)?;
    let life = life(&app.settings, user.role, session.kind);
    // Every use extends the life; written at most once in a tenth of it (decision 9), and always when this session
    // replaces another, which ends now.
    if session.predecessor.is_some() || now.since(session.time_seen) >= life / 10 {
        let (id, expires) = (session.id, now.plus(life));
        let predecessor = session.predecessor;
        session = match app.db.write(move |conn| sessions::touch(conn, id, now, expires)).await {
            // Ended since it was read.
            Err(oz_store::Error::NotFound) => return Err(unknown()),
            other => other?,
        };
        if let Some(predecessor) = predecessor {
            app.auth.forget(&[predecessor]);
            // Its own doing; should another end in the same moment, the next request asks the database again.
            revocations += 1;
        }
    }
    let caller = Caller { user: Arc::new(user), session: Arc::new(session) };
    app.auth.remember(key, now, caller.clone(), revocations);
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
            async move { enter(&app, token, &meta, object, action).await.map_err(|e| ApiError::from(e).into()) as Entered }
        })
        .boxed()
}

type Entered = std::result::Result<Access, warp::Rejection>;

async fn enter(app: &App, token: Option<String>, meta: &RequestMeta, object: Object, action: Action) -> Result<Access> {
    let caller = authenticate(app, token).await?;
    tracing::Span::current().record("user_id", tracing::field::display(caller.user.id));
    meta.tell(
        warp::http::HeaderName::from_static("x-token-expires"),
        warp::http::HeaderValue::from(unix(caller.session.time_expires)),
    );
    let user = &caller.user;
    let scope = allowed(user.role, object, action);
    if scope == Scope::None {
        let text = format!("{} may not {action} a {object}", user.role);
        return Err(Error::new(Code::AuthForbidden, text));
    }
    let viewer = Viewer::of(scope, user.company_id, user.id);
    Ok(Access { caller, viewer, request: meta.id, address: meta.client.0 })
}
