//! Fuzzing: every target of `fuzz/`, five minutes each, with the coverage reached.

use crate::command;
use crate::project::Project;
use crate::steps::Steps;
use anyhow::{Context as _, Result};
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const SECONDS: u32 = 300;

/// What the targets came to.
#[derive(Debug, Default)]
pub(crate) struct Fuzzed {
    /// A line for each target.
    pub(crate) lines: Vec<String>,
    /// How many ended with a finding.
    pub(crate) findings: usize,
}

/// Runs all targets, one after the other.
///
/// # Errors
/// When the fuzzer itself cannot be had.
pub(crate) fn run(project: &Project, steps: &Steps) -> Result<Fuzzed> {
    let mut fuzzed = Fuzzed::default();
    if !project.root.join("fuzz/Cargo.toml").is_file() {
        steps.say("fuzz/: not there, nothing to fuzz");
        return Ok(fuzzed);
    }
    if command::output(project.cargo().args(["fuzz", "--version"])).is_err() {
        steps.say("installing cargo-fuzz");
        command::run(project.cargo().args(["install", "cargo-fuzz", "--locked"]))?;
    }
    let targets = command::output(project.cargo().args(["fuzz", "list"]))?;
    for target in targets.split_whitespace() {
        steps.say(format_args!("fuzzing {target} for {SECONDS} s"));
        let (good, last) = one(project, target)?;
        fuzzed.findings += usize::from(!good);
        let word = if good { "no finding" } else { "FINDING (see fuzz/artifacts)" };
        let line = format!("fuzz `{target}`, {SECONDS} s: {word}; {last}");
        println!("{line}");
        fuzzed.lines.push(line);
    }
    Ok(fuzzed)
}

/// Whether a target ended well, and its last line of coverage.
fn one(project: &Project, target: &str) -> Result<(bool, String)> {
    let mut fuzz: Command = project.cargo();
    // The toolchain is a stable one; libFuzzer's instrumentation asks for an unstable flag, the sanitizers for a
    // standard library of their own, which we do without.
    fuzz.env("RUSTC_BOOTSTRAP", "1").args(["fuzz", "run", "--sanitizer", "none", target]);
    // Finds go into the first folder; the committed seeds are only read.
    let corpus = project.root.join("fuzz/corpus").join(target);
    fs_err::create_dir_all(&corpus)?;
    let seeds = project.root.join("fuzz/seeds").join(target);
    fuzz.arg(corpus).args(seeds.is_dir().then_some(seeds));
    fuzz.args(["--", &format!("-max_total_time={SECONDS}"), "-rss_limit_mb=4096", "-timeout=20"]);
    let mut child =
        fuzz.stderr(Stdio::piped()).spawn().with_context(|| format!("cannot start `{}`", command::shown(&fuzz)))?;
    let mut last = "no coverage told".to_owned();
    let mut tail = Vec::new();
    if let Some(errors) = child.stderr.take() {
        for line in BufReader::new(errors).split(b'\n') {
            let line = String::from_utf8_lossy(&line?).into_owned();
            if let Some(found) = coverage(&line) {
                last = found;
            } else {
                tail.push(line);
            }
        }
    }
    let good = child.wait()?.success();
    if !good {
        let from = tail.len().saturating_sub(60);
        eprintln!("{}", tail.split_off(from).join("\n"));
    }
    Ok((good, last))
}

/// `#123 DONE cov: 45 ft: 67 corp: 8/9b …` becomes `123 runs, coverage 45, features 67`.
fn coverage(line: &str) -> Option<String> {
    let rest = line.trim().strip_prefix('#')?;
    let runs: u64 = rest.split_whitespace().next()?.parse().ok()?;
    let after = |name: &str| {
        let mut words = rest.split_whitespace().skip_while(|word| *word != name);
        words.nth(1).and_then(|number| number.parse::<u64>().ok())
    };
    Some(format!("{runs} runs, coverage {}, features {}", after("cov:")?, after("ft:")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_is_read_from_the_fuzzers_lines() {
        let line = "#1048576\tDONE   cov: 312 ft: 901 corp: 77/4096b lim: 4096 exec/s: 34952 rss: 61Mb";
        assert_eq!(coverage(line).unwrap(), "1048576 runs, coverage 312, features 901");
        assert_eq!(coverage("INFO: seed corpus: files: 12"), None);
        assert_eq!(coverage("#0 READ units: 1"), None);
    }
}
