//! The grammar of database addresses.

use crate::{Error, Result};
use std::path::PathBuf;

/// What libpq is told unless the URL says otherwise: a server that is gone without a word is noticed within a minute.
const DEFAULTS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "60000"),
];

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A file of ours.
    Sqlite(PathBuf),
    /// A server; the whole URL goes to libpq, with [`DEFAULTS`] that it does not set itself.
    Postgres(String),
}

impl Address {
    /// Reads `sqlite:///absolute`, `sqlite:path`, `postgres://…`, `postgresql://…`. Anything else is an error, never the
    /// name of a new file. The text itself is not told: it may hold a password.
    pub(crate) fn parse(url: &str) -> Result<Self> {
        if let Some(rest) = url.strip_prefix("sqlite:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            let relative_host = rest.starts_with("//") && !path.starts_with('/');
            if path.is_empty() || path == ":memory:" || relative_host {
                return Err(Error::Url(
                    "a database address `sqlite:` needs a path: sqlite:///var/lib/oz/oz.db".to_owned(),
                ));
            }
            return Ok(Self::Sqlite(PathBuf::from(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return server(url).map(Self::Postgres);
        }
        let scheme = match url.split_once(':') {
            Some((s, _)) if s.len() <= 16 && s.bytes().all(|b| b.is_ascii_alphanumeric()) => s,
            _ => "",
        };
        Err(Error::Url(format!("a database address begins with `sqlite:` or `postgres://`, not with `{scheme}`")))
    }
}

/// The URL with [`DEFAULTS`]. libpq's own default, `sslmode=prefer`, takes any certificate and no encryption at all, so a
/// server over a network needs an `sslmode` that somebody has chosen.
fn server(url: &str) -> Result<String> {
    let asked = Asked::of(url);
    match asked.value("sslmode") {
        _ if asked.is_local() => {}
        Some("verify-full") => {}
        Some(_) => tracing::warn!(
            "the database address asks for a weaker sslmode than verify-full: whoever sits between could read along"
        ),
        None => {
            return Err(Error::Url(
                "a database over a network needs `sslmode=verify-full` (with `sslrootcert=/path/of/the/ca.pem`) in its address, \
                 or another sslmode in so many words"
                    .to_owned(),
            ));
        }
    }
    let mut url = url.to_owned();
    let mut joint = match asked.query {
        None => "?",
        Some("") => "",
        Some(_) => "&",
    };
    for (name, default) in DEFAULTS.into_iter().filter(|(name, _)| asked.value(name).is_none()) {
        url.extend([joint, name, "=", default]);
        joint = "&";
    }
    Ok(url)
}

/// Whether a `postgres://` address is reached without a network, and the `sslmode` it asks for.
pub fn reached_by(url: &str) -> (bool, Option<&str>) {
    let asked = Asked::of(url);
    (asked.is_local(), asked.value("sslmode"))
}

/// A server's address, as libpq reads it.
struct Asked<'a> {
    hosts: &'a str,
    query: Option<&'a str>,
}

impl<'a> Asked<'a> {
    fn of(url: &'a str) -> Self {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest);
        // The name and password end at the first `@` before a slash.
        let head = rest.split('/').next().unwrap_or_default();
        let rest = head.find('@').and_then(|at| rest.get(at + 1..)).unwrap_or(rest);
        let (place, query) = rest.split_once('?').map_or((rest, None), |(place, query)| (place, Some(query)));
        Self { hosts: place.split('/').next().unwrap_or_default(), query }
    }

    /// The last value of a parameter that is not empty.
    fn value(&self, name: &str) -> Option<&'a str> {
        let mut pairs = self.query.unwrap_or_default().split('&').filter_map(|p| p.split_once('='));
        pairs.rfind(|(n, v)| *n == name && !v.is_empty()).map(|(_, v)| v)
    }

    fn is_local(&self) -> bool {
        let hosts = [Some(self.hosts), self.value("host"), self.value("hostaddr")];
        // A service file may name any host.
        hosts.into_iter().flatten().flat_map(|list| list.split(',')).all(is_local) && self.value("service").is_none()
    }
}

/// Whether a host of a URL, with or without its port, is this machine: none or a folder (a local socket), or loopback.
fn is_local(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None if host.matches(':').count() > 1 => host, // a bare IPv6 address in `hostaddr`
        None => host.split(':').next().unwrap_or_default(),
    };
    let socket =
        name.is_empty() || name.starts_with('/') || name.get(..3).is_some_and(|p| p.eq_ignore_ascii_case("%2f"));
    socket
        || name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_schemes_are_known() {
        let path = |p: &str| Ok::<_, String>(Address::Sqlite(PathBuf::from(p)));
        let read = |u: &str| Address::parse(u).map_err(|e| e.to_string());
        assert!(read("sqlite:///var/x.db") == path("/var/x.db"));
        assert!(read("sqlite:x.db") == path("x.db"));
        assert!(read("postgres://u@h/db?sslmode=verify-full").is_ok());
        for bad in ["", "x.db", "/var/x.db", "mysql://h/db", "sqlite:", "sqlite://", "sqlite://x.db", "sqlite::memory:"]
        {
            assert!(matches!(Address::parse(bad), Err(Error::Url(_))), "{bad}");
        }
        let told = Address::parse("secret:word@host").map(|_| ()).unwrap_err().to_string();
        assert!(!told.contains("word"), "{told}");
    }
    #[test]
    fn a_server_over_a_network_needs_an_sslmode() {
        for local in [
            "postgres:///db",
            "postgres://localhost/db",
            "postgres://u:p@127.0.0.1:5432/db",
            "postgresql://u@[::1]:5432/db",
            "postgres://%2Fvar%2Frun%2Fpostgresql/db",
            "postgres:///db?host=/run/postgresql",
            "postgres://u@db.bank.example/oz?sslmode=verify-full&sslrootcert=/etc/ca.pem",
            "postgres://u@db.bank.example/oz?sslmode=require",
        ] {
            assert!(Address::parse(local).is_ok(), "{local}");
        }
        for remote in [
            "postgres://db.bank.example/oz",
            "postgres://u:localhost@10.0.0.1/oz",
            "postgres://u:p?w@10.0.0.1/oz",
            "postgres://127.0.0.1,db.bank.example/oz",
            "postgres:///oz?host=db.bank.example",
            "postgres://localhost/oz?hostaddr=2001:db8::1",
            "postgres:///oz?service=bank",
            "postgres://db.bank.example/oz?sslmode=",
            "postgres://localhost.bank.example/oz",
        ] {
            let refused = Address::parse(remote).map(|_| ()).unwrap_err().to_string();
            assert!(refused.contains("sslmode=verify-full") && !refused.contains("bank"), "{remote}: {refused}");
        }
    }

    #[test]
    fn a_network_is_told_from_this_machine() {
        for local in ["postgres:///oz", "postgres://u@localhost/oz", "postgres://[::1]:5432/oz", "postgres://%2Frun/oz"]
        {
            assert!(reached_by(local).0, "{local}");
        }
        for far in
            ["postgres://db/oz", "postgres://localhost,db/oz", "postgres:///oz?host=db", "postgres:///?service=x"]
        {
            assert!(!reached_by(far).0, "{far}");
        }
        assert_eq!(reached_by("postgres://db/oz?a=b&sslmode=verify-full").1, Some("verify-full"));
    }

    #[test]
    fn a_server_that_is_silent_is_noticed() {
        let read = |url: &str| match Address::parse(url) {
            Ok(Address::Postgres(url)) => url,
            _ => String::new(),
        };
        let all =
            "connect_timeout=5&keepalives_idle=30&keepalives_interval=10&keepalives_count=3&tcp_user_timeout=60000";
        assert_eq!(read("postgres://localhost/oz"), format!("postgres://localhost/oz?{all}"));
        assert_eq!(read("postgres://localhost/oz?"), format!("postgres://localhost/oz?{all}"));
        let own = read("postgres://localhost/oz?connect_timeout=60&tcp_user_timeout=1");
        assert_eq!(own.matches("connect_timeout").count(), 1, "{own}");
        assert!(own.ends_with("&keepalives_idle=30&keepalives_interval=10&keepalives_count=3"), "{own}");
    }
}
