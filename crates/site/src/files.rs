//! The license files that were installed.

use crate::error::{Refused, Result};
use crate::ledger::{self, Kind as EntryKind, New};
use crate::schema::{license_files, license_site};
use crate::site::{Site, timestamp};
use crate::standing::{SKEW, TRIAL, standing};
use crate::{lived, row, uses};
use diesel::prelude::*;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{Audience, GrantClaims, Invalid, Kind, LeaseClaims, License, Reason, State};
use oz_store::AnyConn;
use sha2::{Digest as _, Sha256};
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

/// What the ledger notes of a file, so that no other one takes its place.
pub(crate) fn installed_note(revision: i64, text: &str) -> String {
    format!("revision {revision}, SHA-256 {}", hex::encode(Sha256::digest(text)))
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
    Ok(last.map(|(seq, text)| Installed { seq, license: site.read(&text), text }))
}

/// The id that use is counted for under a license, whether or not its file is there and can be read.
pub(crate) fn counts_for(conn: &mut AnyConn) -> Result<Option<String>> {
    let last = license_files::table.filter(license_files::role.eq(SITE)).order(license_files::seq.desc());
    Ok(last.select(license_files::license_id).first(conn).optional()?)
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
    if !can_be_kept(&claims.license_id) {
        return Err(Refused::NotInstalled("the license's id is none that can be kept".to_owned()));
    }
    let role = role(claims.kind);
    let same: Option<(i64, i64, String)> = license_files::table
        .filter(license_files::license_id.eq(&claims.license_id))
        .order(license_files::revision.desc())
        .select((license_files::seq, license_files::revision, license_files::text))
        .first(conn)
        .optional()?;
    let revision = i64::from(claims.revision);
    match &same {
        Some((seq, known, installed)) if *known == revision && installed == text => {
            if role == SITE {
                in_force(conn, site, *seq)?;
            }
            return Ok(license);
        }
        Some((_, known, _)) if *known >= revision => {
            let text =
                format!("revision {revision} of this license is not newer than revision {known}, which is installed");
            return Err(Refused::NotInstalled(text));
        }
        _ => {}
    }
    let worth = worth(&license, site, now);
    if let State::Invalid(reason) = worth {
        return Err(Refused::NotInstalled(reason.to_string()));
    }
    if worth == State::Expired {
        return Err(Refused::NotInstalled("the license is over".to_owned()));
    }
    if role == SITE {
        takes_its_place(conn, site, &license, worth, now)?;
        if same.is_none() {
            uses::forget_taken_back(conn)?;
        }
    }
    carried(site, text, &license)?;
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
        note: Some(installed_note(revision, text)),
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

/// An id under which use can be counted, apart from all others, in either database.
fn can_be_kept(id: &str) -> bool {
    (1..=256).contains(&id.len()) && id != TRIAL && !id.chars().any(char::is_control)
}

/// Whether file number `seq` is the one in force.
fn in_force(conn: &mut AnyConn, site: &Site, seq: i64) -> Result<()> {
    let Some(current) = installed(conn, site)?.filter(|file| file.seq != seq) else { return Ok(()) };
    let id = current.license.map(|license| license.claims().license_id.clone()).unwrap_or_default();
    Err(Refused::NotInstalled(format!("license {id}, which was installed later, is in force")))
}

/// A license takes the place of the one in force only if it does not stop the work; another one, too, only if it was signed
/// later.
fn takes_its_place(conn: &mut AnyConn, site: &Site, license: &License, new: State, now: Millis) -> Result<()> {
    let id = &license.claims().license_id;
    let current = installed(conn, site)?.and_then(|file| file.license.ok());
    if let Some(current) = &current
        && current.claims().license_id != *id
        && license.claims().issued_at <= current.claims().issued_at
    {
        let known = &current.claims().license_id;
        let text = format!("license {id} was signed before license {known}, which is installed");
        return Err(Refused::NotInstalled(text));
    }
    // As it stands: on another machine after a restore, too, and in a trial. And as it would with the clock put right.
    let works = standing(conn, site, now, true)?.state.permits()
        || current.is_some_and(|current| worth(&current, site, now).permits());
    if works && !new.permits() {
        let state = new.as_str().replace('_', " ");
        let text = format!("work goes on now, and license {id} is not in force yet: it is {state}");
        return Err(Refused::NotInstalled(text));
    }
    Ok(())
}

/// Fails for a license so long that no lease or grant could carry it along.
fn carried(site: &Site, text: &str, license: &License) -> Result<()> {
    let too_long = |_| Refused::NotInstalled("the license is too long for what carries it along".to_owned());
    let features = &license.claims().features;
    let grant = GrantClaims {
        license: text.to_owned(),
        audience: Audience::Android { app_id: "x".repeat(255) },
        nonce: "x".repeat(128),
        features: features.clone(),
        issued_at: Timestamp::MAX,
        expires_at: Timestamp::MAX,
    };
    let lease = LeaseClaims {
        lease_id: "x".repeat(64),
        license: text.to_owned(),
        instance_id: "x".repeat(64),
        features: features.clone(),
        issued_at: Timestamp::MAX,
        expires_at: Timestamp::MAX,
        counter: u64::MAX,
        block: u64::MAX,
    };
    site.sign_grant(&grant).and_then(|_| site.sign_lease(&lease)).map(drop).map_err(too_long)
}

/// Tells that the site was restored on another machine: its license holds for 14 days there, in which to activate anew.
///
/// # Errors
/// [`Refused::NotInstalled`] where the license is not for another machine, or the days were given already.
pub fn restored(conn: &mut AnyConn, site: &Site, now: Millis) -> Result<()> {
    let moved = row::expect(conn)?.moved_at;
    let license = installed(conn, site)?.and_then(|file| file.license.ok());
    let key = site.key.verifying_key();
    let elsewhere = license.is_some_and(|license| {
        license.site_key() == Some(&key) && worth(&license, site, now) == State::Invalid(Reason::Machine)
    });
    // Those that a clock far ahead had begun lie in the future and were of no use.
    let given = moved.is_some_and(|moved| now.get() >= moved.saturating_sub(SKEW));
    if !elsewhere || given {
        let text = "the license is not for another machine, or its 14 days there have been given already";
        return Err(Refused::NotInstalled(text.to_owned()));
    }
    diesel::update(license_site::table).set(license_site::moved_at.eq(Some(now.get()))).execute(conn)?;
    ledger::append(conn, now, New { kind: EntryKind::Restored, ..New::default() })?;
    Ok(())
}
