//! What every test needs: a server of its own, a client, pictures and clips (shared with the benches), and what only
//! these tests need.

pub(crate) mod browser;
pub(crate) mod hostile;
pub(crate) mod jwt;
pub(crate) mod license;
pub(crate) mod mail;
pub(crate) mod stored;
pub(crate) use oz_testkit::{client, fixtures, license_server, server};
