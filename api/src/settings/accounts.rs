//! Settings of accounts: passwords, throttling, mail, nodes without rows.

use crate::auth::ldap;
use crate::auth::policy::Policy;
use crate::auth::throttle::Rates;
use crate::mail::Encryption;
use lettre::message::Mailbox;
use oz_settings::{Secret, Settings};
use std::path::PathBuf;

/// What this node is made of (`oz-api.md` 14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Components {
    /// Everything, sessions too.
    All,
    /// No rows: a token's signature and end decide.
    Stateless,
}

/// How mail is sent.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) host: String,
    /// None: the usual one.
    pub(crate) port: Option<u16>,
    pub(crate) encryption: Encryption,
    pub(crate) credentials: Option<(String, Secret)>,
    pub(crate) from: Mailbox,
    /// The page that takes the token of a restored password.
    pub(crate) restore_url: String,
}

pub(super) fn password_policy(s: &Settings) -> Result<Policy, String> {
    let text = s.text("password_policy");
    text.map_or_else(|| Ok(Policy::default()), Policy::read).map_err(|why| format!("password_policy: {why}"))
}

pub(super) fn throttling(s: &Settings) -> Result<Rates, String> {
    let text = s.text("throttling_rates");
    text.map_or_else(|| Ok(Rates::default()), Rates::read).map_err(|why| format!("throttling_rates: {why}"))
}

/// With `auth` beside it the node knows its sessions, as every other.
pub(super) fn components(s: &Settings) -> Components {
    if s.text("app_components") == Some("stateless") { Components::Stateless } else { Components::All }
}

pub(super) fn mail(s: &Settings) -> Result<Option<Mail>, String> {
    let Some(host) = s.text("smtp_host") else { return Ok(None) };
    let port = u16::try_from(s.number("smtp_port")).map_err(|_| "smtp_port: expected at most 65535".to_owned())?;
    let from = s.text("smtp_from").unwrap_or_default();
    let from =
        from.parse().map_err(|_| format!("smtp_from: `{from}`, expected a sender such as Oz <oz@example.com>"))?;
    let credentials = match (s.text("smtp_user"), s.secret("smtp_password")) {
        (Some(user), Some(password)) => Some((user.to_owned(), password)),
        (None, None) => None,
        _ => return Err("smtp_user and smtp_password: both or neither".to_owned()),
    };
    let page = s.text("public_url").map(|url| format!("{}/restore", url.trim_end_matches('/')));
    let restore_url = s.text("restore_url").map(str::to_owned).or(page);
    Ok(Some(Mail {
        host: host.to_owned(),
        port: (port > 0).then_some(port),
        encryption: match s.text("smtp_tls") {
            Some("tls") => Encryption::Tls,
            Some("none") => Encryption::None,
            _ => Encryption::StartTls,
        },
        credentials,
        from,
        restore_url: restore_url.ok_or("restore_url: must be set beside smtp_host, or public_url")?,
    }))
}

pub(super) fn directory(s: &Settings) -> Result<Option<ldap::Options>, String> {
    let Some(url) = s.text("ldap_url") else { return Ok(None) };
    let must = |key: &str| s.text(key).map(str::to_owned).ok_or_else(|| format!("{key}: must be set beside ldap_url"));
    let map = s.text("ldap_group_role_map").unwrap_or("{}");
    let groups = serde_json::from_str(map).map_err(|e| format!("ldap_group_role_map: {e}"))?;
    let options = ldap::Options {
        url: url.to_owned(),
        bind_dn: must("ldap_bind_dn")?,
        bind_password: s.secret("ldap_bind_password"),
        user_base: must("ldap_user_base")?,
        user_filter: must("ldap_user_filter")?,
        start_tls: s.flag("ldap_start_tls"),
        ca_file: s.path("ldap_ca_file"),
        groups,
        session_max: s.duration("ldap_session_max"),
    };
    options.checked().map(Some)
}

/// Where leases come from.
#[derive(Debug, Clone)]
pub(crate) struct LicenseServer {
    pub(crate) url: String,
    pub(crate) join_secret: Secret,
    /// Who signed its certificate.
    pub(crate) authority: Option<PathBuf>,
}

/// The license server, if there is one.
pub(super) fn license_server(s: &Settings) -> Result<Option<LicenseServer>, String> {
    let Some(url) = s.text("license_server_url").filter(|url| !url.is_empty()) else { return Ok(None) };
    let join_secret = s.secret("license_join_secret").ok_or("license_join_secret: the license server asks for it")?;
    Ok(Some(LicenseServer { url: url.to_owned(), join_secret, authority: s.path("license_server_ca") }))
}

#[cfg(test)]
mod tests {
    use super::super::Api;
    use super::*;
    use std::collections::BTreeMap;

    fn read(variables: &[(&str, &str)]) -> Result<Api, String> {
        let variables: BTreeMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Api::read(&Settings::load(oz_settings::API, None, &variables, &[]).map_err(|e| e.to_string())?)
    }

    #[test]
    fn what_is_wrong_is_named() {
        let host = ("OZ_SMTP_HOST", "mail.example.com");
        for (variables, key) in [
            (vec![("OZ_PASSWORD_POLICY", r#"{"min_length":"long"}"#)], "password_policy"),
            (vec![("OZ_THROTTLING_RATES", r#"{"auth":"often"}"#)], "throttling_rates"),
            (vec![host, ("OZ_SMTP_FROM", "nobody")], "smtp_from"),
            (vec![host, ("OZ_SMTP_FROM", "oz@example.com")], "restore_url"),
            (vec![host, ("OZ_SMTP_FROM", "oz@example.com"), ("OZ_SMTP_USER", "oz")], "smtp_user"),
            (vec![("OZ_APP_COMPONENTS", "auth")], "app_components"),
        ] {
            let error = read(&variables).err().unwrap_or_default();
            assert!(error.contains(key), "{key}: {error}");
        }
    }

    #[test]
    fn mail_needs_a_server_a_sender_and_a_page() {
        assert!(read(&[]).unwrap().mail.is_none());
        let mail = read(&[
            ("OZ_SMTP_HOST", "mail.example.com"),
            ("OZ_SMTP_FROM", "Oz <oz@example.com>"),
            ("OZ_PUBLIC_URL", "https://oz.example.com/"),
        ]);
        let mail = mail.unwrap().mail.unwrap();
        assert_eq!((mail.restore_url.as_str(), mail.port), ("https://oz.example.com/restore", None));
        assert_eq!(mail.encryption, Encryption::StartTls);
    }
}
