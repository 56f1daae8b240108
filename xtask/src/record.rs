//! What a test run came to: counted while its lines pass, kept in `docs/TEST-RUNS.md`.

use crate::command;
use crate::project::Project;
use anyhow::{Context as _, Result};
use fs_err as fs;
use std::fmt;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

/// Sums over all test binaries.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Tally {
    passed: u64,
    failed: u64,
    ignored: u64,
    binaries: u64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { passed, failed, ignored, binaries } = self;
        write!(f, "{passed} passed, {failed} failed, {ignored} ignored in {binaries} test binaries")
    }
}

impl Tally {
    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`; other lines count nothing.
    fn count(&mut self, line: &str) {
        let Some((_, counts)) = line.trim().strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        self.binaries += 1;
        for part in counts.split("; ") {
            let Some((number, what)) = part.split_once(' ') else { continue };
            let number = number.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

/// Runs a command, passes its standard output on line by line, and counts.
///
/// # Errors
/// When it cannot be started or read.
pub(crate) fn counted(command: &mut Command) -> Result<(Tally, ExitStatus)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", command::shown(command)))?;
    let mut tally = Tally::default();
    if let Some(out) = child.stdout.take() {
        let mut terminal = std::io::stdout().lock();
        for line in BufReader::new(out).split(b'\n') {
            let line = line?;
            tally.count(&String::from_utf8_lossy(&line));
            terminal.write_all(&line)?;
            terminal.write_all(b"\n")?;
        }
        terminal.flush()?;
    }
    Ok((tally, child.wait()?))
}

/// One run for the page.
#[derive(Debug)]
pub(crate) struct Run<'a> {
    /// What was typed.
    pub(crate) command: &'a str,
    /// Whether all of it ended well.
    pub(crate) good: bool,
    /// Counted tests.
    pub(crate) tally: &'a Tally,
    /// Lines about fuzzing.
    pub(crate) fuzzing: &'a [String],
    /// How long it took.
    pub(crate) time: Duration,
}

/// Puts a run with commit and date on top of the runs in `docs/TEST-RUNS.md`.
///
/// # Errors
/// When git or the file refuses.
pub(crate) fn keep(project: &Project, run: &Run<'_>) -> Result<()> {
    let commit = command::output(project.git().args(["rev-parse", "HEAD"]))?;
    let changed = command::output(project.git().args(["status", "--porcelain", "--", ".", ":!docs/TEST-RUNS.md"]))?;
    let date = command::output(Command::new("date").args(["-u", "+%Y-%m-%d %H:%M UTC"]))?;
    let page = project.root.join("docs/TEST-RUNS.md");
    let changed = if changed.is_empty() { "" } else { " with uncommitted changes" };
    let entry = entry(run, &format!("{}{changed}", commit.trim()), date.trim());
    fs::write(&page, with_entry(&fs::read_to_string(&page)?, &entry))?;
    println!("{}", page.display());
    Ok(())
}

fn entry(run: &Run<'_>, commit: &str, date: &str) -> String {
    let word = if run.good { "passed" } else { "FAILED" };
    let minutes = run.time.as_secs_f64() / 60.0;
    let head = format!("## {date}: {word}\n\n`{}` on commit {commit}, {minutes:.1} min: {}.\n", run.command, run.tally);
    let lines = run.fuzzing.iter().map(|line| format!("- {line}\n"));
    std::iter::once(head).chain((!run.fuzzing.is_empty()).then(|| "\n".to_owned())).chain(lines).collect()
}

/// The newest run stands first, below the page's introduction.
fn with_entry(page: &str, entry: &str) -> String {
    let at = page.find("\n## ").map_or(page.len(), |n| n + 1);
    let (before, after) = page.split_at(at);
    let gap = if before.ends_with("\n\n") || before.is_empty() { "" } else { "\n" };
    let end = if after.is_empty() { "" } else { "\n" };
    format!("{before}{gap}{entry}{end}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_all_binaries_are_summed() {
        let mut tally = Tally::default();
        for line in [
            "test it_works ... ok",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.52s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s",
        ] {
            tally.count(line);
        }
        assert_eq!(tally, Tally { passed: 15, failed: 2, ignored: 1, binaries: 2 });
    }

    #[test]
    fn lines_pass_and_the_status_is_kept() {
        let mut command = Command::new("sh");
        command.args(["-c", "echo 'test result: ok. 1 passed; 0 failed; 0 ignored'; exit 4"]);
        let (tally, status) = counted(&mut command).unwrap();
        assert_eq!((tally.passed, status.code()), (1, Some(4)));
    }

    #[test]
    fn the_newest_run_stands_first() {
        let fuzzing = ["sniff: 5 min, cov 120, no finding".to_owned()];
        let run = Run {
            command: "cargo xtask test --slow",
            good: true,
            tally: &Tally::default(),
            fuzzing: &fuzzing,
            time: Duration::from_secs(90),
        };
        let first = with_entry("# Runs\n\nWhat ran.\n", &entry(&run, "aaa", "one"));
        let second = with_entry(&first, &entry(&run, "bbb", "two"));
        assert!(second.find("bbb").unwrap() < second.find("aaa").unwrap(), "{second}");
        assert!(
            second.starts_with("# Runs\n\nWhat ran.\n\n## two: passed\n") && second.contains("- sniff"),
            "{second}"
        );
        assert!(!second.contains("\n\n\n"), "{second}");
    }
}
