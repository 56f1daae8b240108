//! Changes of the settings: noticed when a server starts, by comparing with what was recorded last.

use super::{By, Deed, difference, note, show};
use crate::app::App;
use oz_blobs::Keyring;
use oz_domain::{Action, Object};
use oz_store::audit::{Filter, list};
use oz_store::companies::SYSTEM;
use oz_store::{AnyConn, MAX_LIMIT, Page, Result, Sort, SortBy, Viewer};
use serde_json::{Map, Value};

/// Keys and their values; of a secret only a mark that tells whether it is another one.
type Values = Map<String, Value>;

/// Records which settings changed since the last start on this data folder (its key names it: other machines on the same
/// database have settings of their own).
pub(crate) async fn note_settings(app: &App) -> Result<()> {
    let effective: Values = app
        .settings
        .effective
        .iter()
        .filter(|setting| !setting.text.expose().is_empty())
        .map(|setting| {
            let text = setting.text.expose();
            let shown = if setting.secret { format!("*** {}", app.signer.mark(text)) } else { text.to_owned() };
            (setting.key.to_owned(), Value::from(shown))
        })
        .collect();
    let (keys, now, id) = (app.blobs.keys().clone(), app.now(), app.signer.public());
    app.db
        .write(move |conn| {
            let (before, after) = difference(&recorded(conn, &keys, &id)?, &effective);
            if before == after {
                return Ok(());
            }
            let deed = Deed::new(Object::Config, Action::Update, &id, SYSTEM).from(before.into()).to(after.into());
            note(conn, &keys, By::SYSTEM, now, deed)
        })
        .await
}

/// What the records so far add up to.
fn recorded(conn: &mut AnyConn, keys: &Keyring, id: &str) -> Result<Values> {
    let filter = Filter {
        objects: vec![Object::Config],
        actions: vec![Action::Update],
        object_ids: vec![id.to_owned()],
        ..Filter::default()
    };
    let oldest = Sort { by: SortBy::Created, descending: false };
    let mut page = Page { limit: MAX_LIMIT, sort: Some(oldest), ..Page::default() };
    let mut values = Values::new();
    loop {
        let found = list(conn, Viewer::All, &filter, &page)?;
        for record in show(conn, keys, &found.items)? {
            let Some(Value::Object(after)) = record.after else { continue };
            values.extend(after);
        }
        page.after = found.next;
        if page.after.is_none() {
            values.retain(|_, value| !value.is_null());
            return Ok(values);
        }
    }
}
