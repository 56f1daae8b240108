//! The command line of `ozctl env`.

use super::write::VERSIONS;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use oz_settings::PROGRAMS;
use std::path::PathBuf;

/// What scripts rely on.
pub(crate) const EXIT_CODES: &str =
    "Exit codes: 0 fine; 1 refused, and nothing was written; 2 wrong usage; 3 could not find out, or could not write.";

/// What `env` is told.
#[derive(Debug, Args)]
pub(crate) struct EnvArguments {
    #[command(subcommand)]
    pub(super) command: EnvCommand,
    #[command(flatten)]
    pub(super) form: EnvForm,
    /// Folder that stands for /, for tests.
    #[arg(long, global = true, hide = true, value_name = "DIR")]
    pub(crate) root: Option<PathBuf>,
}

/// Of which program, and how the answer looks.
#[derive(Debug, Args)]
pub(super) struct EnvForm {
    /// Settings of this program only.
    #[arg(long, global = true, value_parser = PossibleValuesParser::new(PROGRAMS.iter().map(|p| p.name)))]
    pub(super) program: Option<String>,
    /// As JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// What can be done with settings.
#[derive(Debug, Subcommand)]
pub(super) enum EnvCommand {
    /// Show every setting: variable, value that a start would use, kind, where it is set, meaning.
    ///
    /// Without --program: those of every program whose folder of settings is there.
    #[command(after_help = EXIT_CODES)]
    List,
    /// Print the value of one setting that is no secret.
    #[command(after_help = EXIT_CODES)]
    Get {
        /// Its variable or key.
        name: String,
    },
    /// Write settings into the env file of their program, if it could start with them.
    ///
    /// The previous file is kept. Nothing is restarted.
    #[command(after_help = EXIT_CODES)]
    Set {
        /// NAME is a variable or key; a secret is given by its name only, with --stdin.
        #[arg(required = true, value_name = "NAME=VALUE")]
        assignments: Vec<String>,
        /// Read the value, one line, from the standard input. A secret goes into a file of its own.
        #[arg(long)]
        stdin: bool,
    },
    /// Take settings out of the env file; their value is then that of the files, or the default.
    #[command(after_help = EXIT_CODES)]
    Unset {
        /// Variables or keys.
        #[arg(required = true, value_name = "NAME")]
        names: Vec<String>,
    },
    /// Show what differs between the env file and a previous version. Without --program: that of oz-api.
    #[command(after_help = EXIT_CODES)]
    Diff {
        /// Which one; 1 is the last before now.
        #[arg(value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=i64::from(VERSIONS)))]
        version: u8,
    },
}
