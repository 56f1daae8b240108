//! The database: one schema on SQLite and PostgreSQL, reads and writes.
//!
//! [`Db::read`] and [`Db::write`] are the only ways in. Queries are functions over [`AnyConn`], one module for each family
//! of tables. This crate knows no file but its own, no network but PostgreSQL's, and no clock: times are parameters.

// SQLite is built from source and linked through this crate; diesel only speaks to it.
use libsqlite3_sys as _;

pub mod analyses;
pub mod audit;
pub mod blobs;
pub mod companies;
mod conn;
pub mod counters;
mod db;
mod error;
mod fields;
pub mod folder_list;
pub mod folders;
pub mod idempotency;
pub mod identity;
mod limit;
pub mod media;
pub mod metadata;
mod migrate;
mod page;
pub mod passwords;
mod pool;
pub mod schema;
pub mod sessions;
mod statement;
pub mod types;
mod url;
pub mod users;
mod viewer;

pub use conn::{AnyConn, MultiBackend};
pub use db::{Backend, Db, Options};
pub use error::{Error, Result, WriteError};
pub use fields::Fields;
pub use migrate::{Migrations, TABLES};
pub use page::{Cursor, Listed, MAX_LIMIT, Page, Sort, SortBy, TimeRange};
pub use statement::Statement;
pub use url::reached_by;
pub use viewer::Viewer;
