//! What is signed is read; everything else is refused.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod development;
mod flips;
mod leases;
mod master;
mod states;
mod support;
mod tamper;
mod vectors;
