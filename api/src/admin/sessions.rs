//! `oz-api admin session …`.

use super::users::named;
use super::{Desk, pages, told};
use crate::audit::Deed;
use crate::cli::SessionAction;
use crate::error::Error;
use oz_domain::{Action, Object};
use oz_store::{AnyConn, Page, TimeRange, Viewer, sessions, users};

pub(super) async fn run(desk: &mut Desk<'_>, action: SessionAction) -> anyhow::Result<()> {
    match action {
        SessionAction::List { user } => {
            let user = match user {
                Some(name) => vec![named(desk, name).await?.id],
                None => vec![],
            };
            let (mut page, now) = (pages(), desk.hand.now);
            loop {
                let whose = user.clone();
                let list =
                    move |conn: &mut AnyConn| sessions::list(conn, Viewer::All, &whose, TimeRange::ANY, now, &page);
                let found = desk.db.read(list).await?;
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
                sessions::revoke(conn, Viewer::All, token_id, hand.now)?;
                hand.note(conn, Deed::new(Object::Session, Action::Revoke, token_id, company).about(owner))?;
                Ok::<_, Error>(())
            };
            desk.db.write(end).await.map_err(told)
        }
    }
}
