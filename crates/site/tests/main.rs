//! A license site on both databases.
