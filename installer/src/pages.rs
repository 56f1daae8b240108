//! Man pages and completions, from the same definitions as the command line.

use crate::cli::Cli;
use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::io::Write;
use std::path::Path;

/// Writes a page for `ozctl` and one for each command that is not hidden.
///
/// # Errors
/// The folder is not there or cannot be written.
pub(crate) fn manual(folder: &Path) -> anyhow::Result<u8> {
    let written = clap_mangen::generate_to(Cli::command(), folder);
    written.with_context(|| format!("DIR: {}, expected a folder that can be written", folder.display()))?;
    Ok(0)
}

/// Prints the completions of a shell.
///
/// # Errors
/// Of the output.
pub(crate) fn completions(shell: Shell, out: &mut impl Write) -> anyhow::Result<u8> {
    // Into memory first: the generator panics where the output is closed.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "ozctl", &mut script);
    out.write_all(&script)?;
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        manual(folder.path()).unwrap();
        let mut names: Vec<_> =
            fs_err::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        let expected = ["check", "env-diff", "env-get", "env-list", "env-set", "env-unset", "env", "health"];
        let expected = expected.map(|name| format!("ozctl-{name}.1"));
        assert_eq!(names, [&expected[..], &["ozctl.1".to_owned()]].concat());
        let page = fs_err::read_to_string(folder.path().join("ozctl-check.1")).unwrap();
        assert!(page.contains("all\\-in\\-one") && page.contains("Exit codes"), "{page}");
        let error = format!("{:#}", manual(&folder.path().join("none")).unwrap_err());
        assert!(error.contains("DIR") && error.contains("expected a folder"), "{error}");
    }

    #[test]
    fn completions_know_the_options() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let mut script = Vec::new();
            completions(shell, &mut script).unwrap();
            let script = String::from_utf8(script).unwrap();
            assert!(script.contains("profile") && script.contains("nagios"), "{shell}");
        }
    }
}
