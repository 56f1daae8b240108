//! How domain values lie in the database: ids and words as text, times as milliseconds, JSON as text.
//!
//! Rows ([`row!`]) show domain types only; the wrapper [`Sql`] is met by whoever writes queries.

use diesel::backend::Backend;
use diesel::deserialize::{self, FromStaticSqlRow, Queryable};
use diesel::expression::{AsExpression, TypedExpressionType};
use diesel::sql_types::{SingleValue, SqlType};
use oz_domain::{
    AnalysisId, AnalysisKind, AnalysisState, AuditId, AuthSource, BlobId, CompanyId, FileRole, FolderId, GroupId,
    ImageId, ImageKind, JobId, JobState, LeaseToken, MediaId, MediaKind, Millis, RequestId, Resolution, Role,
    SessionKind, Status, SubjectKeyId, TokenId, UserId,
};
use serde_json::Value;

/// What went wrong with a stored value; the value itself is not told.
#[derive(Debug, thiserror::Error)]
#[error("a stored value is not a {0}")]
struct Unreadable(&'static str);

/// A domain type that the database keeps as another one.
pub trait Stored: Sized {
    /// What the database keeps.
    type Db;
    /// The kept form.
    fn into_db(self) -> Self::Db;
    /// Reads the kept form.
    fn from_db(db: Self::Db) -> deserialize::Result<Self>;
}

/// A domain value on its way to or from the database.
#[derive(Debug)]
pub struct Sql<T>(pub T);

impl<T: Stored> From<T> for Sql<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T, ST> AsExpression<ST> for Sql<T>
where
    T: Stored<Db: AsExpression<ST>>,
    ST: SqlType + TypedExpressionType,
{
    type Expression = <T::Db as AsExpression<ST>>::Expression;
    fn as_expression(self) -> Self::Expression {
        self.0.into_db().as_expression()
    }
}

impl<T, ST, DB> Queryable<ST, DB> for Sql<T>
where
    T: Stored<Db: FromStaticSqlRow<ST, DB>>,
    ST: SingleValue,
    DB: Backend,
{
    type Row = T::Db;
    fn build(row: T::Db) -> deserialize::Result<Self> {
        T::from_db(row).map(Self)
    }
}

impl<T: Stored> Stored for Option<T> {
    type Db = Option<T::Db>;
    fn into_db(self) -> Self::Db {
        self.map(T::into_db)
    }
    fn from_db(db: Self::Db) -> deserialize::Result<Self> {
        db.map(T::from_db).transpose()
    }
}

/// Unwrapping must be written for each type: the orphan rule has no `impl<T> From<Sql<T>> for T`.
macro_rules! unwrapped {
    ($($type:ty),+ $(,)?) => {$(
        impl From<Sql<$type>> for $type {
            fn from(value: Sql<$type>) -> Self { value.0 }
        }
        impl From<Sql<Option<$type>>> for Option<$type> {
            fn from(value: Sql<Option<$type>>) -> Self { value.0 }
        }
    )+};
}

macro_rules! stored_as_text {
    ($($type:ty),+ $(,)?) => {
        unwrapped!($($type),+);
        $(impl Stored for $type {
            type Db = String;
            fn into_db(self) -> String { self.to_string() }
            fn from_db(db: String) -> deserialize::Result<Self> {
                db.parse().map_err(|_| Unreadable(stringify!($type)).into())
            }
        })+
    };
}
stored_as_text!(AnalysisId, AuditId, BlobId, CompanyId, FolderId, GroupId, ImageId, JobId, LeaseToken, MediaId);
stored_as_text!(RequestId, SubjectKeyId, TokenId, UserId);
stored_as_text!(AnalysisKind, AnalysisState, AuthSource, FileRole, ImageKind, JobState, MediaKind, Resolution, Role);
stored_as_text!(SessionKind, Status);

unwrapped!(Millis, Value, Vec<String>);

impl Stored for Millis {
    type Db = i64;
    fn into_db(self) -> i64 {
        self.get()
    }
    fn from_db(db: i64) -> deserialize::Result<Self> {
        Ok(Self::new(db))
    }
}

impl Stored for Value {
    type Db = String;
    fn into_db(self) -> String {
        self.to_string()
    }
    fn from_db(db: String) -> deserialize::Result<Self> {
        serde_json::from_str(&db).map_err(|_| Unreadable("JSON text").into())
    }
}

impl Stored for Vec<String> {
    type Db = String;
    fn into_db(self) -> String {
        Value::from(self).to_string()
    }
    fn from_db(db: String) -> deserialize::Result<Self> {
        serde_json::from_str(&db).map_err(|_| Unreadable("list of texts").into())
    }
}

/// A column that lies in the database as it is.
pub trait Plain {
    /// Whether both databases can store the value: PostgreSQL's texts hold no NUL, so SQLite's shall not either.
    fn storable(&self) -> bool {
        true
    }
}

impl Plain for str {
    fn storable(&self) -> bool {
        !self.contains('\0')
    }
}

impl Plain for String {
    fn storable(&self) -> bool {
        self.as_str().storable()
    }
}

impl<T: Plain> Plain for Option<T> {
    fn storable(&self) -> bool {
        self.as_ref().is_none_or(Plain::storable)
    }
}

impl Plain for bool {}
impl Plain for i32 {}
impl Plain for i64 {}
impl Plain for Vec<u8> {}

/// Declares a row: `field: Type` lies as it is, `field: Type as Sql` goes through [`Stored`].
///
/// `Debug` shows the id alone: rows hold names, addresses, secrets, and a row may reach a log by accident.
#[macro_export]
macro_rules! row {
    (@storable $value:expr) => { $crate::types::Plain::storable(&$value) };
    // JSON writes NUL as an escape; ids, words and numbers have none.
    (@storable $value:expr, $wrap:ident) => { true };
    ($(#[$doc:meta])* $name:ident in $table:ident by ($($id:ident),+) {
        $($(#[$fdoc:meta])* $field:ident: $type:ty $(as $wrap:ident)?),+ $(,)?
    }) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, diesel::Queryable, diesel::Selectable, diesel::Insertable)]
        #[diesel(table_name = $crate::schema::$table)]
        pub struct $name {
            $($(#[$fdoc])*
            $(#[diesel(serialize_as = $wrap<$type>, deserialize_as = $wrap<$type>)])?
            pub $field: $type),+
        }

        impl $name {
            /// The row, on its way into the database.
            ///
            /// # Errors
            /// [`Text`]($crate::Error::Text) for a text with a NUL.
            pub fn storable(&self) -> $crate::Result<Self> {
                let columns = [$($crate::row!(@storable self.$field $(, $wrap)?)),+];
                if columns.contains(&false) { Err($crate::Error::Text) } else { Ok(self.clone()) }
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name))$(.field(stringify!($id), &self.$id))+.finish_non_exhaustive()
            }
        }
    };
}
pub use row;
