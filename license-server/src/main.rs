//! `oz-license-server`: one license site for all nodes of a customer (`license.md`).

mod app;
mod auth;
mod cli;
mod command;
mod commit;
mod error;
mod grants;
mod heads;
mod health;
mod keep;
mod metrics;
mod page;
mod routes;
mod secrets;
mod serve;
mod settings;
mod view;

use clap::Parser as _;
use cli::{Cli, Command};
use oz_settings::LICENSE_SERVER;
use oz_settings::Settings;
use oz_telemetry::log;
use settings::Server;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Read when it is there and `--config` names no other.
const CONFIG: &str = "/etc/oz-license/oz-license.toml";

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "oz-license-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let file = config(cli.config)?;
    let environment =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let settings = Settings::load(LICENSE_SERVER, file.as_deref(), &environment, &[])?;
    let server = Server::read(&settings).map_err(anyhow::Error::msg)?;
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match cli.command {
        Command::Serve => {
            let format = if server.log_json { log::Format::Json } else { log::Format::Pretty };
            log::start(format, &server.log).map_err(anyhow::Error::msg)?;
            runtime()?.block_on(serve::run(server))
        }
        Command::CheckConfig => Ok(std::io::stdout().write_all(settings.report().as_bytes())?),
        Command::NewLedger => runtime()?.block_on(app::new_ledger(&server)),
        command => runtime()?.block_on(command::run(&server, command, &mut std::io::stdout())),
    }
}

/// The file that `--config` names, which must be there; else the usual one, which need not.
fn config(named: Option<PathBuf>) -> anyhow::Result<Option<PathBuf>> {
    if let Some(path) = named {
        anyhow::ensure!(path.try_exists()?, "--config: {} is not there", path.display());
        return Ok(Some(path));
    }
    Ok(Some(PathBuf::from(CONFIG)).filter(|path| Path::is_file(path)))
}
