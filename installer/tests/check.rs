//! `ozctl check` on the machine of the test: what it finds there is not known, that it fits together is.

use super::{ozctl, text};
use serde_json::Value;

#[test]
fn all_forms_say_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let target = folder.path().to_str().unwrap();
    let output = ozctl(&["check", "--profile", "worker", "--target", target, "--json"]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["profile"], &report["target"]), (&Value::from("worker"), &Value::from(target)));
    let verdict = report["verdict"].as_str().unwrap();
    let code = [("pass", 0), ("warn", 0), ("fail", 1), ("unknown", 3)].into_iter().find(|(word, _)| *word == verdict);
    assert_eq!(output.status.code(), code.map(|(_, code)| code));

    let lines = text(&ozctl(&["check", "--profile", "worker", "--target", target]).stdout);
    assert!(!lines.contains('\x1b'), "no terminal, no colour");
    for check in report["checks"].as_array().unwrap() {
        let name = check["name"].as_str().unwrap();
        assert!(lines.lines().any(|line| line.split_whitespace().nth(1) == Some(name)), "{name}: {lines}");
        assert_eq!(check["advice"].is_null(), check["verdict"] == "pass", "{check}");
    }

    let output = ozctl(&["check", "--profile", "worker", "--target", target, "--nagios"]);
    let code = [("pass", 0), ("warn", 1), ("fail", 2), ("unknown", 3)].into_iter().find(|(word, _)| *word == verdict);
    assert_eq!(output.status.code(), code.map(|(_, code)| code));
    let line = text(&output.stdout);
    assert!(line.starts_with("OZ CHECK ") && line.lines().count() == 1 && line.contains(" | pass="), "{line}");
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
}
