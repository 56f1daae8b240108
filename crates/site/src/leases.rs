//! Who may work now: one lease for each node, so many at once as the license has.

use crate::blocks::{Paid, give_back, pay};
use crate::error::{Refused, Result};
use crate::schema::license_leases;
use crate::site::{Site, timestamp};
use crate::standing::{Basis, SKEW, Standing, standing};
use crate::warning::Warning;
use diesel::prelude::*;
use oz_domain::Millis;
use oz_license::{Feature, LONGEST, LeaseClaims, State};
use oz_store::AnyConn;
use std::collections::BTreeSet;
use std::time::Duration;

/// Longest life of a lease.
const LONGEST_LIFE: Duration = Duration::from_secs(LONGEST.unsigned_abs());

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

/// A lease that is not over. One that ends later than any lease can was made while the clock was ahead: nobody knows
/// whether its node is still there, and it must keep no place until the year that the clock had shown.
fn is_live(expires: i64, now: Millis) -> bool {
    (now.get().saturating_add(1)..=latest(now)).contains(&expires)
}

fn latest(now: Millis) -> i64 {
    now.plus(LONGEST_LIFE).get().saturating_add(SKEW)
}

/// Who holds leases now, the oldest first.
///
/// # Errors
/// Of the database only.
pub fn holders(conn: &mut AnyConn, now: Millis) -> Result<Vec<Holder>> {
    Ok(license_leases::table
        .filter(license_leases::time_expires.gt(now.get()))
        .filter(license_leases::time_expires.le(latest(now)))
        .order((license_leases::time_acquired.asc(), license_leases::lease_id.asc()))
        .select(Holder::as_select())
        .load(conn)?)
}

pub(crate) fn live(conn: &mut AnyConn, now: Millis) -> Result<usize> {
    let live: i64 = license_leases::table
        .filter(license_leases::time_expires.gt(now.get()))
        .filter(license_leases::time_expires.le(latest(now)))
        .count()
        .get_result(conn)?;
    Ok(usize::try_from(live).unwrap_or(0))
}

/// Gives a lease to a node. A lease that the same node holds already is over by that: it has restarted, or another one uses
/// its identity, which that one's next heartbeat shows.
///
/// # Errors
/// [`Refused::State`], [`Refused::NoneFree`], [`Refused::Feature`] when nothing of what is wanted is licensed,
/// [`Refused::Volume`] for a block of which nothing is left.
pub fn acquire(conn: &mut AnyConn, site: &Site, ask: &Ask, now: Millis, present: bool) -> Result<Given> {
    valid("instance_id", &ask.instance_id)?;
    let mut standing = standing(conn, site, now, present)?;
    standing.permits()?;
    let others = holders(conn, now)?.into_iter().filter(|holder| holder.instance_id != ask.instance_id);
    room(&standing, others.collect())?;
    let features = wanted(&standing, &ask.wanted);
    if features.is_empty() && !ask.wanted.is_empty() {
        return Err(Refused::Feature);
    }
    let mut paid = Paid::default();
    let block = pay(conn, &mut standing, &ask.instance_id, (ask.block, &mut paid), now)?;
    let over = license_leases::time_expires.le(now.get()).or(license_leases::time_expires.gt(latest(now)));
    let gone = license_leases::table.filter(over.or(license_leases::instance_id.eq(&ask.instance_id)));
    diesel::delete(gone).execute(conn)?;
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
            license_leases::paid.eq(paid.text()?),
            license_leases::time_acquired.eq(now.get()),
            license_leases::time_expires.eq(expires.get()),
        ))
        .execute(conn)?;
    Ok(given(&standing, lease_id, &ask.instance_id, (features, 0, block), (now, expires)))
}

/// Extends a lease.
///
/// # Errors
/// [`Refused::Over`], [`Refused::Stale`], and those of [`acquire`]: [`Refused::NoneFree`], too, when a newer license has
/// fewer instances and those are held by older leases.
pub fn beat(conn: &mut AnyConn, site: &Site, lease_id: &str, beat: &Beat, now: Millis, present: bool) -> Result<Given> {
    valid("attempt", &beat.attempt)?;
    let mut standing = standing(conn, site, now, present)?;
    standing.permits()?;
    let lease = find(conn, lease_id)?;
    if !is_live(lease.time_expires, now) {
        return Err(Refused::Over);
    }
    let known = i64::try_from(beat.counter).unwrap_or(i64::MAX);
    let again = lease.attempt.as_deref() == Some(&beat.attempt) && known == lease.counter - 1;
    if !again && known != lease.counter {
        return Err(Refused::Stale);
    }
    let older = holders(conn, now)?.into_iter().take_while(|holder| holder.lease_id != lease_id);
    room(&standing, older.collect())?;
    let mut paid = Paid::read(&lease.paid)?;
    let (counter, more) = match again {
        true => (lease.counter, 0),
        false => {
            let more = pay(conn, &mut standing, &lease.instance_id, (beat.block, &mut paid), now)?;
            (lease.counter + 1, more)
        }
    };
    let (block, expires) = (lease.block.saturating_add(more), expiry(site, &standing, now));
    diesel::update(license_leases::table.find(lease_id))
        .set((
            license_leases::counter.eq(counter),
            license_leases::attempt.eq(Some(&beat.attempt)),
            license_leases::block.eq(block),
            license_leases::paid.eq(paid.text()?),
            license_leases::time_expires.eq(expires.get()),
        ))
        .execute(conn)?;
    let features = wanted(&standing, &read(&lease.features));
    let counter = u64::try_from(counter).unwrap_or(0);
    Ok(given(&standing, lease_id.to_owned(), &lease.instance_id, (features, counter, block), (now, expires)))
}

/// Ends a lease at once. `unused` of its analyses that were paid in advance are given back; no more than were paid.
///
/// # Errors
/// [`Refused::Over`] when there is none.
pub fn release(conn: &mut AnyConn, lease_id: &str, unused: u64, now: Millis) -> Result<()> {
    let lease = find(conn, lease_id)?;
    diesel::delete(license_leases::table.find(lease_id)).execute(conn)?;
    give_back(conn, &lease.instance_id, unused, Paid::read(&lease.paid)?, now)
}

/// What is remembered of a lease.
#[derive(Queryable, Selectable)]
#[diesel(table_name = license_leases)]
struct Held {
    instance_id: String,
    features: String,
    counter: i64,
    attempt: Option<String>,
    block: i64,
    paid: String,
    time_expires: i64,
}

fn find(conn: &mut AnyConn, lease_id: &str) -> Result<Held> {
    // What is no id is no lease: PostgreSQL would not even look for some texts.
    valid("lease_id", lease_id).map_err(|_| Refused::Over)?;
    let held = license_leases::table.find(lease_id).select(Held::as_select()).first(conn).optional()?;
    held.ok_or(Refused::Over)
}

/// Fails unless there is an instance beside those that others hold.
fn room(standing: &Standing, others: Vec<Holder>) -> Result<()> {
    if standing.instances.is_some_and(|most| others.len() >= usize::try_from(most).unwrap_or(usize::MAX)) {
        return Err(Refused::NoneFree(others));
    }
    Ok(())
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
    let ttl = now.plus(site.ttl.min(LONGEST_LIFE));
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
///
/// # Errors
/// [`Refused::Value`].
pub fn valid(field: &'static str, id: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if (1..=64).contains(&id.len()) && id.chars().all(plain) {
        return Ok(());
    }
    Err(Refused::Value { field, expected: "1 to 64 letters, digits, `-`, `_`, `.`" })
}

/// A text that a node says of itself: kept short, and without what a terminal would act upon.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control() && !is_invisible(*c)).take(128).collect()
}

/// Signs that show nothing themselves and change how others are shown: their order, their line.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
