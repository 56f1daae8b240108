//! Every kind of job, once, and the housekeeping beside them.

mod analyse;
mod sweep;

use crate::app::App;
use oz_jobs::{Lane, Options, Registry, Runner};

pub(crate) use analyse::{AnalyseMedia, LANE};
pub(crate) use sweep::sweep_for_ever;

/// A runner of this process's jobs, not started.
pub(crate) fn runner(app: &App) -> Runner {
    let registry = Registry::new().with(AnalyseMedia::of(app));
    let lanes = vec![Lane { name: LANE, concurrency: app.settings.workers }];
    let options = Options { lease: app.settings.job_lease, ..Options::new(lanes) };
    Runner::new(app.db.clone(), registry, app.clock.clone(), options)
}
