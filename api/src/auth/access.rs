//! Who calls, how far it reaches, and whether it still may.

use super::{check_active, unknown_token};
use crate::audit::By;
use crate::error::Result;
use oz_domain::{Action, AnalysisKind, Millis, Object, RequestId, Scope, SessionKind, UserId, allowed};
use oz_http::RequestMeta;
use oz_store::sessions::{self, Session};
use oz_store::users::User;
use oz_store::{AnyConn, Viewer};
use std::net::IpAddr;
use std::sync::Arc;

/// All that a token of a capture is good for, with what its user owns; nothing is read, nothing else is made
/// (`oz-api.md` 3.4).
const CAPTURE: [(Object, Action); 3] =
    [(Object::Folder, Action::Create), (Object::Media, Action::Create), (Object::Analysis, Action::Start)];

/// A logged-in user.
#[derive(Clone)]
pub(crate) struct Caller {
    pub(crate) user: Arc<User>,
    pub(crate) session: Arc<Session>,
}

impl Caller {
    /// How far this caller may go: by its role, and with a token of a capture hardly anywhere.
    pub(super) fn scope(&self, object: Object, action: Action) -> Scope {
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
    /// The same as somebody who comes to a door.
    pub(crate) visitor: Visitor,
}

impl Access {
    /// Who does it and from where, for the audit log.
    pub(crate) fn by(&self) -> By {
        self.visitor.by(Some(self.caller.user.id))
    }

    /// Asks again, in the transaction that writes: since the caller came, its body may have taken long to arrive, and the
    /// session may have ended, the user been shut out or got another role.
    ///
    /// # Errors
    /// As an unknown token, or code 1401.
    pub(crate) fn still(&self, conn: &mut AnyConn, now: Millis) -> Result<()> {
        let (session, user) = match sessions::get_with_user(conn, self.caller.session.id) {
            Err(oz_store::Error::NotFound) => return Err(unknown_token()),
            other => other?,
        };
        check_active(&user)?;
        let may = |user: &User| {
            let starts = AnalysisKind::ALL.iter().map(|kind| user.can_start(*kind)).collect::<Vec<_>>();
            (user.role, user.company_id, starts)
        };
        if session.is_live(now) && may(&user) == may(&self.caller.user) {
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
    /// Who sends a request.
    pub(crate) fn of(meta: &RequestMeta) -> Self {
        Self { request: meta.id, address: meta.client.0 }
    }

    /// For the audit log: `user` is who it turned out to be.
    pub(crate) fn by(self, user: Option<UserId>) -> By {
        By { user, request: Some(self.request), address: Some(self.address) }
    }
}
