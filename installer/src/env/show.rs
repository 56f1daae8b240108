//! Settings for people and for machines.

use super::Refused;
use super::change::Outcome;
use super::name::Name;
use super::state::{self, Source, env_path, folder};
use crate::machine::Machine;
use crate::text::plain;
use oz_settings::{Definition, Kind, PROGRAMS, Program, Settings};
use serde::Serialize;
use std::fmt::Write as _;

/// Longest value, kind and meaning in a table.
const VALUE: usize = 32;
const KIND: usize = 16;
const MEANING: usize = 60;

/// One setting.
#[derive(Debug, Serialize)]
struct Row {
    key: &'static str,
    variable: &'static str,
    kind: String,
    /// What a start would use; null: unset; `***`: a secret that is set.
    value: Option<String>,
    default: Option<&'static str>,
    secret: bool,
    source: Source,
    meaning: &'static str,
}

/// Those of one program.
#[derive(Debug, Serialize)]
struct Part {
    program: &'static str,
    file: &'static str,
    env_file: String,
    /// What must be started anew after a change.
    restart: &'static [&'static str],
    settings: Vec<Row>,
    /// Variables of the env file that look like settings, but are none.
    unknown: Vec<String>,
}

/// Those of all.
#[derive(Debug, Serialize)]
struct List {
    /// Version of this form.
    format: u32,
    programs: Vec<Part>,
}

/// Units that read the settings of a program when they start.
fn units(program: &Program) -> &'static [&'static str] {
    match program.name {
        "oz-api" => &["oz-api", "oz-worker@*"],
        "oz-license-server" => &["oz-license-server"],
        _ => &[],
    }
}

fn row(definition: &'static Definition, settings: &Settings, source: Source) -> Row {
    let set = settings.text(definition.key);
    Row {
        key: definition.key,
        variable: definition.env,
        kind: match definition.kind {
            Kind::OneOf(words) => words.join(" | "),
            kind => kind.word().to_owned(),
        },
        value: set.map(|text| if definition.secret { "***" } else { text }.to_owned()),
        default: Some(definition.default).filter(|text| !text.is_empty()),
        secret: definition.secret,
        source,
        meaning: definition.doc,
    }
}

fn part(machine: &Machine, program: &'static Program) -> anyhow::Result<Part> {
    let env = state::read(machine, &env_path(program))?;
    let layers = state::layers(machine, program)?;
    let settings = state::load(machine, program, &env, &[]).map_err(anyhow::Error::msg)?;
    let row = |d: &'static Definition| row(d, &settings, state::source(program, &layers, &env, d));
    let ours = |name: &str| name.starts_with("OZ_") || name.starts_with("WA_");
    let known = |name: &str| {
        program.table.iter().any(|d| d.env == name || d.secret && name.strip_suffix("_FILE") == Some(d.env))
    };
    Ok(Part {
        program: program.name,
        file: program.file,
        env_file: env_path(program).display().to_string(),
        restart: units(program),
        settings: program.table.iter().map(row).collect(),
        unknown: env.values().into_keys().filter(|name| ours(name) && !known(name)).map(|name| plain(&name)).collect(),
    })
}

/// Every setting of a program, or of those whose folder is there, or of all where none is.
///
/// # Errors
/// What is set cannot be read or understood.
pub(super) fn list(machine: &Machine, only: Option<&'static Program>, json: bool) -> anyhow::Result<String> {
    let here = || PROGRAMS.iter().filter(|program| machine.has(folder(program)));
    let programs: Vec<&'static Program> = match only {
        Some(program) => vec![program],
        None if here().next().is_none() => PROGRAMS.iter().collect(),
        None => here().collect(),
    };
    let programs = programs.into_iter().map(|program| part(machine, program)).collect::<anyhow::Result<Vec<_>>>()?;
    if json {
        return Ok(serde_json::to_string_pretty(&List { format: 1, programs })? + "\n");
    }
    let parts: Vec<String> = programs.iter().map(table).collect();
    Ok(parts.join("\n"))
}

fn table(part: &Part) -> String {
    let cells = |row: &Row| {
        let value = row.value.as_deref().map_or_else(|| "(unset)".to_owned(), |value| cut(&plain(value), VALUE));
        [row.variable.to_owned(), value, cut(&row.kind, KIND), plain(&row.source.words()), cut(row.meaning, MEANING)]
    };
    let head = ["variable", "value", "kind", "source", "meaning"].map(str::to_owned);
    let rows: Vec<[String; 5]> = std::iter::once(head).chain(part.settings.iter().map(cells)).collect();
    let width = |at: usize| rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max();
    let widths: [usize; 5] = std::array::from_fn(|at| width(at).unwrap_or_default());
    let mut text = format!("{}: {}, {}\n", part.program, part.file, part.env_file);
    for row in &rows {
        let padded: Vec<String> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", padded.join("  ").trim_end());
    }
    for name in &part.unknown {
        let _ = writeln!(text, "{}: {name} is no setting", part.env_file);
    }
    text
}

/// A text of at most so many characters.
fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// The value of one setting.
///
/// # Errors
/// It is a secret; as [`list`].
pub(super) fn get(machine: &Machine, name: &Name, json: bool) -> anyhow::Result<String> {
    let all = part(machine, name.program)?;
    let Some(row) = all.settings.into_iter().find(|row| row.key == name.definition.key) else {
        anyhow::bail!("{}: no such setting", name.definition.key)
    };
    if row.secret {
        let place = match row.value {
            Some(_) => format!("set in {}", plain(&row.source.words())),
            None => "not set".to_owned(),
        };
        return Err(Refused::error(format!("{} is a secret, and it is {place}", row.variable)));
    }
    if json {
        return Ok(serde_json::to_string_pretty(&row)? + "\n");
    }
    Ok(plain(row.value.as_deref().unwrap_or_default()) + "\n")
}

impl Outcome {
    /// For people, or as JSON.
    ///
    /// # Errors
    /// None that is known: all of it has a form in JSON.
    pub(super) fn shown(&self, json: bool) -> anyhow::Result<String> {
        let (path, restart) = (env_path(self.program).display().to_string(), units(self.program));
        if json {
            let values = self.values.iter().map(|(variable, value, source)| {
                serde_json::json!({ "variable": variable, "value": value, "source": source })
            });
            let answer = serde_json::json!({
                "format": 1,
                "program": self.program.name,
                "env_file": path,
                "changed": self.changed,
                "previous": self.kept.then(|| format!("{path}.1")),
                "settings": values.collect::<Vec<_>>(),
                "left": self.left,
                "previous_has_in_clear": self.clear,
                "restart": if self.changed { restart } else { &[] },
            });
            return Ok(serde_json::to_string_pretty(&answer)? + "\n");
        }
        let mut text = String::new();
        for (variable, value, source) in &self.values {
            let value = if value.is_empty() { "(unset)".to_owned() } else { plain(value) };
            let _ = writeln!(text, "{variable}: {value} ({})", plain(&source.words()));
        }
        for file in &self.left {
            let _ = writeln!(text, "{} is left; nothing in {path} names it any more", plain(file));
        }
        if self.kept {
            let _ = writeln!(text, "the previous version: {path}.1");
        }
        for variable in &self.clear {
            let _ = writeln!(text, "{path}.1 still has {variable} in clear");
        }
        let units: Vec<String> =
            restart.iter().map(|u| if u.contains('*') { format!("'{u}'") } else { (*u).into() }).collect();
        let _ = match self.changed {
            true => writeln!(text, "to take effect: systemctl restart {}", units.join(" ")),
            false => writeln!(text, "nothing changed"),
        };
        Ok(text)
    }
}
