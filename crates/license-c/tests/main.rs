//! The library as C sees it: its header, and programs that `cc` builds against the shared and the static form.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

mod header;
mod programs;
