//! Where a service is.

use std::fmt;
use std::str::FromStr;

/// What every service answers.
const PATH: &str = "/api/healthcheck";

/// The address of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Url {
    pub(super) https: bool,
    pub(super) host: String,
    pub(super) port: u16,
    /// With what stands before it where a proxy gives the service a folder.
    pub(super) path: String,
}

impl Url {
    /// Host and port, as a request names them.
    pub(super) fn authority(&self) -> String {
        let Self { host, port, .. } = self;
        if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.https { "https" } else { "http" }, self.authority(), self.path)
    }
}

impl FromStr for Url {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const EXPECTED: &str = "expected http://host:port or https://host:port";
        let uri: http::Uri = text.parse().map_err(|_| EXPECTED)?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(EXPECTED),
        };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            return Err("expected no user or password in it: the health of a service is asked without");
        }
        if uri.query().is_some() {
            return Err(EXPECTED);
        }
        let host = uri.host().map(|host| host.trim_matches(['[', ']'])).filter(|host| !host.is_empty());
        let folder = uri.path().trim_end_matches('/');
        let path = if folder.ends_with(PATH) { folder.to_owned() } else { format!("{folder}{PATH}") };
        let usual = if https { 443 } else { 80 };
        Ok(Self { https, host: host.ok_or(EXPECTED)?.to_owned(), port: uri.port_u16().unwrap_or(usual), path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let read = |text: &str| text.parse::<Url>().map(|url| url.to_string());
        assert_eq!(read("http://127.0.0.1:8000").unwrap(), "http://127.0.0.1:8000/api/healthcheck");
        assert_eq!(read("https://oz.bank.example/oz/").unwrap(), "https://oz.bank.example:443/oz/api/healthcheck");
        assert_eq!(read("http://[::1]:8000/api/healthcheck").unwrap(), "http://[::1]:8000/api/healthcheck");
        for wrong in ["127.0.0.1:8000", "ftp://x", "http://x?y", "http://", "/x", "", "http://a b"] {
            assert!(read(wrong).unwrap_err().starts_with("expected http"), "{wrong}");
        }
        assert!(read("http://me:pw@x").unwrap_err().contains("no user"));
    }
}
