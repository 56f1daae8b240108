//! `ozctl env`: the settings of the services with their variables, and changing those that stand in the files of
//! systemd's `EnvironmentFile=`.

mod arguments;
mod change;
mod diff;
mod file;
mod name;
mod show;
mod state;
#[cfg(test)]
mod tests;
mod write;

pub(crate) use arguments::{EXIT_CODES, EnvArguments};
pub(crate) use file::EnvFile;
pub(crate) use state::env_path;

use crate::machine::Machine;
use arguments::EnvCommand;
use oz_settings::Program;
use std::io::{BufRead, Write};

/// What was asked for is not done, and nothing was written. One line, without a secret.
#[derive(Debug)]
pub(crate) struct Refused(String);

impl Refused {
    /// As an error.
    fn error(why: impl Into<String>) -> anyhow::Error {
        Self(why.into()).into()
    }
}

impl std::fmt::Display for Refused {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refused {}

/// Does it and gives the exit code.
///
/// # Errors
/// [`Refused`]; wrong usage that only this sees; of the file system and of the output.
pub(crate) fn command(
    machine: &Machine,
    arguments: &EnvArguments,
    input: &mut impl BufRead,
    out: &mut impl Write,
) -> anyhow::Result<u8> {
    let form = &arguments.form;
    let only = form.program.as_deref().and_then(name::program);
    let text = match &arguments.command {
        EnvCommand::List => show::list(machine, only, form.json)?,
        EnvCommand::Get { name } => show::get(machine, &name::find(name, only)?, form.json)?,
        EnvCommand::Set { assignments, stdin } => {
            let set = if *stdin { change::typed(assignments, only, input)? } else { change::given(assignments, only)? };
            change::set(machine, &set)?.shown(form.json)?
        }
        EnvCommand::Unset { names } => change::unset(machine, &change::named(names, only)?)?.shown(form.json)?,
        EnvCommand::Diff { version } => diff::diff(machine, only.unwrap_or_else(first), *version)?.shown(form.json)?,
    };
    out.write_all(text.as_bytes())?;
    Ok(0)
}

/// The program that is meant when nobody names one.
fn first() -> &'static Program {
    let [first, ..] = &oz_settings::PROGRAMS;
    first
}
