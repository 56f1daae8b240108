//! The store on both databases.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod audit;
mod big_folders;
mod blobs;
mod counters;
mod folder_list;
mod idempotency;
mod limits;
mod migrations;
mod parity;
mod passwords;
mod plans;
mod sessions;
mod support;
mod transactions;
mod visibility;
