//! Logs, metrics, and what systemd is told.
//!
//! One JSON line each. Never an image, an embedding, a token, a password, a name, an address or a file name in any of them.

pub mod log;
mod metrics;
pub mod notify;

pub use metrics::Metrics;
