//! What a program will start with: its files, its env file, and the settings that come of them.

use super::Refused;
use super::file::{self, EnvFile};
use crate::machine::{self, Machine};
use crate::text::plain;
use anyhow::Context as _;
use oz_settings::{Definition, Error, Program, Settings};
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// Longest env file; a longer one is not what somebody wrote.
const LONGEST: u64 = 1 << 20;

/// The names that the files of a program set, in the order in which files win.
pub(super) struct Layer {
    path: PathBuf,
    lines: BTreeMap<String, usize>,
}

/// Where a value comes from.
#[derive(Debug, Serialize, PartialEq)]
pub(super) struct Source {
    /// `default`, `file`, `conf.d`, `env file` or `secret file`.
    pub(super) from: &'static str,
    /// The file.
    pub(super) path: Option<String>,
    /// Its line.
    pub(super) line: Option<usize>,
}

impl Source {
    /// In words.
    pub(super) fn words(&self) -> String {
        match (&self.path, self.line) {
            (Some(path), Some(line)) => format!("{path}:{line}"),
            (Some(path), None) => path.clone(),
            (None, _) => self.from.to_owned(),
        }
    }
}

/// The env file of a program, as its unit names it.
pub(crate) fn env_path(program: &Program) -> PathBuf {
    Path::new(program.file).with_extension("env")
}

/// Its folder of settings.
pub(super) fn folder(program: &Program) -> &Path {
    Path::new(program.file).parent().unwrap_or(Path::new("/"))
}

/// Reads an env file of a machine; one that is not there is empty.
///
/// # Errors
/// Of the file system, or it cannot be understood; with the path.
pub(super) fn read(machine: &Machine, path: &Path) -> anyhow::Result<EnvFile> {
    let mut bytes = Vec::new();
    match machine::open(&machine.path(path)) {
        Ok(file) => file.take(LONGEST + 1).read_to_end(&mut bytes)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(EnvFile::default()),
        Err(error) => return Err(error.into()),
    };
    let short = u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST);
    anyhow::ensure!(short, "{}: more than {LONGEST} bytes", path.display());
    file::of_bytes(bytes).with_context(|| path.display().to_string())
}

/// The files of a program that are there: its own and those of `conf.d`.
///
/// # Errors
/// Of the file system, and no TOML; with path and line.
pub(super) fn layers(machine: &Machine, program: &Program) -> anyhow::Result<Vec<Layer>> {
    let file = Path::new(program.file);
    // As the programs do: without the file `conf.d` is not looked at either.
    if !machine.path(file).is_file() {
        return Ok(Vec::new());
    }
    let more = folder(program).join("conf.d");
    let names = machine.names(&more).into_iter().filter(|name| name.ends_with(".toml"));
    std::iter::once(file.to_owned()).chain(names.map(|name| more.join(name))).map(|path| layer(machine, path)).collect()
}

fn layer(machine: &Machine, path: PathBuf) -> anyhow::Result<Layer> {
    let text = machine.read(&path)?;
    let line = |at: usize| text.get(..at).unwrap_or_default().matches('\n').count() + 1;
    match toml::de::DeTable::parse(&text) {
        Ok(table) => {
            let lines = table.get_ref().keys().map(|key| (key.get_ref().to_string(), line(key.span().start)));
            Ok(Layer { lines: lines.collect(), path })
        }
        // The whole error shows the line, and a password in it.
        Err(error) => {
            let line = line(error.span().map_or(0, |span| span.start));
            anyhow::bail!("{}, line {line}: {}", path.display(), error.message())
        }
    }
}

/// All settings of a program with an env file, by the code that the program itself uses. `new` are secrets that lie in
/// no file yet, by their variables.
///
/// # Errors
/// One line that says what does not fit, without a secret.
pub(super) fn load(
    machine: &Machine,
    program: &Program,
    env: &EnvFile,
    new: &[(&'static str, &str)],
) -> Result<Settings, String> {
    let mut environment = env.values();
    for definition in program.table.iter().filter(|d| d.secret) {
        let name = format!("{}_FILE", definition.env);
        if let Some(path) = environment.get_mut(&name) {
            *path = machine.path(path.as_str()).display().to_string();
        }
        if let Some((_, value)) = new.iter().find(|(variable, _)| *variable == definition.env) {
            environment.remove(&name);
            environment.insert(definition.env.to_owned(), (*value).to_owned());
        }
    }
    let file = Some(machine.path(program.file)).filter(|path| path.is_file());
    Settings::load(program.table, file.as_deref(), &environment, &[]).map_err(|error| told(program, env, &error))
}

/// An error without what might be a secret.
fn told(program: &Program, env: &EnvFile, error: &Error) -> String {
    match error {
        // It shows lines of the file.
        Error::File(_) => format!("{}: a file beside it, or itself, cannot be used", program.file),
        // It shows the path, and somebody may have given the secret instead of one.
        Error::SecretFile { key, .. } => {
            let variable = program.table.iter().find(|d| d.key == *key).map_or("", |d| d.env);
            let line = env.get(&format!("{variable}_FILE")).map_or(0, |a| a.line);
            format!(
                "{key}: the file that {variable}_FILE names cannot be read ({}:{line})",
                env_path(program).display()
            )
        }
        Error::Unknown { .. } | Error::Value { .. } => plain(&error.to_string()),
    }
}

/// Where the value of a setting comes from.
pub(super) fn source(program: &Program, layers: &[Layer], env: &EnvFile, definition: &Definition) -> Source {
    if let Some(found) = env.get(definition.env) {
        let path = env_path(program).display().to_string();
        return Source { from: "env file", path: Some(path), line: Some(found.line) };
    }
    if let Some(found) = env.get(&format!("{}_FILE", definition.env)).filter(|_| definition.secret) {
        // What is no path may be the secret itself.
        let path = Some(found.value.clone()).filter(|path| path.starts_with('/'));
        return Source { from: "secret file", path, line: None };
    }
    let Some((layer, line)) = layers.iter().rev().find_map(|layer| Some((layer, layer.lines.get(definition.key)?)))
    else {
        return Source { from: "default", path: None, line: None };
    };
    let from = if layer.path == Path::new(program.file) { "file" } else { "conf.d" };
    Source { from, path: Some(layer.path.display().to_string()), line: Some(*line) }
}

/// Refuses where a program is not installed.
///
/// # Errors
/// Its folder of settings is not there.
pub(super) fn installed(machine: &Machine, program: &Program) -> anyhow::Result<()> {
    if machine.has(folder(program)) {
        return Ok(());
    }
    let folder = folder(program).display();
    Err(Refused::error(format!("{folder} is not there, expected it from the package {}", program.name)))
}
