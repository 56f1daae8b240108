//! Sentences: what a person does, from the first call to the last.

mod accounts;
mod audit;
mod directory;
mod faults;
mod files;
mod folders;
mod foreign;
mod hostile;
mod hot;
mod license;
mod license_js;
mod license_server;
mod liveness;
mod log_in;
mod node;
mod passwords;
mod permissions;
mod refusals;
mod reviewed;
mod sessions;
mod subjects;
mod system;
mod texts;
mod tokens;
