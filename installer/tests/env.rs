//! `ozctl env` as scripts call it.

use super::{ozctl, text};
use serde_json::Value;

#[test]
fn exit_codes_say_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_str().unwrap();
    fs_err::create_dir_all(folder.path().join("etc/oz")).unwrap();
    let env = |arguments: &[&str]| {
        let output = ozctl(&[&["env", "--root", root], arguments].concat());
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, out, _) = env(&["set", "OZ_WORKERS=2", "--json"]);
    let said: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &said["settings"][0]["value"]), (Some(0), &Value::from("2")));
    assert_eq!(fs_err::read_to_string(folder.path().join("etc/oz/oz.env")).unwrap(), "OZ_WORKERS=2\n");
    assert_eq!(env(&["get", "workers"]), (Some(0), "2\n".to_owned(), String::new()));

    let (code, out, told) = env(&["set", "OZ_WORKERS=many"]);
    assert_eq!((code, out.as_str(), told.lines().count()), (Some(1), "", 1), "{told}");
    assert!(told.starts_with("ozctl: workers: `many`"), "{told}");
    for wrong in
        [&["set"][..], &["set", "OZ_WORKERS"], &["diff", "11"], &["list", "--program", "none"], &["get", "listen"]]
    {
        assert_eq!(env(wrong).0, Some(2), "{wrong:?}");
    }
    fs_err::write(folder.path().join("etc/oz/oz.env"), "OZ_WORKERS='2\n").unwrap();
    let (code, _, told) = env(&["list"]);
    assert!(code == Some(3) && told.contains("/etc/oz/oz.env: line 1"), "{told}");
    let help = text(&ozctl(&["env", "set", "--help"]).stdout);
    assert!(help.contains("1 refused") && !help.contains("--root"), "{help}");
}
