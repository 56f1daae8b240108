//! `cargo xtask up`: from a fresh machine to a verdict, and from then on a server that starts in seconds.

use crate::accounts;
use crate::command;
use crate::models::{self, Prepared};
use crate::packages::{self, Task};
use crate::project::Project;
use crate::steps::Steps;
use crate::verdict::Ask;
use anyhow::{Context as _, Result, bail};
use clap::Args;
use fs_err as fs;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// `cargo xtask up`.
#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Folder of files, database and keys; `.data` in the project by default.
    #[arg(long, value_name = "D")]
    data_dir: Option<PathBuf>,
    /// Port of the API on 127.0.0.1.
    #[arg(long, value_name = "P", default_value_t = 8000)]
    port: u16,
    /// Build for speed.
    #[arg(long)]
    release: bool,
    /// Leave the server running in the background.
    #[arg(long)]
    detach: bool,
    /// Only tell which Debian packages are missing.
    #[arg(long)]
    no_install: bool,
}

impl Up {
    /// Does all of it.
    ///
    /// # Errors
    /// What is in the way, in one text.
    pub(crate) fn run(&self, project: &Project) -> Result<()> {
        let steps = Steps::start();
        // Before anything that takes minutes.
        self.port_is_free()?;
        packages::ensure(Task::Build, !self.no_install)?;
        steps.say("Debian packages: all there");
        let prepared = models::prepare(project, &steps)?;
        steps.say("building oz-api (the first time takes minutes)");
        let mut build = project.cargo();
        build.args(["build", "-p", "oz-api"]).args(self.release.then_some("--release"));
        command::run(&mut build)?;
        let api = project.binary("oz-api", self.release)?;
        let data = self.data_dir.clone().unwrap_or_else(|| project.root.join(".data"));
        let data = std::path::absolute(&data).with_context(|| data.display().to_string())?;
        private_folder(&data)?;
        steps.say(format_args!("data folder: {}", data.display()));
        let metrics = free_port_above(self.port)?;
        let server = || self.server(&api, &data, &prepared, metrics);
        accounts::ensure(&data, server)?;
        // Building took its time: somebody may have come in between.
        self.port_is_free()?;
        steps.say(format_args!("serving on {}, metrics on http://127.0.0.1:{metrics}/metrics", self.url()));
        if self.detach {
            self.in_background(project, server(), &data, &steps)
        } else {
            self.in_foreground(server(), &data, &steps)
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn port_is_free(&self) -> Result<()> {
        match TcpListener::bind(("127.0.0.1", self.port)) {
            Ok(_) => Ok(()),
            Err(error) => bail!(
                "port {0} cannot be used ({error}): a server from before? Stop it, or take another: cargo xtask up --port {1}",
                self.port,
                self.port.saturating_add(1)
            ),
        }
    }

    fn server(&self, api: &Path, data: &Path, prepared: &Prepared, metrics: u16) -> Command {
        let mut server = Command::new(api);
        server
            .env("OZ_DATA_DIR", data)
            .env("OZ_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("OZ_METRICS_LISTEN", format!("127.0.0.1:{metrics}"))
            .env("OZ_MODELS_DIR", &prepared.pack)
            .env("OZ_RUNTIME_LIB", &prepared.runtime)
            .env("OZ_LOG_FORMAT", if self.detach { "json" } else { "pretty" });
        server
    }

    /// What is left to do beside a running server.
    fn ask(&self, data: &Path, pid: u32, steps: &Steps) -> Ask {
        let after = u64::try_from(steps.elapsed().as_millis()).unwrap_or(u64::MAX);
        Ask { url: self.url(), data_dir: Some(data.to_owned()), video: None, pid: Some(pid), after }
    }

    fn in_background(&self, project: &Project, mut server: Command, data: &Path, steps: &Steps) -> Result<()> {
        let log = data.join("server.log");
        let out = fs::OpenOptions::new().create(true).append(true).open(&log)?.into_parts().0;
        let errors = out.try_clone()?;
        // A process group of its own: Ctrl-C in this terminal is not meant for it.
        let mut child = server
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(out)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start `{}`", command::shown(&server)))?;
        let pid = child.id();
        steps.say(format_args!("process {pid}, log {}", log.display()));
        if let Err(error) = self.ask(data, pid, steps).run(project) {
            // Not a server that somebody could use: it would only hold the port.
            let _ = child.kill();
            let _ = child.wait();
            return Err(error.context(format!("the server did not come to a verdict; its log: {}", log.display())));
        }
        println!("  process   {pid}  (kill {pid} stops it)\n  log       {}", log.display());
        Ok(())
    }

    /// This process becomes the server, so that Ctrl-C and SIGTERM drain it; a process beside it asks for the verdict.
    fn in_foreground(&self, mut server: Command, data: &Path, steps: &Steps) -> Result<()> {
        let ask = self.ask(data, std::process::id(), steps);
        let own = std::env::current_exe().context("the path of this program")?;
        // The shell ends at once, so the asking process is nobody's child who would have to wait for it.
        let mut shell = Command::new("sh");
        shell.args(["-c", "\"$@\" &", "sh"]).arg(own).args(["verdict", "--url", &ask.url, "--data-dir"]).arg(data);
        shell.args(["--pid", &std::process::id().to_string(), "--after", &ask.after.to_string()]);
        command::run(&mut shell)?;
        let error = server.arg("serve").exec();
        Err(error).with_context(|| format!("cannot start `{}`", command::shown(&server)))
    }
}

/// Makes the folder if need be; nobody else may look into it.
fn private_folder(path: &Path) -> Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path).with_context(|| path.display().to_string())?;
    fs::set_permissions(path, std::fs::Permissions::from_mode(0o700))?;
    Ok(())
}

/// The next port above that nobody listens on now.
fn free_port_above(port: u16) -> Result<u16> {
    let mut above = (port.saturating_add(1)..=u16::MAX).take(100);
    above.find(|p| TcpListener::bind(("127.0.0.1", *p)).is_ok()).with_context(|| format!("no free port above {port}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up(port: u16) -> Up {
        Up { data_dir: None, port, release: false, detach: false, no_install: true }
    }

    #[test]
    fn a_port_in_use_is_told_with_a_way_out() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = holder.local_addr().unwrap().port();
        let error = up(port).port_is_free().unwrap_err().to_string();
        assert!(error.contains(&port.to_string()) && error.contains("--port"), "{error}");
        assert_ne!(free_port_above(port - 1).unwrap(), port);
    }

    #[test]
    fn the_data_folder_is_private() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        private_folder(&data).unwrap();
        private_folder(&data).unwrap();
        assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn the_server_gets_its_settings_by_environment() {
        let prepared = Prepared { pack: "pack".into(), runtime: "runtime".into() };
        let server = up(8123).server(Path::new("oz-api"), Path::new("data"), &prepared, 8124);
        let env: Vec<_> = server.get_envs().filter_map(|(k, v)| Some((k.to_str()?, v?.to_str()?))).collect();
        assert!(
            env.contains(&("OZ_LISTEN", "127.0.0.1:8123")) && env.contains(&("OZ_RUNTIME_LIB", "runtime")),
            "{env:?}"
        );
    }
}
