//! A report for people and for monitoring.

use super::{Line, Report};
use crate::text::{plain, wrapped};
use crate::verdict::Verdict;
use std::fmt::Write as _;

/// Columns for what was found and what is required.
const FOUND: usize = 44;
const REQUIRED: usize = 40;

/// A table with what to do below each line that is not well.
pub(super) fn text(report: &Report, coloured: bool) -> String {
    let name = report.checks.iter().map(|line| line.name.len()).max().unwrap_or_default();
    let mut text = format!("{:7}  {:name$}  {:FOUND$}  required\n", "", "check", "found");
    for line in &report.checks {
        row(&mut text, line, name, coloured);
    }
    let count = |verdict| report.checks.iter().filter(|line| line.verdict == verdict).count();
    let counts = Verdict::ALL.map(|verdict| format!("{} {}", count(verdict), verdict.as_str()));
    let _ = writeln!(text, "\n{}", counts.join(", "));
    text
}

fn row(text: &mut String, line: &Line, name: usize, coloured: bool) {
    let (found, required) = (wrapped(&line.found, FOUND), wrapped(&line.required, REQUIRED));
    for at in 0..found.len().max(required.len()) {
        let word = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
        let verdict = format!("{:7}", if at == 0 { line.verdict.as_str() } else { "" });
        let verdict = match coloured && at == 0 {
            true => format!("\x1b[{}m{verdict}\x1b[0m", line.verdict.colour()),
            false => verdict,
        };
        let title = if at == 0 { line.name } else { "" };
        let row = format!("{verdict}  {title:name$}  {:FOUND$}  {}", word(&found), word(&required));
        let _ = writeln!(text, "{}", row.trim_end());
    }
    for (at, advice) in line.advice.iter().flat_map(|advice| wrapped(advice, FOUND + REQUIRED)).enumerate() {
        let _ = writeln!(text, "{:7}  {:name$}  {} {advice}", "", "", if at == 0 { "->" } else { "  " });
    }
}

/// One line of a monitoring plugin: state, words, `|`, performance data.
pub(super) fn nagios(report: &Report) -> String {
    let named = |verdict| {
        let lines = report.checks.iter().filter(move |line| line.verdict == verdict);
        lines.map(move |line| format!("{} {}: {}", line.name, verdict.as_str(), line.found))
    };
    let bad: Vec<String> = [Verdict::Fail, Verdict::Unknown, Verdict::Warn].into_iter().flat_map(named).collect();
    let words = if bad.is_empty() { format!("{} requirements are met", report.checks.len()) } else { bad.join("; ") };
    let count = |verdict| report.checks.iter().filter(|line| line.verdict == verdict).count();
    let counts = Verdict::ALL.map(|verdict| format!("{}={}", verdict.as_str(), count(verdict)));
    let measured = report.checks.iter().filter_map(|line| {
        let measured = line.measured.as_ref()?;
        Some(format!("{}={}{}", line.name, measured.value, measured.unit))
    });
    let data: Vec<String> = counts.into_iter().chain(measured).collect();
    // A bar begins the performance data.
    let words = plain(&words).replace('|', "/");
    format!("OZ CHECK {} - {words} | {}", report.verdict.plugin().1, data.join(" "))
}
