//! The engine against the reference outputs, on the real pack and the real runtime.

mod golden;
mod refusals;
mod support;
