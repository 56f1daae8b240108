//! The one who changes something: how far it may go, and what the audit log needs to know of it.

use crate::app::App;
use crate::audit::{self, By, Deed};
use crate::auth::{Access, Visitor};
use crate::error::Result;
use oz_blobs::Keyring;
use oz_domain::{Action, Millis, Object, Role, allowed};
use oz_store::companies::SYSTEM;
use oz_store::{AnyConn, Viewer};
use std::sync::Arc;

/// The one who acts.
#[derive(Clone)]
pub(crate) struct Hand {
    /// The caller; none for the machine itself, which may do what ADMIN may.
    access: Option<Access>,
    pub(crate) by: By,
    pub(crate) keys: Arc<Keyring>,
    /// The time of the deed.
    pub(crate) now: Millis,
}

impl Hand {
    /// Somebody on the machine itself.
    pub(crate) fn console(keys: Arc<Keyring>, now: Millis) -> Self {
        Self { access: None, by: By::SYSTEM, keys, now }
    }

    /// The same on behalf of who comes to a door: the directory's word, written down with where it was asked from.
    pub(crate) fn asked_by(self, visitor: Visitor) -> Self {
        Self { by: visitor.by(None), ..self }
    }

    /// The role it acts in.
    pub(crate) fn role(&self) -> Role {
        self.access.as_ref().map_or(Role::Admin, |access| access.caller.user.role)
    }

    /// What it reaches by this.
    pub(crate) fn reach(&self, object: Object, action: Action) -> Viewer {
        match &self.access {
            Some(access) => access.reach(object, action),
            // Whose eyes these are matters to nobody who sees all of it, or nothing.
            None => Viewer::of(
                allowed(Role::Admin, object, action),
                SYSTEM,
                oz_domain::UserId::from_uuid(uuid::Uuid::nil()),
            ),
        }
    }

    /// Writes into the audit log.
    pub(crate) fn note(&self, conn: &mut AnyConn, deed: Deed) -> oz_store::Result<()> {
        audit::note(conn, &self.keys, self.by, self.now, deed)
    }
}

impl App {
    /// [`oz_store::Db::write`] by the hand of a caller: refused when it may not act any more by then. Every handler that
    /// changes something for a caller writes by this.
    pub(crate) async fn write_as<T: Send + 'static>(
        &self,
        access: &Access,
        change: impl Fn(&mut AnyConn, &Hand) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let (access, keys, now) = (access.clone(), Arc::clone(self.blobs.keys()), self.now());
        let hand = Hand { by: access.by(), access: Some(access.clone()), keys, now };
        self.db
            .write(move |conn| {
                access.still(conn, now)?;
                change(conn, &hand)
            })
            .await
    }
}
