//! Durable jobs on both databases.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod interleavings;
mod outcomes;
mod runner;
mod stepper;
mod support;
