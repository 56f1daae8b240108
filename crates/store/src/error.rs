//! What can go wrong with the database. No text here carries a stored value.

use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error as DieselError};

/// The result of a query.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Too many others wrote the same; a later attempt helps.
    #[error("the database is busy")]
    Busy,
    /// A unique or foreign key forbids it. Holds the columns (`users.email_key`) or `foreign key`.
    #[error("the change clashes with another row: {0}")]
    Conflict(String),
    /// No such row, or none that the viewer may see.
    #[error("no such row")]
    NotFound,
    /// A stored value cannot be read, or the database says that its file is damaged.
    #[error("the database holds something unreadable: {0}")]
    Corrupt(String),
    /// No connection, or it broke on the way; whether a write took place is then unknown.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// No space is left for the database.
    #[error("the database has no space left")]
    Full,
    /// The database's form is not the one this program knows.
    #[error("{0}")]
    Schema(String),
    /// The address is not one of `sqlite:///path`, `sqlite:path`, `postgres://…`.
    #[error("{0}")]
    Url(String),
    /// A cursor that does not belong to this list and order.
    #[error("the cursor does not belong to this list")]
    Cursor,
    /// A transaction inside a transaction: a mistake of the program.
    #[error("a transaction cannot begin inside another one")]
    Nested,
    /// A text with a character that a database cannot store: NUL, or one that its encoding does not have.
    #[error("a text holds a character that the database cannot store")]
    Text,
    /// Anything else the database said.
    #[error("the database failed: {0}")]
    Database(String),
}

/// The error a write ends with: the store's own, or a caller's that can hold one.
pub trait WriteError: From<Error> + Send + 'static {
    /// The store's error inside, if that is the cause: it decides whether the write is tried again.
    fn store(&self) -> Option<&Error>;
}

impl WriteError for Error {
    fn store(&self) -> Option<&Error> {
        Some(self)
    }
}

impl From<DieselError> for Error {
    fn from(error: DieselError) -> Self {
        match error {
            DieselError::NotFound => Self::NotFound,
            DieselError::DatabaseError(kind, info) => database(&kind, &*info),
            DieselError::RollbackErrorOnCommit { commit_error, .. } => Self::from(*commit_error),
            DieselError::DeserializationError(what) => Self::Corrupt(what.to_string()),
            DieselError::BrokenTransactionManager | DieselError::NotInTransaction => {
                Self::Unavailable("the connection broke".to_owned())
            }
            other => Self::Database(other.to_string()),
        }
    }
}

fn database(kind: &DatabaseErrorKind, info: &dyn DatabaseErrorInformation) -> Error {
    let says = info.message();
    match kind {
        DatabaseErrorKind::SerializationFailure => Error::Busy,
        DatabaseErrorKind::UniqueViolation => Error::Conflict(columns(info)),
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
            Error::Conflict("foreign key".to_owned())
        }
        // SQLite enforces ON DELETE RESTRICT by an inner trigger, whose code diesel does not know.
        _ if says.contains("FOREIGN KEY constraint") => Error::Conflict("foreign key".to_owned()),
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            Error::Unavailable("the connection broke".to_owned())
        }
        // The rest has no kind of its own in diesel.
        _ if says.contains("deadlock detected") || says.contains("database is locked") => Error::Busy,
        // Not `Busy`: whoever took that long once would take it again on every attempt.
        _ if says.contains("canceling statement due to") || says == "interrupted" => {
            Error::Unavailable("the query took too long".to_owned())
        }
        _ if says.contains("invalid byte sequence for encoding") || says.contains("has no equivalent in encoding") => {
            Error::Text
        }
        _ if says.contains("is full") || says.contains("No space left") => Error::Full,
        _ if says.contains("malformed") || says.contains("not a database") => Error::Corrupt("the file".to_owned()),
        _ if [
            "terminating connection",
            "server closed the connection",
            "the database system is",
            "no connection to the",
        ]
        .iter()
        .any(|part| says.contains(part)) =>
        {
            Error::Unavailable("the server went away".to_owned())
        }
        // PostgreSQL puts values into `details` only, SQLite nowhere.
        _ => Error::Database(says.to_owned()),
    }
}

/// `table.column.column`: PostgreSQL tells the constraint, which we name `table__column__column`; SQLite tells
/// `UNIQUE constraint failed: table.column, table.column`.
fn columns(info: &dyn DatabaseErrorInformation) -> String {
    if let Some(name) = info.constraint_name() {
        return name.replace("__", ".");
    }
    let listed = info.message().rsplit(": ").next().unwrap_or_default();
    let mut parts = listed.split(", ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.filter_map(|p| p.split_once('.')).fold(first, |all, (_, column)| all + "." + column)
}
