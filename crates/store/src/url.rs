//! The grammar of database addresses.

use crate::{Error, Result};
use std::path::PathBuf;

/// Where the database is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Address {
    /// A file of ours.
    Sqlite(PathBuf),
    /// A server; the whole URL goes to libpq, `sslmode` and all.
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
            return Ok(Self::Postgres(url.to_owned()));
        }
        let scheme = match url.split_once(':') {
            Some((s, _)) if s.len() <= 16 && s.bytes().all(|b| b.is_ascii_alphanumeric()) => s,
            _ => "",
        };
        Err(Error::Url(format!("a database address begins with `sqlite:` or `postgres://`, not with `{scheme}`")))
    }
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
}
