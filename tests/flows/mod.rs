//! Sentences: what a person does, from the first call to the last.

mod faults;
mod hostile;
mod liveness;
