//! SQL put together at run time, for lists whose filters vary.
//!
//! The text can only be made of pieces that stand in our source (`&'static str`); every value is bound.

use crate::MultiBackend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryResult, RunQueryDsl};
use std::marker::PhantomData;

enum Piece {
    Sql(&'static str),
    Text(String),
    Int(i64),
}

/// A statement whose rows have the SQL types `ST`.
pub struct Statement<ST> {
    pieces: Vec<Piece>,
    rows: PhantomData<ST>,
}

impl<ST> Statement<ST> {
    /// Begins with a text.
    pub fn new(sql: &'static str) -> Self {
        Self { pieces: vec![Piece::Sql(sql)], rows: PhantomData }
    }

    /// Goes on with a text.
    pub fn sql(&mut self, sql: &'static str) -> &mut Self {
        self.pieces.push(Piece::Sql(sql));
        self
    }

    /// Goes on with a bound text.
    pub fn text(&mut self, value: impl ToString) -> &mut Self {
        self.pieces.push(Piece::Text(value.to_string()));
        self
    }

    /// Goes on with a bound number.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.pieces.push(Piece::Int(value));
        self
    }

    /// The same text, with rows of other types: `EXPLAIN` answers in its own.
    pub fn rows_as<Other>(self) -> Statement<Other> {
        Statement { pieces: self.pieces, rows: PhantomData }
    }

    /// `column IN (values)`; of an empty list nothing is said.
    pub fn any_of<T: ToString>(&mut self, before: &'static str, column: &'static str, values: &[T]) -> &mut Self {
        let Some((first, rest)) = values.split_first() else { return self };
        self.sql(before).sql(column).sql(" IN (").text(first.to_string());
        for value in rest {
            self.sql(", ").text(value.to_string());
        }
        self.sql(")")
    }
}

impl<ST> QueryFragment<MultiBackend> for Statement<ST> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        // Planned anew each time, with its values known: a common and a rare key want different plans.
        out.unsafe_to_cache_prepared();
        for piece in &self.pieces {
            match piece {
                Piece::Sql(sql) => out.push_sql(sql),
                Piece::Text(value) => out.push_bind_param::<Text, String>(value)?,
                Piece::Int(value) => out.push_bind_param::<BigInt, i64>(value)?,
            }
        }
        Ok(())
    }
}

impl<ST> QueryId for Statement<ST> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<ST> Query for Statement<ST> {
    type SqlType = ST;
}

impl<ST, Conn> RunQueryDsl<Conn> for Statement<ST> {}
