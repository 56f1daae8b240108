//! What the database says of the stored files, and the files themselves.

use crate::support::server::{Options, Server, files_below, until};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A stored content: how often its row counts it, and how often it is referred to.
#[derive(Debug, QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    id: String,
    #[diesel(sql_type = BigInt)]
    refs: i64,
    #[diesel(sql_type = BigInt)]
    uses: i64,
}

const ROWS: &str = "SELECT id, refs, (SELECT COUNT(*) FROM media_files WHERE blob_id = blobs.id) \
    + (SELECT COUNT(*) FROM analysis_images WHERE blob_id = blobs.id) AS uses FROM blobs";

/// The rows of a query, from whichever database the server has.
macro_rules! rows {
    ($options:expr, $data:expr, $query:expr) => {
        match &$options.database_url {
            Some(url) => {
                let mut conn = PgConnection::establish(url).expect("PostgreSQL");
                diesel::sql_query($query).load(&mut conn).expect("the rows")
            }
            None => {
                let path = $data.join("oz.sqlite");
                let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("SQLite");
                diesel::sql_query($query).load(&mut conn).expect("the rows")
            }
        }
    };
}

fn rows(options: &Options, data: &Path) -> Vec<Row> {
    rows!(options, data, ROWS)
}

/// A record of the audit log.
#[derive(Debug, QueryableByName)]
struct Deed {
    #[diesel(sql_type = Text)]
    deed: String,
}

/// What the audit log has, as `action object`, in order.
pub(crate) fn deeds(options: &Options, data: &Path) -> Vec<String> {
    let rows: Vec<Deed> = rows!(options, data, "SELECT action || ' ' || object AS deed FROM audit ORDER BY time, id");
    rows.into_iter().map(|row| row.deed).collect()
}

/// The ids in the names of the files: `NAME.ID`.
fn files(data: &Path) -> BTreeSet<String> {
    let id = |path: &Path| Some(path.file_name()?.to_str()?.split_once('.')?.1.to_owned());
    files_below(&data.join("blobs")).iter().map(|path| id(path).expect("a name and an id")).collect()
}

/// Rows and files belong together once nothing runs any more: no row without its file, each use counted; and what crashes
/// left beside is gone as soon as it is old enough for the sweeper, which then takes nothing that a row knows.
///
/// Call it when every server of these options has stopped; the data folder is theirs.
#[track_caller]
pub(crate) fn rows_and_files_agree(options: &Options, context: &str) {
    let data = options.data.as_deref().expect("a data folder that outlives the server");
    let (rows, stored) = (rows(options, data), files(data));
    assert!(!rows.is_empty(), "{context}: nothing is stored");
    for row in &rows {
        assert!(stored.contains(&row.id), "{context}: a row without its file: {row:?}");
        assert_eq!(row.refs, row.uses, "{context}: a use is lost or counted twice: {row:?}");
    }
    let known: BTreeSet<String> = rows.into_iter().map(|row| row.id).collect();
    // One orphan at least, as a crash between file and row leaves it.
    let some = files_below(&data.join("blobs")).swap_remove(0);
    fs_err::copy(&some, some.with_extension("00000000-0000-7000-8000-000000000001")).expect("a file without a row");
    // The sweeper leaves alone for two hours what a request may still be working on (`api/src/work/sweep.rs`).
    for path in ["blobs", "spool"].iter().flat_map(|folder| files_below(&data.join(folder))) {
        let file = fs_err::OpenOptions::new().write(true).open(path).expect("a stored file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("its time is set");
    }
    // It sweeps when it starts.
    let server = Server::start_with(options.clone());
    let orphans = stored.len() - known.len() + 1;
    until(&format!("{context}: {orphans} orphans are swept"), Duration::from_secs(30), || {
        (files(data).is_subset(&known) && files_below(&data.join("spool")).is_empty()).then_some(())
    });
    assert_eq!(files(data), known, "{context}: the sweeper took a file that has a row");
    drop(server);
}
