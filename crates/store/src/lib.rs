//! The database: one schema on SQLite and PostgreSQL, reads and writes.
