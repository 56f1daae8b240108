//! `oz-api admin …`: the same rules as the API, on the machine itself.

use crate::app::open_database;
use crate::audit::{self, By, Deed};
use crate::auth::password::{MAX_BYTES, Passwords};
use crate::cli::{Admin, AdminObject, UserAction};
use crate::settings::Api;
use anyhow::{Context as _, bail, ensure};
use oz_blobs::Keyring;
use oz_domain::{Action, AuthSource, Clock as _, CompanyId, Millis, Object, Role, SystemClock, UserId};
use oz_store::companies::{self, Company, SYSTEM};
use oz_store::users::{self, User, email_key};
use oz_store::{AnyConn, Page, Viewer};
use serde_json::json;
use std::io::BufRead as _;
use zeroize::Zeroizing;

/// Shortest password (decision 14).
const SHORTEST: usize = 10;

/// Runs one command; what it prints goes to `out`.
pub(crate) async fn run(settings: &Api, admin: Admin, out: &mut impl std::io::Write) -> anyhow::Result<()> {
    let AdminObject::User { action } = admin.object;
    let UserAction::Create { email, role, password_stdin: _, company, first_name, last_name } = action;
    ensure!(email.contains('@') && email.len() <= 254, "--email: `{email}`, expected an address");
    let company = company_of(role, company)?;
    let password = password()?;
    let hash = Passwords::new().hash(password).await?;
    crate::app::private_folder(&settings.data_dir)?;
    let db = open_database(settings).await?;
    let keys = Keyring::load_or_create(&settings.data_dir.join("secrets/blobs.key"))?;
    let now = SystemClock.now();
    let taken = email.clone();
    let made = db
        .write(move |conn| {
            let company_id = match &company {
                None => SYSTEM,
                Some(name) => company_named(conn, name, now)?,
            };
            let user = User {
                id: UserId::new(now),
                company_id,
                email_key: email_key(&email),
                email: email.trim().to_owned(),
                auth_source: AuthSource::Local,
                password_hash: Some(hash.clone()),
                role,
                first_name: first_name.clone(),
                last_name: last_name.clone(),
                middle_name: String::new(),
                is_active: true,
                can_start_analysis_biometry: true,
                can_start_analysis_quality: true,
                can_start_analysis_collection: true,
                can_start_analysis_documents: true,
                meta_data: json!({}),
                technical_meta_data: json!({}),
                time_created: now,
                time_updated: now,
            };
            users::insert(conn, &user)?;
            let deed = Deed::new(Object::User, Action::Create, user.id, company_id);
            audit::note(conn, &keys, By::SYSTEM, now, deed.to(json!({"user_type": role, "email": user.email})))?;
            Ok::<_, oz_store::Error>(user.id)
        })
        .await;
    match made {
        Ok(id) => writeln!(out, "{id}")?,
        Err(oz_store::Error::Conflict(what)) if what == "users.email_key" => bail!("--email: {taken} is taken"),
        Err(error) => return Err(error.into()),
    }
    db.close().await.context("the database's log")
}

/// Roles without a company have none; the others need one.
fn company_of(role: Role, company: Option<String>) -> anyhow::Result<Option<String>> {
    match (role.is_system(), company) {
        (true, None) => Ok(None),
        (true, Some(_)) => bail!("--company: {role} belongs to no company"),
        (false, Some(name)) if !name.trim().is_empty() => Ok(Some(name.trim().to_owned())),
        (false, _) => bail!("--company: {role} needs one"),
    }
}

fn password() -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("the password on standard input")?;
    let password = Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned());
    let length = password.chars().count();
    ensure!(length >= SHORTEST, "the password has {length} characters, expected at least {SHORTEST}");
    ensure!(password.len() <= MAX_BYTES, "the password has {} bytes, expected at most {MAX_BYTES}", password.len());
    Ok(password)
}

/// The company of exactly this name, made when there is none.
fn company_named(conn: &mut AnyConn, name: &str, now: Millis) -> oz_store::Result<CompanyId> {
    let page = Page { limit: oz_store::MAX_LIMIT, ..Page::default() };
    let found = companies::list(conn, Viewer::All, Some(name), &page)?;
    if let Some(company) = found.items.into_iter().find(|c| c.name == name) {
        return Ok(company.id);
    }
    let company = Company {
        id: CompanyId::new(now),
        name: name.to_owned(),
        webhook_secret: None,
        webhook_hosts: vec![],
        in_deletion: false,
        meta_data: json!({}),
        technical_meta_data: json!({}),
        time_created: now,
        time_updated: now,
    };
    companies::insert(conn, &company)?;
    Ok(company.id)
}
