//! The settings in their types.

use oz_settings::{Secret, Settings};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

/// Lives that a lease may have: short ones are for trying out.
const TTL: RangeInclusive<Duration> = Duration::from_secs(3)..=Duration::from_secs(3600);

/// The settings in their types.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) listen: SocketAddr,
    pub(crate) data_dir: PathBuf,
    pub(crate) database_url: Secret,
    pub(crate) socket: PathBuf,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    pub(crate) lease_ttl: Duration,
    pub(crate) log: String,
    pub(crate) log_json: bool,
}

impl Server {
    /// Takes the checked settings apart; what only two together can contradict is said here.
    pub(crate) fn read(s: &Settings) -> Result<Self, String> {
        let data_dir = s.path("data_dir").ok_or("data_dir: must not be empty")?;
        // The default needs an absolute path: the URL has no working folder.
        let file = std::path::absolute(data_dir.join("license.sqlite")).map_err(|e| format!("data_dir: {e}"))?;
        let tls = match (s.path("tls_certificate"), s.path("tls_key")) {
            (Some(certificate), Some(key)) => Some((certificate, key)),
            (None, None) => None,
            _ => return Err("tls_certificate and tls_key: both or neither".to_owned()),
        };
        let listen = s.address("listen").ok_or("listen: must not be empty")?;
        if !listen.ip().is_loopback() && tls.is_none() {
            return Err(format!(
                "listen: {listen} is reached from other machines, and secrets would cross the network in plain text: set \
                 OZ_LICENSE_TLS_CERTIFICATE and OZ_LICENSE_TLS_KEY, or listen on 127.0.0.1"
            ));
        }
        let lease_ttl = s.duration("lease_ttl");
        if !TTL.contains(&lease_ttl) {
            return Err(format!("lease_ttl: `{}`, expected 3s to 1h", s.text("lease_ttl").unwrap_or_default()));
        }
        let proxies = s.text("trusted_proxies").unwrap_or_default().split(',').map(str::trim).filter(|a| !a.is_empty());
        let trusted_proxies = proxies
            .map(|a| a.parse().map_err(|_| format!("trusted_proxies: `{a}`, expected an address such as 10.0.0.1")))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            listen,
            database_url: s
                .secret("database_url")
                .unwrap_or_else(|| Secret::new(format!("sqlite://{}", file.display()))),
            socket: s.path("socket").unwrap_or_else(|| data_dir.join("admin.sock")),
            data_dir,
            tls,
            trusted_proxies,
            lease_ttl,
            log: s.text("log").unwrap_or("info").to_owned(),
            log_json: s.text("log_format") == Some("json"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oz_settings::LICENSE_SERVER;
    use std::collections::BTreeMap;

    fn read(variables: &[(&str, &str)]) -> Result<Server, String> {
        let variables: BTreeMap<_, _> = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Server::read(&Settings::load(LICENSE_SERVER, None, &variables, &[]).unwrap())
    }

    #[test]
    fn the_defaults_are_settings() {
        let server = read(&[]).unwrap();
        assert_eq!(server.database_url.expose(), "sqlite:///var/lib/oz-license/license.sqlite");
        assert_eq!(server.socket, std::path::Path::new("/var/lib/oz-license/admin.sock"));
    }

    #[test]
    fn plain_text_stays_on_loopback() {
        for listen in ["0.0.0.0:8090", "192.0.2.1:8090", "[::]:8090"] {
            assert!(read(&[("OZ_LICENSE_LISTEN", listen)]).unwrap_err().contains("OZ_LICENSE_TLS_CERTIFICATE"));
        }
        assert!(read(&[("OZ_LICENSE_LISTEN", "[::1]:8090")]).is_ok());
        let tls = [("OZ_LICENSE_TLS_CERTIFICATE", "c"), ("OZ_LICENSE_TLS_KEY", "k"), ("OZ_LICENSE_LISTEN", "[::]:1")];
        assert!(read(&tls).is_ok());
        assert!(read(&tls[1..]).unwrap_err().contains("both or neither"));
    }

    #[test]
    fn a_lease_lives_for_three_seconds_to_an_hour() {
        for (ttl, good) in [("2999ms", false), ("3s", true), ("1h", true), ("61m", false)] {
            assert_eq!(read(&[("OZ_LICENSE_LEASE_TTL", ttl)]).is_ok(), good, "{ttl}");
        }
    }
}
