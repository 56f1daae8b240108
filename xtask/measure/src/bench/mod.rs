//! `oz-measure bench`: speed and memory beside their floors and limits, both taken in the same run.

mod host;
mod license;
mod lists;
mod load;
mod log_ins;
mod pipeline;
mod table;
mod verify;

use std::path::Path;

use anyhow::Result;
use clap::Args;

use crate::judged::Machine;
use table::{Row, print, write};

/// The benches by letter, as the documentation names them.
const ALL: &[&str] =
    &["still", "clip", "workers", "get", "log-ins", "verify", "lists", "upload", "memory", "leases", "grants"];

/// `oz-measure bench`.
#[derive(Args)]
pub(crate) struct Bench {
    /// Only these, separated by commas: still, clip, workers, get, log-ins, verify, lists, upload, memory, leases,
    /// grants.
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(ALL))]
    only: Vec<String>,
    /// Folders in the lists.
    #[arg(long, default_value_t = 1_000_000)]
    folders: u32,
    /// Write the table into docs/BENCHMARKS.md.
    #[arg(long)]
    write: bool,
}

impl Bench {
    /// Measures; `false` when a figure is out of its limit.
    ///
    /// # Errors
    /// When something cannot be measured at all.
    pub(crate) fn run(&self, root: &Path, shared: &Path) -> Result<bool> {
        let wanted = |name: &str| self.only.is_empty() || self.only.iter().any(|o| o == name);
        let mut rows: Vec<Row> = Vec::new();
        let mut add = |name: &str, measure: &mut dyn FnMut() -> Result<Vec<Row>>| -> Result<()> {
            if wanted(name) {
                eprintln!("measuring {name}");
                rows.extend(measure()?);
            }
            Ok(())
        };
        if wanted("still") || wanted("clip") {
            let machine = Machine::start(root, shared)?;
            add("still", &mut || pipeline::still(&machine, shared).map(|row| vec![row]))?;
            add("clip", &mut || pipeline::clip(&machine, shared).map(|row| vec![row]))?;
        }
        add("workers", &mut || load::workers().map(|row| vec![row]))?;
        add("get", &mut || load::get().map(|row| vec![row]))?;
        add("log-ins", &mut || log_ins::flood().map(|row| vec![row]))?;
        add("verify", &mut || verify::verified(root))?;
        add("lists", &mut || lists::lists(self.folders))?;
        add("upload", &mut || load::upload().map(|row| vec![row]))?;
        add("memory", &mut load::memory)?;
        add("leases", &mut || license::leases().map(|row| vec![row]))?;
        add("grants", &mut || license::grants().map(|row| vec![row]))?;
        print(&rows);
        if self.write {
            write(&rows, &root.join("docs/BENCHMARKS.md"))?;
        }
        Ok(rows.iter().all(Row::holds))
    }
}
