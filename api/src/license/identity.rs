//! This node's own name, kept in the data folder.

use crate::app::App;
use oz_settings::replace_file;
use oz_site::uses;
use std::io::ErrorKind;
use std::path::Path;

/// The name, made where there is none.
///
/// # Errors
/// Of the file.
pub(crate) fn load_or_create(folder: &Path) -> std::io::Result<String> {
    match fs_err::read_to_string(folder.join("instance.id")) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        // In its one spelling: license servers take no other.
        read => match read.ok().and_then(|text| uuid::Uuid::parse_str(text.trim()).ok()) {
            Some(name) => Ok(name.hyphenated().to_string()),
            None => make(folder),
        },
    }
}

/// Another name: somebody else has the old one, by a copied data folder.
///
/// # Errors
/// Of the file.
pub(crate) fn make(folder: &Path) -> std::io::Result<String> {
    let name = uuid::Uuid::now_v7().to_string();
    replace_file(&folder.join("instance.id"), &name, 0o600)?;
    Ok(name)
}

/// Gives what was noted under the name `from` to this node, which takes another name if `from` is its own: a node with a copied
/// data folder uses it.
///
/// # Errors
/// A text for the log.
pub(crate) async fn renew(app: &App, from: &str) -> Result<(), String> {
    let own = app.license.instance();
    let to = if from == own {
        tracing::warn!("another node uses this node's identity (a copied data folder?): it takes a new one");
        let to = make(&app.settings.data_dir).map_err(|e| e.to_string())?;
        app.license.rename(to.clone());
        to
    } else {
        own
    };
    let from = from.to_owned();
    app.db.write(move |conn| uses::rename(conn, &from, &to)).await.map_err(|e| e.to_string())
}
