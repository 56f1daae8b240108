//! Durable jobs: work that is done once, whatever crashes in between.
//!
//! A job is enqueued in the transaction that asks for it ([`enqueue`]), worked on without an open transaction under a
//! lease, and completed in one transaction with the rows that are its result ([`Effect`]). Every change of a leased job
//! says the lease's token, so a worker that lost its lease changes nothing (fencing). This crate owns the SQL of one
//! table; it does not know what the jobs do.

mod backoff;
mod error;
mod job;
mod lease;
mod observe;
mod registry;
mod runner;
mod table;

pub use error::{Error, Result};
pub use job::{Context, Death, Effect, Failure, Job};
pub use lease::{Lease, reap};
pub use observe::{Observer, Outcome};
pub use registry::Registry;
pub use runner::{Handle, Lane, Options, Runner};
pub use table::{Enqueued, LaneStats, NewJob, Row, enqueue, get, list, requeue, stats, sweep};
