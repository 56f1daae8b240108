//! `ozctl` itself, as scripts and monitoring call it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod check;
mod env;
mod health;

use std::process::{Command, Output};

/// Runs it.
fn ozctl(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_ozctl")).args(arguments).env_remove("NO_COLOR").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn wrong_usage_ends_with_2() {
    for wrong in [&["check", "--profile", "none"][..], &["health", "--url", "x"], &["setup"], &[]] {
        let output = ozctl(wrong);
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {}", text(&output.stderr));
    }
}

#[test]
fn help_names_exit_codes_and_hides_what_packages_use() {
    let help = text(&ozctl(&["--help"]).stdout);
    assert!(help.contains("Exit codes") && help.contains("check") && help.contains("health"), "{help}");
    assert!(!help.contains("completions") && !help.contains("man "), "{help}");
}
