//! Durable jobs on both databases.
