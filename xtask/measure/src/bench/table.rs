//! What was measured, beside what it is measured against.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

/// One line of the table.
pub(crate) struct Row {
    /// What was measured, how.
    pub(crate) what: String,
    /// The product's figure.
    pub(crate) measured: String,
    /// The figure beside it.
    pub(crate) floor: String,
    /// One over the other, or the figure itself where the limit is a number.
    pub(crate) value: f64,
    /// What it must hold.
    pub(crate) limit: Limit,
}

/// A bound on a value.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    /// Not above.
    AtMost(f64),
    /// Not below.
    AtLeast(f64),
}

impl Row {
    /// Whether the value is within its limit.
    pub(crate) fn holds(&self) -> bool {
        match self.limit {
            Limit::AtMost(limit) => self.value <= limit,
            Limit::AtLeast(limit) => self.value >= limit,
        }
    }

    fn cells(&self) -> [String; 6] {
        let limit = match self.limit {
            Limit::AtMost(limit) => format!("≤ {limit}"),
            Limit::AtLeast(limit) => format!("≥ {limit}"),
        };
        let holds = if self.holds() { "yes" } else { "**no**" };
        let value = format!("{:.2}", self.value);
        [self.what.clone(), self.measured.clone(), self.floor.clone(), value, limit, holds.to_owned()]
    }
}

const HEAD: &str = "| what | measured | beside | value | limit | holds |\n|---|---|---|---|---|---|\n";

fn table(rows: &[Row]) -> String {
    rows.iter().fold(HEAD.to_owned(), |mut text, row| {
        let _ = writeln!(text, "| {} |", row.cells().join(" | "));
        text
    })
}

/// Prints the table.
pub(crate) fn print(rows: &[Row]) {
    println!("\n{}", table(rows));
}

/// Writes the page.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(rows: &[Row], page: &Path) -> Result<()> {
    let text = format!(
        "# Benchmarks\n\nPrinted by `cargo xtask bench --write`; each figure stands beside its floor or limit, taken in the \
         same run. Times are the\nleast of many runs: the machine is shared, and what others do only ever adds. {}\n\n{}",
        super::host::machine(),
        table(rows)
    );
    Ok(fs_err::write(page, text)?)
}
