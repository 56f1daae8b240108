//! A limit on how long SQLite works for one caller. PostgreSQL has its own (`statement_timeout`).
//!
//! SQLite asks a handler now and then whether to go on. A query runs on the thread that called it, so the handler needs
//! nothing but this thread's deadline.

use libsqlite3_sys as ffi;
use std::cell::Cell;
use std::ffi::{c_char, c_int, c_void};
use std::sync::Once;
use std::time::{Duration, Instant};

/// Steps of SQLite's machine between two looks at the clock: well below a millisecond.
const STEPS: c_int = 10_000;

thread_local! {
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Puts the former deadline back, also after a panic.
struct Restored(Option<Instant>);

impl Drop for Restored {
    fn drop(&mut self) {
        UNTIL.set(self.0);
    }
}

/// Does `work`, whose queries SQLite breaks off after `limit`; they fail with `interrupted`.
pub(crate) fn within<T>(limit: Duration, work: impl FnOnce() -> T) -> T {
    let _restored = Restored(UNTIL.replace(Instant::now().checked_add(limit)));
    work()
}

/// Has every connection that SQLite opens from now on ask for this thread's deadline.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    #[expect(unsafe_code, reason = "diesel does not reach this part of SQLite")]
    ONCE.call_once(|| {
        // SAFETY: `watch` has the signature that SQLite calls extensions with, and lives as long as the program. SQLite
        // starts itself up here if it has not yet, under its own locks.
        let done = unsafe { ffi::sqlite3_auto_extension(Some(watch)) };
        if done != ffi::SQLITE_OK {
            tracing::warn!(code = done, "SQLite has no limit on the time of its queries");
        }
    });
}

#[expect(unsafe_code, reason = "called by SQLite, with its own connection")]
unsafe extern "C" fn watch(db: *mut ffi::sqlite3, _: *mut *mut c_char, _: *const ffi::sqlite3_api_routines) -> c_int {
    // SAFETY: SQLite calls this with a connection that it has just opened and that nobody else has yet; the handler takes
    // no argument that could dangle.
    unsafe { ffi::sqlite3_progress_handler(db, STEPS, Some(too_late), std::ptr::null_mut()) };
    ffi::SQLITE_OK
}

/// Not zero ends the query.
extern "C" fn too_late(_: *mut c_void) -> c_int {
    // A thread that ends has no deadline any more.
    let until = UNTIL.try_with(Cell::get).ok().flatten();
    c_int::from(until.is_some_and(|until| Instant::now() > until))
}
