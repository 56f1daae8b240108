//! The API's own settings: a struct with the values in their types, read from the one table.

mod accounts;

use crate::audit::Sink;
use crate::auth::ldap;
use crate::auth::policy::Policy;
use crate::auth::throttle::Rates;
pub(crate) use accounts::{Components, LicenseServer, Mail};
use oz_settings::{Secret, Settings};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The settings in their types.
#[derive(Debug, Clone)]
pub(crate) struct Api {
    pub(crate) data_dir: PathBuf,
    pub(crate) listen: SocketAddr,
    pub(crate) metrics_listen: SocketAddr,
    pub(crate) database_url: Secret,
    pub(crate) database_connections: u32,
    pub(crate) models_dir: PathBuf,
    pub(crate) runtime_lib: PathBuf,
    pub(crate) local_processing: bool,
    pub(crate) workers: usize,
    pub(crate) job_lease: Duration,
    pub(crate) analysis_max_attempts: i32,
    pub(crate) session_ttl: Duration,
    pub(crate) session_longlive_ttl: Duration,
    pub(crate) admin_longlive: bool,
    pub(crate) jwt_keys: Option<(PathBuf, Option<PathBuf>)>,
    pub(crate) password_policy: Policy,
    pub(crate) throttling: Rates,
    pub(crate) throttling_shared: bool,
    pub(crate) components: Components,
    pub(crate) authorize_disabled_stateless: bool,
    pub(crate) mail: Option<Mail>,
    pub(crate) ldap: Option<ldap::Options>,
    pub(crate) legacy_names: bool,
    pub(crate) public_url: Option<String>,
    /// Life of a link to a file; none when files need a token.
    pub(crate) static_link_ttl: Option<Duration>,
    pub(crate) single_request_timeout: Duration,
    pub(crate) max_file_size: u64,
    pub(crate) max_files_per_folder: usize,
    pub(crate) max_uploads: usize,
    pub(crate) min_free_space: u64,
    pub(crate) quality_details: bool,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) log_json: bool,
    pub(crate) log: String,
    pub(crate) audit_syslog: Option<Sink>,
    pub(crate) license_file: PathBuf,
    /// Where leases come from; none: the license file is the license.
    pub(crate) license_server: Option<LicenseServer>,
    /// Every setting as text, for the audit log.
    pub(crate) effective: Vec<Effective>,
}

/// A setting with the text it has; empty when it is unset.
#[derive(Debug, Clone)]
pub(crate) struct Effective {
    pub(crate) key: &'static str,
    pub(crate) text: Secret,
    /// Whether the text must not be shown.
    pub(crate) secret: bool,
}

impl Api {
    /// Takes the checked settings apart; what only two together can contradict is said here.
    pub(crate) fn read(s: &Settings) -> Result<Self, String> {
        let path = |key| s.path(key).ok_or_else(|| format!("{key}: must not be empty"));
        let address = |key| s.address(key).ok_or_else(|| format!("{key}: must not be empty"));
        let count = |key| usize::try_from(s.number(key)).unwrap_or(usize::MAX);
        let data_dir = path("data_dir")?;
        // The default needs an absolute path: the URL has no working folder.
        let file = std::path::absolute(data_dir.join("oz.sqlite")).map_err(|e| format!("data_dir: {e}"))?;
        let tls = match (s.path("tls_certificate"), s.path("tls_key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("tls_certificate and tls_key: both or neither".to_owned()),
        };
        let proxies = s.text("trusted_proxies").unwrap_or_default().split(',').map(str::trim).filter(|a| !a.is_empty());
        let trusted_proxies = proxies
            .map(|a| a.parse().map_err(|_| format!("trusted_proxies: `{a}`, expected an address such as 10.0.0.1")))
            .collect::<Result<_, _>>()?;
        let audit_syslog = s
            .text("audit_syslog")
            .map(|text| text.parse().map_err(|expected| format!("audit_syslog: `{text}`, expected {expected}")));
        let effective = oz_settings::API.iter().map(|d| Effective {
            key: d.key,
            text: s.secret(d.key).unwrap_or_default(),
            secret: d.secret,
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Self {
            database_url: s
                .secret("database_url")
                .unwrap_or_else(|| Secret::new(format!("sqlite://{}", file.display()))),
            data_dir,
            listen: address("listen")?,
            metrics_listen: address("metrics_listen")?,
            database_connections: u32::try_from(s.number("database_connections")).unwrap_or(8).clamp(1, 1000),
            models_dir: path("models_dir")?,
            runtime_lib: path("runtime_lib")?,
            local_processing: s.text("processing") == Some("local"),
            workers: if count("workers") == 0 { cores } else { count("workers") },
            job_lease: s.duration("job_lease").max(Duration::from_millis(300)),
            analysis_max_attempts: i32::try_from(s.number("analysis_max_attempts")).unwrap_or(i32::MAX).max(1),
            session_ttl: s.duration("session_ttl"),
            session_longlive_ttl: s.duration("session_longlive_ttl"),
            admin_longlive: s.flag("admin_longlive"),
            jwt_keys: s.path("jwt_private_key_path").map(|private| (private, s.path("jwt_public_key_path"))),
            password_policy: accounts::password_policy(s)?,
            throttling: accounts::throttling(s)?,
            throttling_shared: s.flag("throttling_shared"),
            components: accounts::components(s),
            authorize_disabled_stateless: s.flag("authorize_disabled_stateless"),
            mail: accounts::mail(s)?,
            ldap: accounts::directory(s)?,
            legacy_names: s.flag("legacy_names"),
            public_url: s.text("public_url").map(|u| u.trim_end_matches('/').to_owned()),
            static_link_ttl: (!s.flag("use_permissions_for_static")).then(|| s.duration("static_link_ttl")),
            single_request_timeout: s.duration("single_request_timeout"),
            max_file_size: s.size("max_file_size"),
            max_files_per_folder: count("max_files_per_folder"),
            max_uploads: count("max_uploads").max(1),
            min_free_space: s.size("min_free_space"),
            quality_details: s.flag("quality_details"),
            tls,
            trusted_proxies,
            log_json: s.text("log_format") == Some("json"),
            log: s.text("log").unwrap_or("info").to_owned(),
            audit_syslog: audit_syslog.transpose()?,
            license_file: path("license_file")?,
            license_server: accounts::license_server(s)?,
            effective: effective.collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn the_defaults_are_settings() {
        let settings = Settings::load(oz_settings::API, None, &BTreeMap::new(), &[]).unwrap();
        let api = Api::read(&settings).unwrap();
        assert_eq!(api.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(api.database_url.expose(), "sqlite:///var/lib/oz/oz.sqlite");
        assert!(api.local_processing && api.workers >= 1);
    }

    #[test]
    fn keys_and_variables_are_unique() {
        let keys: std::collections::HashSet<_> = oz_settings::API.iter().map(|d| d.key).collect();
        let variables: std::collections::HashSet<_> = oz_settings::API.iter().map(|d| d.env).collect();
        assert_eq!((keys.len(), variables.len()), (oz_settings::API.len(), oz_settings::API.len()));
    }
}
