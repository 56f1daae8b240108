//! Encrypted, content-named files on an object store.
