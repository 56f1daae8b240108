//! `promtool`, which checks the alert rules: taken out of Debian's package, because installing that starts a server.

use crate::command;
use crate::project::Project;
use crate::steps::Steps;
use anyhow::{Context as _, Result};
use fs_err as fs;
use std::path::PathBuf;
use std::process::Command;

/// The program.
///
/// # Errors
/// When the package cannot be fetched or opened.
pub(crate) fn prepare(project: &Project, steps: &Steps) -> Result<PathBuf> {
    let folder = project.target()?.join("promtool");
    let program = folder.join("usr/bin/promtool");
    if program.is_file() {
        return Ok(program);
    }
    steps.say("promtool: taking it out of the package prometheus");
    fs::create_dir_all(&folder)?;
    command::run(
        Command::new("apt-get")
            .args(["download", "-qq", "-o", "APT::Sandbox::User=root", "prometheus"])
            .current_dir(&folder),
    )?;
    let entries = fs::read_dir(&folder)?.collect::<std::io::Result<Vec<_>>>()?;
    let package = entries.iter().map(fs::DirEntry::path).find(|path| path.extension().is_some_and(|e| e == "deb"));
    let package = package.context("apt-get download prometheus: no package came")?;
    command::run(Command::new("dpkg-deb").arg("-x").arg(package).arg(&folder))?;
    Ok(program)
}
