//! A directory server (LDAP, Active Directory) that keeps passwords in our place (decision 16).
//!
//! Search, then bind: a service account finds the entry of an address and its groups, the password is tried by binding as
//! that entry. Roles come from groups; who is in none that is mapped does not come in, and no password is tried.

mod options;

pub(crate) use options::{Mapped, Options};

use crate::settings::Api;
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, ldap_escape};
use oz_domain::{Millis, Role, TokenId};
use oz_store::users::email_key;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// For the connection, TLS included.
const CONNECT: Duration = Duration::from_secs(3);
/// For each answer of the server.
const ANSWER: Duration = Duration::from_secs(4);
/// For a whole log-in.
const WHOLE: Duration = Duration::from_secs(10);
/// Result codes (RFC 4511, appendix A).
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_CREDENTIALS: u32 = 49;

/// Attributes that hold what people log in with.
const ADDRESSES: [&str; 2] = ["mail", "userPrincipalName"];

/// Somebody whose password was right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) is: Mapped,
}

/// What the directory says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Welcome(Person),
    /// No such address, a wrong password, or no mapped group: the client is told the same.
    No,
}

/// Why the directory said nothing. The texts hold no address of a person.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DirectoryError {
    /// It cannot be reached, or does not answer in time.
    #[error("the directory does not answer: {0}")]
    Down(String),
    /// It answers, and something is set up wrongly.
    #[error("the directory refused: {0}")]
    Refused(String),
}

/// A directory server.
pub(crate) struct Directory {
    options: Options,
    tls: Option<Arc<rustls::ClientConfig>>,
}

impl Directory {
    /// Whether a log-in is so long ago that the directory may have shut the user out since. A family begins with a log-in,
    /// and its id holds the time (RFC 9562, 5.7).
    pub(crate) fn must_be_asked(&self, family: TokenId, now: Millis) -> bool {
        let Some(began) = family.uuid().get_timestamp() else { return true };
        let (seconds, nanos) = began.to_unix();
        let began = i64::try_from(seconds * 1000 + u64::from(nanos) / 1_000_000).unwrap_or(0);
        now.since(Millis::new(began)) >= self.options.session_max
    }

    /// Prepares the connection; nothing is sent yet.
    ///
    /// # Errors
    /// When the certificates of `ca_file` cannot be read.
    pub(crate) fn open(settings: &Api) -> anyhow::Result<Option<Self>> {
        let Some(options) = settings.ldap.clone() else { return Ok(None) };
        let tls = options.ca_file.as_deref().map(trusting).transpose()?;
        Ok(Some(Self { options, tls }))
    }

    /// Tries an address and a password.
    ///
    /// # Errors
    /// When the directory gives no answer.
    pub(crate) async fn log_in(&self, email: &str, password: &str) -> Result<Answer, DirectoryError> {
        // RFC 4513, 5.1.2: a bind with an empty password succeeds and proves nothing.
        if password.is_empty() || email.trim().is_empty() {
            return Ok(Answer::No);
        }
        let late = |_| DirectoryError::Down("the log-in took too long".to_owned());
        tokio::time::timeout(WHOLE, self.look(email.trim(), password)).await.map_err(late)?
    }

    async fn look(&self, email: &str, password: &str) -> Result<Answer, DirectoryError> {
        let mut service = self.connect().await?;
        let secret = self.options.bind_password.as_ref().map_or("", |s| s.expose().trim_end());
        let bound = service.with_timeout(ANSWER).simple_bind(&self.options.bind_dn, secret).await.map_err(unheard)?;
        if bound.rc != 0 {
            return Err(DirectoryError::Refused(format!("ldap_bind_dn: result {}", bound.rc)));
        }
        let filter = self.options.user_filter.replace("{email}", &ldap_escape(email));
        let wanted = vec!["givenName", "sn", ADDRESSES[0], ADDRESSES[1]];
        let base = &self.options.user_base;
        let found =
            service.with_timeout(ANSWER).search(base, Scope::Subtree, &filter, wanted).await.map_err(unheard)?;
        let (entries, _) = found.success().map_err(|e| DirectoryError::Refused(format!("the search: {}", code(&e))))?;
        let mut entries =
            entries.into_iter().filter(|e| !e.is_ref() && !e.is_intermediate()).map(SearchEntry::construct);
        let (Some(entry), None) = (entries.next(), entries.next()) else {
            // None, or several: an address must mean one person.
            let _ = service.unbind().await;
            return Ok(Answer::No);
        };
        // A directory compares as it likes: without blanks, control characters, forms of letters. Two spellings must not
        // become two users, nor one of them a user of ours.
        if !has_address(&entry, email) {
            let _ = service.unbind().await;
            return Ok(Answer::No);
        }
        // Before the password: who cannot come in anyway is not told, by a lock of the directory's or by the time it takes,
        // that the password was tried.
        let mapped = self.mapped(&mut service, &entry.dn).await?;
        let _ = service.unbind().await;
        let Some(is) = mapped else { return Ok(Answer::No) };
        if !self.password_is_right(&entry.dn, password).await? {
            return Ok(Answer::No);
        }
        let first = |name: &str| entry.attrs.get(name).and_then(|v| v.first()).cloned().unwrap_or_default();
        Ok(Answer::Welcome(Person { first_name: first("givenName"), last_name: first("sn"), is }))
    }

    /// Binds as the entry, on a connection of its own: the service account's must not change hands.
    async fn password_is_right(&self, dn: &str, password: &str) -> Result<bool, DirectoryError> {
        let mut connection = self.connect().await?;
        let bound = connection.with_timeout(ANSWER).simple_bind(dn, password).await.map_err(unheard)?;
        let _ = connection.unbind().await;
        match bound.rc {
            0 => Ok(true),
            INVALID_CREDENTIALS => Ok(false),
            // Locked, expired, refused by a policy: for the client a no like any other.
            other => {
                tracing::info!(result = other, "the directory refused a bind");
                Ok(false)
            }
        }
    }

    /// What the groups make of an entry: the greatest role, of one company.
    async fn mapped(&self, service: &mut Ldap, dn: &str) -> Result<Option<Mapped>, DirectoryError> {
        let dn = ldap_escape(dn);
        let filter = format!("(|(member={dn})(uniqueMember={dn}))");
        let mut found: Vec<&Mapped> = Vec::new();
        for (group, mapped) in &self.options.groups {
            let answer = service.with_timeout(ANSWER).search(group, Scope::Base, &filter, vec!["1.1"]).await;
            let answer = answer.map_err(unheard)?;
            match answer.1.rc {
                0 if !answer.0.is_empty() => found.push(mapped),
                0 => {}
                NO_SUCH_OBJECT => tracing::warn!("a group of ldap_group_role_map is not in the directory"),
                other => return Err(DirectoryError::Refused(format!("the search for a group: result {other}"))),
            }
        }
        Ok(greatest(&found))
    }

    async fn connect(&self) -> Result<Ldap, DirectoryError> {
        let mut settings = LdapConnSettings::new().set_conn_timeout(CONNECT).set_starttls(self.options.start_tls);
        if let Some(tls) = &self.tls {
            settings = settings.set_config(Arc::clone(tls));
        }
        let connecting = LdapConnAsync::with_settings(settings, &self.options.url);
        // The library's own limit leaves out the handshake.
        let late = |_| DirectoryError::Down("no connection in time".to_owned());
        let (connection, ldap) = tokio::time::timeout(CONNECT, connecting).await.map_err(late)?.map_err(unheard)?;
        tokio::spawn(async move {
            if let Err(error) = connection.drive().await {
                tracing::debug!(%error, "the connection to the directory ended");
            }
        });
        Ok(ldap)
    }
}

fn has_address(entry: &SearchEntry, email: &str) -> bool {
    ADDRESSES.iter().any(|name| {
        entry.attrs.get(*name).is_some_and(|all| all.iter().any(|address| email_key(address) == email_key(email)))
    })
}

/// The greatest of the roles; none when it comes with several companies, which nobody can choose from.
fn greatest(found: &[&Mapped]) -> Option<Mapped> {
    const RANK: [Role; 6] =
        [Role::Admin, Role::Operator, Role::ClientAdmin, Role::ClientOperator, Role::Client, Role::ClientService];
    let role = RANK.into_iter().find(|role| found.iter().any(|m| m.role == *role))?;
    let mut of_role = found.iter().filter(|m| m.role == role);
    let first = of_role.next()?;
    if of_role.any(|other| other.company != first.company) {
        tracing::warn!(%role, "a user of the directory is in groups of several companies: not let in");
        return None;
    }
    Some((*first).clone())
}

fn trusting(file: &Path) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    use anyhow::Context as _;
    let mut roots = rustls::RootCertStore::empty();
    let name = || format!("ldap_ca_file: {}", file.display());
    for certificate in CertificateDer::pem_file_iter(file).with_context(name)? {
        roots.add(certificate.with_context(name)?).with_context(name)?;
    }
    anyhow::ensure!(!roots.is_empty(), "{}: no certificate in it", name());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn unheard(error: LdapError) -> DirectoryError {
    match error {
        LdapError::LdapResult { result } => DirectoryError::Refused(format!("result {}", result.rc)),
        other => DirectoryError::Down(other.to_string()),
    }
}

fn code(error: &LdapError) -> String {
    match error {
        LdapError::LdapResult { result } => format!("result {}", result.rc),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_role_counts_unless_companies_differ() {
        let of = |role, company: &str| Mapped { role, company: Some(company.to_owned()) };
        let (a, b, c) = (of(Role::Client, "A"), of(Role::ClientAdmin, "B"), of(Role::ClientAdmin, "C"));
        assert_eq!(greatest(&[]), None);
        assert_eq!(greatest(&[&a, &b]), Some(b.clone()));
        assert_eq!(greatest(&[&b, &b]), Some(b.clone()));
        assert_eq!(greatest(&[&a, &b, &c]), None);
    }
}
