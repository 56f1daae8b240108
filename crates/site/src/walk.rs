//! A walk over the ledger: its chain, and that what the site works with is what the entries say: the sums that volumes are
//! held against, the license files, the heads that were told.

use crate::devices::NOBODY;
use crate::error::Result;
use crate::files::installed_note;
use crate::ledger::{self, Broken, Entry, Head, Kind};
use crate::period;
use crate::schema::{license_files, license_totals};
use diesel::prelude::*;
use oz_domain::Millis;
use oz_store::AnyConn;
use std::collections::{BTreeMap, BTreeSet};

/// License, period and feature.
type Key = (String, String, String);

/// A walk under way.
#[derive(Debug, Clone)]
pub struct Walk {
    /// Up to here the chain is whole.
    pub head: Head,
    pub(crate) sums: BTreeMap<Key, i64>,
    /// Licenses and what the ledger notes of their files.
    files: BTreeSet<(String, String)>,
}

impl Walk {
    /// Begins behind a head that was good.
    pub const fn from(head: Head) -> Self {
        Self { head, sums: BTreeMap::new(), files: BTreeSet::new() }
    }

    /// Goes on over at most `limit` entries. Gives whether this is the end.
    ///
    /// # Errors
    /// Of the database; inside, what does not fit.
    pub fn step(&mut self, conn: &mut AnyConn, limit: u32) -> Result<Result<bool, Broken>> {
        let (entries, head) = match ledger::sound(conn, &self.head, limit)? {
            Ok(found) => found,
            Err(broken) => return Ok(Err(broken)),
        };
        for entry in &entries {
            self.add(entry);
        }
        self.head = head;
        Ok(Ok(entries.is_empty()))
    }

    /// Holds what the site works with against a walk from the start that has ended in this very transaction. `told` are heads
    /// that left the database.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn holds(&self, conn: &mut AnyConn, told: &[Head]) -> Result<Result<(), Broken>> {
        for head in told {
            if head.count > self.head.count {
                return Ok(Err(Broken::Cut(self.head.count)));
            }
            if !ledger::has(conn, head)? {
                return Ok(Err(Broken::Changed(head.count)));
            }
        }
        let files: Vec<(String, i64, String)> = license_files::table
            .select((license_files::license_id, license_files::revision, license_files::text))
            .load(conn)?;
        let note = |(id, revision, text): (String, i64, String)| (id, installed_note(revision, &text));
        if files.into_iter().map(note).collect::<BTreeSet<_>>() != self.files {
            return Ok(Err(Broken::Files));
        }
        let sums: Vec<(Key, i64)> = license_totals::table
            .filter(license_totals::license_id.ne(NOBODY))
            .select(((license_totals::license_id, license_totals::period, license_totals::feature), license_totals::n))
            .load(conn)?;
        let is_some = |(_, n): &(Key, i64)| *n != 0;
        let sums: BTreeMap<Key, i64> = sums.into_iter().filter(is_some).collect();
        let counted = self.sums.iter().filter(|(_, n)| **n != 0);
        Ok(if sums.iter().eq(counted) { Ok(()) } else { Err(Broken::Sums) })
    }

    fn add(&mut self, entry: &Entry) {
        if entry.kind == Kind::Installed.as_str() {
            self.files.insert((entry.license_id.clone(), entry.note.clone().unwrap_or_default()));
        }
        let now = period::names(Millis::new(entry.time));
        // What came back did so to the day that it was taken from.
        let periods = match &entry.note {
            Some(day) if entry.kind == Kind::Returned.as_str() => period::names_of_day(day).unwrap_or(now),
            _ => now,
        };
        for (feature, n) in entry.counts() {
            for period in &periods {
                let sum = self.sums.entry((entry.license_id.clone(), period.clone(), feature.clone())).or_default();
                *sum = sum.saturating_add(n);
            }
        }
    }
}
