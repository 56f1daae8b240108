//! Layers of settings with the source of every value.
