//! What answers show of the site.

use crate::app::App;
use crate::error::{holder, reason_of};
use crate::secrets::Right;
use jiff::Timestamp;
use oz_domain::Millis;
use oz_license::{Kind, VendorKeys};
use oz_site::{Basis, Head, Holder, Installed, Standing, Warning};
use serde_json::{Value, json};

/// A moment of the database, RFC 3339.
pub(crate) fn time(millis: i64) -> Timestamp {
    oz_site::timestamp(Millis::new(millis))
}

/// Warnings with their codes.
pub(crate) fn warnings(warnings: &[Warning]) -> Vec<Value> {
    warnings.iter().map(|w| json!({"code": w.code, "text": w.text})).collect()
}

/// All that `GET /api/license` reads.
pub(crate) struct Whole {
    pub(crate) standing: Standing,
    pub(crate) holders: Vec<Holder>,
    pub(crate) sdk: Vec<Installed>,
    pub(crate) head: Head,
}

impl Whole {
    /// Reads it all in one picture of the database.
    pub(crate) async fn read(app: &App) -> oz_site::Result<Self> {
        let (site, now) = (app.site.clone(), app.clock.now());
        app.db
            .read(move |conn| {
                Ok(Self {
                    standing: oz_site::standing(conn, &site, now, true)?,
                    holders: oz_site::holders(conn, now)?,
                    sdk: oz_site::sdk_files(conn, &site)?,
                    head: oz_site::head(conn)?,
                })
            })
            .await
    }

    /// As JSON.
    pub(crate) fn json(&self, app: &App, right: Right) -> Value {
        let (standing, now) = (&self.standing, app.clock.now());
        let license = match &standing.basis {
            Basis::License(license) => serde_json::to_value(license.claims()).unwrap_or_default(),
            Basis::Trial { .. } | Basis::Nothing => Value::Null,
        };
        let of_lease = |h: &Holder| {
            let mut shown = holder(h);
            // Whoever has it ends the lease: no node learns another's.
            if right >= Right::Admin {
                shown["lease_id"] = json!(h.lease_id);
            }
            shown
        };
        let sdk = self.sdk.iter().filter_map(|file| file.license.as_ref().ok()).filter_map(|license| {
            let claims = license.claims();
            // The server's own is among them for the apps and pages that it may name.
            let own = matches!(claims.kind, Kind::Server | Kind::Trial);
            let names_some =
                !(claims.apps.android.is_empty() && claims.apps.ios.is_empty() && claims.origins.is_empty());
            (!own || names_some).then(|| {
                json!({
                    "license_id": claims.license_id,
                    "kind": claims.kind,
                    "state": license.time_state(oz_site::timestamp(now)).as_str(),
                    "ends_at": license.end(),
                    "apps": claims.apps,
                    "origins": claims.origins,
                })
            })
        });
        json!({
            "state": standing.state.as_str(),
            "reason": reason_of(standing.state),
            "text": standing.text(),
            "development": VendorKeys::is_development(),
            "version": app.site.version,
            "site_id": app.site_id,
            "site_key": hex::encode(app.site.key.verifying_key()),
            "bound_by_site_key_alone": app.site.is_bound_by_key_alone(),
            "license": license,
            "ends_at": standing.end,
            "days_left": standing.days_left(now),
            "features": standing.features,
            "limits": {
                "analyses": standing.volume,
                "overage_percent": standing.overage_percent,
                "instances": standing.instances,
                "devices": standing.devices_limit,
            },
            "used": standing.used,
            "left": standing.left,
            "devices": standing.devices,
            "leases": self.holders.iter().map(of_lease).collect::<Vec<_>>(),
            "sdk": sdk.collect::<Vec<_>>(),
            "ledger": self.head,
            "warnings": warnings(&standing.warnings),
        })
    }
}
