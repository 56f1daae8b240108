//! What differs between the env file and a previous version of it.

use super::Refused;
use super::file::EnvFile;
use super::state::{self, env_path};
use crate::machine::Machine;
use crate::text::plain;
use oz_settings::Program;
use serde::Serialize;
use std::collections::BTreeSet;

/// One variable that differs. What is a secret, or no known setting and so may be one, is `***`.
#[derive(Debug, Serialize)]
struct Change {
    name: String,
    before: Option<String>,
    after: Option<String>,
}

/// What differs.
#[derive(Debug, Serialize)]
pub(super) struct Diff {
    /// Version of this form.
    format: u32,
    program: &'static str,
    file: String,
    version: u8,
    changes: Vec<Change>,
    /// Whether only comments, quotes or the order of lines differ.
    otherwise: bool,
}

/// Compares.
///
/// # Errors
/// There is no such version; of the file system.
pub(super) fn diff(machine: &Machine, program: &'static Program, version: u8) -> anyhow::Result<Diff> {
    let path = env_path(program);
    let old = path.with_extension(format!("env.{version}"));
    if !machine.has(&old) {
        return Err(Refused::error(format!("{} is not there: no such version was kept", old.display())));
    }
    let (before, after) = (state::read(machine, &old)?, state::read(machine, &path)?);
    let (was, is) = (before.values(), after.values());
    let names: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
    let changes: Vec<Change> = names
        .into_iter()
        .filter(|name| was.get(*name) != is.get(*name))
        .map(|name| {
            let shown = |file: &EnvFile| file.get(name).map(|a| shown(program, &a.name, &a.value));
            Change { name: plain(name), before: shown(&before), after: shown(&after) }
        })
        .collect();
    let otherwise = changes.is_empty() && before.text() != after.text();
    Ok(Diff { format: 1, program: program.name, file: path.display().to_string(), version, changes, otherwise })
}

fn shown(program: &Program, name: &str, value: &str) -> String {
    let known = program.table.iter().any(|d| !d.secret && d.env == name);
    let file = program.table.iter().any(|d| d.secret && name.strip_suffix("_FILE") == Some(d.env));
    if known || file && value.starts_with('/') { value.to_owned() } else { "***".to_owned() }
}

impl Diff {
    /// For people, or as JSON.
    ///
    /// # Errors
    /// None that is known: all of it has a form in JSON.
    pub(super) fn shown(&self, json: bool) -> anyhow::Result<String> {
        if json {
            return Ok(serde_json::to_string_pretty(self)? + "\n");
        }
        let mut text = format!("--- {}.{}\n+++ {}\n", self.file, self.version, self.file);
        for change in &self.changes {
            for (sign, value) in [('-', &change.before), ('+', &change.after)] {
                if let Some(value) = value {
                    text.push_str(&format!("{sign}{}={}\n", change.name, plain(value)));
                }
            }
        }
        if self.otherwise {
            text.push_str("only comments, quotes or the order of lines differ\n");
        } else if self.changes.is_empty() {
            text.push_str("nothing differs\n");
        }
        Ok(text)
    }
}
