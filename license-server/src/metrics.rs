//! Metrics of the license beside those of HTTP.

use crate::app::App;
use crate::health::looked;
use prometheus::{IntCounterVec, IntGaugeVec, Opts};

/// All metrics.
pub(crate) struct Metrics {
    pub(crate) http: oz_telemetry::Metrics,
    grants: IntCounterVec,
    days_left: IntGaugeVec,
    state: IntGaugeVec,
    feature: IntGaugeVec,
    used: IntGaugeVec,
    limit: IntGaugeVec,
    left: IntGaugeVec,
    leases: IntGaugeVec,
    leases_limit: IntGaugeVec,
    devices: IntGaugeVec,
    entries: IntGaugeVec,
}

impl Metrics {
    /// A registry with all metrics.
    ///
    /// # Errors
    /// Two metrics with one name: a mistake in this file.
    pub(crate) fn new() -> Result<Self, prometheus::Error> {
        let http = oz_telemetry::Metrics::new()?;
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            let gauge = IntGaugeVec::new(Opts::new(name, help), labels)?;
            http.registry().register(Box::new(gauge.clone()))?;
            Ok::<_, prometheus::Error>(gauge)
        };
        let grants =
            IntCounterVec::new(Opts::new("oz_license_grants_total", "Asked-for grants by outcome."), &["outcome"])?;
        http.registry().register(Box::new(grants.clone()))?;
        Ok(Self {
            days_left: gauge("oz_license_days_left", "Days until the license ends; absent when it never does.", &[])?,
            state: gauge("oz_license_state", "1 for the state that the license is in.", &["state"])?,
            feature: gauge("oz_license_feature", "1 for each licensed feature.", &["feature"])?,
            used: gauge("oz_license_used", "Analyses in the license's period.", &["feature"])?,
            limit: gauge("oz_license_volume_limit", "Analyses that are licensed; absent without a limit.", &[])?,
            left: gauge("oz_license_left", "Analyses that are left, overage included.", &[])?,
            leases: gauge("oz_license_leases", "Nodes with a lease.", &[])?,
            leases_limit: gauge("oz_license_leases_limit", "Nodes that are licensed; absent without a limit.", &[])?,
            devices: gauge("oz_license_devices", "Phones seen.", &[])?,
            entries: gauge("oz_license_ledger_entries", "Entries of the ledger.", &[])?,
            grants,
            http,
        })
    }

    /// A grant was asked for: `granted`, or why not.
    pub(crate) fn grant(&self, outcome: &str) {
        self.grants.with_label_values(&[outcome]).inc();
    }

    /// Everything as text, as it was at the last look.
    pub(crate) fn text(&self, app: &App) -> String {
        let Some(looked) = looked(app) else { return self.http.text() };
        let standing = &looked.standing;
        let set = |gauge: &IntGaugeVec, value: Option<i64>| {
            gauge.reset();
            if let Some(value) = value {
                gauge.with_label_values(&[] as &[&str]).set(value);
            }
        };
        let whole = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        set(&self.days_left, standing.days_left(app.clock.now()));
        set(&self.limit, standing.volume.map(|volume| whole(volume.count)));
        set(&self.left, standing.left);
        set(&self.leases, i64::try_from(standing.in_use).ok());
        set(&self.leases_limit, standing.instances.map(i64::from));
        set(&self.devices, Some(standing.devices));
        set(&self.entries, Some(looked.head.count));
        for gauge in [&self.state, &self.feature, &self.used] {
            gauge.reset();
        }
        self.state.with_label_values(&[standing.state.as_str()]).set(1);
        for feature in &standing.features {
            self.feature.with_label_values(&[feature.as_str()]).set(1);
        }
        for (feature, used) in &standing.used {
            self.used.with_label_values(&[feature.as_str()]).set(*used);
        }
        self.http.text()
    }
}
