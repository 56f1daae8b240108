//! Setting and unsetting: first all settings are loaded as the service would load them, then something is written.

use super::file::{self, EnvFile};
use super::name::{self, Name};
use super::state::{self, Source, env_path, folder};
use super::write::Folder;
use super::{Refused, first};
use crate::cli;
use crate::machine::Machine;
use oz_settings::{Program, Secret};
use std::io::{BufRead, Read as _};
use std::path::Path;

/// Folder of secrets, beside the settings.
const SECRETS: &str = "secrets";
/// Longest line that is read.
const LONGEST: u64 = 64 << 10;

/// A setting and what it is to be. The value does not print, for it may be a secret.
pub(super) struct Set {
    name: Name,
    value: Secret,
}

/// What came of it.
pub(super) struct Outcome {
    pub(super) program: &'static Program,
    /// Whether anything was written.
    pub(super) changed: bool,
    /// Whether there is a previous version of the env file now.
    pub(super) kept: bool,
    /// Each variable with what a start would use, and from where.
    pub(super) values: Vec<(&'static str, String, Source)>,
    /// Files that nothing names any more.
    pub(super) left: Vec<String>,
    /// Secrets that stand in the previous version itself, and no more in this one.
    pub(super) clear: Vec<&'static str>,
}

/// `NAME=VALUE` as somebody typed them.
///
/// # Errors
/// No such setting; a secret; no `=`.
pub(super) fn given(assignments: &[String], only: Option<&'static Program>) -> anyhow::Result<Vec<Set>> {
    let one = |text: &String| {
        let Some((left, value)) = text.split_once('=') else {
            // Not shown: it may be a secret.
            return Err(cli::usage("NAME=VALUE: no `=`, expected one, or --stdin"));
        };
        let name = name::find(left, only)?;
        if name.definition.secret && !name.file {
            let variable = name.definition.env;
            return Err(Refused::error(format!(
                "{variable} is a secret, and others see what a program is called with: expected \
                 `ozctl env set {variable} --stdin`"
            )));
        }
        Set::new(name, value.to_owned())
    };
    assignments.iter().map(one).collect()
}

/// One name, and its value from the standard input.
///
/// # Errors
/// No such setting; more than a name; no line.
pub(super) fn typed(
    names: &[String],
    only: Option<&'static Program>,
    input: &mut impl BufRead,
) -> anyhow::Result<Vec<Set>> {
    let [text] = names else { return Err(cli::usage("--stdin: more than one name, expected one")) };
    if text.contains('=') {
        return Err(cli::usage("--stdin: a value in the arguments, expected the name only"));
    }
    let name = name::find(text, only)?;
    let mut line = String::new();
    let read = input.take(LONGEST + 1).read_line(&mut line);
    let value = Secret::new(line.trim_end_matches(['\n', '\r']).to_owned());
    // Its memory is wiped, as far as that can be done for what grew.
    drop(Secret::new(line));
    let length = read.map_err(|_| Refused::error("the standard input: expected one line of text in UTF-8"))?;
    if u64::try_from(length).is_ok_and(|length| length > LONGEST) {
        return Err(Refused::error(format!("the standard input: more than {LONGEST} bytes, expected one line")));
    }
    if value.expose().is_empty() {
        return Err(Refused::error(format!(
            "the standard input: nothing, expected a line; `ozctl env unset {text}` unsets"
        )));
    }
    Ok(vec![Set::new(name, value.expose().to_owned())?])
}

/// Settings by their names.
///
/// # Errors
/// No such setting.
pub(super) fn named(names: &[String], only: Option<&'static Program>) -> anyhow::Result<Vec<Name>> {
    names.iter().map(|text| name::find(text, only)).collect()
}

impl Set {
    fn new(name: Name, value: String) -> anyhow::Result<Self> {
        let value = Secret::new(value);
        let variable = name.variable();
        file::writable(value.expose()).map_err(|why| Refused::error(format!("{variable}: {why}")))?;
        if name.file && !value.expose().starts_with('/') {
            return Err(Refused::error(format!("{variable}: expected the absolute path of a file")));
        }
        Ok(Self { name, value })
    }

    /// Whether it goes into a file of its own.
    const fn hidden(&self) -> bool {
        self.name.definition.secret && !self.name.file
    }

    /// The file of a secret, as the machine names it.
    fn path(&self) -> String {
        folder(self.name.program).join(SECRETS).join(self.name.definition.env).display().to_string()
    }
}

/// Sets.
///
/// # Errors
/// The program could not start with them; of the file system.
pub(super) fn set(machine: &Machine, all: &[Set]) -> anyhow::Result<Outcome> {
    let names: Vec<Name> = all.iter().map(|set| set.name).collect();
    let hidden: Vec<&Set> = all.iter().filter(|set| set.hidden()).collect();
    let new: Vec<_> = hidden.iter().map(|set| (set.name.definition.env, set.value.expose())).collect();
    change(machine, &names, &new, |mut env| {
        for set in all {
            let variable = set.name.definition.env;
            env = match set.name.definition.secret {
                false => env.set(variable, set.value.expose())?,
                // The variable itself would win over the file.
                true => {
                    let path = if set.hidden() { set.path() } else { set.value.expose().to_owned() };
                    env.without(variable)?.set(&format!("{variable}_FILE"), &path)?
                }
            };
        }
        Ok(env)
    })
}

/// Unsets.
///
/// # Errors
/// As [`set`].
pub(super) fn unset(machine: &Machine, all: &[Name]) -> anyhow::Result<Outcome> {
    change(machine, all, &[], |mut env| {
        for name in all {
            if !name.file {
                env = env.without(name.definition.env)?;
            }
            if name.definition.secret {
                env = env.without(&format!("{}_FILE", name.definition.env))?;
            }
        }
        Ok(env)
    })
}

/// Changes the env file of the program whose settings these are, and writes new secrets.
fn change(
    machine: &Machine,
    names: &[Name],
    secrets: &[(&'static str, &str)],
    edit: impl FnOnce(EnvFile) -> anyhow::Result<EnvFile>,
) -> anyhow::Result<Outcome> {
    let program = names.first().map_or_else(first, |name| name.program);
    if names.iter().any(|name| name.program.name != program.name) {
        return Err(cli::usage("settings of two programs, expected those of one"));
    }
    state::installed(machine, program)?;
    let etc = Folder::lock(machine.path(folder(program)))?;
    let path = env_path(program);
    let old = state::read(machine, &path)?;
    let before = old.text().to_owned();
    let was: Vec<_> = names.iter().filter_map(|name| old.get(&format!("{}_FILE", name.definition.env))).collect();
    let files: Vec<String> = was.into_iter().map(|a| a.value.clone()).collect();
    let secret = names.iter().map(|name| name.definition).filter(|d| d.secret && old.get(d.env).is_some());
    let inline: Vec<&'static str> = secret.map(|d| d.env).collect();
    let new = edit(old)?;
    let layers = state::layers(machine, program).map_err(|error| Refused::error(format!("{error:#}")))?;
    let settings = state::load(machine, program, &new, secrets).map_err(Refused::error)?;

    let changed = new.text() != before;
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    // All is on the disk before anything is put in its place.
    let staged = if changed { Some(etc.stage(name, new.text().as_bytes(), false)?) } else { None };
    write_secrets(machine, &etc, program, secrets)?;
    if let Some(staged) = staged {
        staged.commit(true)?;
    }
    let values = names.iter().map(|name| {
        let definition = name.definition;
        let value = settings.text(definition.key).map_or("", |text| if definition.secret { "***" } else { text });
        (definition.env, value.to_owned(), state::source(program, &layers, &new, definition))
    });
    let values = values.collect();
    let clear = inline.into_iter().filter(|variable| new.get(variable).is_none()).collect();
    let named = new.values();
    let ours = |file: &String| Path::new(file).starts_with(folder(program).join(SECRETS));
    let left = files.into_iter().filter(|file| ours(file) && !named.values().any(|value| value == file)).collect();
    Ok(Outcome {
        program,
        changed: changed || !secrets.is_empty(),
        kept: changed && !before.is_empty(),
        values,
        left,
        clear,
    })
}

fn write_secrets(
    machine: &Machine,
    etc: &Folder,
    program: &Program,
    secrets: &[(&'static str, &str)],
) -> anyhow::Result<()> {
    if secrets.is_empty() {
        return Ok(());
    }
    etc.inside(SECRETS)?;
    let folder = Folder::lock(machine.path(folder(program).join(SECRETS)))?;
    for (variable, value) in secrets {
        // No previous version: a secret that was replaced is to be gone.
        folder.stage(variable, value.as_bytes(), true)?.commit(false)?;
    }
    Ok(())
}
