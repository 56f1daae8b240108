//! The license files that were installed.

use crate::error::{Refused, Result};
use crate::ledger::{self, Kind as EntryKind, New};
use crate::schema::{license_files, license_site};
use crate::site::{Site, timestamp};
use crate::{lived, row};
use diesel::prelude::*;
use oz_domain::Millis;
use oz_license::{Invalid, Kind, License, Reason, State};
use oz_store::AnyConn;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The appliance's own license, and those of apps and web pages.
const SITE: &str = "site";
const SDK: &str = "sdk";

/// A license file that was installed.
#[derive(Debug, Clone)]
pub struct Installed {
    /// Its place among all that were.
    pub seq: i64,
    /// The file.
    pub text: String,
    /// What it says; why not, when it cannot be read any more (its vendor key is not trusted by this version).
    pub license: Result<Arc<License>, Invalid>,
}

const fn role(kind: Kind) -> &'static str {
    match kind {
        Kind::Server | Kind::Trial => SITE,
        Kind::Sdk | Kind::Web | Kind::Master => SDK,
    }
}

/// The appliance's own license: the one that was installed last.
///
/// # Errors
/// Of the database only.
pub fn installed(conn: &mut AnyConn, site: &Site) -> Result<Option<Installed>> {
    let last: Option<(i64, String)> = license_files::table
        .filter(license_files::role.eq(SITE))
        .order(license_files::seq.desc())
        .select((license_files::seq, license_files::text))
        .first(conn)
        .optional()?;
    Ok(last.map(|(seq, text)| Installed { seq, license: site.read(seq, &text), text }))
}

/// Licenses of apps and web pages, the last of each; the appliance's own behind them, which may name some too.
///
/// # Errors
/// Of the database only.
pub fn sdk_files(conn: &mut AnyConn, site: &Site) -> Result<Vec<Installed>> {
    let files: Vec<(i64, String, String)> = license_files::table
        .filter(license_files::role.eq(SDK))
        .order(license_files::seq.asc())
        .select((license_files::seq, license_files::license_id, license_files::text))
        .load(conn)?;
    let last: BTreeMap<String, (i64, String)> = files.into_iter().map(|(seq, id, text)| (id, (seq, text))).collect();
    let read = |text: &str| License::verify(text.as_bytes(), &site.vendor).map(Arc::new);
    let mut found: Vec<Installed> =
        last.into_values().map(|(seq, text)| Installed { seq, license: read(&text), text }).collect();
    found.extend(installed(conn, site)?);
    Ok(found)
}

/// Installs a license file: in force from the commit on. The ones before it are kept.
///
/// # Errors
/// [`Refused::File`] for what the vendor did not sign; [`Refused::NotInstalled`] for a file that is worth nothing here, or is
/// older than the one in force: a good license is never replaced by one that stops the work.
pub fn install(conn: &mut AnyConn, site: &Site, text: &str, now: Millis) -> Result<License> {
    let license = License::verify(text.as_bytes(), &site.vendor)?;
    let claims = license.claims();
    let same: Option<(i64, String)> = license_files::table
        .filter(license_files::license_id.eq(&claims.license_id))
        .order(license_files::revision.desc())
        .select((license_files::revision, license_files::text))
        .first(conn)
        .optional()?;
    let revision = i64::from(claims.revision);
    match &same {
        Some((known, installed)) if *known == revision && installed == text => return Ok(license),
        Some((known, _)) if *known >= revision => {
            let text =
                format!("revision {revision} of this license is not newer than revision {known}, which is installed");
            return Err(Refused::NotInstalled(text));
        }
        _ => {}
    }
    let role = role(claims.kind);
    let worth = worth(&license, site, now);
    if let State::Invalid(reason) = worth {
        return Err(Refused::NotInstalled(reason.to_string()));
    }
    if worth == State::Expired {
        return Err(Refused::NotInstalled("the license is over".to_owned()));
    }
    if role == SITE {
        not_worse(conn, site, &license, now)?;
    }
    let last: Option<i64> =
        license_files::table.order(license_files::seq.desc()).select(license_files::seq).first(conn).optional()?;
    diesel::insert_into(license_files::table)
        .values((
            license_files::seq.eq(last.unwrap_or(0) + 1),
            license_files::license_id.eq(&claims.license_id),
            license_files::revision.eq(revision),
            license_files::role.eq(role),
            license_files::text.eq(text),
            license_files::time_installed.eq(now.get()),
        ))
        .execute(conn)?;
    let entry = New {
        kind: EntryKind::Installed,
        license_id: claims.license_id.clone(),
        note: Some(format!("revision {revision}")),
        ..New::default()
    };
    ledger::append(conn, now, entry)?;
    if role == SITE {
        diesel::update(license_site::table)
            .set((license_site::licensed.eq(true), license_site::moved_at.eq(None::<i64>)))
            .execute(conn)?;
        // What the clock had said before counts no more: the vendor's own time is the new floor.
        lived::reset(conn, Millis::new(claims.issued_at.as_millisecond().min(now.get())))?;
    }
    Ok(license)
}

/// What a license is worth here, whatever the clock said before.
fn worth(license: &License, site: &Site, now: Millis) -> State {
    license.state(&oz_license::Site {
        now: timestamp(now),
        last_seen: None,
        factors: &site.factors,
        key: Some(&site.key.verifying_key()),
        version: &site.version,
    })
}

/// A license takes the place of the one in force only if it does not stop the work, and another one only if it was signed later.
fn not_worse(conn: &mut AnyConn, site: &Site, license: &License, now: Millis) -> Result<()> {
    let Some(Installed { license: Ok(current), .. }) = installed(conn, site)? else { return Ok(()) };
    let is_another = license.claims().license_id != current.claims().license_id;
    if is_another && license.claims().issued_at <= current.claims().issued_at {
        return Err(Refused::NotInstalled(format!(
            "license {} was signed before license {}, which is installed",
            license.claims().license_id,
            current.claims().license_id
        )));
    }
    if worth(&current, site, now).permits() && !worth(license, site, now).permits() {
        return Err(Refused::NotInstalled(format!(
            "license {} is good, and this one would stop the work now: it is {}",
            current.claims().license_id,
            worth(license, site, now).as_str().replace('_', " ")
        )));
    }
    Ok(())
}

/// Tells that the site was restored on another machine: its license holds for 14 days there, in which to activate anew.
///
/// # Errors
/// [`Refused::NotInstalled`] where the license is not for another machine, or the days were given already.
pub fn restored(conn: &mut AnyConn, site: &Site, now: Millis) -> Result<()> {
    let moved = row::expect(conn)?.moved_at;
    let license = installed(conn, site)?.and_then(|file| file.license.ok());
    let elsewhere = license.is_some_and(|license| worth(&license, site, now) == State::Invalid(Reason::Machine));
    if !elsewhere || moved.is_some() {
        let text = "the license is not for another machine, or its 14 days there have been given already";
        return Err(Refused::NotInstalled(text.to_owned()));
    }
    diesel::update(license_site::table).set(license_site::moved_at.eq(Some(now.get()))).execute(conn)?;
    ledger::append(conn, now, New { kind: EntryKind::Restored, ..New::default() })?;
    Ok(())
}
