//! Pages of lists: limits, cursors, order.

use crate::{Error, Result};
use oz_domain::Millis;
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// Most rows a page can have (decision 5).
pub const MAX_LIMIT: u32 = 1000;

/// Which time a list is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SortBy {
    /// Time of creation.
    Created,
    /// Time of the last change.
    Updated,
}

/// The order of a list; rows of the same time are ordered by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sort {
    /// Which time.
    pub by: SortBy,
    /// Newest first.
    pub descending: bool,
}

impl Sort {
    /// Newest first by creation: the order when none is asked for.
    pub const NEWEST: Self = Self { by: SortBy::Created, descending: true };
}

/// Which part of a list is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Page {
    /// Most rows, at most [`MAX_LIMIT`].
    pub limit: u32,
    /// Rows to skip; costs what it skips. Zero beside a cursor.
    pub offset: u32,
    /// Go on after the last row of an earlier page; costs nothing, and is stable under inserts.
    pub after: Option<Cursor>,
    /// The order; `None` leaves it to the cursor, or to the list.
    pub sort: Option<Sort>,
    /// Whether to count all rows too.
    pub total: bool,
}

impl Default for Page {
    fn default() -> Self {
        Self { limit: 100, offset: 0, after: None, sort: None, total: false }
    }
}

impl Page {
    /// The order of this page: the asked one, the cursor's, or `default`.
    ///
    /// # Errors
    /// [`Error::Cursor`] when the cursor comes from a list in another order.
    pub(crate) fn order(&self, default: Sort) -> Result<Sort> {
        match (self.sort, self.after) {
            (Some(sort), Some(cursor)) if sort != cursor.sort => Err(Error::Cursor),
            (Some(sort), _) => Ok(sort),
            (None, Some(cursor)) => Ok(cursor.sort),
            (None, None) => Ok(default),
        }
    }

    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit.min(MAX_LIMIT))
    }
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed<T> {
    /// The rows, in order.
    pub items: Vec<T>,
    /// Where the next page begins, when there is one.
    pub next: Option<Cursor>,
    /// All rows that match, when it was asked for.
    pub total: Option<i64>,
}

impl<T> Listed<T> {
    /// Makes a page of rows that were asked for with one more than fits.
    pub(crate) fn cut(mut items: Vec<T>, page: &Page, total: Option<i64>, cursor: impl Fn(&T) -> Cursor) -> Self {
        let fits = page.limit.min(MAX_LIMIT) as usize;
        let more = items.len() > fits;
        items.truncate(fits);
        let next = if more { items.last().map(cursor) } else { None };
        Self { items, next, total }
    }
}

/// The place after a row: its time and id, and the order it was found in. Opaque text on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) sort: Sort,
    pub(crate) time: Millis,
    pub(crate) id: Uuid,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.sort.by, self.sort.descending) {
            (SortBy::Created, false) => 'a',
            (SortBy::Created, true) => 'b',
            (SortBy::Updated, false) => 'c',
            (SortBy::Updated, true) => 'd',
        };
        write!(f, "{order}{:016x}{}", self.time.get(), self.id.simple())
    }
}

impl FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() != 49 || !text.is_ascii() {
            return Err(Error::Cursor);
        }
        let sort = match text.as_bytes().first() {
            Some(b'a') => Sort { by: SortBy::Created, descending: false },
            Some(b'b') => Sort { by: SortBy::Created, descending: true },
            Some(b'c') => Sort { by: SortBy::Updated, descending: false },
            Some(b'd') => Sort { by: SortBy::Updated, descending: true },
            _ => return Err(Error::Cursor),
        };
        let time = u64::from_str_radix(&text[1..17], 16).map_err(|_| Error::Cursor)?;
        let id = Uuid::try_parse(&text[17..]).map_err(|_| Error::Cursor)?;
        Ok(Self { sort, time: Millis::new(time.cast_signed()), id })
    }
}

/// A time filter; both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimeRange {
    /// The earliest time.
    pub min: Option<Millis>,
    /// The latest time.
    pub max: Option<Millis>,
}

impl TimeRange {
    /// Every time.
    pub const ANY: Self = Self { min: None, max: None };

    /// Whether nothing is left out.
    pub const fn is_any(self) -> bool {
        self.min.is_none() && self.max.is_none()
    }
}

/// Loads a page of a small table: `$query` makes the boxed, filtered query and may run twice; `$created` and `$updated`
/// are the columns of the two orders, the same one where rows do not change.
macro_rules! listed {
    ($conn:expr, $page:expr, $row:ident by ($created:expr, $updated:expr, $id:expr), $query:expr) => {{
        let page = *$page;
        let sort = page.order($crate::Sort::NEWEST)?;
        let query = $query.select(<$row>::as_select()).limit(page.rows() + 1).offset(i64::from(page.offset));
        let query = match sort.by {
            $crate::SortBy::Created => $crate::page::in_order!(query, page.after, sort, $created, $id),
            $crate::SortBy::Updated => $crate::page::in_order!(query, page.after, sort, $updated, $id),
        };
        let items: Vec<$row> = query.load($conn)?;
        let total: Option<i64> = if page.total { Some($query.count().get_result($conn)?) } else { None };
        Ok($crate::Listed::cut(items, &page, total, |row: &$row| {
            let (created, updated) = row.times();
            let time = if sort.by == $crate::SortBy::Created { created } else { updated };
            $crate::Cursor { sort, time, id: row.id.uuid() }
        }))
    }};
}
pub(crate) use listed;

/// Orders a query by a time and an id, after a cursor.
macro_rules! in_order {
    ($query:expr, $after:expr, $sort:expr, $time:expr, $id:expr) => {{
        let mut query = $query;
        if let Some(after) = $after {
            let (time, id) = (after.time.get(), after.id.to_string());
            query = if $sort.descending {
                query.filter($time.lt(time).or($time.eq(time).and($id.lt(id))))
            } else {
                query.filter($time.gt(time).or($time.eq(time).and($id.gt(id))))
            };
        }
        if $sort.descending { query.order(($time.desc(), $id.desc())) } else { query.order(($time.asc(), $id.asc())) }
    }};
}
pub(crate) use in_order;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_survive_the_wire() {
        for (by, descending) in [(SortBy::Created, true), (SortBy::Updated, false)] {
            for time in [0, 1_700_000_000_123, i64::MAX, -5] {
                let cursor = Cursor { sort: Sort { by, descending }, time: Millis::new(time), id: Uuid::from_u128(77) };
                assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
            }
        }
        for bad in [
            "",
            "x",
            &format!("b{}", "g".repeat(48)),
            &"b".repeat(48),
            &"é".repeat(49),
            &format!("z{}", "0".repeat(48)),
        ] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
