//! How a directory is reached, and what its groups mean here.

use oz_domain::Role;
use oz_settings::Secret;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// The settings of a directory.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) url: String,
    pub(crate) bind_dn: String,
    pub(crate) bind_password: Option<Secret>,
    pub(crate) user_base: String,
    /// Holds `{email}`.
    pub(crate) user_filter: String,
    pub(crate) start_tls: bool,
    pub(crate) ca_file: Option<PathBuf>,
    pub(crate) groups: BTreeMap<String, Mapped>,
    /// The longest time between two log-ins.
    pub(crate) session_max: Duration,
}

/// What a group's members are.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mapped {
    pub(crate) role: Role,
    /// Id or name; not for ADMIN and OPERATOR.
    #[serde(default)]
    pub(crate) company: Option<String>,
}

impl Options {
    /// Reads what the settings say; none when no URL is set.
    ///
    /// # Errors
    /// Names the setting.
    pub(crate) fn checked(self) -> Result<Self, String> {
        let plain = self.url.strip_prefix("ldap://");
        if plain.is_none() && !self.url.starts_with("ldaps://") {
            return Err(format!("ldap_url: `{}`, expected ldap://host or ldaps://host", self.url));
        }
        let host = plain.map(|rest| rest.split(['/', ':']).next().unwrap_or_default());
        let is_local = |host: &str| ["localhost", "127.0.0.1", "[::1]"].contains(&host);
        if host.is_some_and(|host| !is_local(host)) && !self.start_tls {
            return Err(
                "ldap_url: passwords do not cross a network in the clear: use ldaps:// or ldap_start_tls".into()
            );
        }
        if !self.user_filter.contains("{email}") {
            return Err("ldap_user_filter: expected a filter with {email}, such as (mail={email})".into());
        }
        if self.groups.is_empty() {
            return Err("ldap_group_role_map: without a mapped group nobody comes in".into());
        }
        for (group, mapped) in &self.groups {
            if mapped.role.is_system() == mapped.company.is_some() {
                let wrong = if mapped.role.is_system() { "belongs to no company" } else { "needs a company" };
                return Err(format!("ldap_group_role_map: `{group}`: {} {wrong}", mapped.role));
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> Options {
        let groups = [("cn=a,dc=x".to_owned(), Mapped { role: Role::Client, company: Some("Bank".to_owned()) })];
        Options {
            url: "ldaps://ldap.bank.example".to_owned(),
            bind_dn: "cn=oz,dc=x".to_owned(),
            bind_password: None,
            user_base: "dc=x".to_owned(),
            user_filter: "(mail={email})".to_owned(),
            start_tls: false,
            ca_file: None,
            groups: groups.into(),
            session_max: Duration::from_secs(43_200),
        }
    }

    #[test]
    fn settings_that_cannot_be_meant_are_refused() {
        options().checked().unwrap();
        let refused = |change: fn(&mut Options)| {
            let mut options = options();
            change(&mut options);
            options.checked().unwrap_err()
        };
        assert!(refused(|o| o.url = "http://x".into()).starts_with("ldap_url"));
        assert!(refused(|o| o.url = "ldap://ldap.bank.example".into()).contains("in the clear"));
        assert!(refused(|o| o.user_filter = "(mail=*)".into()).starts_with("ldap_user_filter"));
        assert!(refused(|o| o.groups.clear()).starts_with("ldap_group_role_map"));
        let admin = |o: &mut Options| o.groups.values_mut().for_each(|m| m.role = Role::Admin);
        assert!(refused(admin).contains("belongs to no company"));
        let mut local = options();
        local.url = "ldap://127.0.0.1:3890".into();
        local.checked().unwrap();
    }
}
