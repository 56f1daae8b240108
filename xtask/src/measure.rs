//! `cargo xtask accuracy` and `bench`: the measuring program, built for speed, with models at hand.

use crate::command;
use crate::models;
use crate::packages::{self, Task};
use crate::project::Project;
use crate::steps::Steps;
use anyhow::Result;
use clap::Args;
use std::process::Command;

/// What is passed on to the measuring program.
#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Arguments {
    /// Its arguments; `--help` prints them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) rest: Vec<String>,
}

/// Accuracy over the labelled sets.
///
/// # Errors
/// When something is missing or a figure is out of its bounds.
pub(crate) fn accuracy(project: &Project, arguments: &Arguments) -> Result<()> {
    measure(project, "accuracy", &[], arguments)
}

/// Speed beside its floors; some figures need the product's own binary.
///
/// # Errors
/// When something is missing or a figure is out of its bounds.
pub(crate) fn bench(project: &Project, arguments: &Arguments) -> Result<()> {
    measure(project, "bench", &["oz-api", "oz-license-server"], arguments)
}

fn measure(project: &Project, what: &str, binaries: &[&str], arguments: &Arguments) -> Result<()> {
    let steps = Steps::start();
    packages::ensure(Task::Test, true)?;
    let models = models::prepare(project, &steps)?;
    steps.say("building for speed");
    let mut build = project.cargo();
    build.args(["build", "--release", "-p", "oz-measure"]);
    command::run(build.args(binaries.iter().flat_map(|name| ["-p", name])))?;
    steps.say(format_args!("measuring {what}"));
    // Not by `cargo run`: another selection of crates resolves other features, and would build again.
    let mut run = Command::new(project.binary("oz-measure", true)?);
    run.current_dir(&project.root).arg(what).args(&arguments.rest);
    run.env("OZ_MODELS_DIR", &models.pack).env("OZ_RUNTIME_LIB", &models.runtime).env("OZ_SHARED", project.shared());
    run.env("OZ_API_BIN", project.binary("oz-api", true)?);
    command::run(run.env("OZ_LICENSE_SERVER_BIN", project.binary("oz-license-server", true)?))
}
