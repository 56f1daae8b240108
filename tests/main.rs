//! End-to-end tests: the real `oz-api` binary, real models, real media, over HTTP.
//!
//! `cargo xtask test` builds the binary first; these tests only start it.

#![expect(clippy::expect_used, reason = "what goes wrong here ends the test")]

mod appliance;
mod flows;
mod support;
