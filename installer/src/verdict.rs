//! How good something is, and the exit codes for it.

use serde::Serialize;

/// How good something is, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Pass,
    /// Works, but somebody should look.
    Warn,
    /// Could not be found out.
    Unknown,
    /// Not as it must be.
    Fail,
}

impl Verdict {
    /// Every verdict.
    pub(crate) const ALL: [Self; 4] = [Self::Pass, Self::Warn, Self::Unknown, Self::Fail];

    /// The word for it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// The exit code of a command whose worst verdict it is.
    pub(crate) const fn exit(self, strict: bool) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Warn => {
                if strict {
                    4
                } else {
                    0
                }
            }
            Self::Unknown => 3,
            Self::Fail => 1,
        }
    }

    /// The exit code and the word of a monitoring plugin.
    pub(crate) const fn plugin(self) -> (u8, &'static str) {
        match self {
            Self::Pass => (0, "OK"),
            Self::Warn => (1, "WARNING"),
            Self::Fail => (2, "CRITICAL"),
            Self::Unknown => (3, "UNKNOWN"),
        }
    }

    /// The SGR code of its colour on a terminal.
    pub(crate) const fn colour(self) -> &'static str {
        match self {
            Self::Pass => "32",
            Self::Warn => "33",
            Self::Unknown => "35",
            Self::Fail => "31",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_decides_the_exit_code() {
        assert_eq!(Verdict::ALL.iter().max(), Some(&Verdict::Fail));
        assert_eq!(Verdict::ALL.map(|v| v.exit(false)), [0, 0, 3, 1]);
        assert_eq!(Verdict::ALL.map(|v| v.exit(true)), [0, 4, 3, 1]);
        assert_eq!(Verdict::ALL.map(|v| v.plugin().0), [0, 1, 3, 2]);
    }
}
