//! `oz-measure`: how often the product errs on labelled media, and what it costs.
#![expect(clippy::print_stdout, reason = "it prints tables")]

mod accuracy;
mod bench;
mod curve;
mod fit;
mod fusing;
mod golden;
mod judged;
mod matching;
mod presentations;
mod report;
mod set;
mod stats;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use accuracy::Plan;
use judged::Machine;

#[derive(Parser)]
#[command(about = "Accuracy and speed of the product's own code")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Error rates of a set, or `fit`: weights for the fusion.
    Accuracy(Accuracy),
    /// Speed and memory beside their floors.
    Bench(bench::Bench),
}

#[derive(Args)]
struct Accuracy {
    #[command(subcommand)]
    action: Option<Action>,
    /// Folder with `manifest.csv`; the evaluation set when not given.
    #[arg(long, global = true)]
    set: Option<PathBuf>,
    /// At most so many of each set and label, and so many pairs of each kind.
    #[arg(long, global = true, default_value_t = usize::MAX)]
    only: usize,
    /// Writes one JSON object for each presentation, with all signals and facts.
    #[arg(long, global = true)]
    rows: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Action {
    /// Fits the weights of the fusion on one half of the subjects and shows them on the other.
    Fit,
    /// Comparisons of faces only.
    Pairs,
}

fn main() -> ExitCode {
    // The decoder's child has to begin before anything else does.
    if std::env::args().nth(1).as_deref() == Some(judged::CHILD) {
        return oz_media::child_main();
    }
    match run(&Arguments::parse().what) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(what: &What) -> Result<bool> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let shared = std::env::var_os("OZ_SHARED").map_or_else(|| root.join("../shared"), PathBuf::from);
    match what {
        What::Accuracy(accuracy) => accurate(accuracy, &root, &shared),
        What::Bench(bench) => bench.run(&root, &shared),
    }
}

fn accurate(accuracy: &Accuracy, root: &Path, shared: &Path) -> Result<bool> {
    let dir = accuracy.set.clone().unwrap_or_else(|| shared.join("eval"));
    let whole = accuracy.only == usize::MAX && accuracy.set.is_none();
    let plan = Plan {
        dir,
        only: accuracy.only,
        rows: accuracy.rows.clone(),
        curves: whole.then(|| root.join("docs/accuracy")),
    };
    let machine = Machine::start(root, shared)?;
    match accuracy.action {
        Some(Action::Fit) => accuracy::fitted(&machine, &plan).map(|()| true),
        Some(Action::Pairs) => accuracy::comparisons(&machine, &plan),
        None => accuracy::measure(&machine, &plan),
    }
}
