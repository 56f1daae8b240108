//! Analyses that a lease pays in advance: counted when they are paid; what was not used comes back to where it was taken
//! from.

use crate::error::{Refused, Result};
use crate::ledger::{self, Kind, New};
use crate::standing::Standing;
use crate::{period, usage};
use oz_domain::Millis;
use oz_license::Period;
use oz_store::AnyConn;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is counted for them.
pub(crate) const BLOCK: &str = "block";
/// Most that are paid at once.
const MOST: u64 = 1_000_000;
/// Of how many days and licenses a lease remembers what it paid. What is older is not given back: a lease so old has used
/// it, and its row must not grow for as long as it lives.
const MOST_PARTS: usize = 32;

/// What a lease paid, the oldest first.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Paid(Vec<Part>);

/// What it paid on one day for one license.
#[derive(Debug, Serialize, Deserialize)]
struct Part {
    license_id: String,
    day: String,
    n: i64,
}

impl Paid {
    pub(crate) fn read(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|e| oz_store::Error::Corrupt(e.to_string()).into())
    }

    pub(crate) fn text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|e| oz_store::Error::Corrupt(e.to_string()).into())
    }

    fn add(&mut self, license_id: String, day: String, n: i64) {
        match self.0.last_mut() {
            Some(last) if last.license_id == license_id && last.day == day => last.n = last.n.saturating_add(n),
            _ => self.0.push(Part { license_id, day, n }),
        }
        if self.0.len() > MOST_PARTS {
            self.0.remove(0);
        }
    }
}

/// Pays analyses in advance: as many as are left of what is asked for. Gives how many.
pub(crate) fn pay(
    conn: &mut AnyConn,
    standing: &mut Standing,
    instance_id: &str,
    (asked, paid): (u64, &mut Paid),
    now: Millis,
) -> Result<i64> {
    let asked = i64::try_from(asked.min(MOST)).unwrap_or(0);
    if asked == 0 {
        return Ok(0);
    }
    let block = standing.left.map_or(asked, |left| left.min(asked));
    if block <= 0 {
        return Err(Refused::Volume);
    }
    let license_id = standing.license_id();
    let counts = BTreeMap::from([(BLOCK.to_owned(), block)]);
    let entry = New {
        kind: Kind::Block,
        license_id: license_id.clone(),
        instance_id: Some(instance_id.to_owned()),
        counts: counts.clone(),
        ..New::default()
    };
    let time = Millis::new(ledger::append(conn, now, entry)?.time);
    usage::add(conn, &license_id, &period::names(time), &counts)?;
    paid.add(license_id, period::name(Period::Day, time), block);
    standing.left = standing.left.map(|left| left - block);
    Ok(block)
}

/// Gives back what was not used: what was paid last first, to the license and the day that it was taken from, or a month's
/// volume could be refilled with what another month had paid.
pub(crate) fn give_back(conn: &mut AnyConn, instance_id: &str, unused: u64, paid: Paid, now: Millis) -> Result<()> {
    let mut unused = i64::try_from(unused).unwrap_or(i64::MAX);
    for part in paid.0.into_iter().rev() {
        let back = unused.min(part.n);
        if back <= 0 {
            break;
        }
        unused -= back;
        let counts = BTreeMap::from([(BLOCK.to_owned(), -back)]);
        let entry = New {
            kind: Kind::Returned,
            license_id: part.license_id.clone(),
            instance_id: Some(instance_id.to_owned()),
            counts: counts.clone(),
            note: Some(part.day.clone()),
            ..New::default()
        };
        ledger::append(conn, now, entry)?;
        let periods = period::names_of_day(&part.day).unwrap_or_else(|| period::names(now));
        usage::add(conn, &part.license_id, &periods, &counts)?;
    }
    Ok(())
}
