//! Other servers: whether they take a connection. Whether they are content with user and password, the product finds
//! out.

use super::{Asked, Found};

const NOT_SET: &str = "not set";

fn reach(asked: &Asked<'_>, host: &str, port: u16) -> Found {
    let place = if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") };
    match asked.machine.world().connect(host, port) {
        Ok(()) => Found::pass(format!("{place} takes connections")),
        Err(error) => Found::fail(format!("{place}: {error}")),
    }
}

/// Host and port of a URL.
fn place(url: &str, usual: u16) -> Option<(String, u16)> {
    let (_, rest) = url.split_once("://")?;
    let authority: http::uri::Authority = rest.split(['/', '?']).next()?.parse().ok()?;
    let host = authority.host().trim_matches(['[', ']']).to_owned();
    (!host.is_empty()).then(|| (host, authority.port_u16().unwrap_or(usual)))
}

/// Reaches what a setting's URL names; `usual` are the schemes with their ports.
fn by_url(asked: &Asked<'_>, key: &str, usual: &[(&str, u16)]) -> Found {
    let Some(url) = asked.settings.get(key) else { return Found::pass(NOT_SET) };
    let scheme = usual.iter().find(|(scheme, _)| url.split_once("://").is_some_and(|(found, _)| found == *scheme));
    match scheme.and_then(|(_, port)| place(url, *port)) {
        Some((host, port)) => reach(asked, &host, port),
        None => {
            let expected: Vec<String> = usual.iter().map(|(scheme, _)| format!("{scheme}://host")).collect();
            // Not the URL itself: somebody may have written a password into it.
            Found::fail(format!("{key}: not an address")).advise(format!("{key}: expected {}", expected.join(" or ")))
        }
    }
}

pub(super) fn ldap(asked: &Asked<'_>) -> Found {
    by_url(asked, "ldap_url", &[("ldaps", 636), ("ldap", 389)])
}

pub(super) fn license_server(asked: &Asked<'_>) -> Found {
    by_url(asked, "license_server_url", &[("https", 8090), ("http", 8090)])
}

pub(super) fn smtp(asked: &Asked<'_>) -> Found {
    let Some(host) = asked.settings.get("smtp_host") else { return Found::pass(NOT_SET) };
    let usual = match asked.settings.get("smtp_tls") {
        Some("tls") => 465,
        Some("none") => 25,
        _ => 587,
    };
    match asked.settings.get("smtp_port").map_or(Ok(0), str::parse::<u16>) {
        Ok(0) => reach(asked, host, usual),
        Ok(port) => reach(asked, host, port),
        Err(_) => Found::fail("smtp_port: not a port").advise("smtp_port: expected a number from 0 to 65535"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_from_addresses() {
        assert_eq!(place("ldaps://dc1.bank.example", 636), Some(("dc1.bank.example".to_owned(), 636)));
        assert_eq!(place("ldap://[::1]:3890/dc=x,dc=y", 389), Some(("::1".to_owned(), 3890)));
        assert_eq!((place("ldap:///", 389), place("dc1", 389)), (None, None));
    }
}
