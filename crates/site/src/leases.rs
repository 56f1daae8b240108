//! Who may work now: one lease for each node, so many at once as the license has.

use crate::error::{Refused, Result};
use crate::ledger::{self, Kind, New};
use crate::schema::license_leases;
use crate::site::{Site, timestamp};
use crate::standing::{Basis, Standing, Warning, standing};
use crate::{period, usage};
use diesel::prelude::*;
use oz_domain::Millis;
use oz_license::{Feature, LeaseClaims, Period, State};
use oz_store::AnyConn;
use std::collections::{BTreeMap, BTreeSet};

/// What is counted for analyses that were paid in advance.
pub(crate) const BLOCK: &str = "block";
/// Most analyses that a lease pays in advance.
const MOST_BLOCK: u64 = 1_000_000;

/// What a node asks for.
#[derive(Debug, Clone)]
pub struct Ask {
    /// The node's own id.
    pub instance_id: String,
    /// Its name, for the administrator.
    pub hostname: String,
    /// Its version.
    pub version: String,
    /// What it wants to do; all that is licensed if empty.
    pub wanted: BTreeSet<Feature>,
    /// Analyses to pay in advance; 0 for a node that counts durably itself.
    pub block: u64,
}

/// A heartbeat.
#[derive(Debug, Clone)]
pub struct Beat {
    /// The counter of the lease that the node has.
    pub counter: u64,
    /// A random name of this heartbeat: a repetition is answered like the first one.
    pub attempt: String,
    /// More analyses to pay in advance.
    pub block: u64,
}

/// What a node is given.
#[derive(Debug, Clone)]
pub struct Given {
    /// The lease, to be signed ([`Site::sign_lease`]).
    pub claims: LeaseClaims,
    /// Analyses left, as in [`Standing::left`].
    pub left: Option<i64>,
    /// What the license is worth.
    pub state: State,
    /// What to tell the administrator.
    pub warnings: Vec<Warning>,
}

/// Who holds a lease.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = license_leases)]
pub struct Holder {
    /// The lease.
    pub lease_id: String,
    /// The node.
    pub instance_id: String,
    /// Its name.
    pub hostname: String,
    /// Its version.
    pub version: String,
    /// Since when, milliseconds since 1970 UTC.
    pub time_acquired: i64,
    /// Until when.
    pub time_expires: i64,
}

/// Who holds leases now, the oldest first.
///
/// # Errors
/// Of the database only.
pub fn holders(conn: &mut AnyConn, now: Millis) -> Result<Vec<Holder>> {
    Ok(license_leases::table
        .filter(license_leases::time_expires.gt(now.get()))
        .order((license_leases::time_acquired.asc(), license_leases::lease_id.asc()))
        .select(Holder::as_select())
        .load(conn)?)
}

pub(crate) fn live(conn: &mut AnyConn, now: Millis) -> Result<usize> {
    let live: i64 =
        license_leases::table.filter(license_leases::time_expires.gt(now.get())).count().get_result(conn)?;
    Ok(usize::try_from(live).unwrap_or(0))
}

/// Gives a lease to a node. A lease that the same node holds already is over by that: it has restarted, or another one uses
/// its identity, which that one's next heartbeat shows.
///
/// # Errors
/// [`Refused::State`], [`Refused::NoneFree`], [`Refused::Volume`] for a block of which nothing is left.
pub fn acquire(conn: &mut AnyConn, site: &Site, ask: &Ask, now: Millis, present: bool) -> Result<Given> {
    valid("instance_id", &ask.instance_id)?;
    let standing = standing(conn, site, now, present)?;
    standing.permits()?;
    let others: Vec<Holder> =
        holders(conn, now)?.into_iter().filter(|holder| holder.instance_id != ask.instance_id).collect();
    if standing.instances.is_some_and(|most| others.len() >= usize::try_from(most).unwrap_or(usize::MAX)) {
        return Err(Refused::NoneFree(others));
    }
    let block = pay(conn, &standing, &ask.instance_id, ask.block, now)?;
    let gone = license_leases::table
        .filter(license_leases::time_expires.le(now.get()).or(license_leases::instance_id.eq(&ask.instance_id)));
    diesel::delete(gone).execute(conn)?;
    let features = wanted(&standing, &ask.wanted);
    let (lease_id, expires) = (uuid::Uuid::now_v7().to_string(), expiry(site, &standing, now));
    diesel::insert_into(license_leases::table)
        .values((
            license_leases::lease_id.eq(&lease_id),
            license_leases::instance_id.eq(&ask.instance_id),
            license_leases::hostname.eq(shown(&ask.hostname)),
            license_leases::version.eq(shown(&ask.version)),
            license_leases::features.eq(words(&ask.wanted)),
            license_leases::counter.eq(0),
            license_leases::block.eq(block),
            license_leases::block_day.eq(period::name(Period::Day, now)),
            license_leases::time_acquired.eq(now.get()),
            license_leases::time_expires.eq(expires.get()),
        ))
        .execute(conn)?;
    Ok(given(&standing, lease_id, &ask.instance_id, (features, 0, block), (now, expires)))
}

/// Extends a lease.
///
/// # Errors
/// [`Refused::Over`], [`Refused::Stale`], and those of [`acquire`].
pub fn beat(conn: &mut AnyConn, site: &Site, lease_id: &str, beat: &Beat, now: Millis, present: bool) -> Result<Given> {
    valid("attempt", &beat.attempt)?;
    let standing = standing(conn, site, now, present)?;
    standing.permits()?;
    type Found = (String, String, i64, Option<String>, i64, i64);
    let found: Option<Found> = license_leases::table
        .find(lease_id)
        .select((
            license_leases::instance_id,
            license_leases::features,
            license_leases::counter,
            license_leases::attempt,
            license_leases::block,
            license_leases::time_expires,
        ))
        .first(conn)
        .optional()?;
    let Some((instance_id, features, counter, attempt, block, expires)) = found else { return Err(Refused::Over) };
    if expires <= now.get() {
        return Err(Refused::Over);
    }
    let known = i64::try_from(beat.counter).unwrap_or(i64::MAX);
    let again = attempt.as_deref() == Some(&beat.attempt) && known == counter - 1;
    if !again && known != counter {
        return Err(Refused::Stale);
    }
    let features = wanted(&standing, &read(&features));
    let expires = expiry(site, &standing, now);
    let (counter, more) =
        if again { (counter, 0) } else { (counter + 1, pay(conn, &standing, &instance_id, beat.block, now)?) };
    let row = license_leases::table.find(lease_id);
    diesel::update(row)
        .set((
            license_leases::counter.eq(counter),
            license_leases::attempt.eq(Some(&beat.attempt)),
            license_leases::block.eq(block.saturating_add(more)),
            license_leases::time_expires.eq(expires.get()),
        ))
        .execute(conn)?;
    let counter = u64::try_from(counter).unwrap_or(0);
    Ok(given(&standing, lease_id.to_owned(), &instance_id, (features, counter, block + more), (now, expires)))
}

/// Ends a lease at once. `unused` of its analyses that were paid in advance are given back; no more than were paid.
///
/// # Errors
/// [`Refused::Over`] when there is none.
pub fn release(conn: &mut AnyConn, lease_id: &str, unused: u64, now: Millis) -> Result<()> {
    let found: Option<(String, i64, String)> = license_leases::table
        .find(lease_id)
        .select((license_leases::instance_id, license_leases::block, license_leases::block_day))
        .first(conn)
        .optional()?;
    let Some((instance_id, block, day)) = found else { return Err(Refused::Over) };
    diesel::delete(license_leases::table.find(lease_id)).execute(conn)?;
    let back = i64::try_from(unused).unwrap_or(i64::MAX).min(block);
    if back > 0 {
        let license_id = usage::license_of_block(conn, &instance_id)?;
        let counts = BTreeMap::from([(BLOCK.to_owned(), -back)]);
        let instance_id = Some(instance_id);
        let entry = New {
            kind: Kind::Returned,
            license_id: license_id.clone(),
            instance_id,
            counts: counts.clone(),
            ..New::default()
        };
        ledger::append(conn, now, entry)?;
        // To the days it was taken from, or a month's volume could be refilled with what another month had paid.
        let periods = period::names_of_day(&day).unwrap_or_else(|| period::names(now));
        usage::add(conn, &license_id, &periods, &counts)?;
    }
    Ok(())
}

/// Pays analyses in advance: as many as are left of what is asked for.
fn pay(conn: &mut AnyConn, standing: &Standing, instance_id: &str, asked: u64, now: Millis) -> Result<i64> {
    let asked = i64::try_from(asked.min(MOST_BLOCK)).unwrap_or(0);
    if asked == 0 {
        return Ok(0);
    }
    let block = standing.left.map_or(asked, |left| left.min(asked));
    if block <= 0 {
        return Err(Refused::Volume);
    }
    let counts = BTreeMap::from([(BLOCK.to_owned(), block)]);
    let license_id = standing.license_id();
    let instance = Some(instance_id.to_owned());
    let entry = New {
        kind: Kind::Block,
        license_id: license_id.clone(),
        instance_id: instance,
        counts: counts.clone(),
        ..New::default()
    };
    ledger::append(conn, now, entry)?;
    usage::add(conn, &license_id, &period::names(now), &counts)?;
    Ok(block)
}

fn given(
    standing: &Standing,
    lease_id: String,
    instance_id: &str,
    (features, counter, block): (BTreeSet<Feature>, u64, i64),
    (now, expires): (Millis, Millis),
) -> Given {
    let claims = LeaseClaims {
        lease_id,
        license: standing.text.clone().unwrap_or_default(),
        instance_id: instance_id.to_owned(),
        features,
        issued_at: timestamp(now),
        expires_at: timestamp(expires),
        counter,
        block: u64::try_from(block).unwrap_or(0),
    };
    Given { claims, left: standing.left, state: standing.state, warnings: standing.warnings.clone() }
}

/// When a lease that begins now ends: never after the license and its grace.
fn expiry(site: &Site, standing: &Standing, now: Millis) -> Millis {
    let ttl = now.plus(site.ttl);
    match &standing.basis {
        Basis::License(license) => license.over_at().map_or(ttl, |over| ttl.min(Millis::new(over.as_millisecond()))),
        Basis::Trial { .. } | Basis::Nothing => ttl,
    }
}

fn wanted(standing: &Standing, wanted: &BTreeSet<Feature>) -> BTreeSet<Feature> {
    if wanted.is_empty() { standing.features.clone() } else { &standing.features & wanted }
}

fn words(features: &BTreeSet<Feature>) -> String {
    features.iter().map(|feature| feature.as_str()).collect::<Vec<_>>().join(",")
}

fn read(words: &str) -> BTreeSet<Feature> {
    words.split(',').filter_map(|word| Feature::ALL.into_iter().find(|feature| feature.as_str() == word)).collect()
}

/// An id: so that nothing strange is stored and shown.
pub(crate) fn valid(field: &'static str, id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&id.len()) && id.chars().all(plain) {
        return Ok(());
    }
    Err(Refused::Value { field, expected: "1 to 64 letters, digits, `-`, `_`, `.`" })
}

/// A text that a node says of itself: kept short, and without what a terminal would act upon.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(128).collect()
}
