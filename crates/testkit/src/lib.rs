//! For tests only: a private PostgreSQL cluster.
