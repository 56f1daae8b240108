//! Durable jobs on both databases.

mod interleavings;
mod runner;
mod stepper;
mod support;
