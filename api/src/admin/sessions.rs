//! `oz-api admin session …`.

use super::users::named;
use super::{Desk, pages, told};
use crate::audit::Deed;
use crate::cli::SessionAction;
use crate::error::Error;
use oz_domain::{Action, Object};
use oz_store::{AnyConn, Page, Viewer, sessions, users};

pub(super) async fn run(desk: &mut Desk<'_>, action: SessionAction) -> anyhow::Result<()> {
    match action {
        SessionAction::List { user } => {
            let user = match user {
                Some(name) => Some(named(desk, name).await?.id),
                None => None,
            };
            let (mut page, now) = (pages(), desk.hand.now());
            loop {
                let found = desk.db.read(move |conn| sessions::list(conn, Viewer::All, user, now, &page)).await?;
                for s in &found.items {
                    desk.line(&[&s.id, &s.user_id, &s.kind, &s.time_seen.as_seconds(), &s.time_expires.as_seconds()])?;
                }
                let Some(next) = found.next else { return Ok(()) };
                page = Page { after: Some(next), ..page };
            }
        }
        SessionAction::Revoke { token_id } => {
            let hand = desk.hand.clone();
            let end = move |conn: &mut AnyConn| {
                let owner = sessions::get(conn, token_id)?.user_id;
                let company = users::get(conn, Viewer::All, owner)?.company_id;
                sessions::revoke(conn, Viewer::All, token_id, hand.now())?;
                hand.note(conn, Deed::new(Object::Session, Action::Revoke, token_id, company).about(owner))?;
                Ok::<_, Error>(())
            };
            desk.db.write(end).await.map_err(told)
        }
    }
}
