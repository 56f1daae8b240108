//! Debian packages: which task needs which, and why.

use crate::command;
use anyhow::{Context as _, Result, bail};
use clap::{Args, ValueEnum};
use std::collections::HashSet;
use std::process::Command;

/// What packages are needed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Task {
    /// To build and run the product.
    Build,
    /// To run the tests.
    Test,
    /// To build the Debian packages.
    Package,
}

/// A Debian package.
#[derive(Debug)]
pub(crate) struct Package {
    name: &'static str,
    task: Task,
    why: &'static str,
}

const fn needs(task: Task, name: &'static str, why: &'static str) -> Package {
    Package { name, task, why }
}

/// Every package, with the reason.
pub(crate) const TABLE: &[Package] = &[
    needs(Task::Build, "ca-certificates", "to trust the package registries"),
    needs(Task::Build, "clang", "bindgen reads FFmpeg's headers with it"),
    needs(Task::Build, "gcc", "links Rust programs, compiles SQLite"),
    needs(Task::Build, "libavcodec-dev", "FFmpeg: decodes video"),
    needs(Task::Build, "libavformat-dev", "FFmpeg: reads MP4, MOV, WebM, MPEG, AVI"),
    needs(Task::Build, "libavutil-dev", "FFmpeg: frames and pixel formats"),
    needs(Task::Build, "libc6-dev", "C headers, for SQLite and FFmpeg's bindings"),
    needs(Task::Build, "libclang-dev", "bindgen loads libclang"),
    needs(Task::Build, "libpq-dev", "PostgreSQL's client library"),
    needs(Task::Build, "libswscale-dev", "FFmpeg: turns frames into RGB"),
    needs(Task::Build, "libsystemd-dev", "readiness, watchdog and the journal"),
    needs(Task::Build, "libturbojpeg0-dev", "decodes JPEG"),
    needs(Task::Build, "make", "builds C sources of some crates"),
    needs(Task::Build, "pkg-config", "finds the libraries above"),
    needs(Task::Build, "python3-pip", "fetches ONNX Runtime's wheel from PyPI"),
    needs(Task::Test, "chromium", "a stored video must play in a browser"),
    needs(Task::Test, "chromium-driver", "drives it"),
    needs(Task::Test, "curl", "asks the license server over TLS"),
    needs(Task::Test, "debootstrap", "makes the root of booted tests"),
    needs(Task::Test, "ffmpeg", "makes and compares videos"),
    needs(Task::Test, "git", "tells the lint which files are the project's; a test run its commit"),
    needs(Task::Test, "openssl", "signs as a customer's app does"),
    needs(Task::Test, "postgresql", "every test of the store runs on it too"),
    needs(Task::Test, "python3-venv", "a folder of its own for schemathesis"),
    needs(Task::Test, "slapd", "a real directory for log-ins; set up without a service"),
    needs(Task::Test, "systemd-container", "boots it: systemd-nspawn"),
    needs(Task::Test, "util-linux", "setpriv: PostgreSQL refuses to run as root; ends servers with the tests"),
    needs(Task::Package, "debhelper", "builds Debian packages"),
    needs(Task::Package, "dpkg-dev", "builds Debian packages"),
    needs(Task::Package, "help2man", "makes pages of the manual from what programs say of themselves"),
    needs(Task::Package, "lintian", "finds what is wrong with them"),
];

/// `cargo xtask packages`.
#[derive(Debug, Args)]
pub(crate) struct Packages {
    /// What for: `test` includes `build`.
    #[arg(long, value_enum, default_value = "test")]
    task: Task,
    /// Only tell what is missing; end with 1 when something is.
    #[arg(long)]
    no_install: bool,
}

impl Packages {
    /// Installs or tells.
    ///
    /// # Errors
    /// As [`ensure`].
    pub(crate) fn run(&self) -> Result<()> {
        ensure(self.task, !self.no_install)
    }
}

/// Makes sure that the packages of a task are installed; those for tests include those for building.
///
/// # Errors
/// When some are missing and may not, or cannot, be installed.
pub(crate) fn ensure(task: Task, install: bool) -> Result<()> {
    let wanted: Vec<_> = TABLE.iter().filter(|p| p.task == Task::Build || p.task == task).collect();
    let have = installed(&wanted)?;
    let missing: Vec<_> = wanted.into_iter().filter(|p| !have.contains(p.name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    eprintln!("Debian packages that are missing:");
    for package in &missing {
        eprintln!("  {:18} {}", package.name, package.why);
    }
    let names = missing.iter().map(|p| p.name);
    if !install {
        let names = names.collect::<Vec<_>>().join(" ");
        bail!(
            "{} packages are missing; install them with\n  apt-get install --no-install-recommends {names}",
            missing.len()
        );
    }
    eprintln!("Installing them with apt-get.");
    apt(&["update", "-qq"])?;
    if missing.iter().any(|p| p.name == "slapd") {
        // Else its installation makes a directory of its own and starts it.
        let answer = "echo 'slapd slapd/no_configuration boolean true' | debconf-set-selections";
        command::run(command::as_root("sh")?.args(["-c", answer]))?;
    }
    let options = ["install", "-y", "-qq", "--no-install-recommends"];
    apt(&options.into_iter().chain(names).collect::<Vec<_>>())
}

fn apt(arguments: &[&str]) -> Result<()> {
    // Through env, because sudo drops variables.
    command::run(command::as_root("env")?.args(["DEBIAN_FRONTEND=noninteractive", "apt-get"]).args(arguments))
}

/// Names of those that are installed.
fn installed(wanted: &[&Package]) -> Result<HashSet<String>> {
    let mut query = Command::new("dpkg-query");
    query.args(["-W", "-f", "${Package} ${db:Status-Status}\n"]).args(wanted.iter().map(|p| p.name));
    // It fails when it knows nothing of one of them, and still tells the others.
    let done = query.output().context("cannot start dpkg-query: this task sets up Debian and its derivatives only")?;
    Ok(names_installed(&String::from_utf8_lossy(&done.stdout)))
}

fn names_installed(listing: &str) -> HashSet<String> {
    listing.lines().filter_map(|line| line.strip_suffix(" installed")).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_installed_packages_count() {
        let have = names_installed("clang installed\nffmpeg config-files\nlibpq-dev not-installed\n");
        assert_eq!(have, HashSet::from(["clang".to_owned()]));
    }

    #[test]
    fn every_package_stands_once_with_a_reason() {
        let names: HashSet<_> = TABLE.iter().map(|p| p.name).collect();
        assert_eq!(names.len(), TABLE.len());
        assert!(TABLE.iter().all(|p| !p.why.is_empty()));
        assert!(TABLE.windows(2).all(|w| w[0].task != w[1].task || w[0].name < w[1].name), "by task, then by name");
    }
}
