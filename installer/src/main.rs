//! `ozctl`: what a machine lacks for the appliance, how the appliance is, and what it is set to.

mod check;
mod cli;
mod env;
mod health;
mod machine;
mod pages;
mod profile;
mod progress;
mod text;
mod verdict;

use clap::Parser as _;
use cli::{Cli, Command};
use machine::Machine;
use std::io::Write as _;
use std::process::ExitCode;
use verdict::Verdict;

/// As clap's own.
const WRONG_USAGE: u8 = 2;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(code) => ExitCode::from(code),
        Err(error) if error.is::<clap::Error>() => {
            let _ = write!(std::io::stderr(), "{error}");
            ExitCode::from(WRONG_USAGE)
        }
        Err(error) => {
            let code = if error.is::<env::Refused>() { Verdict::Fail } else { Verdict::Unknown };
            let _ = writeln!(std::io::stderr(), "ozctl: {error:#}");
            ExitCode::from(code.exit(false))
        }
    }
}

/// Does it and gives the exit code.
fn run(command: Command) -> anyhow::Result<u8> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Check(arguments) => check::command(&Machine::this(), &arguments, &mut out),
        Command::Health(arguments) => health::command(&arguments, &mut out),
        Command::Env(arguments) => {
            let machine = arguments.root.clone().map_or_else(Machine::this, Machine::below);
            env::command(&machine, &arguments, &mut std::io::stdin().lock(), &mut out)
        }
        Command::Man { folder } => pages::manual(&folder),
        Command::Completions { shell } => pages::completions(shell, &mut out),
    }
}
