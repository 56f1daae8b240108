//! For tests and benches only: a private PostgreSQL cluster, tests that run on both databases, the product's binary with a
//! client.
//!
//! Knows no crate of ours, so that all of them can use it.

pub mod client;
mod cluster;
mod database;
pub mod directory;
pub mod fixtures;
pub mod form;
pub mod license_server;
pub mod machine;
mod process;
pub mod server;

pub use cluster::{Cluster, Error};
pub use database::TestDatabase;

/// Writes each test twice: `name::sqlite` and `name::postgres`, each with a fresh, empty [`TestDatabase`].
///
/// The calling crate needs tokio with `macros` and `rt-multi-thread`.
///
/// ```ignore
/// both_databases! {
///     async fn rows_survive(database: TestDatabase) { open(database.url()).await; }
/// }
/// ```
#[macro_export]
macro_rules! both_databases {
    ($($(#[$attribute:meta])* async fn $name:ident($database:ident: TestDatabase) $body:block)+) => {$(
        mod $name {
            #[expect(unused_imports, reason = "a test may need nothing from around it")]
            use super::*;

            async fn test($database: $crate::TestDatabase) $body

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() { test($crate::TestDatabase::sqlite()).await }

            $(#[$attribute])*
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() { test($crate::TestDatabase::postgres()).await }
        }
    )+};
}

/// Makes two tests of each function that takes [`server::Options`]: `name::sqlite` with the file in the data folder, which
/// is what a server has when nothing is set, and `name::postgres` with a fresh, empty database of the shared cluster.
///
/// The functions stand outside, where rustfmt reaches them; one that is not named here is dead code, which clippy refuses.
///
/// ```ignore
/// on_both! { a_folder_is_kept }
/// fn a_folder_is_kept(options: Options) { let server = Server::start_new(options); }
/// ```
#[macro_export]
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {$(
        mod $name {
            $(#[$attribute])*
            #[test]
            fn sqlite() { super::$name($crate::server::Options::default()) }

            $(#[$attribute])*
            #[test]
            fn postgres() { super::$name($crate::server::Options::on(&$crate::TestDatabase::postgres())) }
        }
    )+};
}
