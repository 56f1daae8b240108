//! Sentences: what a person does, from the first call to the last.

mod hostile;
mod liveness;
