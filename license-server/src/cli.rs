//! The command line.

use clap::{Parser, Subcommand};
use std::path::PathBuf;

/// Oz license server: leases for nodes, grants for apps, a ledger of what was used.
#[derive(Debug, Parser)]
#[command(name = "oz-license-server", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Settings file in TOML; `/etc/oz-license/oz-license.toml` when it is there and nothing is given.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// All but `serve`, `check-config` and `new-ledger` ask the running server over its socket.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve.
    Serve,
    /// Print every setting with its value and where it came from; fail on a wrong one.
    CheckConfig,
    /// Print what the license is worth, what is used and who holds leases.
    Status {
        /// As JSON: the answer of GET /api/license.
        #[arg(long)]
        json: bool,
    },
    /// Install a license file; effective at once.
    Install {
        /// What the vendor sent.
        file: PathBuf,
    },
    /// Print the activation request, to be carried to the vendor.
    Request {
        /// As a QR code, for a phone that carries it.
        #[arg(long)]
        qr: bool,
    },
    /// Say that this server was restored on another machine: its license works there for 14 days.
    Restored,
    /// Begin an empty ledger for a site key whose database is lost; the vendor sees it in the next report.
    NewLedger,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }
}
