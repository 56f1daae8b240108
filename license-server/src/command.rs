//! Commands that ask the running server over its socket.

use crate::cli::Command;
use crate::settings::Server;
use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io::Write;
use tokio::net::UnixStream;

/// Runs one and prints its answer.
///
/// # Errors
/// What the server says, or that there is none.
pub(crate) async fn run(settings: &Server, command: Command, out: &mut impl Write) -> anyhow::Result<()> {
    let get = |path: &'static str| ask(settings, Method::GET, path, Vec::new());
    let text = match command {
        Command::Status { json: true } => get("/api/license").await? + "\n",
        Command::Status { json: false } => status(&get("/api/license").await?)?,
        Command::Install { file } => {
            let license = fs_err::read(&file)?;
            status(&ask(settings, Method::PUT, "/api/license", license).await?)?
        }
        Command::Request { qr: true } => get("/api/license/activation-request?format=txt").await?,
        Command::Request { qr: false } => get("/api/license/activation-request").await? + "\n",
        Command::Restored => status(&ask(settings, Method::POST, "/api/license/restored", Vec::new()).await?)?,
        Command::Serve | Command::CheckConfig | Command::NewLedger => return Ok(()),
    };
    Ok(out.write_all(text.as_bytes())?)
}

async fn ask(settings: &Server, method: Method, path: &str, body: Vec<u8>) -> anyhow::Result<String> {
    let socket = &settings.socket;
    let stream = UnixStream::connect(socket).await.with_context(|| {
        format!("no server listens on {}: is it running, and may you open the file?", socket.display())
    })?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let answer = sender.send_request(request.body(Full::new(bytes::Bytes::from(body)))?).await?;
    let good = answer.status().is_success();
    let text = String::from_utf8(answer.into_body().collect().await?.to_bytes().into())?;
    if !good {
        let said: Value = serde_json::from_str(&text).unwrap_or_default();
        bail!("{}", said["error_message"].as_str().unwrap_or("the server refused"));
    }
    Ok(text)
}

/// The answer of `GET /api/license` for a person.
fn status(text: &str) -> anyhow::Result<String> {
    let license: Value = serde_json::from_str(text)?;
    let or = |value: &Value, none: &str| match value {
        Value::Null => none.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let list = |value: &Value| {
        let words: Vec<&str> = value.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if words.is_empty() { "none".to_owned() } else { words.join(", ") }
    };
    let used: i64 =
        license["used"].as_object().into_iter().flat_map(|used| used.values()).filter_map(Value::as_i64).sum();
    let mut lines = vec![
        format!("state      {} ({})", or(&license["state"], ""), or(&license["text"], "")),
        format!("license    {}", or(&license["license"]["license_id"], "none")),
        format!("days left  {}", or(&license["days_left"], "no end")),
        format!("features   {}", list(&license["features"])),
        format!("used       {used}, left {}", or(&license["left"], "no limit")),
        format!("ledger     {} entries", license["ledger"]["count"]),
    ];
    let leases = license["leases"].as_array().cloned().unwrap_or_default();
    lines.push(format!("leases     {} of {}", leases.len(), or(&license["limits"]["instances"], "any number")));
    for lease in &leases {
        let told = ["hostname", "instance_id", "version", "since"].map(|key| or(&lease[key], ""));
        lines.push(format!("           {}", told.join("  ")));
    }
    for warning in license["warnings"].as_array().into_iter().flatten() {
        lines.push(format!("warning    {}", or(&warning["text"], "")));
    }
    if license["bound_by_site_key_alone"] == true {
        lines.push("note       this machine shows fewer than 3 parts: the site key alone stands for it".to_owned());
    }
    if license["development"] == true {
        lines.push("DEVELOPMENT BUILD: anybody can sign licenses that it trusts".to_owned());
    }
    Ok(lines.join("\n") + "\n")
}
