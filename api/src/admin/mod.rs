//! `oz-api admin …`: the same rules as the API, and the same audit, on the machine itself.

mod companies;
mod license;
mod sessions;
mod users;

use crate::app::{belong_together, keys_file, open_database};
use crate::audit::command;
use crate::audit::{Signer, seal_now};
use crate::auth::policy::Policy;
use crate::cli::{Admin, AdminObject};
use crate::error::Error;
use crate::hand::Hand;
use crate::settings::Api;
use anyhow::Context as _;
use oz_blobs::Keyring;
use oz_domain::{Clock as _, SystemClock};
use oz_http::ApiError;
use oz_store::{Db, Page};
use serde_json::Value;
use std::io::Write;
use std::sync::Arc;

/// What every command works with.
struct Desk<'a> {
    db: Db,
    hand: Hand,
    policy: Policy,
    out: &'a mut dyn Write,
}

/// Runs one command; what it prints goes to `out`.
pub(crate) async fn run(settings: &Api, admin: Admin, out: &mut impl Write) -> anyhow::Result<()> {
    if let AdminObject::Permissions = admin.object {
        write!(out, "{}", oz_domain::permissions_page())?;
        return Ok(());
    }
    oz_settings::private_folder(&settings.data_dir)?;
    let db = open_database(settings).await?;
    belong_together(&db, &settings.data_dir).await?;
    let keys = Keyring::load_or_create(&keys_file(&settings.data_dir)).context("keys")?;
    let keys = Arc::new(keys);
    let hand = Hand::console(Arc::clone(&keys), SystemClock.now());
    let mut desk = Desk { db: db.clone(), hand, policy: settings.password_policy.clone(), out };
    let done = match admin.object {
        AdminObject::User { action } => users::run(&mut desk, action).await,
        AdminObject::Session { action } => sessions::run(&mut desk, action).await,
        AdminObject::Company { action } => companies::run(&mut desk, action).await,
        AdminObject::Audit { action } => command::run(settings, &db, &keys, action, desk.out).await,
        AdminObject::License { action } => license::run(settings, &db, action, desk.out).await,
        AdminObject::Permissions => Ok(()),
    };
    // A record that waits for the next start of a server could be taken away until then. The deed itself is done.
    let signer = Arc::new(Signer::load_or_create(&settings.data_dir)?);
    if let Err(error) = seal_now(&db, &signer).await {
        writeln!(std::io::stderr(), "oz-api: the audit log is not sealed: {error:#}")?;
    }
    done?;
    db.close().await.context("the database's log")
}

/// What the rules say, in the words of the wire.
fn told(error: Error) -> anyhow::Error {
    anyhow::anyhow!("{}", ApiError::from(error).message())
}

/// All pages of a list, one after the other.
fn pages() -> Page {
    Page { limit: oz_store::MAX_LIMIT, ..Page::default() }
}

impl Desk<'_> {
    /// A line of cells, separated by tabs.
    fn line(&mut self, cells: &[&dyn std::fmt::Display]) -> anyhow::Result<()> {
        let cells: Vec<String> = cells.iter().map(ToString::to_string).collect();
        Ok(writeln!(self.out, "{}", cells.join("\t"))?)
    }

    fn json(&mut self, value: &Value) -> anyhow::Result<()> {
        Ok(writeln!(self.out, "{}", serde_json::to_string_pretty(value)?)?)
    }
}
