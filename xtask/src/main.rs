//! Everything a newcomer types: `cargo xtask <verb>`.
//!
//! Owns how the project is set up, checked, measured and run on a developer's machine. Knows nothing of how the product
//! works inside: it calls cargo, the product's own binaries and its HTTP interface.
#![expect(clippy::print_stdout, reason = "a command line tool talks to the person who typed it")]

mod accounts;
mod bless;
mod command;
mod deb;
mod floors;
mod fuzz;
mod lint;
mod measure;
mod models;
mod packages;
mod project;
mod promtool;
mod record;
mod root;
mod runtime;
mod shipped;
mod sources;
mod steps;
mod test;
mod up;
mod verdict;

use clap::{Parser, Subcommand};
use project::Project;
use std::process::ExitCode;

/// Sets up, runs, tests and measures the Oz Appliance.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Install what is missing, build, serve, and send one real selfie video to a verdict.
    Up(up::Up),
    /// Send one real selfie video to a running server and print the verdict.
    Verdict(verdict::Ask),
    /// Set up what the tests need and run all of them, on both databases.
    Test(test::Test),
    /// Fetch ONNX Runtime and verify the model pack.
    Models,
    /// Install the Debian packages that a set of tasks needs.
    Packages(packages::Packages),
    /// Check that crates depend downwards only, who may know of async, and that nothing shipped signs licenses.
    Floors,
    /// Check lengths of files, forbidden words, weights in the tree.
    Lint,
    /// Print the figures of accuracy over the labelled sets (arguments are passed on).
    Accuracy(measure::Arguments),
    /// Print the figures of speed beside their floors (arguments are passed on).
    Bench(measure::Arguments),
    /// Build the Debian packages.
    Deb(deb::Deb),
    /// Write anew what is made from code: documents, test vectors of licenses, the C header.
    Bless,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match Project::find().and_then(|project| run(cli.verb, &project)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb, project: &Project) -> anyhow::Result<()> {
    match verb {
        Verb::Up(up) => up.run(project),
        Verb::Verdict(ask) => ask.run(project),
        Verb::Test(test) => test.run(project),
        Verb::Models => models::prepare(project, &steps::Steps::start()).map(|found| println!("{found}")),
        Verb::Packages(packages) => packages.run(),
        Verb::Floors => floors::run(project),
        Verb::Lint => lint::run(project),
        Verb::Accuracy(arguments) => measure::accuracy(project, &arguments),
        Verb::Bench(arguments) => measure::bench(project, &arguments),
        Verb::Deb(deb) => deb.run(project),
        Verb::Bless => bless::run(project),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn arguments_of_measurements_are_passed_on() {
        let cli = Cli::try_parse_from(["cargo xtask", "bench", "--only", "list", "-n", "3"]).unwrap();
        let Verb::Bench(arguments) = cli.verb else { panic!("not a bench") };
        assert_eq!(arguments.rest, ["--only", "list", "-n", "3"]);
    }
}
