//! What every test needs: a server of its own, a client, pictures and clips.

pub(crate) mod browser;
pub(crate) mod client;
pub(crate) mod fixtures;
pub(crate) mod hostile;
pub(crate) mod server;
