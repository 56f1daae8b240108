//! Every kind of job, once, and the housekeeping beside them.

mod analyse;
mod sweep;

use crate::app::App;
use oz_jobs::{Lane, Observer, Options, Registry, Runner};

pub(crate) use analyse::{AnalyseMedia, LANE};
pub(crate) use sweep::sweep_for_ever;

/// A runner of this process's jobs, not started.
pub(crate) fn runner(app: &App) -> Runner {
    let registry = Registry::new().with(AnalyseMedia::of(app));
    let lanes = vec![Lane { name: LANE, concurrency: app.settings.workers }];
    let metrics = app.metrics.clone();
    let observer = Observer::new(move |kind, outcome| metrics.job(kind, outcome.as_str()));
    let options = Options { lease: app.settings.job_lease, observer, ..Options::new(lanes) };
    Runner::new(app.db.clone(), registry, app.clock.clone(), options)
}
