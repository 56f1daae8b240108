//! The API's own settings: one table, and a struct with the values in their types.

mod accounts;

use crate::audit::Sink;
use crate::auth::ldap;
use crate::auth::policy::Policy;
use crate::auth::throttle::Rates;
pub(crate) use accounts::{Components, Mail};
use oz_settings::{Definition, Kind, Secret, Settings};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

const fn setting(
    key: &'static str,
    env: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Definition {
    Definition { key, env, kind, default, doc, secret: false }
}

/// Every setting of the API.
pub(crate) static TABLE: &[Definition] = &[
    setting(
        "data_dir",
        "OZ_DATA_DIR",
        Kind::Path,
        "/var/lib/oz",
        "Folder of the stored files, the embedded database and the keys.",
    ),
    setting("listen", "OZ_LISTEN", Kind::Address, "127.0.0.1:8000", "Where the API listens."),
    setting(
        "metrics_listen",
        "OZ_METRICS_LISTEN",
        Kind::Address,
        "127.0.0.1:9464",
        "Where metrics and plain health listen; keep it private.",
    ),
    Definition {
        key: "database_url",
        env: "OZ_DATABASE_URL",
        kind: Kind::Text,
        default: "",
        doc: "Database: sqlite:///path or postgres://… (with sslmode=verify-full over a network). Unset: a file in the data folder.",
        secret: true,
    },
    setting("database_connections", "OZ_DATABASE_CONNECTIONS", Kind::Number, "8", "Connections to the database."),
    setting("models_dir", "OZ_MODELS_DIR", Kind::Path, "/usr/share/oz/models", "Folder of the model pack."),
    setting("runtime_lib", "OZ_RUNTIME_LIB", Kind::Path, "/usr/lib/oz/libonnxruntime.so", "ONNX Runtime's library."),
    setting(
        "processing",
        "OZ_PROCESSING",
        Kind::OneOf(&["local", "queue"]),
        "local",
        "local: the server runs analyses itself. queue: it only enqueues them, `oz-api work` runs them.",
    ),
    setting("workers", "OZ_WORKERS", Kind::Number, "0", "Analyses at once; 0: one for each core."),
    setting(
        "job_lease",
        "OZ_JOB_LEASE",
        Kind::Duration,
        "30s",
        "How long a worker may be silent before another takes its job.",
    ),
    setting(
        "analysis_max_attempts",
        "OZ_ANALYSIS_MAX_ATTEMPTS",
        Kind::Number,
        "4",
        "How often an analysis is tried before it ends FAILED.",
    ),
    setting(
        "session_ttl",
        "OZ_SESSION_TTL",
        Kind::Duration,
        "15m",
        "Life of an access token; every use starts it anew.",
    ),
    setting(
        "session_longlive_ttl",
        "OZ_SESSION_LONGLIVE_TTL",
        Kind::Duration,
        "5y",
        "Life of a service token, and of an ADMIN's with OZ_ADMIN_LONGLIVE.",
    ),
    setting(
        "admin_longlive",
        "OZ_ADMIN_LONGLIVE",
        Kind::Flag,
        "false",
        "Give ADMIN tokens the long life, as version 4.0.8 did.",
    ),
    setting(
        "jwt_private_key_path",
        "OZ_JWT_PRIVATE_KEY_PATH",
        Kind::Path,
        "",
        "secp384r1 key in PEM that signs access tokens. Unset: made once in the data folder.",
    ),
    setting("jwt_public_key_path", "OZ_JWT_PUBLIC_KEY_PATH", Kind::Path, "", "The public key that must belong to it."),
    setting(
        "password_policy",
        "OZ_PASSWORD_POLICY",
        Kind::Text,
        r#"{"min_length":10}"#,
        "What passwords must be, JSON: min_length, upper, lower, digit, special, deny_common, history.",
    ),
    setting(
        "throttling_rates",
        "OZ_THROTTLING_RATES",
        Kind::Text,
        "",
        r#"Most requests of one client, JSON: {"auth":"30/m","rest_unauthorized":"60/m","rps_with_token":"50/s"}. Unset: any."#,
    ),
    setting(
        "throttling_shared",
        "OZ_THROTTLING_SHARED",
        Kind::Flag,
        "false",
        "Count in the database, for several servers on one PostgreSQL, instead of in each server's memory.",
    ),
    setting(
        "app_components",
        "OZ_APP_COMPONENTS",
        Kind::OneOf(&["all", "stateless", "stateless,auth", "auth,stateless"]),
        "all",
        "stateless: a node without rows that believes a token's signature and end, and takes none made for over 15 minutes.",
    ),
    setting(
        "authorize_disabled_stateless",
        "OZ_AUTHORIZE_DISABLED_STATELESS",
        Kind::Flag,
        "false",
        "Let everybody in without a token; only with OZ_APP_COMPONENTS=stateless, and health then warns.",
    ),
    setting(
        "ldap_url",
        "OZ_LDAP_URL",
        Kind::Text,
        "",
        "Directory that keeps passwords: ldaps://host, or ldap://host with ldap_start_tls. Unset: none.",
    ),
    setting("ldap_bind_dn", "OZ_LDAP_BIND_DN", Kind::Text, "", "Entry that searches the directory."),
    Definition {
        key: "ldap_bind_password",
        env: "OZ_LDAP_BIND_PASSWORD",
        kind: Kind::Text,
        default: "",
        doc: "Its password; better OZ_LDAP_BIND_PASSWORD_FILE.",
        secret: true,
    },
    setting("ldap_user_base", "OZ_LDAP_USER_BASE", Kind::Text, "", "Entry below which people are."),
    setting(
        "ldap_user_filter",
        "OZ_LDAP_USER_FILTER",
        Kind::Text,
        "(mail={email})",
        "Filter that finds a person; {email} is what was typed, escaped.",
    ),
    setting("ldap_start_tls", "OZ_LDAP_START_TLS", Kind::Flag, "false", "Turn to TLS before anything is said."),
    setting(
        "ldap_ca_file",
        "OZ_LDAP_CA_FILE",
        Kind::Path,
        "",
        "Certificates in PEM that the directory's must be signed by. Unset: those of the system.",
    ),
    setting(
        "ldap_group_role_map",
        "OZ_LDAP_GROUP_ROLE_MAP",
        Kind::Text,
        "",
        "JSON: group to role and company (id or name), {\"cn=staff,dc=bank\": {\"role\": \"CLIENT\", \"company\": \"Bank\"}}.",
    ),
    setting("smtp_host", "OZ_SMTP_HOST", Kind::Text, "", "Mail server for forgotten passwords. Unset: no mail."),
    setting(
        "smtp_port",
        "OZ_SMTP_PORT",
        Kind::Number,
        "0",
        "Its port; 0: the usual one of OZ_SMTP_TLS (587, 465, 25).",
    ),
    setting(
        "smtp_tls",
        "OZ_SMTP_TLS",
        Kind::OneOf(&["starttls", "tls", "none"]),
        "starttls",
        "How mail is encrypted on its way to that server; none: for a relay on this machine.",
    ),
    setting("smtp_user", "OZ_SMTP_USER", Kind::Text, "", "User at the mail server. Unset: none is needed."),
    Definition {
        key: "smtp_password",
        env: "OZ_SMTP_PASSWORD",
        kind: Kind::Text,
        default: "",
        doc: "Its password.",
        secret: true,
    },
    setting("smtp_from", "OZ_SMTP_FROM", Kind::Text, "", "Sender of the mail: `Oz <oz@example.com>`."),
    setting(
        "restore_url",
        "OZ_RESTORE_URL",
        Kind::Text,
        "",
        "Page that sets a new password; {token} in it, or else what follows #, is the token. Unset: OZ_PUBLIC_URL/restore.",
    ),
    setting("legacy_names", "OZ_LEGACY_NAMES", Kind::Flag, "true", "Answer with the names of before 6.0.1 too."),
    setting(
        "public_url",
        "OZ_PUBLIC_URL",
        Kind::Text,
        "",
        "Address under which clients reach the API, for links to files. Unset: the request's Host.",
    ),
    setting(
        "single_request_timeout",
        "OZ_SINGLE_REQUEST_TIMEOUT",
        Kind::Duration,
        "60s",
        "Longest wait of a single request for its analyses.",
    ),
    setting("max_file_size", "OZ_MAX_FILE_SIZE", Kind::Size, "50MiB", "Bytes of one uploaded file."),
    setting("max_files_per_folder", "OZ_MAX_FILES_PER_FOLDER", Kind::Number, "10", "Files of one folder."),
    setting("max_uploads", "OZ_MAX_UPLOADS", Kind::Number, "64", "Uploads at once; further ones are answered 429."),
    setting(
        "min_free_space",
        "OZ_MIN_FREE_SPACE",
        Kind::Size,
        "256MiB",
        "Free bytes below which uploads are answered 507.",
    ),
    setting(
        "quality_details",
        "OZ_QUALITY_DETAILS",
        Kind::Flag,
        "false",
        "Show signals and reasons to clients too: that teaches attackers.",
    ),
    setting(
        "tls_certificate",
        "OZ_TLS_CERTIFICATE",
        Kind::Path,
        "",
        "Certificate chain in PEM; with it the API speaks TLS.",
    ),
    setting("tls_key", "OZ_TLS_KEY", Kind::Path, "", "Its private key in PEM."),
    setting(
        "trusted_proxies",
        "OZ_TRUSTED_PROXIES",
        Kind::Text,
        "",
        "Addresses, separated by commas, whose X-Forwarded-For is believed.",
    ),
    setting(
        "audit_syslog",
        "OZ_AUDIT_SYSLOG",
        Kind::Text,
        "",
        "Where the audit log is told as it is written: unix:///dev/log, udp://host:port or tcp://host:port. Unset: nowhere.",
    ),
    setting("log_format", "OZ_LOG_FORMAT", Kind::OneOf(&["json", "pretty"]), "json", "How log lines look."),
    setting("log", "OZ_LOG", Kind::Text, "info", "Which log lines: a level, or directives such as info,oz_jobs=debug."),
];

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
        let effective =
            TABLE.iter().map(|d| Effective { key: d.key, text: s.secret(d.key).unwrap_or_default(), secret: d.secret });
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
        let settings = Settings::load(TABLE, None, &BTreeMap::new(), &[]).unwrap();
        let api = Api::read(&settings).unwrap();
        assert_eq!(api.listen.to_string(), "127.0.0.1:8000");
        assert_eq!(api.database_url.expose(), "sqlite:///var/lib/oz/oz.sqlite");
        assert!(api.local_processing && api.workers >= 1);
    }

    #[test]
    fn keys_and_variables_are_unique() {
        let keys: std::collections::HashSet<_> = TABLE.iter().map(|d| d.key).collect();
        let variables: std::collections::HashSet<_> = TABLE.iter().map(|d| d.env).collect();
        assert_eq!((keys.len(), variables.len()), (TABLE.len(), TABLE.len()));
    }
}
