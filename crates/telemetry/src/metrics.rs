//! Metrics in Prometheus' text format, on a listener of their own.

use prometheus::{Encoder as _, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use std::time::Duration;

/// All metrics of a process. Labels are templates and words, never ids.
#[derive(Clone)]
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    request_seconds: HistogramVec,
    jobs: IntCounterVec,
    delay: HistogramVec,
    stage_seconds: HistogramVec,
    queue: IntGaugeVec,
    queue_age: IntGaugeVec,
    license: IntGaugeVec,
    license_rest: IntGaugeVec,
}

impl Metrics {
    /// A registry with all metrics at zero.
    ///
    /// # Errors
    /// Two metrics with one name: a mistake in this file.
    pub fn new() -> Result<Self, prometheus::Error> {
        let registry = Registry::new();
        let buckets = vec![0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0];
        let histogram = |name: &str, help: &str, labels: &[&str]| {
            HistogramVec::new(HistogramOpts::new(name, help).buckets(buckets.clone()), labels)
        };
        let metrics = Self {
            requests: IntCounterVec::new(
                Opts::new("oz_http_requests_total", "Answers by route and status."),
                &["route", "status"],
            )?,
            request_seconds: histogram("oz_http_request_seconds", "Time to the head of the answer.", &["route"])?,
            jobs: IntCounterVec::new(
                Opts::new("oz_jobs_total", "Runs of jobs by kind and outcome."),
                &["kind", "outcome"],
            )?,
            delay: HistogramVec::new(
                HistogramOpts::new("oz_analysis_delay_seconds", "Time from an order to its verdict, waiting included.")
                    .buckets(vec![0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 30.0, 60.0, 120.0, 300.0]),
                &["type"],
            )?,
            stage_seconds: histogram("oz_analysis_stage_seconds", "Time of a stage of an analysis.", &["stage"])?,
            queue: IntGaugeVec::new(
                Opts::new("oz_jobs", "Jobs by lane and state, at this moment."),
                &["lane", "state"],
            )?,
            queue_age: IntGaugeVec::new(
                Opts::new(
                    "oz_jobs_oldest_ready_seconds",
                    "Time since the oldest job that is not done was asked for, by lane.",
                ),
                &["lane"],
            )?,
            license: IntGaugeVec::new(Opts::new("oz_node_license_state", "1 for the license's state."), &["state"])?,
            license_rest: IntGaugeVec::new(
                Opts::new(
                    "oz_node_license_left",
                    "What is left of the license: days, analyses. Absent when there is no end.",
                ),
                &["unit"],
            )?,
            registry,
        };
        for collector in metrics.collectors() {
            metrics.registry.register(collector)?;
        }
        Ok(metrics)
    }

    fn collectors(&self) -> Vec<Box<dyn prometheus::core::Collector>> {
        vec![
            Box::new(self.requests.clone()),
            Box::new(self.request_seconds.clone()),
            Box::new(self.jobs.clone()),
            Box::new(self.delay.clone()),
            Box::new(self.stage_seconds.clone()),
            Box::new(self.queue.clone()),
            Box::new(self.queue_age.clone()),
            Box::new(self.license.clone()),
            Box::new(self.license_rest.clone()),
        ]
    }

    /// Where a program puts metrics of its own beside these.
    pub const fn registry(&self) -> &Registry {
        &self.registry
    }

    /// An answer left.
    pub fn answered(&self, route: &str, status: u16, took: Duration) {
        self.requests.with_label_values(&[route, &status.to_string()]).inc();
        self.request_seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }

    /// An attempt at a job ended: `done`, `retry`, `dead`, `released`.
    pub fn job(&self, kind: &str, outcome: &str) {
        self.jobs.with_label_values(&[kind, outcome]).inc();
    }

    /// A stage of an analysis (`decode`, `judge`) ended.
    pub fn stage(&self, stage: &str, took: Duration) {
        self.stage_seconds.with_label_values(&[stage]).observe(took.as_secs_f64());
    }

    /// An analysis of a type came to a verdict, so long after it was ordered.
    pub fn verdict(&self, analysis: &str, delay: Duration) {
        self.delay.with_label_values(&[analysis]).observe(delay.as_secs_f64());
    }

    /// How the queue stands, read at a scrape.
    pub fn queue(&self, lane: &str, state: &str, count: i64) {
        self.queue.with_label_values(&[lane, state]).set(count);
    }

    /// How long ago the oldest job of a lane that is not done was asked for, seconds.
    pub fn queue_age(&self, lane: &str, seconds: i64) {
        self.queue_age.with_label_values(&[lane]).set(seconds);
    }

    /// How the license stands, read at a scrape: its state, days and analyses left.
    pub fn license(&self, state: &str, days: Option<i64>, analyses: Option<i64>) {
        self.license.reset();
        self.license_rest.reset();
        self.license.with_label_values(&[state]).set(1);
        for (unit, left) in [("days", days), ("analyses", analyses)] {
            if let Some(left) = left {
                self.license_rest.with_label_values(&[unit]).set(left);
            }
        }
    }

    /// Everything, as text.
    pub fn text(&self) -> String {
        let mut out = Vec::new();
        if let Err(error) = TextEncoder::new().encode(&self.registry.gather(), &mut out) {
            tracing::error!(%error, "metrics could not be written");
        }
        String::from_utf8_lossy(&out).into_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_happened_is_in_the_text() {
        let metrics = Metrics::new().unwrap();
        metrics.answered("GET /api/folders/{folder_id}", 200, Duration::from_millis(2));
        metrics.queue("inference", "ready", 3);
        let text = metrics.text();
        assert!(
            text.contains(r#"oz_http_requests_total{route="GET /api/folders/{folder_id}",status="200"} 1"#),
            "{text}"
        );
        assert!(text.contains(r#"oz_jobs{lane="inference",state="ready"} 3"#), "{text}");
    }
}
