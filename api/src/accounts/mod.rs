//! The rules of users and companies, the same for the API and the command line: who may change what, and what is
//! written of it.

pub(crate) mod companies;
pub(crate) mod users;

use crate::app::App;
use crate::audit::{self, By, Deed};
use crate::auth::{Access, Visitor};
use crate::error::{Error, Result};
use oz_blobs::Keyring;
use oz_domain::{Action, CompanyId, Millis, Object, Role, Scope, UserId, allowed};
use oz_store::companies::SYSTEM;
use oz_store::{AnyConn, Viewer};
use oz_wire::Code;
use std::sync::Arc;

/// Longest name in characters.
const NAME: usize = 256;

/// The one who acts, with the keys and the time that the audit log needs.
#[derive(Clone)]
pub(crate) struct Hand {
    /// The caller; none for the machine itself, which may do what ADMIN may.
    access: Option<Access>,
    role: Role,
    company: CompanyId,
    user: UserId,
    by: By,
    keys: Arc<Keyring>,
    now: Millis,
}

impl Hand {
    /// The caller of a request.
    pub(crate) fn of(app: &App, access: &Access) -> Self {
        let user = &access.caller.user;
        Self {
            access: Some(access.clone()),
            role: user.role,
            company: user.company_id,
            user: user.id,
            by: access.by(),
            keys: Arc::clone(app.blobs.keys()),
            now: app.now(),
        }
    }

    /// Somebody on the machine itself: may do what ADMIN may.
    pub(crate) fn console(keys: Arc<Keyring>, now: Millis) -> Self {
        let nobody = UserId::from_uuid(uuid::Uuid::nil());
        Self { access: None, role: Role::Admin, company: SYSTEM, user: nobody, by: By::SYSTEM, keys, now }
    }

    /// The same on behalf of who comes to a door: the directory's word, written down with where it was asked from.
    pub(crate) fn asked_by(self, visitor: Visitor) -> Self {
        Self { by: visitor.by(None), ..self }
    }

    /// The time of the deed.
    pub(crate) const fn now(&self) -> Millis {
        self.now
    }

    fn scope(&self, object: Object, action: Action) -> Scope {
        self.access.as_ref().map_or_else(|| allowed(self.role, object, action), |access| access.scope(object, action))
    }

    /// What the hand reaches by this.
    pub(crate) fn reach(&self, object: Object, action: Action) -> Viewer {
        Viewer::of(self.scope(object, action), self.company, self.user)
    }

    /// Writes into the audit log.
    pub(crate) fn note(&self, conn: &mut AnyConn, deed: Deed) -> oz_store::Result<()> {
        audit::note(conn, &self.keys, self.by, self.now, deed)
    }
}

/// A text for people: trimmed, without control characters, of bounded length.
fn clean(field: &str, text: &str, least: usize) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least || length > NAME || text.chars().any(char::is_control) {
        let expected = format!("{least} to {NAME} characters, none of them a control character");
        return Err(Error::value(field, &format!("{length} characters"), &expected));
    }
    Ok(text.to_owned())
}

fn forbidden(what: impl Into<String>) -> Error {
    Error::new(Code::AuthForbidden, what)
}

fn conflict(what: impl Into<String>) -> Error {
    Error::new(Code::Conflict, what)
}
