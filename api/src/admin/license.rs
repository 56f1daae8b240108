//! `oz-api admin license …`: what the license server does over its socket, for an appliance without one.

use crate::cli::LicenseAction;
use crate::license::{read, site};
use crate::settings::Api;
use anyhow::{Context as _, ensure};
use oz_domain::{Clock as _, SystemClock};
use oz_settings::replace_file;
use oz_site::Standing;
use oz_store::{AnyConn, Db};
use std::io::Write;
use std::sync::Arc;

pub(super) async fn run(settings: &Api, db: &Db, action: LicenseAction, out: &mut dyn Write) -> anyhow::Result<()> {
    ensure!(
        settings.license_server.is_none(),
        "this node takes its lease from a license server: ask `oz-license-server` there"
    );
    let site = Arc::new(site(&settings.data_dir.join("secrets"))?);
    let (mine, now) = (Arc::clone(&site), SystemClock.now());
    db.write(move |conn| oz_site::open(conn, &mine, now, true)).await?;
    let (mine, file) = (Arc::clone(&site), settings.license_file.clone());
    match action {
        LicenseAction::Request => {
            if site.is_bound_by_key_alone() {
                let text = "this machine shows fewer than 3 parts: the site key alone stands for it";
                writeln!(std::io::stderr(), "oz-api: {text}")?;
            }
            return Ok(writeln!(out, "{}", serde_json::to_string(&site.activation_request()?)?)?);
        }
        LicenseAction::Install { file: from } => {
            let text = read(&from)?.with_context(|| format!("{}: not there", from.display()))?;
            let install = move |conn: &mut AnyConn| {
                oz_site::install(conn, &mine, &text, now)?;
                // No secret: it names a customer and is signed. Inside the transaction: a file that cannot be written leaves the license before it in force.
                replace_file(&file, &text, 0o644).map_err(|e| oz_site::Refused::NotInstalled(e.to_string()))
            };
            db.write(install).await?;
        }
        LicenseAction::Restored => db.write(move |conn| oz_site::restored(conn, &mine, now)).await?,
        LicenseAction::Status => {}
    }
    let present = read(&settings.license_file)?.is_some();
    let standing = db.read(move |conn| oz_site::standing(conn, &site, now, present)).await?;
    Ok(out.write_all(status(&standing, now).as_bytes())?)
}

fn status(standing: &Standing, now: oz_domain::Millis) -> String {
    let or = |number: Option<i64>, none: &str| number.map_or_else(|| none.to_owned(), |number| number.to_string());
    let features: Vec<&str> = standing.features.iter().map(|feature| feature.as_str()).collect();
    let mut lines = vec![
        format!("state      {} ({})", standing.state.as_str(), standing.text()),
        format!("license    {}", standing.license_id()),
        format!("days left  {}", or(standing.days_left(now), "no end")),
        format!("features   {}", features.join(", ")),
        format!("used       {}, left {}", standing.used.values().sum::<i64>(), or(standing.left, "no limit")),
    ];
    lines.extend(standing.warnings.iter().map(|warning| format!("warning    {}", warning.text)));
    if oz_license::VendorKeys::is_development() {
        lines.push("DEVELOPMENT BUILD: anybody can sign licenses that it trusts".to_owned());
    }
    lines.join("\n") + "\n"
}
