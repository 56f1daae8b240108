//! `oz-api`: the appliance's server and worker.

mod accounts;
mod admin;
mod app;
mod audit;
mod auth;
mod cli;
mod error;
mod hand;
mod health;
mod idempotency;
mod ingest;
mod lab;
mod license;
mod links;
mod mail;
mod openapi;
mod plan;
mod routes;
mod serve;
mod settings;
mod subjects;
mod view;
mod work;

use clap::Parser as _;
use cli::{Cli, Command};
use oz_settings::{API, Settings};
use oz_telemetry::log;
use serve::Part;
use settings::Api;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Read when it is there and `--config` names no other.
const CONFIG: &str = "/etc/oz/oz.toml";

fn main() -> ExitCode {
    // First of all, and before any thread: the decoding process forks.
    if std::env::args_os().nth(1).is_some_and(|first| first == "decode-media") {
        return oz_media::child_main();
    }
    match run(Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "oz-api: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let flags = match &cli.command {
        Command::Serve(overrides) => overrides.listen.iter().map(|address| ("listen", address.clone())).collect(),
        _ => vec![],
    };
    let file = config(cli.config)?;
    let environment =
        std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))).collect();
    let settings = Settings::load(API, file.as_deref(), &environment, &flags)?;
    let api = Api::read(&settings).map_err(anyhow::Error::msg)?;
    let format = if api.log_json { log::Format::Json } else { log::Format::Pretty };
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match cli.command {
        Command::Serve(_) | Command::Work => {
            let part = if matches!(cli.command, Command::Work) { Part::Work } else { Part::Serve };
            log::start(format, &api.log).map_err(anyhow::Error::msg)?;
            runtime()?.block_on(serve::run(api, part))
        }
        Command::Migrate => {
            log::start(format, &api.log).map_err(anyhow::Error::msg)?;
            oz_settings::private_folder(&api.data_dir)?;
            runtime()?.block_on(async { app::open_database(&api).await?.close().await.map_err(Into::into) })
        }
        Command::CheckConfig => Ok(std::io::stdout().write_all(settings.report().as_bytes())?),
        Command::Admin(admin) => runtime()?.block_on(admin::run(&api, admin, &mut std::io::stdout())),
        Command::Openapi => {
            let text = serde_json::to_string_pretty(&openapi::document())?;
            Ok(writeln!(std::io::stdout(), "{text}")?)
        }
        Command::DecodeMedia => anyhow::bail!("decode-media must be the first argument"),
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
