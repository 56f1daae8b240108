//! The license file: who signed it, and what it is worth here.

use super::{Asked, Found};
use oz_license::{License, MAX_BYTES, Site, State, VendorKeys};
use std::io::{self, Read as _};
use std::path::Path;

const FILE: &str = "/etc/oz/license.oz";

pub(super) fn worth(asked: &Asked<'_>) -> Found {
    let found = judged(asked, Path::new(asked.settings.get("license_file").unwrap_or(FILE)));
    if VendorKeys::is_development() {
        return Found {
            text: format!("{} (development build: trusts licenses that anybody can sign)", found.text),
            ..found
        };
    }
    found
}

fn judged(asked: &Asked<'_>, path: &Path) -> Found {
    if asked.settings.get("license_server_url").is_some() {
        return Found::pass("leased from the license server");
    }
    let text = match read(&asked.machine.path(path)) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Found::warn(format!("none at {}: a trial of 30 days from the first start", path.display()));
        }
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Found::unknown(format!("{} may not be read", path.display())).advise("Run it as root.");
        }
        Err(error) => return Found::fail(error.to_string()),
    };
    let keys = match VendorKeys::compiled() {
        Ok(keys) => keys,
        Err(error) => {
            return Found::fail(error.to_string()).advise("This build is broken: ask the vendor for another.");
        }
    };
    let license = match License::verify(&text, &keys) {
        Ok(license) => license,
        Err(error) => {
            return Found::fail(format!("{}: {error}", path.display())).advise(
                "Copy the file again, byte for byte, from what the vendor sent, or ask the vendor for another.",
            );
        }
    };
    told(asked, &license)
}

/// Not more than a license can have and one byte, which the verifier then tells.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    crate::machine::open(path)?.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn told(asked: &Asked<'_>, license: &License) -> Found {
    let factors = oz_site::factors(asked.machine.root());
    let now = asked.machine.world().now();
    // The site key is the service's own secret: without it, whether the license names this site stays open.
    let data = asked.settings.get("data_dir").unwrap_or(asked.profile.needs().data);
    let key = oz_site::load_or_create(&asked.machine.path(data).join("secrets/site.key"), false).ok();
    let key = key.map(|key| key.verifying_key());
    let site = Site { now, last_seen: None, factors: &factors, key: key.as_ref(), version: env!("CARGO_PKG_VERSION") };
    let unsure = key.is_none() && license.site_key().is_some();
    let state = match license.state(&site) {
        State::Invalid(oz_license::Reason::SiteKey) if unsure => license.time_state(now),
        state => state,
    };
    let end = license.end().map_or_else(|| "without end".to_owned(), |end| format!("until {end}"));
    let note = if unsure { "; whether it is for this site's key was not checked" } else { "" };
    let text = match state {
        State::Invalid(reason) => format!("invalid: {reason}"),
        state => format!("{}, {end}{note}", state.as_str()),
    };
    match state {
        State::Active => Found::pass(text),
        State::RenewalDue | State::Grace => Found::warn(text)
            .advise("Ask the vendor for a renewal now: `oz-api admin license request` prints what it needs."),
        _ => Found::fail(text),
    }
}

#[cfg(test)]
mod tests {
    use crate::check::tests::line;
    use crate::machine::fake::Fake;
    use crate::profile::Profile;
    use crate::verdict::Verdict;
    use oz_license::{Claims, Purpose, development_key, sign};
    use serde_json::json;

    /// A license by the development key, whose claims are changed.
    fn license(change: serde_json::Value) -> String {
        let mut claims = json!({
            "license_id": "LIC-1", "revision": 1, "product": "oz-appliance", "kind": "trial",
            "customer": {"id": "c1", "name": "Bank"}, "issued_at": "2026-01-01T00:00:00Z",
            "expires_at": "2027-06-01T00:00:00Z", "features": ["quality"],
        });
        if let (Some(claims), Some(change)) = (claims.as_object_mut(), change.as_object()) {
            claims.extend(change.clone());
        }
        let claims: Claims = serde_json::from_value(claims).unwrap();
        sign(Purpose::License, &claims, &development_key()).unwrap()
    }

    fn judged(text: &str) -> (Verdict, String) {
        let mut fake = Fake::good();
        fake.file("/etc/oz/license.oz", text);
        let line = line("license", &fake, Profile::Api);
        (line.verdict, line.found)
    }

    #[test]
    fn a_license_is_worth_what_its_time_and_machine_say() {
        let (verdict, text) = judged(&license(json!({})));
        assert!(verdict == Verdict::Pass && text.starts_with("active, until 2027-06-01"), "{text}");
        let (verdict, text) = judged(&license(json!({"expires_at": "2026-12-01T00:00:00Z"})));
        assert!(verdict == Verdict::Warn && text.starts_with("renewal_due"), "{text}");
        let (verdict, text) = judged(&license(json!({"expires_at": "2026-02-01T00:00:00Z"})));
        assert!(verdict == Verdict::Fail && text.starts_with("expired"), "{text}");
        let (verdict, text) = judged(&license(json!({"min_version": "99.0.0"})));
        assert!(verdict == Verdict::Fail && text.contains("does not cover this version"), "{text}");
        let key = hex::encode(development_key().verifying_key().as_bytes());
        let (verdict, text) = judged(&license(json!({"site_key": key})));
        assert!(verdict == Verdict::Pass && text.contains("was not checked"), "{text}");
    }

    #[test]
    fn the_site_key_is_looked_at_where_it_is() {
        let mut fake = Fake::good();
        let key = hex::encode(development_key().verifying_key().as_bytes());
        fake.file("/etc/oz/license.oz", &license(json!({"site_key": key})));
        let secrets = fake.machine().path("/var/lib/oz/secrets");
        fs_err::create_dir_all(&secrets).unwrap();
        oz_site::load_or_create(&secrets.join("site.key"), true).unwrap();
        let line = line("license", &fake, Profile::Api);
        assert!(line.verdict == Verdict::Fail && line.found.contains("for another license server"), "{}", line.found);
    }
}
