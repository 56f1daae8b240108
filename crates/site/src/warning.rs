//! What an administrator is told.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// After which a warning that still stands is told again.
const AGAIN: Duration = Duration::from_secs(24 * 3600);

/// Something to tell the administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// A word for machines; the same as long as the same is the matter.
    pub code: String,
    /// For a person.
    pub text: String,
    /// Whether it cannot wait for weeks.
    pub urgent: bool,
}

impl Warning {
    /// One that cannot wait.
    pub fn urgent(code: impl Into<String>, text: impl Into<String>) -> Self {
        Self { code: code.into(), text: text.into(), urgent: true }
    }
}

/// Logs each warning when it appears, and once a day while it stands.
#[derive(Debug, Default)]
pub struct Telling(BTreeMap<String, Instant>);

impl Telling {
    /// Tells what stands now and was not told lately.
    pub fn tell(&mut self, warnings: &[Warning], now: Instant) {
        self.0.retain(|code, _| warnings.iter().any(|warning| warning.code == *code));
        for Warning { code, text, .. } in warnings {
            if self.0.get(code).is_none_or(|at| now.duration_since(*at) >= AGAIN) {
                tracing::warn!(code, "{text}");
                self.0.insert(code.clone(), now);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_told_when_it_appears_and_once_a_day() {
        let (mut telling, start) = (Telling::default(), Instant::now());
        let later = start + Duration::from_secs(60);
        telling.tell(&[Warning::urgent("a", "")], start);
        telling.tell(&[Warning::urgent("a", ""), Warning::urgent("b", "")], later);
        assert_eq!((telling.0["a"], telling.0["b"]), (start, later));
        telling.tell(&[Warning::urgent("a", "")], start + AGAIN);
        let told = &telling.0;
        assert_eq!((told["a"], told.len()), (start + AGAIN, 1), "again after a day; one that went away is forgotten");
    }
}
