//! Reading the layers and checking every value.

use crate::value::{duration, flag, size};
use crate::{Definition, Kind, Secret};
use figment::providers::{Format as _, Serialized, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The TOML is broken, or a file cannot be read.
    #[error("{0}")]
    File(String),
    /// A key that no setting has.
    #[error("unknown key `{key}` in {place}{nearest}")]
    Unknown {
        /// The key.
        key: String,
        /// Where it stands.
        place: String,
        /// `; did you mean ...?`, or empty.
        nearest: String,
    },
    /// A value that does not fit.
    #[error("{key}: `{came}` in {place}, expected {expected}")]
    Value {
        /// The setting.
        key: &'static str,
        /// What came; `***` for a secret.
        came: String,
        /// Where it stands.
        place: String,
        /// What was expected.
        expected: String,
    },
    /// The file that holds a secret cannot be read.
    #[error("{key}: {why}")]
    SecretFile {
        /// The setting.
        key: &'static str,
        /// What the system said.
        why: String,
    },
}

#[derive(Clone)]
struct Found {
    text: String,
    place: String,
}

/// Checked settings: every key of the table has a value that fits its kind, and its source.
#[derive(Clone)]
pub struct Settings {
    definitions: &'static [Definition],
    found: BTreeMap<&'static str, Found>,
}

/// One variable as a layer of its own, so that an error names it. Values stay text: `007` is not a number here.
struct Variable<'a> {
    place: String,
    key: &'a str,
    text: String,
}

impl Provider for Variable<'_> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.place.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let dict = Dict::from([(self.key.to_owned(), Value::from(self.text.clone()))]);
        Ok(Map::from([(Profile::Default, dict)]))
    }
}

impl Settings {
    /// Reads all layers: defaults, `file` and its `conf.d/*.toml` in order of name, `environment`, `flags` (key, text).
    ///
    /// A variable `NAME_FILE` beside a secret's variable `NAME` names a file whose content is the value.
    ///
    /// # Errors
    /// Every [`Error`] names the key and the place.
    pub fn load(
        definitions: &'static [Definition],
        file: Option<&Path>,
        environment: &BTreeMap<String, String>,
        flags: &[(&'static str, String)],
    ) -> Result<Self, Error> {
        let defaults: Dict = definitions.iter().map(|d| (d.key.to_owned(), Value::from(d.default))).collect();
        let mut figment = Figment::from(Serialized::defaults(defaults));
        for path in file.map(layers).transpose()?.unwrap_or_default() {
            figment = figment.merge(Toml::file_exact(path));
        }
        for d in definitions {
            let secret_file = format!("{}_FILE", d.env);
            if d.secret
                && let Some(path) = environment.get(&secret_file)
            {
                let text = fs_err::read_to_string(path)
                    .map_err(|e| Error::SecretFile { key: d.key, why: format!("{secret_file}: {e}") })?;
                let text = text.trim_end_matches(['\n', '\r']).to_owned();
                figment =
                    figment.merge(Variable { place: format!("the file that {secret_file} names"), key: d.key, text });
            }
            if let Some(text) = environment.get(d.env) {
                let place = format!("the environment variable {}", d.env);
                figment = figment.merge(Variable { place, key: d.key, text: text.clone() });
            }
        }
        for (key, text) in flags {
            figment = figment.merge(Variable { place: format!("the flag --{key}"), key, text: text.clone() });
        }
        Self::check(definitions, &figment)
    }

    fn check(definitions: &'static [Definition], figment: &Figment) -> Result<Self, Error> {
        let all: Dict = figment.extract().map_err(|e| Error::File(e.to_string()))?;
        let place =
            |value: &Value| figment.get_metadata(value.tag()).map_or_else(|| "the defaults".to_owned(), describe);
        if let Some((key, value)) = all.iter().find(|(k, _)| !definitions.iter().any(|d| d.key == **k)) {
            let nearest = nearest(key, definitions).map(|n| format!("; did you mean `{n}`?")).unwrap_or_default();
            return Err(Error::Unknown { key: key.clone(), place: place(value), nearest });
        }
        let mut found = BTreeMap::new();
        for d in definitions {
            let Some(value) = all.get(d.key) else { continue };
            let original = figment.find_value(d.key).unwrap_or_else(|_| value.clone());
            let text = text_of(&original).filter(|t| d.kind.fits(t)).ok_or_else(|| Error::Value {
                key: d.key,
                came: if d.secret { "***".to_owned() } else { shown(&original) },
                place: place(&original),
                expected: d.kind.expected(),
            })?;
            found.insert(d.key, Found { text, place: place(&original) });
        }
        Ok(Self { definitions, found })
    }

    /// The text of a setting; `None` when it is unset. A key that is not in the table is unset, too.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.found.get(key).map(|f| f.text.as_str()).filter(|t| !t.is_empty())
    }

    /// A path.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.text(key).map(PathBuf::from)
    }

    /// A whole number; 0 when unset.
    pub fn number(&self, key: &str) -> u64 {
        self.text(key).and_then(|t| t.parse().ok()).unwrap_or(0)
    }

    /// A flag; false when unset.
    pub fn flag(&self, key: &str) -> bool {
        self.text(key).and_then(flag).unwrap_or(false)
    }

    /// A time; zero when unset.
    pub fn duration(&self, key: &str) -> Duration {
        self.text(key).and_then(duration).unwrap_or_default()
    }

    /// A size in bytes; 0 when unset.
    pub fn size(&self, key: &str) -> u64 {
        self.text(key).and_then(size).unwrap_or(0)
    }

    /// An address.
    pub fn address(&self, key: &str) -> Option<SocketAddr> {
        self.text(key).and_then(|t| t.parse().ok())
    }

    /// A secret.
    pub fn secret(&self, key: &str) -> Option<Secret> {
        self.text(key).map(|t| Secret::new(t.to_owned()))
    }

    /// Every setting with its value (`***` for secrets) and its source, for `check-config`.
    pub fn report(&self) -> String {
        let mut lines = String::new();
        for d in self.definitions {
            let Some(found) = self.found.get(d.key) else { continue };
            let shown = match (d.secret, found.text.is_empty()) {
                (_, true) => "(unset)",
                (true, false) => "***",
                (false, false) => &found.text,
            };
            lines.push_str(&format!("{} = {shown}    # {}\n", d.key, found.place));
        }
        lines
    }
}

/// The file and what lies in `conf.d` beside it.
fn layers(file: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut paths = vec![file.to_owned()];
    let folder = file.parent().unwrap_or(Path::new(".")).join("conf.d");
    if folder.is_dir() {
        let entries = fs_err::read_dir(&folder).map_err(|e| Error::File(e.to_string()))?;
        let mut more: Vec<PathBuf> = entries.flatten().map(|e| e.path()).collect();
        more.retain(|p| p.extension().is_some_and(|e| e == "toml"));
        more.sort();
        paths.extend(more);
    }
    Ok(paths)
}

fn describe(metadata: &Metadata) -> String {
    match &metadata.source {
        Some(figment::Source::File(path)) => path.display().to_string(),
        Some(figment::Source::Code(_)) => "the defaults".to_owned(),
        _ => metadata.name.to_string(),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(_, text) => Some(text.clone()),
        Value::Bool(_, flag) => Some(flag.to_string()),
        Value::Num(_, number) => {
            number.to_u128().map(|n| n.to_string()).or_else(|| number.to_i128().map(|n| n.to_string()))
        }
        _ => None,
    }
}

fn shown(value: &Value) -> String {
    text_of(value).unwrap_or_else(|| value.to_actual().to_string())
}

/// The key that differs in the fewest letters, if it is close at all.
fn nearest(key: &str, definitions: &'static [Definition]) -> Option<&'static str> {
    let best = definitions.iter().min_by_key(|d| distance(key, d.key))?;
    (distance(key, best.key) <= 3).then_some(best.key)
}

/// Levenshtein's distance.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, cb) in b.iter().enumerate() {
            let cost = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

impl Kind {
    /// A short word for the reference page.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Path => "path",
            Self::Number => "number",
            Self::Flag => "flag",
            Self::Duration => "time",
            Self::Size => "size",
            Self::Address => "address",
            Self::OneOf(_) => "word",
        }
    }
}
