//! Sentences: what a person does, from the first call to the last.

mod faults;
mod files;
mod folders;
mod hostile;
mod liveness;
mod sessions;
mod system;
mod texts;
