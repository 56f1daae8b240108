//! Names of settings, as people type them.

use super::Refused;
use crate::cli;
use oz_settings::{Definition, PROGRAMS, Program};

/// Letters that somebody may have got wrong.
const CLOSE: usize = 3;

/// A setting that somebody named.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name {
    /// Whose it is.
    pub(super) program: &'static Program,
    /// What it is.
    pub(super) definition: &'static Definition,
    /// Whether the variable was named that names a secret's file.
    pub(super) file: bool,
}

impl Name {
    /// The variable that was named.
    pub(super) fn variable(&self) -> String {
        let variable = self.definition.env;
        if self.file { format!("{variable}_FILE") } else { variable.to_owned() }
    }
}

/// A program by its name.
pub(super) fn program(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

/// A setting by its variable or key; of one program, if that is said.
///
/// # Errors
/// No setting has that name, or those of two programs have.
pub(super) fn find(text: &str, only: Option<&'static Program>) -> anyhow::Result<Name> {
    let programs = || PROGRAMS.iter().filter(|program| only.is_none_or(|only| only.name == program.name));
    let mut found = Vec::new();
    for program in programs() {
        for definition in program.table {
            let file = definition.secret && text.strip_suffix("_FILE") == Some(definition.env);
            if file || text == definition.env || text == definition.key {
                found.push(Name { program, definition, file });
            }
        }
    }
    match found.as_slice() {
        [one] => Ok(*one),
        [] => Err(unknown(text, programs().flat_map(|program| program.table))),
        [one, ..] => {
            let names: Vec<&str> = found.iter().map(|name| name.program.name).collect();
            let (names, variable) = (names.join(" and "), one.definition.env);
            let message =
                format!("{text} is a setting of {names}, expected --program or a variable such as {variable}");
            Err(cli::usage(&message))
        }
    }
}

fn unknown(text: &str, all: impl Iterator<Item = &'static Definition>) -> anyhow::Error {
    // What is no name may be a secret that was typed in the wrong place.
    if text.is_empty() || !text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Refused::error("no setting has such a name, expected one of `ozctl env list`");
    }
    let names = all.flat_map(|definition| [definition.env, definition.key]);
    let nearest = names.map(|name| (distance(text, name), name)).min();
    match nearest.filter(|(distance, _)| *distance <= CLOSE) {
        Some((_, name)) => Refused::error(format!("unknown setting `{text}`; did you mean `{name}`?")),
        None => Refused::error(format!("unknown setting `{text}`, expected one of `ozctl env list`")),
    }
}

/// Levenshtein's distance; the case of letters does not count.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.to_ascii_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, letter) in a.to_ascii_lowercase().chars().enumerate() {
        let mut next = vec![i + 1];
        for ((other, above), pair) in b.iter().zip(row.iter().skip(1)).zip(row.iter()) {
            let left = next.last().copied().unwrap_or_default();
            next.push((pair + usize::from(letter != *other)).min(left + 1).min(above + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}
