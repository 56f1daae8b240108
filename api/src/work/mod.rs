//! Every kind of job, once, and the housekeeping beside them.

mod analyse;
mod delete_company;
mod restore_mail;
mod sweep;

use crate::app::App;
use oz_jobs::{Lane, Observer, Options, Registry, Runner};

pub(crate) use analyse::{AnalyseMedia, LANE};
pub(crate) use delete_company::DeleteCompany;
pub(crate) use restore_mail::RestoreMail;
pub(crate) use sweep::sweep_for_ever;

/// The lane of jobs that need little of the machine.
pub(crate) const LIGHT: &str = "light";
/// Light jobs at once.
const LIGHT_AT_ONCE: usize = 2;

/// A runner of this process's jobs, not started.
pub(crate) fn runner(app: &App) -> Runner {
    let registry = Registry::new().with(AnalyseMedia::of(app)).with(DeleteCompany::of(app)).with(RestoreMail::of(app));
    let lanes =
        vec![Lane { name: LANE, concurrency: app.settings.workers }, Lane { name: LIGHT, concurrency: LIGHT_AT_ONCE }];
    let metrics = app.metrics.clone();
    let observer = Observer::new(move |kind, outcome| metrics.job(kind, outcome.as_str()));
    let options = Options { lease: app.settings.job_lease, observer, ..Options::new(lanes) };
    Runner::new(app.db.clone(), registry, app.clock.clone(), options)
}
