//! Layers of settings with the source of every value: defaults in code, a TOML file, its `conf.d`, the environment, flags.
//!
//! A program declares its settings once, as a table of [`Definition`]s. Reading, checking, the reference page and the
//! example file all come from that table. An unknown key or a wrong value is an error that names the key, what came,
//! what was expected, and where it stands.

mod docs;
mod files;
mod load;
mod tables;
mod value;

pub use docs::{example, reference};
pub use files::{private_folder, replace_file};
pub use load::{Error, Settings};
pub use tables::{API, LICENSE_SERVER, PROGRAMS, Program, settings_page};
pub use value::{Kind, Secret};

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Definition {
    /// Its key in the file.
    pub key: &'static str,
    /// Its one environment variable.
    pub env: &'static str,
    /// What its text must be.
    pub kind: Kind,
    /// The value when nobody says anything; empty: unset.
    pub default: &'static str,
    /// What it does, in one sentence or two.
    pub doc: &'static str,
    /// Whether the value must never be shown.
    pub secret: bool,
}

/// A line of a table.
pub const fn setting(
    key: &'static str,
    env: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Definition {
    Definition { key, env, kind, default, doc, secret: false }
}

/// A line whose value is a text that is never shown; unset unless somebody sets it.
pub const fn secret(key: &'static str, env: &'static str, doc: &'static str) -> Definition {
    Definition { secret: true, ..setting(key, env, Kind::Text, "", doc) }
}
