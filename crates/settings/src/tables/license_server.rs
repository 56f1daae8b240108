//! Every setting of the license server, once: key, variable, kind, default, meaning.

use crate::{Definition, Kind, secret, setting};

/// Every setting of `oz-license-server`.
#[rustfmt::skip]
pub static LICENSE_SERVER: &[Definition] = &[
    setting("listen", "OZ_LICENSE_LISTEN", Kind::Address, "127.0.0.1:8090", "Where it listens; beyond loopback only with TLS."),
    setting("data_dir", "OZ_LICENSE_DATA_DIR", Kind::Path, "/var/lib/oz-license", "Folder of the site key, the secrets, the embedded database."),
    secret("database_url", "OZ_LICENSE_DATABASE_URL", "Database: sqlite:///path or postgres://…. Unset: a file in the data folder."),
    setting("socket", "OZ_LICENSE_SOCKET", Kind::Path, "", "Socket of the administrator's commands, mode 0660. Unset: admin.sock in the data folder."),
    setting("tls_certificate", "OZ_LICENSE_TLS_CERTIFICATE", Kind::Path, "", "Certificate chain in PEM; read anew on SIGHUP."),
    setting("tls_key", "OZ_LICENSE_TLS_KEY", Kind::Path, "", "Its private key in PEM."),
    setting("trusted_proxies", "OZ_LICENSE_TRUSTED_PROXIES", Kind::Text, "", "Addresses of proxies whose X-Forwarded-For is believed, with commas between."),
    setting("lease_ttl", "OZ_LICENSE_LEASE_TTL", Kind::Duration, "10m", "Life of a lease: 3s to 1h. A node that died frees its instance after it."),
    setting("log", "OZ_LICENSE_LOG", Kind::Text, "info", "What is logged, as in info,oz_site=debug."),
    setting("log_format", "OZ_LICENSE_LOG_FORMAT", Kind::OneOf(&["json", "pretty"]), "json", "Form of the log."),
];
