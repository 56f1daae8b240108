//! A new password for a user: what is checked, and what follows from it (decisions 12-14).

use super::policy::{Weak, check_password};
use crate::app::App;
use crate::audit::{self, By, Deed};
use crate::error::Result;
use oz_blobs::Keyring;
use oz_domain::{Action, Millis, Object, TokenId};
use oz_store::users::User;
use oz_store::{AnyConn, passwords, sessions};
use zeroize::Zeroizing;

/// Checks a new password of `user` by the policy, its history too, and gives its hash. `field` is where it came in.
///
/// # Errors
/// Code 4 with all that is missing.
pub(crate) async fn accept(app: &App, user: &User, field: &str, password: Zeroizing<String>) -> Result<String> {
    let policy = &app.settings.password_policy;
    check_password(policy, &password, user.into()).map_err(|weak| weak.in_field(field))?;
    if policy.history > 0 {
        // The present one is the first of them.
        let (id, more) = (user.id, policy.history - 1);
        let former = app.db.read(move |conn| passwords::former(conn, id, more)).await?;
        for hash in user.password_hash.iter().cloned().chain(former) {
            if app.auth.passwords.verify(password.clone(), Some(hash)).await? {
                return Err(Weak::used_before().in_field(field));
            }
        }
    }
    Ok(app.auth.passwords.hash(password).await?)
}

/// A change that is decided.
#[derive(Clone)]
pub(crate) struct Change {
    /// The user as it was read before.
    pub(crate) user: User,
    /// From [`accept`].
    pub(crate) hash: String,
    /// How many former passwords are remembered.
    pub(crate) history: u32,
    /// The session that goes on; all others end.
    pub(crate) keep: Option<TokenId>,
}

/// Writes it, with its record, in the caller's transaction. Gives the sessions that ended, for [`super::Auth::forget`].
///
/// # Errors
/// [`oz_store::Error::Conflict`] when somebody else was first.
pub(crate) fn write(
    conn: &mut AnyConn,
    keys: &Keyring,
    by: By,
    change: &Change,
    now: Millis,
) -> oz_store::Result<Vec<TokenId>> {
    let user = &change.user;
    passwords::change(conn, user, &change.hash, change.history, now)?;
    let ended = sessions::revoke_user(conn, user.id, change.keep, now)?;
    audit::note(conn, keys, by, now, Deed::new(Object::User, Action::ChangePassword, user.id, user.company_id))?;
    Ok(ended)
}
