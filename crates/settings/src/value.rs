//! What the text of a setting can be.

use std::net::SocketAddr;
use std::time::Duration;
use zeroize::Zeroizing;

/// What the text of a setting must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path.
    Path,
    /// A whole number from 0.
    Number,
    /// `true` or `false`.
    Flag,
    /// A time: `500ms`, `30s`, `15m`, `12h`, `5y`.
    Duration,
    /// A size: `100`, `64KiB`, `10MiB`, `2GiB`.
    Size,
    /// `address:port`.
    Address,
    /// One of these words.
    OneOf(&'static [&'static str]),
}

impl Kind {
    /// What to tell somebody who wrote something else.
    pub fn expected(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Number => "a whole number from 0".to_owned(),
            Self::Flag => "true or false".to_owned(),
            Self::Duration => "a time such as 500ms, 30s, 15m, 12h or 5y".to_owned(),
            Self::Size => "a size such as 100, 64KiB, 10MiB or 2GiB".to_owned(),
            Self::Address => "an address and port such as 127.0.0.1:8000".to_owned(),
            Self::OneOf(words) => format!("one of {}", words.join(", ")),
        }
    }

    /// Whether a text fits. The empty text means "unset" and fits always.
    pub fn fits(self, text: &str) -> bool {
        text.is_empty()
            || match self {
                Self::Text | Self::Path => true,
                Self::Number => text.parse::<u64>().is_ok(),
                Self::Flag => flag(text).is_some(),
                Self::Duration => duration(text).is_some(),
                Self::Size => size(text).is_some(),
                Self::Address => text.parse::<SocketAddr>().is_ok(),
                Self::OneOf(words) => words.contains(&text),
            }
    }
}

pub(crate) fn flag(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "1" => Some(true),
        "false" | "False" | "0" => Some(false),
        _ => None,
    }
}

fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    Some((text[..digits].parse().ok()?, text[digits..].trim()))
}

pub(crate) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text)?;
    let millis = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "y" => 365 * 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

pub(crate) fn size(text: &str) -> Option<u64> {
    let (number, unit) = split(text)?;
    let bytes = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(bytes)
}

/// A value that prints as `***` and is wiped when dropped.
#[derive(Clone, Default)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Wraps a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_are_read_with_their_units() {
        assert_eq!(duration("15m"), Some(Duration::from_secs(900)));
        assert_eq!(duration("5y"), Some(Duration::from_secs(5 * 365 * 86400)));
        assert_eq!(duration("90"), Some(Duration::from_secs(90)));
        assert_eq!(size("10MiB"), Some(10 << 20));
        for bad in ["", "m", "1w", "-1s", "99999999999999999999", "18446744073709551615y"] {
            assert_eq!(duration(bad), None, "{bad}");
        }
        assert_eq!(size("1MB"), None);
        assert_eq!(format!("{:?}", Secret::new("x".into())), "***");
    }
}
