//! The settings that requirements depend on, from where the services read them: file, `conf.d`, env file,
//! environment.
//!
//! Values are taken as they are; whether they fit is what `oz-api check-config` says, which has the table of all
//! settings.

use super::{Asked, Found};
use crate::env::{EnvFile, env_path};
use crate::machine::Machine;
use crate::profile::Profile;
use oz_settings::{Definition, PROGRAMS};
use std::collections::BTreeMap;
use std::io;
use std::path::Path;

/// Those that requirements depend on.
const KEYS: &[&str] = &[
    "data_dir",
    "listen",
    "metrics_listen",
    "database_url",
    "models_dir",
    "ldap_url",
    "smtp_host",
    "smtp_port",
    "smtp_tls",
    "license_file",
    "license_server_url",
];

/// What the settings say, as far as requirements depend on it.
#[derive(Debug, Default)]
pub(crate) struct Settings {
    values: BTreeMap<&'static str, String>,
    /// Files that were read.
    read: Vec<String>,
    /// What is wrong with files.
    wrong: Vec<String>,
    /// Files that may not be read.
    closed: Vec<String>,
}

impl Settings {
    /// Reads those of a profile. What is wrong is kept for the check that tells it.
    pub(super) fn read(machine: &Machine, profile: Profile) -> Self {
        let name = if profile == Profile::License { "oz-license-server" } else { "oz-api" };
        let mut settings = Self::default();
        let Some(program) = PROGRAMS.iter().find(|program| program.name == name) else { return settings };
        let wanted: Vec<&Definition> = program.table.iter().filter(|d| KEYS.contains(&d.key)).collect();
        settings.tables(machine, &wanted, program.file);
        let path = env_path(program).display().to_string();
        let file = settings.file(machine, &path).map(EnvFile::parse).transpose().unwrap_or_else(|error| {
            settings.wrong.push(format!("{path}: {error}"));
            None
        });
        let variables = file.unwrap_or_default().values();
        for d in wanted {
            let of = |name: &str| machine.variable(name).or_else(|| variables.get(name).map(String::as_str));
            let value = match (of(d.env), of(&format!("{}_FILE", d.env)).filter(|_| d.secret)) {
                (Some(value), _) => Some(value.to_owned()),
                (None, Some(path)) => settings.file(machine, path).map(|text| text.trim_end().to_owned()),
                (None, None) => None,
            };
            if let Some(value) = value {
                settings.values.insert(d.key, value);
            }
        }
        settings
    }

    /// The text of a setting that is set.
    pub(super) fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The TOML file, and what lies in `conf.d` beside it in order of name.
    fn tables(&mut self, machine: &Machine, wanted: &[&Definition], file: &str) {
        let folder = Path::new(file).with_file_name("conf.d");
        let more = machine.names(&folder).into_iter().filter(|name| name.ends_with(".toml"));
        let more = more.filter_map(|name| folder.join(name).to_str().map(str::to_owned));
        for path in std::iter::once(file.to_owned()).chain(more) {
            let Some(text) = self.file(machine, &path) else { continue };
            match text.parse::<toml::Table>() {
                Ok(table) => {
                    for d in wanted {
                        if let Some(value) = table.get(d.key).and_then(as_text) {
                            self.values.insert(d.key, value);
                        }
                    }
                }
                // The whole error shows the line, and a password in it.
                Err(error) => {
                    let line = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
                    let line = line.matches('\n').count() + 1;
                    self.wrong.push(format!("{path}, line {line}: {}", error.message()));
                }
            }
        }
    }

    /// A file that need not be there.
    fn file(&mut self, machine: &Machine, path: &str) -> Option<String> {
        match machine.read(path) {
            Ok(text) => {
                self.read.push(path.to_owned());
                Some(text)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.closed.push(path.to_owned());
                None
            }
            Err(error) => {
                self.wrong.push(format!("{path}: {error}"));
                None
            }
        }
    }
}

fn as_text(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        _ => None,
    }
}

pub(super) fn sound(asked: &Asked<'_>) -> Found {
    let settings = &asked.settings;
    if !settings.wrong.is_empty() {
        Found::fail(settings.wrong.join("; "))
    } else if !settings.closed.is_empty() {
        Found::unknown(format!("{} may not be read", settings.closed.join(", ")))
            .advise("Run it as root; checks that depend on settings would otherwise go by the defaults.")
    } else if settings.read.is_empty() {
        Found::pass("none yet: defaults")
    } else {
        Found::pass(settings.read.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::machine::fake::Fake;

    #[test]
    fn later_layers_win() {
        let mut fake = Fake::good();
        fake.file("/etc/oz/oz.toml", "database_url = \"sqlite:///a\"\nsmtp_port = 25\nother = [1]\n");
        fake.file("/etc/oz/conf.d/20-db.toml", "database_url = \"sqlite:///b\"");
        let read = |fake: &Fake| Settings::read(&fake.machine(), Profile::Api);
        assert_eq!((read(&fake).get("database_url"), read(&fake).get("smtp_port")), (Some("sqlite:///b"), Some("25")));
        fake.file("/run/url", "sqlite:///c\n");
        fake.file("/etc/oz/oz.env", "# comment\nOZ_DATABASE_URL_FILE='/run/url'\n");
        assert_eq!(read(&fake).get("database_url"), Some("sqlite:///c"));
        fake.variable("OZ_DATABASE_URL", "sqlite:///d");
        assert_eq!(read(&fake).get("database_url"), Some("sqlite:///d"));
        let license = Settings::read(&fake.machine(), Profile::License);
        assert_eq!(license.get("database_url"), None, "the license server has its own");
        fake.file("/etc/oz-license/oz-license.env", "OZ_LICENSE_DATABASE_URL='sqlite:///e f'\n");
        let license = Settings::read(&fake.machine(), Profile::License);
        assert_eq!(license.get("database_url"), Some("sqlite:///e f"));
    }

    #[test]
    fn a_broken_line_is_named_but_not_shown() {
        let mut fake = Fake::good();
        fake.file("/etc/oz/oz.toml", "log = \"info\"\ndatabase_url = \"postgres://oz:secret1@db/oz\n");
        let settings = Settings::read(&fake.machine(), Profile::Api);
        let told = settings.wrong.join("");
        assert!(told.contains("/etc/oz/oz.toml, line 2") && !told.contains("secret1"), "{told}");
    }
}
