//! Queries of lists (`oz-api.md` 1.1, decisions 3, 5, 8, 27).

use crate::PayloadError;
use oz_domain::Millis;

/// Rows of a page unless told otherwise.
const LIMIT: u32 = 100;
/// Most rows of a page.
const MAX_LIMIT: u32 = 1000;
/// Filters above this are milliseconds, below it seconds (decision 3).
const MILLIS_FROM: f64 = 1e11;

/// Why a query was refused; always names the parameter.
pub type QueryError = PayloadError;

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// `time_created{asc}`, `time_created{desc}`.
    Created {
        /// Newest first.
        descending: bool,
    },
    /// `time_updated{asc}`, `time_updated{desc}`.
    Updated {
        /// Newest first.
        descending: bool,
    },
}

/// One `meta_data=key==value` or `key!=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaFilter {
    /// The top-level key.
    pub key: String,
    /// The text it must, or must not, have.
    pub value: String,
    /// `==`.
    pub equal: bool,
}

/// The parameters that every list has, and the pairs left over for the list's own.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery {
    /// Rows to skip.
    pub offset: u32,
    /// Rows of the page, 1-1000.
    pub limit: u32,
    /// Order; `None`: the cursor's, else newest first.
    pub sort: Option<Sort>,
    /// Where the last page ended: opaque text, read by whoever wrote it.
    pub cursor: Option<String>,
    /// No count query.
    pub total_omit: bool,
    /// `time_created.min` or exact.
    pub created_min: Option<Millis>,
    /// `time_created.max` or exact.
    pub created_max: Option<Millis>,
    /// `time_updated.min` or exact.
    pub updated_min: Option<Millis>,
    /// `time_updated.max` or exact.
    pub updated_max: Option<Millis>,
    /// Metadata filters; all must hold.
    pub meta: Vec<MetaFilter>,
    rest: Vec<(String, String)>,
}

impl ListQuery {
    /// Reads the pairs of a query string.
    ///
    /// # Errors
    /// Names the parameter that has a bad value.
    pub fn read(pairs: Vec<(String, String)>) -> Result<Self, QueryError> {
        let mut query = Self {
            offset: 0,
            limit: LIMIT,
            sort: None,
            cursor: None,
            total_omit: false,
            created_min: None,
            created_max: None,
            updated_min: None,
            updated_max: None,
            meta: Vec::new(),
            rest: Vec::new(),
        };
        for (name, value) in pairs {
            query.take(name, value)?;
        }
        Ok(query)
    }

    fn take(&mut self, name: String, value: String) -> Result<(), QueryError> {
        match name.as_str() {
            "offset" => self.offset = value.parse().map_err(|_| bad(&name, &value, "a whole number from 0"))?,
            "limit" => {
                let limit = value.parse().ok().filter(|n| (1..=MAX_LIMIT).contains(n));
                self.limit = limit.ok_or_else(|| bad(&name, &value, "a whole number from 1 to 1000"))?;
            }
            "sorting" => self.sort = Some(sort(&value).ok_or_else(|| bad(&name, &value, SORTS))?),
            "cursor" => self.cursor = Some(value),
            "total_omit" => self.total_omit = boolean(&name, &value)?,
            "time_created.min" => self.created_min = Some(time(&name, &value)?),
            "time_created.max" => self.created_max = Some(time(&name, &value)?),
            "time_created" => (self.created_min, self.created_max) = exact(&name, &value)?,
            "time_updated.min" => self.updated_min = Some(time(&name, &value)?),
            "time_updated.max" => self.updated_max = Some(time(&name, &value)?),
            "time_updated" => (self.updated_min, self.updated_max) = exact(&name, &value)?,
            "meta_data" => self.meta.push(meta(&value).ok_or_else(|| bad(&name, &value, "key==value or key!=value"))?),
            _ => self.rest.push((name, value)),
        }
        Ok(())
    }

    /// The values of a comma list (`type=BIOMETRY,QUALITY`); empty when the parameter is absent.
    pub fn list(&self, name: &str) -> Vec<&str> {
        let values = self.rest.iter().filter(|(n, _)| n == name);
        values.flat_map(|(_, v)| v.split(',')).map(str::trim).filter(|v| !v.is_empty()).collect()
    }

    /// A comma list of words of a kind.
    ///
    /// # Errors
    /// Names the first that is not one.
    pub fn words<T: std::str::FromStr>(&self, name: &str, expected: &str) -> Result<Vec<T>, QueryError> {
        self.list(name).into_iter().map(|v| v.parse().map_err(|_| bad(name, v, expected))).collect()
    }

    /// The last value of a text that is not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        self.rest.iter().rev().find(|(n, v)| n == name && !v.is_empty()).map(|(_, v)| v.clone())
    }

    /// A boolean that may be left open (decision 8).
    ///
    /// # Errors
    /// As [`ListQuery::flag`].
    pub fn choice(&self, name: &str) -> Result<Option<bool>, QueryError> {
        self.text(name).map(|value| boolean(name, &value)).transpose()
    }

    /// A boolean (decision 8); false when absent.
    ///
    /// # Errors
    /// When the value is not one of `true/false/True/False/1/0`.
    pub fn flag(&self, name: &str) -> Result<bool, QueryError> {
        self.rest.iter().rev().find(|(n, _)| n == name).map_or(Ok(false), |(_, v)| boolean(name, v))
    }
}

const SORTS: &str = "time_created{asc}, time_created{desc}, time_updated{asc} or time_updated{desc}";

fn bad(name: &str, came: &str, expected: &str) -> QueryError {
    PayloadError::value(name, came, expected)
}

fn boolean(name: &str, value: &str) -> Result<bool, QueryError> {
    match value {
        "true" | "True" | "1" => Ok(true),
        "false" | "False" | "0" => Ok(false),
        _ => Err(bad(name, value, "true or false")),
    }
}

fn sort(value: &str) -> Option<Sort> {
    match value {
        "time_created{asc}" => Some(Sort::Created { descending: false }),
        "time_created{desc}" => Some(Sort::Created { descending: true }),
        "time_updated{asc}" => Some(Sort::Updated { descending: false }),
        "time_updated{desc}" => Some(Sort::Updated { descending: true }),
        _ => None,
    }
}

fn time(name: &str, value: &str) -> Result<Millis, QueryError> {
    let number: f64 = value.parse().map_err(|_| bad(name, value, "UNIX seconds or milliseconds"))?;
    let millis = if number.abs() > MILLIS_FROM { number } else { number * 1000.0 };
    if !millis.is_finite() || millis.abs() > 1e15 {
        return Err(bad(name, value, "UNIX seconds or milliseconds"));
    }
    #[expect(clippy::cast_possible_truncation, reason = "checked to be below 1e15")]
    Ok(Millis::new(millis.round() as i64))
}

/// An exact time in whole seconds means that whole second: clients that read seconds could not name a millisecond.
fn exact(name: &str, value: &str) -> Result<(Option<Millis>, Option<Millis>), QueryError> {
    let from = time(name, value)?;
    let width = if from.get() % 1000 == 0 { 999 } else { 0 };
    Ok((Some(from), Some(Millis::new(from.get() + width))))
}

fn meta(value: &str) -> Option<MetaFilter> {
    // The operator that comes first: a value may hold the other one.
    let at = |operator: &str| value.find(operator).unwrap_or(usize::MAX);
    let (operator, equal) = if at("==") <= at("!=") { ("==", true) } else { ("!=", false) };
    let (key, text) = value.split_once(operator)?;
    (!key.is_empty()).then(|| MetaFilter { key: key.to_owned(), value: text.to_owned(), equal })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Code;

    fn read(pairs: &[(&str, &str)]) -> Result<ListQuery, QueryError> {
        ListQuery::read(pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let query = read(&[]).unwrap();
        assert_eq!((query.offset, query.limit, query.total_omit), (0, 100, false));
    }

    #[test]
    fn times_come_in_seconds_or_milliseconds() {
        let query = read(&[("time_created.min", "1700000000.5"), ("time_created.max", "1700000001000")]).unwrap();
        assert_eq!(query.created_min, Some(Millis::new(1_700_000_000_500)));
        assert_eq!(query.created_max, Some(Millis::new(1_700_000_001_000)));
        let exact = read(&[("time_created", "1700000000")]).unwrap();
        assert_eq!(exact.created_max, Some(Millis::new(1_700_000_000_999)));
    }

    #[test]
    fn metadata_filters_may_hold_either_operator_in_the_value() {
        let query = read(&[("meta_data", "a==b!=c"), ("meta_data", "k!=v==w")]).unwrap();
        assert_eq!(query.meta[0], MetaFilter { key: "a".into(), value: "b!=c".into(), equal: true });
        assert_eq!(query.meta[1], MetaFilter { key: "k".into(), value: "v==w".into(), equal: false });
    }

    #[test]
    fn bad_values_name_the_parameter() {
        for (name, value) in [
            ("limit", "0"),
            ("limit", "1001"),
            ("offset", "-1"),
            ("sorting", "name{asc}"),
            ("total_omit", "yes"),
            ("time_created.min", "yesterday"),
            ("time_created.min", "NaN"),
            ("meta_data", "novalue"),
        ] {
            let error = read(&[(name, value)]).unwrap_err();
            assert_eq!((error.code, error.field.as_str()), (Code::InvalidValue, name), "{name}={value}");
        }
    }

    #[test]
    fn lists_and_flags_of_a_resource() {
        let query = read(&[("type", "BIOMETRY, QUALITY"), ("with_analyses", "True")]).unwrap();
        assert_eq!(query.list("type"), ["BIOMETRY", "QUALITY"]);
        assert!(query.flag("with_analyses").unwrap() && !query.flag("with_user").unwrap());
    }
}
