//! Layers, errors, secrets.

use oz_settings::{Definition, Kind, Settings, example};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const fn define(key: &'static str, env: &'static str, kind: Kind, default: &'static str, secret: bool) -> Definition {
    Definition { key, env, kind, default, doc: "What it does.", secret }
}

static TABLE: &[Definition] = &[
    define("listen", "OZ_LISTEN", Kind::Address, "127.0.0.1:8000", false),
    define("ttl", "OZ_TTL", Kind::Duration, "15m", false),
    define("mode", "OZ_MODE", Kind::OneOf(&["local", "queue"]), "local", false),
    define("password", "OZ_PASSWORD", Kind::Text, "", true),
];

fn load(file: Option<&Path>, env: &[(&str, &str)]) -> Result<Settings, String> {
    let env: BTreeMap<_, _> = env.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::load(TABLE, file, &env, &[]).map_err(|e| e.to_string())
}

#[test]
fn later_layers_win_and_the_source_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oz.toml");
    fs_err::write(&file, "ttl = \"1h\"\nmode = \"queue\"\n").unwrap();
    fs_err::create_dir(folder.path().join("conf.d")).unwrap();
    fs_err::write(folder.path().join("conf.d/10.toml"), "ttl = \"2h\"\n").unwrap();
    let settings = load(Some(&file), &[("OZ_MODE", "local"), ("OTHER", "x")]).unwrap();
    assert_eq!(settings.duration("ttl"), Duration::from_secs(7200));
    assert_eq!(settings.text("mode"), Some("local"));
    let report = settings.report();
    assert!(report.contains("listen = 127.0.0.1:8000    # the defaults"), "{report}");
    assert!(report.contains("10.toml") && report.contains("variable OZ_MODE"), "{report}");
    let flagged = Settings::load(TABLE, None, &BTreeMap::new(), &[("mode", "queue".to_owned())]).unwrap();
    assert_eq!(flagged.text("mode"), Some("queue"));
}

#[test]
fn wrong_values_name_key_value_place_and_expectation() {
    let error = load(None, &[("OZ_LISTEN", "everywhere")]).err().unwrap();
    for word in ["listen", "everywhere", "OZ_LISTEN", "127.0.0.1:8000"] {
        assert!(error.contains(word), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oz.toml");
    fs_err::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let error = load(Some(&file), &[]).err().unwrap();
    assert!(
        error.contains("`lisen`") && error.contains("did you mean `listen`") && error.contains("oz.toml"),
        "{error}"
    );
    fs_err::write(&file, "mode = 5\n").unwrap();
    assert!(load(Some(&file), &[]).err().unwrap().contains("local, queue"));
    fs_err::write(&file, "mode = \n").unwrap();
    assert!(load(Some(&file), &[]).is_err());
    assert!(load(Some(&folder.path().join("absent.toml")), &[]).is_err());
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    fs_err::write(&file, "007 swordfish\n").unwrap();
    let settings = load(None, &[("OZ_PASSWORD_FILE", file.to_str().unwrap())]).unwrap();
    assert_eq!(settings.secret("password").unwrap().expose(), "007 swordfish");
    assert!(!settings.report().contains("swordfish"));
    let error = load(None, &[("OZ_PASSWORD_FILE", "/nowhere/at/all")]).err().unwrap();
    assert!(error.contains("password") && error.contains("/nowhere/at/all"), "{error}");
}

#[test]
fn the_example_file_is_a_settings_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oz.toml");
    let text: String = example(TABLE)
        .lines()
        .map(|l| l.strip_prefix('#').filter(|l| !l.starts_with(' ')).unwrap_or("").to_owned() + "\n")
        .collect();
    fs_err::write(&file, text).unwrap();
    assert!(load(Some(&file), &[]).is_ok());
}
