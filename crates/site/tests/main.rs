//! A license site on both databases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod blocks;
mod devices;
mod hostile;
mod install;
mod keys;
mod leases;
mod ledger;
mod lived;
mod machine;
mod migrations;
mod model;
mod races;
mod report;
mod restored;
mod states;
mod support;
mod trial;
mod usage;
mod uses;
