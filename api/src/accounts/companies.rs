//! Companies: made, changed, closed.

use super::{clean, conflict};
use crate::audit::{self, Deed};
use crate::error::{Error, Result};
use crate::hand::Hand;
use crate::view::object;
use crate::work::DeleteCompany;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as B64;
use oz_domain::{Action, CompanyId, Object, TokenId};
use oz_store::AnyConn;
use oz_store::companies::{self, Company, SYSTEM};
use oz_wire::{CompanyBody, PayloadError};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

/// Most hosts that a company's webhooks may go to.
const HOSTS: usize = 100;

/// Makes a company.
pub(crate) fn create(conn: &mut AnyConn, hand: &Hand, body: &CompanyBody) -> Result<Company> {
    let name = body.name.as_deref().ok_or_else(|| PayloadError::missing("name"))?;
    let company = Company {
        id: CompanyId::new(hand.now),
        name: clean("name", name, 1)?,
        webhook_secret: None,
        webhook_hosts: vec![],
        in_deletion: false,
        meta_data: json!(body.meta_data.clone().unwrap_or_default()),
        technical_meta_data: json!({}),
        time_created: hand.now,
        time_updated: hand.now,
    };
    only_one(conn, &company)?;
    companies::insert(conn, &company)?;
    let deed = Deed::new(Object::Company, Action::Create, company.id, company.id);
    hand.note(conn, deed.to(json!(shown(&company))))?;
    Ok(company)
}

/// Directories and the command line know companies by name: nobody takes another one's.
fn only_one(conn: &mut AnyConn, company: &Company) -> Result<()> {
    if companies::named(conn, &company.name)?.iter().any(|other| other.id != company.id) {
        return Err(conflict("name: another company has it"));
    }
    Ok(())
}

/// Changes name and data.
pub(crate) fn change(conn: &mut AnyConn, hand: &Hand, id: CompanyId, body: &CompanyBody) -> Result<Company> {
    alter(conn, hand, id, Action::Update, |company| {
        if let Some(name) = &body.name {
            company.name = clean("name", name, 1)?;
        }
        if let (Some(new), Value::Object(data)) = (&body.meta_data, &mut company.meta_data) {
            data.extend(new.clone());
        }
        Ok(())
    })
}

/// Sets the hosts that webhooks may go to.
pub(crate) fn set_hosts(conn: &mut AnyConn, hand: &Hand, id: CompanyId, hosts: &[String]) -> Result<Company> {
    if hosts.len() > HOSTS {
        return Err(Error::value("hosts", &format!("{} hosts", hosts.len()), "at most 100"));
    }
    let hosts = hosts.iter().enumerate().map(|(at, host)| host_name(at, host)).collect::<Result<Vec<_>>>()?;
    alter(conn, hand, id, Action::WebhookSettings, |company| {
        company.webhook_hosts = hosts;
        Ok(())
    })
}

/// Gives the company a new secret; the one before signs no more.
pub(crate) fn set_secret(conn: &mut AnyConn, hand: &Hand, id: CompanyId, secret: &[u8]) -> Result<()> {
    let wrapped = hand.keys.wrap(&secret_place(id), secret)?;
    alter(conn, hand, id, Action::WebhookSettings, |company| {
        company.webhook_secret = Some(wrapped);
        Ok(())
    })?;
    Ok(())
}

/// The wire's form of a webhook secret (Standard Webhooks, "Signature scheme").
pub(crate) fn written(secret: &[u8]) -> Zeroizing<String> {
    Zeroizing::new(format!("whsec_{}", B64.encode(secret)))
}

/// Where a company's secret belongs: the wrapped form opens for no other.
fn secret_place(id: CompanyId) -> String {
    format!("oz-webhook-secret/v1 {id}")
}

/// Closes a company and orders the removal of all it has. Again: the same. Gives the sessions that ended.
pub(crate) fn close(conn: &mut AnyConn, hand: &Hand, id: CompanyId) -> Result<(Company, Vec<TokenId>)> {
    let viewer = hand.reach(Object::Company, Action::Delete);
    let before = companies::get(conn, viewer, id)?;
    if id == SYSTEM {
        return Err(conflict("the system company stays"));
    }
    let ended = companies::close(conn, viewer, id, hand.now)?;
    if !before.in_deletion {
        // Kept under the system's keys: the company's own go with it.
        hand.note(conn, Deed::new(Object::Company, Action::Delete, id, SYSTEM).from(json!({"name": before.name})))?;
    }
    oz_jobs::enqueue(conn, &DeleteCompany::job(id, hand.by.request, hand.now)?, hand.now)?;
    Ok((companies::get(conn, viewer, id)?, ended))
}

fn alter(
    conn: &mut AnyConn,
    hand: &Hand,
    id: CompanyId,
    action: Action,
    set: impl FnOnce(&mut Company) -> Result<()>,
) -> Result<Company> {
    let before = companies::get(conn, hand.reach(Object::Company, Action::Read), id)?;
    let reach = hand.reach(Object::Company, action);
    companies::get(conn, reach, id).map_err(|e| Error::forbidden(e, "change this company"))?;
    if before.in_deletion {
        return Err(conflict("this company is being deleted"));
    }
    let mut company = before.clone();
    set(&mut company)?;
    if company.name != before.name {
        only_one(conn, &company)?;
    }
    company.time_updated = hand.now;
    companies::update(conn, reach, &company)?;
    let (from, mut to) = audit::difference(&shown(&before), &shown(&company));
    if before.webhook_secret != company.webhook_secret {
        to.insert("webhook_secret".to_owned(), json!("changed"));
    }
    if !to.is_empty() {
        hand.note(conn, Deed::new(Object::Company, action, id, id).from(json!(from)).to(json!(to)))?;
    }
    Ok(company)
}

/// A host name or address, in lower case (RFC 1123, 2.1): no scheme, no port, no pattern.
fn host_name(at: usize, host: &str) -> Result<String> {
    let host = host.trim().to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = host.len() <= 253 && host.split('.').all(label);
    if !fits && host.parse::<std::net::IpAddr>().is_err() {
        let expected = "a host name or an address, without scheme and port";
        return Err(Error::value(&format!("hosts[{at}]"), &host, expected));
    }
    Ok(host)
}

/// What the audit log keeps of a company; never its secret.
fn shown(company: &Company) -> Map<String, Value> {
    object(&json!({
        "name": company.name,
        "webhook_hosts": company.webhook_hosts,
        "in_deletion": company.in_deletion,
        "meta_data": company.meta_data,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_names_and_nothing_more() {
        for good in ["example.com", "Hooks.Bank-1.KZ", "10.0.0.1", "2001:db8::1", "localhost"] {
            assert_eq!(host_name(0, good).unwrap(), good.to_ascii_lowercase());
        }
        for bad in ["", "https://x.kz", "x.kz:80", "*.x.kz", "-x.kz", "a..b", "x_y.kz", "é.kz", &"a".repeat(64)] {
            assert!(host_name(0, bad).is_err(), "{bad}");
        }
    }
}
