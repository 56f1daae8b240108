//! The command line.

use crate::env::{self, EnvArguments};
use crate::health::Url;
use crate::profile::Profile;
use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, Parser, Subcommand};
use clap_complete::Shell;
use std::path::PathBuf;

/// What scripts rely on; in every help and man page.
const EXIT_CODES: &str = "Exit codes: 0 fine; 1 a requirement failed; 2 wrong usage; 3 could not find out; 4 done, but with \
warnings (only with --strict). With --nagios those of a monitoring plugin: 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN.";

/// Checks and looks after an Oz appliance.
#[derive(Debug, Parser)]
#[command(name = "ozctl", version, about, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Say whether this machine can carry the appliance, and what to do where it cannot.
    ///
    /// Changes nothing but for one unnamed file in the target folder, by which the disk is measured. As root it sees
    /// who holds a port and reads all settings.
    #[command(after_help = EXIT_CODES)]
    Check(CheckArguments),
    /// Ask a running API how it is.
    #[command(after_help = EXIT_CODES)]
    Health(HealthArguments),
    /// Show and change the settings of the services.
    #[command(after_help = env::EXIT_CODES)]
    Env(EnvArguments),
    /// Write the man pages into a folder.
    #[command(hide = true)]
    Man {
        /// The folder; it must be there.
        folder: PathBuf,
    },
    /// Print a shell's completions.
    #[command(hide = true)]
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What `check` is told.
#[derive(Debug, Args)]
pub(crate) struct CheckArguments {
    /// What is to run here.
    #[arg(long, value_enum, default_value_t = Profile::AllInOne)]
    pub(crate) profile: Profile,
    /// Folder of the data. Default: the settings' data_dir, else /var/lib/oz (license: /var/lib/oz-license).
    #[arg(long, value_name = "DIR")]
    pub(crate) target: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// What `health` is told.
#[derive(Debug, Args)]
pub(crate) struct HealthArguments {
    /// Ask until all is well, or this many seconds are over.
    #[arg(long, value_name = "SECONDS", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=86_400))]
    pub(crate) wait: u64,
    /// Address of the API, or of another service that answers GET /api/healthcheck.
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    pub(crate) url: Url,
    /// PEM file of who signed the server's certificate. Default: those that the system trusts.
    #[arg(long, value_name = "FILE")]
    pub(crate) ca: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) form: Form,
}

/// How the answer looks.
#[derive(Debug, Args)]
pub(crate) struct Form {
    /// As JSON.
    #[arg(long, conflicts_with = "nagios")]
    pub(crate) json: bool,
    /// As one line with performance data, with the exit codes of a monitoring plugin.
    #[arg(long, conflicts_with = "strict")]
    pub(crate) nagios: bool,
    /// End with 4 where there are warnings only.
    #[arg(long)]
    pub(crate) strict: bool,
}

/// Wrong usage that only a command itself can see.
pub(crate) fn usage(message: &str) -> anyhow::Error {
    Cli::command().error(ErrorKind::ValueValidation, message).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn forms_exclude_each_other() {
        assert!(Cli::try_parse_from(["ozctl", "check", "--json", "--nagios"]).is_err());
        assert!(Cli::try_parse_from(["ozctl", "health", "--wait", "-1"]).is_err());
        assert!(Cli::try_parse_from(["ozctl", "check", "--json", "--strict", "--profile", "web"]).is_ok());
    }
}
