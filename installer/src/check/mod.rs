//! `ozctl check`: a table of requirements, each with a probe; what came out, in three forms.

mod clock;
mod cpu;
mod database;
mod disk;
mod firewall;
mod gpu;
mod leftovers;
mod license;
mod memory;
mod models;
mod ports;
mod reach;
mod settings;
mod show;
mod system;
mod table;
#[cfg(test)]
mod tests;

use crate::cli::{self, CheckArguments};
use crate::machine::Machine;
use crate::profile::Profile;
use crate::progress::Progress;
use crate::text::plain;
use crate::verdict::Verdict;
use serde::Serialize;
use settings::Settings;
use std::io::{IsTerminal as _, Write};
use std::path::PathBuf;
use table::TABLE;

/// One line of the table of requirements.
pub(crate) struct Check {
    /// Its name, as scripts know it.
    name: &'static str,
    /// Who needs it.
    profiles: &'static [Profile],
    /// What is required.
    required: fn(&Asked<'_>) -> String,
    /// How it is found out.
    probe: fn(&Asked<'_>) -> Found,
    /// What to do where it is not as it should be, unless the probe knows better.
    advice: &'static str,
}

/// What a probe is asked about.
pub(crate) struct Asked<'a> {
    machine: &'a Machine,
    profile: Profile,
    target: PathBuf,
    settings: Settings,
}

/// What a probe found.
#[derive(Debug)]
pub(crate) struct Found {
    verdict: Verdict,
    text: String,
    advice: Option<String>,
    measured: Option<Measured>,
}

/// A number for monitoring.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    value: u64,
    /// `us` or `B`.
    unit: &'static str,
}

/// What came of one requirement.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    name: &'static str,
    verdict: Verdict,
    found: String,
    required: String,
    /// What to do; none where there is nothing to do.
    advice: Option<String>,
    measured: Option<Measured>,
}

/// What came of all.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    /// Version of this form.
    format: u32,
    /// Version of ozctl.
    version: &'static str,
    profile: Profile,
    target: String,
    /// The worst of the lines.
    verdict: Verdict,
    checks: Vec<Line>,
}

impl Found {
    fn new(verdict: Verdict, text: impl Into<String>) -> Self {
        Self { verdict, text: text.into(), advice: None, measured: None }
    }

    fn pass(text: impl Into<String>) -> Self {
        Self::new(Verdict::Pass, text)
    }

    fn warn(text: impl Into<String>) -> Self {
        Self::new(Verdict::Warn, text)
    }

    fn fail(text: impl Into<String>) -> Self {
        Self::new(Verdict::Fail, text)
    }

    fn unknown(text: impl Into<String>) -> Self {
        Self::new(Verdict::Unknown, text)
    }

    /// Better advice than the table's.
    fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }

    fn measured(self, value: u64, unit: &'static str) -> Self {
        Self { measured: Some(Measured { value, unit }), ..self }
    }
}

impl Check {
    fn line(&self, asked: &Asked<'_>) -> Line {
        let found = (self.probe)(asked);
        let advice = found.advice.unwrap_or_else(|| self.advice.to_owned());
        Line {
            name: self.name,
            verdict: found.verdict,
            found: plain(&found.text),
            required: (self.required)(asked),
            advice: (found.verdict != Verdict::Pass).then(|| plain(&advice)),
            measured: found.measured,
        }
    }
}

impl<'a> Asked<'a> {
    fn new(machine: &'a Machine, profile: Profile, target: Option<PathBuf>) -> Self {
        let settings = Settings::read(machine, profile);
        let told = target.or_else(|| settings.get("data_dir").map(PathBuf::from));
        let target = told.unwrap_or_else(|| PathBuf::from(profile.needs().data));
        Self { machine, profile, target, settings }
    }
}

/// Asks everything that a profile needs; says the name of each first.
fn report(asked: &Asked<'_>, say: &dyn Fn(&str)) -> Report {
    let wanted = TABLE.iter().filter(|check| check.profiles.contains(&asked.profile));
    let asked_for = wanted.inspect(|check| say(&format!("checking {}", check.name)));
    let checks: Vec<Line> = asked_for.map(|check| check.line(asked)).collect();
    Report {
        format: 1,
        version: env!("CARGO_PKG_VERSION"),
        profile: asked.profile,
        target: plain(&asked.target.display().to_string()),
        verdict: checks.iter().map(|line| line.verdict).max().unwrap_or(Verdict::Unknown),
        checks,
    }
}

/// Checks and prints; gives the exit code.
///
/// # Errors
/// Of the output, and a target that is no absolute path.
pub(crate) fn command(
    machine: &Machine,
    arguments: &CheckArguments,
    out: &mut (impl Write + std::os::fd::AsFd),
) -> anyhow::Result<u8> {
    let target = arguments.target.as_deref().map(std::path::absolute).transpose();
    let target = target.map_err(|e| cli::usage(&format!("--target: {e}, expected a folder")))?;
    let progress = Progress::on_terminal();
    let report = report(&Asked::new(machine, arguments.profile, target), &|what| progress.say(what));
    drop(progress);
    let form = &arguments.form;
    if form.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?;
    } else if form.nagios {
        writeln!(out, "{}", show::nagios(&report))?;
        return Ok(report.verdict.plugin().0);
    } else {
        let coloured = out.as_fd().is_terminal() && machine.variable("NO_COLOR").is_none();
        out.write_all(show::text(&report, coloured).as_bytes())?;
    }
    Ok(report.verdict.exit(form.strict))
}
