//! `cargo xtask deb`: the Debian packages, from a copy of the tracked files, so that nothing else gets in.

use crate::command;
use crate::models;
use crate::packages::{self, Task};
use crate::project::Project;
use crate::steps::Steps;
use anyhow::{Context as _, Result};
use clap::Args;
use fs_err as fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The crates whose programs are packed, each built by its name: those of one build would share their features.
const PROGRAMS: [&str; 4] = ["oz-api", "oz-license-server", "oz-installer", "oz-license-tool"];

/// `cargo xtask deb`.
#[derive(Debug, Args)]
pub(crate) struct Deb {
    /// Public keys of the seller, as `oz-license keygen` prints them: `KEY[,KEY]`, 64 hex digits each. Without any the
    /// programs trust the development key, and say so.
    #[arg(long, value_name = "KEYS")]
    vendor_keys: Option<String>,
    /// Pack what a development build has made: for tests, in a minute.
    #[arg(long)]
    dev: bool,
}

impl Deb {
    /// Builds the packages and names them.
    ///
    /// # Errors
    /// What is in the way, in one text.
    pub(crate) fn run(&self, project: &Project) -> Result<()> {
        let folder = self.build(project, &Steps::start())?;
        let found = found(&folder)?;
        found.iter().for_each(|package| println!("{}", package.display()));
        Ok(())
    }

    /// For tests: of a development build.
    pub(crate) const fn for_tests() -> Self {
        Self { vendor_keys: None, dev: true }
    }

    /// Builds the packages; gives their folder.
    ///
    /// # Errors
    /// What is in the way, in one text.
    pub(crate) fn build(&self, project: &Project, steps: &Steps) -> Result<PathBuf> {
        packages::ensure(Task::Package, true)?;
        let prepared = models::prepare(project, steps)?;
        let folder = project.target()?.join("deb");
        let source = folder.join("source");
        // None of an earlier version must be taken for this one's.
        for old in found(&folder).unwrap_or_default() {
            fs::remove_file(old)?;
        }
        copy(project, &source)?;
        let mut build = Command::new("dpkg-buildpackage");
        build.args(["--build=binary", "--unsigned-changes", "--unsigned-buildinfo"]).current_dir(&source);
        build.env("OZ_MODELS_DIR", &prepared.pack).env("OZ_RUNTIME_LIB", &prepared.runtime);
        if let Some(keys) = &self.vendor_keys {
            build.env("OZ_VENDOR_KEYS", keys);
        }
        if self.dev {
            steps.say("building the programs");
            for package in PROGRAMS {
                command::run(project.cargo().args(["build", "--quiet", "-p", package]))?;
            }
            build.env("OZ_BUILT", project.target()?.join("debug")).env("DEB_BUILD_OPTIONS", "nostrip");
        } else {
            steps.say("building the programs for release (ten minutes on two cores)");
            // The same bytes wherever it is built.
            let cargo_home =
                std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| home + "/.cargo"))?;
            let source = source.to_str().context("a path that is UTF-8")?;
            let flags =
                format!("--remap-path-prefix={source}=/usr/src/oz --remap-path-prefix={cargo_home}=/usr/src/cargo");
            build.env("RUSTFLAGS", flags).env("CARGO_TARGET_DIR", folder.join("build"));
        }
        steps.say("packing");
        let log = fs::File::create(folder.join("build.log"))?;
        build.stdout(log.file().try_clone()?).stderr(log.file().try_clone()?);
        let status = build.status().context("cannot start dpkg-buildpackage")?;
        command::ended_well(&build, status).with_context(|| format!("see {}", folder.join("build.log").display()))?;
        if !self.dev {
            steps.say("asking lintian");
            let mut lintian = Command::new("lintian");
            lintian.args(["--fail-on", "error,warning", "--allow-root"]).args(found(&folder)?);
            command::run(&mut lintian)?;
        }
        Ok(folder)
    }
}

/// The tracked files and nothing else.
fn copy(project: &Project, to: &Path) -> Result<()> {
    if to.try_exists()? {
        fs::remove_dir_all(to)?;
    }
    for file in project.files()? {
        let target = to.join(&file);
        fs::create_dir_all(target.parent().context("a folder")?)?;
        fs::copy(project.root.join(&file), target)?;
    }
    Ok(())
}

fn found(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let mut found: Vec<PathBuf> = entries.iter().map(fs::DirEntry::path).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    found.sort();
    Ok(found)
}
