//! Periods of time that volumes are counted in, by UTC.

use crate::site::timestamp;
use jiff::tz::TimeZone;
use oz_domain::Millis;
use oz_license::Period;

/// The total of all time.
pub(crate) const TOTAL: &str = "total";

/// The name of the period that a moment is in.
pub(crate) fn name(period: Period, at: Millis) -> String {
    let date = timestamp(at).to_zoned(TimeZone::UTC).date();
    match period {
        Period::Day => date.to_string(),
        Period::Month => format!("{:04}-{:02}", date.year(), date.month()),
        Period::Year => format!("{:04}", date.year()),
        Period::Total => TOTAL.to_owned(),
    }
}

/// All periods that a moment is in.
pub(crate) fn names(at: Millis) -> [String; 4] {
    [Period::Day, Period::Month, Period::Year, Period::Total].map(|period| name(period, at))
}

/// When the month of a moment began.
pub(crate) fn month_of(at: Millis) -> Millis {
    let first = timestamp(at).to_zoned(TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
    first.map_or(at, |first| Millis::new(first.timestamp().as_millisecond()))
}

/// All periods that a day, named by [`name`], is in.
pub(crate) fn names_of_day(day: &str) -> Option<[String; 4]> {
    Some([day.to_owned(), day.get(..7)?.to_owned(), day.get(..4)?.to_owned(), TOTAL.to_owned()])
}
