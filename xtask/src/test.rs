//! `cargo xtask test`: sets up what the tests need, then runs all of them, on both databases.

use crate::command;
use crate::deb::Deb;
use crate::fuzz::{self, Fuzzed};
use crate::models::{self, Prepared};
use crate::packages::{self, Task};
use crate::project::Project;
use crate::promtool;
use crate::record::{self, Run};
use crate::root;
use crate::steps::Steps;
use anyhow::{Result, bail};
use clap::Args;
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `cargo xtask test`.
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// All seeds, big data, and five minutes of fuzzing for each target; the result goes into docs/TEST-RUNS.md.
    #[arg(long)]
    slow: bool,
    /// Only the tests of one crate.
    #[arg(short, long, value_name = "CRATE")]
    package: Option<String>,
    /// Passed on to the tests: a filter of names, and flags of the test runner.
    #[arg(last = true)]
    rest: Vec<String>,
}

impl Test {
    /// Sets up and runs.
    ///
    /// # Errors
    /// When something cannot be set up, a test fails, or fuzzing has a finding.
    pub(crate) fn run(&self, project: &Project) -> Result<()> {
        let steps = Steps::start();
        packages::ensure(Task::Test, true)?;
        let prepared = models::prepare(project, &steps)?;
        let target = project.target()?;
        let venv = python(project, &target, &steps)?;
        steps.say("building the product and the tests");
        command::run(self.select(project.cargo().arg("build")).args(["--bins", "--tests"]))?;
        if self.package.as_deref().is_none_or(|package| package == "oz-license-c") {
            steps.say("building the C library as it ships: by its name");
            command::run(project.cargo().args(["build", "-p", "oz-license-c"]))?;
        }
        let booted = self.package.as_deref().is_none_or(|package| package == "oz-tests");
        let machine = booted.then(|| Machine::prepare(project, &steps)).transpose()?;
        steps.say("running the tests");
        let mut tests = project.cargo();
        self.select(tests.args(["test", "--no-fail-fast"])).arg("--").args(self.slow.then_some("--include-ignored"));
        tests.args(&self.rest);
        self.environment(project, &mut tests, &prepared, &venv, &target);
        if let Some(machine) = &machine {
            tests.env("OZ_TEST_ROOT", &machine.root).env("OZ_DEBS", &machine.packages);
            tests.env("OZ_PROMTOOL", &machine.promtool);
        }
        let (tally, status) = record::counted(&mut tests)?;
        let fuzzed = if self.slow { fuzz::run(project, &steps)? } else { Fuzzed::default() };
        let good = status.success() && fuzzed.findings == 0;
        if self.slow && self.package.is_none() {
            let (time, lines) = (steps.elapsed(), fuzzed.lines.as_slice());
            let run = Run { command: "cargo xtask test --slow", good, tally: &tally, fuzzing: lines, time };
            record::keep(project, &run)?;
        }
        steps.say(format_args!("tests: {tally}"));
        if !good {
            bail!("tests: {tally}; {} findings of fuzzing", fuzzed.findings);
        }
        Ok(())
    }

    /// One selection for building and testing: another one would resolve other features and build dependencies twice.
    fn select<'a>(&self, cargo: &'a mut Command) -> &'a mut Command {
        match &self.package {
            // The tests from end to end start the product.
            Some(package) => {
                let product = cargo.get_args().any(|a| a == "build");
                let product = product.then_some(["-p", "oz-api", "-p", "oz-license-server"]);
                cargo.args(["-p", package]).args(product.into_iter().flatten())
            }
            None => cargo.arg("--workspace"),
        }
    }

    fn environment(&self, project: &Project, tests: &mut Command, models: &Prepared, venv: &Path, target: &Path) {
        tests
            .env("OZ_MODELS_DIR", &models.pack)
            .env("OZ_RUNTIME_LIB", &models.runtime)
            .env("OZ_SHARED", project.shared())
            .env("OZ_API_BIN", target.join("debug/oz-api"))
            .env("OZ_LICENSE_SERVER_BIN", target.join("debug/oz-license-server"))
            .env("OZ_VENV", venv);
        if self.slow {
            tests.env("OZ_SLOW", "1");
        }
    }
}

/// What the tests of the appliance begin with.
struct Machine {
    root: PathBuf,
    /// The folder of the packages to be installed.
    packages: PathBuf,
    promtool: PathBuf,
}

impl Machine {
    fn prepare(project: &Project, steps: &Steps) -> Result<Self> {
        let promtool = promtool::prepare(project, steps)?;
        Ok(Self { root: root::prepare(project, steps)?, packages: Deb::for_tests().build(project, steps)?, promtool })
    }
}

/// A folder of Python programs by pinned versions; made anew when the pins change.
fn python(project: &Project, target: &Path, steps: &Steps) -> Result<PathBuf> {
    let venv = target.join("venv");
    let wanted = fs::read_to_string(project.root.join("xtask/requirements.txt"))?;
    let done = venv.join("requirements.txt");
    if fs::read_to_string(&done).is_ok_and(|have| have == wanted) {
        return Ok(venv);
    }
    steps.say("Python programs for the tests: making target/venv");
    command::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    command::run(pip.arg(project.root.join("xtask/requirements.txt")))?;
    // Last, so that a broken installation is never taken for a finished one.
    fs::write(&done, wanted)?;
    Ok(venv)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arguments(test: &Test, verb: &str) -> String {
        let mut cargo = Command::new("cargo");
        command::shown(test.select(cargo.arg(verb)))
    }

    #[test]
    fn the_whole_workspace_or_one_crate_with_the_product() {
        let all = Test { slow: false, package: None, rest: vec![] };
        assert_eq!(arguments(&all, "test"), "cargo test --workspace");
        let one = Test { package: Some("oz-store".to_owned()), ..all };
        assert_eq!(arguments(&one, "test"), "cargo test -p oz-store");
        assert_eq!(arguments(&one, "build"), "cargo build -p oz-store -p oz-api -p oz-license-server");
    }
}
