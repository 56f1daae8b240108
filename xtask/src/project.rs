//! Where the project is, and what cargo knows of it.

use crate::command;
use anyhow::{Context as _, Result};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The workspace this program was built from.
#[derive(Debug)]
pub(crate) struct Project {
    /// The folder of the workspace.
    pub(crate) root: PathBuf,
}

/// What `cargo metadata` says.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// The crates of the workspace.
    pub(crate) packages: Vec<Package>,
    target_directory: PathBuf,
}

/// One crate of the workspace.
#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its manifest.
    pub(crate) manifest_path: PathBuf,
    /// What its manifest asks for.
    pub(crate) dependencies: Vec<Dependency>,
}

/// One line under `[dependencies]`.
#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    /// The crate asked for.
    pub(crate) name: String,
    /// `None`, `dev` or `build`.
    pub(crate) kind: Option<String>,
}

impl Project {
    /// The workspace around this crate: cargo tells where, so a moved folder is no trouble.
    ///
    /// # Errors
    /// When started otherwise than by cargo.
    pub(crate) fn find() -> Result<Self> {
        let own = std::env::var_os("CARGO_MANIFEST_DIR").context("run this as `cargo xtask …`")?;
        let root = Path::new(&own).parent().context("CARGO_MANIFEST_DIR has no parent folder")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The folder with specification, evaluation media and the default model pack: beside the project, or `OZ_SHARED`.
    pub(crate) fn shared(&self) -> PathBuf {
        let beside = || self.root.parent().unwrap_or(&self.root).join("shared");
        std::env::var_os("OZ_SHARED").map_or_else(beside, PathBuf::from)
    }

    /// The cargo that runs us, in the project's folder.
    ///
    /// What cargo told us of ourselves is taken away: build scripts (`ring` is one) ask for those variables, and would run
    /// again, with all that depends on them, whenever a plain `cargo` and this one take turns.
    pub(crate) fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(of_one_crate) {
                command.env_remove(name);
            }
        }
        command
    }

    /// What cargo knows of the crates.
    ///
    /// # Errors
    /// When a manifest is wrong.
    pub(crate) fn metadata(&self) -> Result<Metadata> {
        let text = command::output(self.cargo().args(["metadata", "--no-deps", "--format-version", "1"]))?;
        serde_json::from_str(&text).context("cargo metadata")
    }

    /// The folder of build outputs.
    ///
    /// # Errors
    /// When a manifest is wrong.
    pub(crate) fn target(&self) -> Result<PathBuf> {
        Ok(self.metadata()?.target_directory)
    }

    /// Where cargo puts a binary.
    ///
    /// # Errors
    /// When a manifest is wrong.
    pub(crate) fn binary(&self, name: &str, release: bool) -> Result<PathBuf> {
        Ok(self.target()?.join(if release { "release" } else { "debug" }).join(name))
    }

    /// Files that git tracks or would track, relative to the root.
    ///
    /// # Errors
    /// When this is no git checkout.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>> {
        let mut git = self.git();
        let text = command::output(git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]))?;
        let found = text.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
        // Deleted in the working tree, not yet in a commit.
        Ok(found.filter(|path| self.root.join(path).is_file()).collect())
    }

    /// git in the project's folder.
    pub(crate) fn git(&self) -> Command {
        let mut command = Command::new("git");
        command.current_dir(&self.root);
        command
    }
}

/// Whether cargo sets a variable for the crate that it runs.
fn of_one_crate(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|start| variable.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cargo_told_of_us_is_not_passed_on() {
        assert!(of_one_crate("CARGO_MANIFEST_DIR") && of_one_crate("CARGO_PKG_VERSION"));
        assert!(!of_one_crate("CARGO_TARGET_DIR") && !of_one_crate("CARGO_HOME") && !of_one_crate("CARGO"));
        let project = Project::find().unwrap();
        let cargo = project.cargo();
        assert!(cargo.get_envs().any(|(name, value)| name == "CARGO_MANIFEST_DIR" && value.is_none()));
    }

    #[test]
    fn the_workspace_is_found() {
        let project = Project::find().unwrap();
        assert!(project.root.join("xtask/Cargo.toml").is_file());
        assert!(project.metadata().unwrap().packages.iter().any(|p| p.name == "xtask"));
    }
}
