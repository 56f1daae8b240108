//! A fresh database for one test.

use crate::Cluster;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// An empty database that no other test sees.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    folder: Option<TempDir>,
    cluster: Option<&'static Cluster>,
}

/// The cluster that the tests of this process share. Its keeper ends it with the process.
static SHARED: OnceLock<Cluster> = OnceLock::new();
static NUMBER: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// A file in a temporary folder.
    ///
    /// # Panics
    /// When there is no place for it.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    pub fn sqlite() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let url = format!("sqlite:{}", folder.path().join("test.db").display());
        Self { url, folder: Some(folder), cluster: None }
    }

    /// A database of the cluster that this process starts for all its tests.
    ///
    /// # Panics
    /// When PostgreSQL is not installed or does not start.
    #[expect(clippy::expect_used, reason = "a test cannot go on without")]
    pub fn postgres() -> Self {
        let cluster = SHARED.get_or_init(|| Cluster::start().expect("a PostgreSQL cluster"));
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let url = cluster.create_database(&name).expect("a database");
        Self { url, folder: None, cluster: Some(cluster) }
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file, of SQLite.
    pub fn path(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.path().join("test.db"))
    }

    /// The cluster, of PostgreSQL; other tests use it too.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.cluster
    }
}
