//! A machine with the packages, and a client of its API.

use crate::support::server::until;
use oz_testkit::machine::Machine;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::time::Duration;

/// For a service to be there again.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);
/// Its administrator.
const ADMIN: (&str, &str) = ("admin@example.com", "a correct horse battery");

/// The packages of this build.
pub(crate) fn packages() -> Vec<PathBuf> {
    let folder = std::env::var_os("OZ_DEBS").expect("OZ_DEBS: run `cargo xtask test`");
    let entries = fs_err::read_dir(PathBuf::from(folder)).expect("the packages");
    let mut found: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    // The seller's tool is nobody's but the seller's.
    found.retain(|path| !path.to_string_lossy().contains("oz-license-tool"));
    assert!(!found.is_empty(), "no packages");
    found
}

/// Installs the packages, as they are, without a network.
pub(crate) fn install(machine: &Machine) {
    machine.sh("mkdir -p /srv/packages");
    for package in packages() {
        machine.put(&package, &format!("/srv/packages/{}", package.file_name().expect("a name").to_string_lossy()));
    }
    machine.sh("dpkg --install /srv/packages/*.deb");
}

/// Settings, an administrator, and the service.
pub(crate) fn set_up(machine: &Machine) {
    machine.sh("echo 'workers = 1' > /etc/oz/oz.toml");
    let (email, password) = ADMIN;
    machine.sh(&format!(
        "echo '{password}' | runuser -u oz -- oz-api admin user create --email {email} --role ADMIN --password-stdin"
    ));
    machine.sh("systemctl enable --now oz-api.service");
    until_healthy(machine);
}

/// What the API answers about itself, once it is well.
pub(crate) fn until_healthy(machine: &Machine) -> Value {
    until("the API is well", PATIENCE, || {
        let health = ask(machine, &["http://127.0.0.1:8000/api/healthcheck"])?;
        // A development build's license is never without a remark.
        matches!(health["status"].as_str(), Some("ok" | "degraded")).then_some(health)
    })
}

/// A JSON answer; none when there is none.
pub(crate) fn ask(machine: &Machine, arguments: &[&str]) -> Option<Value> {
    serde_json::from_slice(&machine.curl(arguments).stdout).ok()
}

/// Somebody who is logged in.
pub(crate) struct Client<'a> {
    machine: &'a Machine,
    token: String,
}

impl<'a> Client<'a> {
    pub(crate) fn of(machine: &'a Machine) -> Self {
        let body = json!({"credentials": {"email": ADMIN.0, "password": ADMIN.1}}).to_string();
        let url = "http://127.0.0.1:8000/api/authorize/auth/";
        let answer = ask(machine, &["--json", &body, url]).expect("an answer");
        let token = answer["access_token"].as_str().unwrap_or_else(|| panic!("no token: {answer}"));
        Self { machine, token: format!("X-Forensic-Access-Token: {token}") }
    }

    pub(crate) fn get(&self, path: &str) -> Value {
        let url = format!("http://127.0.0.1:8000{path}");
        ask(self.machine, &["--header", &self.token, &url]).expect("an answer")
    }

    /// The verdict over a video.
    pub(crate) fn judge(&self, video: &[u8]) -> Value {
        let file = tempfile::Builder::new().suffix(".mp4").tempfile().expect("a file");
        fs_err::write(file.path(), video).expect("a file");
        let payload = json!({
            "folder:meta_data": {},
            "media:tags": {"v": ["video_selfie", "video_selfie_blank"]},
            "analyses": [{"type": "QUALITY"}],
        });
        let (payload, video) = (format!("payload={payload}"), format!("v=@{}", file.path().display()));
        let arguments = [
            "--header",
            &self.token,
            "--form-string",
            &payload,
            "--form",
            &video,
            "http://127.0.0.1:8000/api/folders/",
        ];
        let folder = ask(self.machine, &arguments).expect("an answer");
        let id = folder["analyses"][0]["analyse_id"].as_str().unwrap_or_else(|| panic!("no analysis: {folder}"));
        let path = format!("/api/analyses/{id}");
        until("the verdict", PATIENCE, || {
            let analysis = self.get(&path);
            (analysis["resolution_status"] != "PROCESSING").then_some(analysis)
        })
    }
}
