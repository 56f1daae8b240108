//! The engine against the reference outputs, on the real pack and the real runtime.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "tests: a failure is the message"
)]

mod golden;
mod refusals;
mod same_tensor;
mod support;
mod verdicts;
