//! Lists and differences.

use super::{SECRET, env, installed};
use crate::env::name::program;
use crate::env::state;
use serde_json::Value;

const FILE: &str = "/etc/oz/oz.env";

#[test]
fn each_setting_says_where_it_comes_from() {
    let mut fake = installed();
    fake.file("/etc/oz/oz.toml", "# ours\nlog = \"info\"\n\nworkers = 3\nsmtp_port = 25\n");
    fake.file("/etc/oz/conf.d/10.toml", "smtp_port = 26\n");
    fake.file("/etc/oz/conf.d/20.toml", &format!("\nsmtp_port = 27\nldap_bind_password = \"{SECRET}\"\n"));
    fake.file(FILE, &format!("OZ_WORKERS=4\nOZ_SMTP_PASSWORD={SECRET}\nOZ_WORKER=1\nOTHER=1\n"));
    let list: Value = serde_json::from_str(&env(&fake, &["list", "--json"], "").unwrap()).unwrap();
    let [api, license] = list["programs"].as_array().unwrap().as_slice() else { panic!("{list}") };
    assert_eq!((&api["program"], &license["program"]), (&"oz-api".into(), &"oz-license-server".into()));
    assert_eq!(api["settings"].as_array().unwrap().len(), oz_settings::API.len());
    assert_eq!(api["unknown"], serde_json::json!(["OZ_WORKER"]));
    let row = |key: &str| api["settings"].as_array().unwrap().iter().find(|row| row["key"] == key).unwrap();
    for (key, value, from, path, line) in [
        ("log", "info", "file", Value::from("/etc/oz/oz.toml"), Value::from(2)),
        ("smtp_port", "27", "conf.d", Value::from("/etc/oz/conf.d/20.toml"), Value::from(2)),
        ("ldap_bind_password", "***", "conf.d", Value::from("/etc/oz/conf.d/20.toml"), Value::from(3)),
        ("workers", "4", "env file", Value::from(FILE), Value::from(1)),
        ("smtp_password", "***", "env file", Value::from(FILE), Value::from(2)),
        ("job_lease", "30s", "default", Value::Null, Value::Null),
    ] {
        let row = row(key);
        assert_eq!(row["value"], value, "{row}");
        assert_eq!(row["source"], serde_json::json!({ "from": from, "path": path, "line": line }), "{row}");
    }
    assert_eq!((&row("smtp_host")["value"], &row("smtp_host")["default"]), (&Value::Null, &Value::Null));

    let table = env(&fake, &["list", "--program", "oz-api"], "").unwrap();
    let line = |name: &str| table.lines().find(|line| line.split_whitespace().next() == Some(name)).unwrap();
    assert!(line("OZ_SMTP_PASSWORD").contains("***") && line("OZ_SMTP_HOST").contains("(unset)"), "{table}");
    assert!(line("OZ_WORKERS").contains("4") && line("OZ_WORKERS").contains("/etc/oz/oz.env:1"), "{table}");
    assert!(table.contains("OZ_WORKER is no setting") && !table.contains("OZ_LICENSE_LEASE_TTL"), "{table}");
    assert!(env(&fake, &["get", "ldap_bind_password"], "").unwrap_err().1.contains("/etc/oz/conf.d/20.toml:3"));
}

/// What the service itself says of its sources is what is told here.
#[test]
fn sources_are_those_of_the_service() {
    let mut fake = installed();
    fake.file("/etc/oz/oz.toml", "log = \"info\"\nworkers = 3\n\"smtp_port\" = 25\n");
    fake.file("/etc/oz/conf.d/10.toml", "workers = 5\n");
    fake.file("/run/secret", SECRET);
    fake.file(FILE, "OZ_LISTEN=127.0.0.1:1\nOZ_SMTP_PASSWORD_FILE=/run/secret\n");
    let (machine, api) = (fake.machine(), program("oz-api").unwrap());
    let env = state::read(&machine, &state::env_path(api)).unwrap();
    let layers = state::layers(&machine, api).unwrap();
    let report = state::load(&machine, api, &env, &[]).unwrap().report();
    for definition in api.table {
        let start = format!("{} = ", definition.key);
        let line = report.lines().find(|line| line.starts_with(&start)).unwrap();
        let source = state::source(api, &layers, &env, definition);
        let place = match source.from {
            "default" => "the defaults".to_owned(),
            "env file" => format!("the environment variable {}", definition.env),
            "secret file" => format!("the file that {}_FILE names", definition.env),
            _ => source.path.unwrap(),
        };
        assert!(line.ends_with(&place), "{line}: {place}");
    }
}

#[test]
fn only_what_is_installed_is_listed() {
    let mut fake = installed();
    fake.without("/etc/oz");
    let list: Value = serde_json::from_str(&env(&fake, &["list", "--json"], "").unwrap()).unwrap();
    assert_eq!(list["programs"].as_array().unwrap().len(), 1);
    assert_eq!(list["programs"][0]["program"], "oz-license-server");
    fake.without("/etc/oz-license");
    let list: Value = serde_json::from_str(&env(&fake, &["list", "--json"], "").unwrap()).unwrap();
    assert_eq!(list["programs"].as_array().unwrap().len(), 2);
}

#[test]
fn differences_show_no_secret() {
    let mut fake = installed();
    fake.file(
        "/etc/oz/oz.env.1",
        &format!("OZ_SMTP_PASSWORD={SECRET}\nOZ_WORKERS=1\nOZ_SMTP_PASSWROD={SECRET}\n#{SECRET}"),
    );
    fake.file("/etc/oz/oz.env.2", "OZ_WORKERS=2\n");
    fake.file(FILE, "OZ_SMTP_PASSWORD=x\nOZ_LOG=a b\nOZ_WORKERS=2\n");
    assert_eq!(
        env(&fake, &["diff"], "").unwrap(),
        "--- /etc/oz/oz.env.1\n+++ /etc/oz/oz.env\n+OZ_LOG=a b\n-OZ_SMTP_PASSWORD=***\n+OZ_SMTP_PASSWORD=***\n\
         -OZ_SMTP_PASSWROD=***\n-OZ_WORKERS=1\n+OZ_WORKERS=2\n"
    );
    let diff: Value = serde_json::from_str(&env(&fake, &["diff", "2", "--json"], "").unwrap()).unwrap();
    assert_eq!(diff["changes"][0], serde_json::json!({ "name": "OZ_LOG", "before": null, "after": "a b" }));
    assert_eq!((diff["changes"].as_array().unwrap().len(), &diff["version"]), (2, &Value::from(2)));
    fake.file("/etc/oz/oz.env.3", &format!("#{SECRET}\nOZ_WORKERS='2'\nOZ_SMTP_PASSWORD=x\nOZ_LOG='a b'\n"));
    assert!(env(&fake, &["diff", "3"], "").unwrap().ends_with("only comments, quotes or the order of lines differ\n"));
}
