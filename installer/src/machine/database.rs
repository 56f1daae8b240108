//! Logging in to PostgreSQL as the product does: by libpq, which alone knows `sslmode`, `sslrootcert` and all ways to
//! log in.

use diesel::sql_types::{Bool, Integer, Nullable, Text};
use diesel::{Connection as _, PgConnection, QueryableByName, RunQueryDsl as _};

/// What a server says of itself and of who logged in.
#[derive(Debug, Clone, QueryableByName)]
pub(crate) struct Database {
    /// As `150004` for 15.4.
    #[diesel(sql_type = Integer)]
    pub(crate) number: i32,
    /// In words.
    #[diesel(sql_type = Text)]
    pub(crate) version: String,
    /// Whether tables may be made; none where the search path names no schema.
    #[diesel(sql_type = Nullable<Bool>)]
    pub(crate) may_create: Option<bool>,
    /// Whether the connection is encrypted.
    #[diesel(sql_type = Nullable<Bool>)]
    pub(crate) encrypted: Option<bool>,
}

const QUESTION: &str = "SELECT current_setting('server_version_num')::int4 AS number, \
     current_setting('server_version') AS version, \
     has_schema_privilege(current_schema()::text, 'CREATE') AS may_create, \
     (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted";

/// Logs in and asks.
///
/// # Errors
/// What libpq says, without the password.
pub(super) fn ask(url: &str) -> Result<Database, String> {
    // libpq would take a part of the password for a host or a port, and tell it.
    if secret(url) != password(url) {
        return Err("database_url: expected a password with / as %2F and @ as %40".to_owned());
    }
    let joint = if url.contains('?') { '&' } else { '?' };
    // A host that is silent would be waited for, for minutes.
    let limited =
        if url.contains("connect_timeout=") { url.to_owned() } else { format!("{url}{joint}connect_timeout=5") };
    let hidden = |error: String| hidden(&error, url);
    let mut connection = PgConnection::establish(&limited).map_err(|e| hidden(e.to_string()))?;
    diesel::sql_query(QUESTION).get_result(&mut connection).map_err(|e| hidden(e.to_string()))
}

/// An error's text without the URL's passwords, plain or percent-encoded.
fn hidden(error: &str, url: &str) -> String {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let parameters = query.split('&').filter_map(|p| p.split_once('=')).filter(|(name, _)| name.ends_with("password"));
    let secrets = password(url).into_iter().chain(parameters.map(|(_, secret)| secret));
    secrets.filter(|secret| !secret.is_empty()).fold(error.to_owned(), |text, secret| {
        let decoded = percent_encoding::percent_decode_str(secret).decode_utf8_lossy();
        text.replace(secret, "***").replace(&*decoded, "***")
    })
}

/// What stands between the user and `@`; as libpq reads it, the first `@` before a slash.
fn password(url: &str) -> Option<&str> {
    let (_, rest) = url.split_once("://")?;
    let (user, _) = rest.split('/').next()?.split_once('@')?;
    user.split_once(':').map(|(_, password)| password)
}

/// What somebody may have meant as the password: up to the last `@` before the parameters, if that is more.
fn secret(url: &str) -> Option<&str> {
    let meant = || {
        let (_, rest) = url.split('?').next()?.split_once("://")?;
        let (user, _) = rest.rsplit_once('@')?;
        user.split_once(':').map(|(_, password)| password)
    };
    [password(url), meant()].into_iter().flatten().max_by_key(|secret| secret.len())
}

/// A database address for people: `***` for the password, and no parameters but those of encryption.
pub(crate) fn without_password(url: &str) -> String {
    let url = match secret(url) {
        Some(secret) => url.replacen(&format!(":{secret}@"), ":***@", 1),
        None => url.to_owned(),
    };
    let (place, query) = url.split_once('?').unwrap_or((&url, ""));
    let shown: Vec<&str> = query.split('&').filter(|p| p.starts_with("sslmode=")).collect();
    if shown.is_empty() { place.to_owned() } else { format!("{place}?{}", shown.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_not_told() {
        let url = "postgres://oz:p%40ss@db.bank.example/oz?password=other&sslmode=verify-full&sslkey=x";
        assert_eq!(without_password(url), "postgres://oz:***@db.bank.example/oz?sslmode=verify-full");
        assert_eq!(hidden("bad: p@ss or p%40ss or other", url), "bad: *** or *** or ***");
        assert_eq!(without_password("postgres://db/oz"), "postgres://db/oz");
        for wrong in
            ["", "%zz", "?x", "@y", "/z", "/@?", ":"].map(|odd| format!("postgres://oz:secret1{odd}@127.0.0.1:1/oz"))
        {
            let told = format!("{} {}", ask(&wrong).unwrap_err(), without_password(&wrong));
            assert!(!told.contains("secret1"), "{wrong}: {told}");
        }
    }

    #[test]
    fn a_real_server_is_asked() {
        let cluster = oz_testkit::Cluster::start().unwrap();
        let database = ask(&cluster.create_database("ozctl").unwrap()).unwrap();
        assert!(database.number >= 130_000, "{database:?}");
        assert_eq!((database.may_create, database.encrypted), (Some(true), Some(false)));
    }

    #[test]
    fn the_certificate_of_a_real_server_is_looked_at() {
        let cluster = oz_testkit::Cluster::start_tls().unwrap();
        let url = cluster.create_database("ozctl").unwrap();
        let by = |authority: std::path::PathBuf| {
            let url = url.replace("127.0.0.1", "localhost");
            ask(&format!("{url}?sslmode=verify-full&sslrootcert={}", authority.display()))
        };
        assert_eq!(by(cluster.certificate()).unwrap().encrypted, Some(true));
        let error = by(cluster.other_certificate()).unwrap_err();
        assert!(error.contains("certificate"), "{error}");
    }
}
