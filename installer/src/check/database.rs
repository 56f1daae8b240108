//! The database.

use super::{Asked, Found};
use crate::machine::without_password;

pub(super) fn postgres(asked: &Asked<'_>) -> Found {
    let Some(url) = asked.settings.get("database_url") else { return Found::pass("embedded") };
    if url.starts_with("sqlite:") {
        return Found::pass("embedded");
    }
    if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
        return Found::fail("database_url: not an address of a database")
            .advise("database_url: expected sqlite:///path or postgres://user@host/name?sslmode=verify-full");
    }
    let place = without_password(url);
    let (local, mode) = oz_store::reached_by(url);
    if !local && mode.is_none() {
        return Found::fail(format!("{place}: over a network without sslmode")).advise(
            "Add sslmode=verify-full&sslrootcert=/path/of/the/ca.pem to database_url; without an \
                sslmode the product does not start.",
        );
    }
    let database = match asked.machine.world().postgres(url) {
        Ok(database) => database,
        Err(error) => return Found::fail(format!("{place}: {error}")),
    };
    let version = format!("PostgreSQL {} at {place}", database.version);
    if database.number < 130_000 {
        return Found::fail(version).advise("Upgrade the server to PostgreSQL 13 or later.");
    }
    if database.may_create != Some(true) {
        return Found::fail(format!("{version}: no right to make tables"))
            .advise("Let the user own the database, or GRANT CREATE ON SCHEMA public TO it.");
    }
    if !local && mode != Some("verify-full") {
        let how = if database.encrypted == Some(true) {
            "encrypted, the server's name not verified"
        } else {
            "not encrypted"
        };
        return Found::warn(format!("{version}: {how}")).advise(
            "Whoever sits between could read along: set sslmode=verify-full with sslrootcert in database_url.",
        );
    }
    Found::pass(version)
}
