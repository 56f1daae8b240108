//! `oz-api admin user …`.

use super::{Desk, pages, told};
use crate::accounts::companies as company_rules;
use crate::accounts::users::{self as rules, Change, NewUser};
use crate::auth::password::Passwords;
use crate::auth::policy::{Owner, check_password};
use crate::cli::UserAction;
use crate::error::Error;
use crate::view::View;
use anyhow::{Context as _, bail};
use oz_domain::{AuthSource, CompanyId, Role, UserId};
use oz_store::users::{self, User};
use oz_store::{AnyConn, Page, Viewer, companies};
use oz_wire::{CompanyBody, UserFields};
use std::io::BufRead as _;
use zeroize::Zeroizing;

pub(super) async fn run(desk: &mut Desk<'_>, action: UserAction) -> anyhow::Result<()> {
    match action {
        UserAction::Create { email, role, password_stdin: _, company, first_name, last_name } => {
            let fields = UserFields {
                user_type: Some(role),
                first_name: Some(first_name),
                last_name: Some(last_name),
                ..UserFields::default()
            };
            create(desk, email, fields, company_of(role, company)?).await
        }
        UserAction::List { company, search } => list(desk, company, search).await,
        UserAction::Show { user } => {
            let user = named(desk, user).await?;
            let view = View::plain(false);
            desk.json(&serde_json::to_value(view.user(&user))?)
        }
        UserAction::SetRole { user, role, company } => {
            change(desk, user, UserFields { user_type: Some(role), company_id: company, ..UserFields::default() }).await
        }
        UserAction::Deactivate { user } => {
            change(desk, user, UserFields { is_active: Some(false), ..UserFields::default() }).await
        }
        UserAction::Activate { user } => {
            change(desk, user, UserFields { is_active: Some(true), ..UserFields::default() }).await
        }
        UserAction::ResetPassword { user, password_stdin: _ } => reset_password(desk, user).await,
        UserAction::Delete { user } => {
            let (id, hand) = (named(desk, user).await?.id, desk.hand.clone());
            desk.db.write(move |conn| rules::remove(conn, &hand, id)).await.map_err(told)
        }
    }
}

async fn create(desk: &mut Desk<'_>, email: String, fields: UserFields, company: Option<String>) -> anyhow::Result<()> {
    let names = [fields.first_name.as_deref(), fields.last_name.as_deref(), None].map(Option::unwrap_or_default);
    let password = password(desk, Owner { email: &email, names })?;
    let hash = Passwords::new().hash(password).await?;
    let new = NewUser { email, password_hash: Some(hash), source: AuthSource::Local, fields };
    let hand = desk.hand.clone();
    let make = move |conn: &mut AnyConn| {
        let mut new = new.clone();
        if let Some(name) = &company {
            let body = CompanyBody { name: Some(name.clone()), meta_data: None };
            new.fields.company_id = match company_named(conn, name)? {
                Some(id) => Some(id),
                None => Some(company_rules::create(conn, &hand, &body)?.id),
            };
        }
        rules::create(conn, &hand, &new)
    };
    let made = desk.db.write(make).await.map_err(told)?;
    desk.line(&[&made.id])
}

async fn list(desk: &mut Desk<'_>, company: Option<CompanyId>, search: Option<String>) -> anyhow::Result<()> {
    let filter = users::Filter { companies: company.into_iter().collect(), search, ..users::Filter::default() };
    let mut page = pages();
    loop {
        let wanted = filter.clone();
        let found = desk.db.read(move |conn| users::list(conn, Viewer::All, &wanted, &page)).await?;
        for u in &found.items {
            let state = if u.is_active { "active" } else { "inactive" };
            desk.line(&[&u.id, &u.role, &state, &u.company_id, &u.email])?;
        }
        let Some(next) = found.next else { return Ok(()) };
        page = Page { after: Some(next), ..page };
    }
}

async fn change(desk: &mut Desk<'_>, user: String, fields: UserFields) -> anyhow::Result<()> {
    let (id, hand) = (named(desk, user).await?.id, desk.hand.clone());
    let change = Change { email: None, fields };
    desk.db.write(move |conn| rules::change(conn, &hand, id, &change)).await.map_err(told)?;
    Ok(())
}

async fn reset_password(desk: &mut Desk<'_>, user: String) -> anyhow::Result<()> {
    let user = named(desk, user).await?;
    let hash = Passwords::new().hash(password(desk, (&user).into())?).await?;
    let (id, hand, history) = (user.id, desk.hand.clone(), desk.policy.history);
    desk.db.write(move |conn| rules::set_password(conn, &hand, id, &hash, history)).await.map_err(told)?;
    Ok(())
}

/// The user with this id or address.
pub(super) async fn named(desk: &Desk<'_>, name: String) -> anyhow::Result<User> {
    let wanted = name.clone();
    let found = desk.db.read(move |conn| match wanted.parse::<UserId>() {
        Ok(id) => match users::get(conn, Viewer::All, id) {
            Err(oz_store::Error::NotFound) => Ok(None),
            other => other.map(Some),
        },
        Err(_) => users::by_email(conn, &wanted),
    });
    found.await?.with_context(|| format!("no user has the id or address `{name}`"))
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

/// The first line of standard input, if it may be the password of `owner`.
fn password(desk: &Desk<'_>, owner: Owner<'_>) -> anyhow::Result<Zeroizing<String>> {
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).context("the password on standard input")?;
    let password = Zeroizing::new(line.trim_end_matches(['\n', '\r']).to_owned());
    check_password(&desk.policy, &password, owner)?;
    Ok(password)
}

/// The company of this name, the only one.
fn company_named(conn: &mut AnyConn, name: &str) -> Result<Option<CompanyId>, Error> {
    match companies::named(conn, name)?.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.id)),
        _ => Err(Error::value("--company", name, "the name of one company only")),
    }
}
