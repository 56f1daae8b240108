//! End-to-end tests: the real `oz-api` binary, real models, real media, over HTTP.
//!
//! `cargo xtask test` builds the binary first; these tests only start it.

mod flows;
mod support;
