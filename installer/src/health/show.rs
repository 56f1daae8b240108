//! What was heard, for people, programs and monitoring.

use super::{Heard, Url};
use crate::text::plain;
use serde_json::json;
use std::fmt::Write as _;

/// A line for each part, and one for the whole.
pub(super) fn text(url: &Url, heard: &Heard, coloured: bool) -> String {
    let health = match heard {
        Heard::Health(health) => health,
        Heard::Nobody(why) | Heard::Strange(why) => return format!("{url}: {}\n", plain(why)),
    };
    let paint = |status: super::Status, word: String| match coloured {
        true => format!("\x1b[{}m{word}\x1b[0m", status.verdict().colour()),
        false => word,
    };
    let name = health.checks.keys().map(|key| key.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    for (key, part) in &health.checks {
        let word = paint(part.status, format!("{:8}", part.status.as_str()));
        let _ = writeln!(text, "{word}  {:name$}  {} ({} ms)", plain(key), plain(&part.message), part.time_ms);
    }
    let _ = writeln!(text, "{url}: {}", paint(health.status, health.status.as_str().to_owned()));
    text
}

/// An object: `url`, `status` (`unreachable` or `strange` without an answer), `error`, `checks`.
pub(super) fn json(url: &Url, heard: &Heard) -> serde_json::Result<String> {
    let (status, error, checks) = match heard {
        Heard::Health(health) => (health.status.as_str(), None, json!(health.checks)),
        Heard::Nobody(why) => ("unreachable", Some(why), json!({})),
        Heard::Strange(why) => ("strange", Some(why), json!({})),
    };
    let url = url.to_string();
    serde_json::to_string_pretty(&json!({"format": 1, "url": url, "status": status, "error": error, "checks": checks}))
}

/// One line of a monitoring plugin: state, words, `|`, the time of each part.
pub(super) fn nagios(url: &Url, heard: &Heard) -> String {
    let state = heard.alarm().plugin().1;
    let (words, data) = match heard {
        Heard::Health(health) => {
            let bad = health.checks.iter().filter(|(_, part)| part.status != super::Status::Ok);
            let bad: Vec<String> =
                bad.map(|(key, part)| format!("{key} {}: {}", part.status.as_str(), part.message)).collect();
            let words = if bad.is_empty() { format!("{} parts are well", health.checks.len()) } else { bad.join("; ") };
            // A label with a quote or an equals sign would be read as something else.
            let label = |key: &str| key.replace(['\'', '=', '|', ' '], "_");
            let times = health.checks.iter().map(|(key, part)| format!("{}={}ms", label(key), part.time_ms));
            (words, times.collect::<Vec<_>>().join(" "))
        }
        Heard::Nobody(why) | Heard::Strange(why) => (format!("{url}: {why}"), String::new()),
    };
    let words = plain(&words).replace('|', "/");
    if data.is_empty() {
        format!("OZ HEALTH {state} - {words}")
    } else {
        format!("OZ HEALTH {state} - {words} | {}", plain(&data))
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Health, Part, Status};
    use super::*;

    fn heard() -> Heard {
        let part = |status, message: &str| Part { status, message: message.to_owned(), time_ms: 3 };
        let parts =
            [("disk", part(Status::Degraded, "90 MiB free | low\x1b[2J")), ("queue", part(Status::Ok, "0 ready"))];
        let checks = parts.map(|(key, part)| (key.to_owned(), part)).into();
        Heard::Health(Health { status: Status::Degraded, checks })
    }

    #[test]
    fn each_part_is_a_line() {
        let url = "http://127.0.0.1:8000".parse().unwrap();
        let expected = "degraded  disk   90 MiB free | low?[2J (3 ms)\nok        queue  0 ready (3 ms)\n\
                        http://127.0.0.1:8000/api/healthcheck: degraded\n";
        assert_eq!(text(&url, &heard(), false), expected);
        assert!(text(&url, &heard(), true).starts_with("\x1b[33mdegraded\x1b[0m  disk"));
    }

    #[test]
    fn monitoring_gets_one_line() {
        let url = "http://127.0.0.1:8000".parse().unwrap();
        let expected = "OZ HEALTH WARNING - disk degraded: 90 MiB free / low?[2J | disk=3ms queue=3ms";
        assert_eq!(nagios(&url, &heard()), expected);
        let nobody = Heard::Nobody("connection refused".to_owned());
        let expected = "OZ HEALTH CRITICAL - http://127.0.0.1:8000/api/healthcheck: connection refused";
        assert_eq!(nagios(&url, &nobody), expected);
        assert!(json(&url, &nobody).unwrap().contains("\"unreachable\""));
    }
}
