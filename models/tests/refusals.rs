//! What the engine refuses.
