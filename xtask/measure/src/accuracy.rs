//! `accuracy` and `accuracy fit`, from a folder to figures.

use std::path::{Path, PathBuf};

use anyhow::Result;
use oz_models::signals::SignalName;

use crate::fusing::{answer, nets_alone};
use crate::golden::{self, Golden};
use crate::judged::{Machine, Row};
use crate::presentations::{Scored, scored, trials as presented};
use crate::report::{self, percent, plain};
use crate::set::{self, Half};
use crate::stats::{Point, det};
use crate::{curve, fit, matching};

/// Similarity on the wire from which two faces are one person, unless an operator chooses otherwise.
const SIMILARITY: f64 = 0.85;

/// What to measure and where to put it.
pub(crate) struct Plan {
    /// Folder with `manifest.csv`.
    pub(crate) dir: PathBuf,
    /// At most so many of each set and label.
    pub(crate) only: usize,
    /// File for one JSON object a row.
    pub(crate) rows: Option<PathBuf>,
    /// Folder for the curves; none when only a part is measured.
    pub(crate) curves: Option<PathBuf>,
}

/// Judges all presentations of a set.
///
/// # Errors
/// When a file cannot be read or a net cannot be run.
pub(crate) fn rows(machine: &Machine, plan: &Plan) -> Result<Vec<Row>> {
    let items = set::presentations(&plan.dir, plan.only)?;
    let rows: Vec<Row> = items.iter().map(|item| machine.judge(item)).collect::<Result<_>>()?;
    if let Some(path) = &plan.rows {
        let line = |r: &Row| {
            let fit = r.item.half() == Half::Fit;
            serde_json::to_string(&(&r.item.name, &r.item.label, &r.item.subject, &r.item.set, fit, r))
        };
        let lines: Vec<String> = rows.iter().map(line).collect::<Result<_, _>>()?;
        fs_err::write(path, lines.join("\n") + "\n")?;
    }
    Ok(rows)
}

/// Prints everything; false when something is worse than the reference.
///
/// # Errors
/// When a file cannot be read or written, or a net cannot be run.
pub(crate) fn measure(machine: &Machine, plan: &Plan) -> Result<bool> {
    let rows = rows(machine, plan)?;
    let golden = Golden::of(&plan.dir)?;
    let version = machine.engine().version();
    println!("pack {} {}, calibration {}", version.name, version.version, version.calibration);
    let mut good = true;
    let mut curves: Vec<(String, Vec<Point>)> = Vec::new();
    for name in names(&rows) {
        let all: Vec<&Row> = rows.iter().filter(|r| r.item.set == name).collect();
        let held: Vec<&Row> = all.iter().filter(|r| r.item.half() == Half::HeldOut).copied().collect();
        let product = scored(held.iter().copied(), |r| r.confidence);
        let subjects: std::collections::BTreeSet<&str> = held.iter().map(|r| r.item.subject.as_str()).collect();
        let title = format!("set {name}: the product, on the held-out half ({} subjects)", subjects.len());
        report::table(&title, &product);
        let nets = |rows: &[&Row]| -> Vec<Scored> { scored(rows.iter().copied(), |r| answer(r, &nets_alone(), false)) };
        report::table(
            &format!("set {name}: the nets alone, on all subjects (nothing of them was fitted here)"),
            &nets(&all),
        );
        report::unanswered(&all);
        report::times(&all);
        report::ablation(&all, &machine.engine().calibration().fusion);
        if let Some(golden) = &golden {
            good &= report::deviation(&all, golden);
            good &= report::beside(&format!("set {name}: the nets alone, all subjects"), &nets(&all), &all, golden);
            good &= report::beside(&format!("set {name}: the product, held-out half"), &product, &held, golden);
        }
        for (kind, of) in [("product", &product), ("nets alone", &nets(&held))] {
            curves.push((format!("{name}, {kind}"), det(&presented(&of.iter().collect::<Vec<_>>()).0)));
        }
    }
    draw(
        plan,
        "presentations.svg",
        "Simulated attacks, held-out half: no evidence of accuracy",
        ["APCER", "BPCER"],
        &curves,
    )?;
    Ok(pairs(machine, plan, golden.as_ref())? && good)
}

/// Comparisons of faces only; false when something is worse than the reference.
///
/// # Errors
/// When a file cannot be read or written, or a net cannot be run.
pub(crate) fn comparisons(machine: &Machine, plan: &Plan) -> Result<bool> {
    pairs(machine, plan, Golden::of(&plan.dir)?.as_ref())
}

/// Comparisons of faces.
fn pairs(machine: &Machine, plan: &Plan, golden: Option<&Golden>) -> Result<bool> {
    let pairs = set::pairs(&plan.dir, plan.only)?;
    if pairs.is_empty() {
        return Ok(true);
    }
    let all = matching::compare(machine, &plan.dir, &pairs)?;
    let calibration = machine.engine().calibration();
    // The lowest cosine that is the default similarity on the wire; the map rises.
    let threshold = (0..=10_000).map(|i| f64::from(i) / 10_000.0).find(|c| calibration.similarity(*c) >= SIMILARITY);
    let threshold = threshold.unwrap_or(1.0);
    println!("\ncomparisons of faces (cosine of templates; default threshold {threshold:.3}, similarity {SIMILARITY})");
    println!("  failure to acquire: {}; {} ms a picture", percent(all.acquired), all.time.as_millis());
    let mut good = true;
    let mut curves = Vec::new();
    for set in matching::sets(&all.pairs) {
        let e = matching::errors(&all.pairs, &set, threshold);
        let tar = |at: Option<(crate::stats::Rate, f64)>| at.map_or(f64::NAN, |(r, _)| 1.0 - r.value());
        let cosine = |at: Option<(crate::stats::Rate, f64)>| at.map_or(f64::NAN, |(_, c)| c);
        println!("  {set}: {} genuine, {} impostor; EER {}", e.counts[0], e.counts[1], plain(e.eer, e.eer_interval));
        println!(
            "    TAR at FMR 1e-2 {:.4} (cosine {:.3}), at 1e-3 {:.4} (cosine {:.3}); at the default: FMR {}, FNMR {}",
            tar(e.at_2),
            cosine(e.at_2),
            tar(e.at_3),
            cosine(e.at_3),
            percent(e.at_default[0]),
            percent(e.at_default[1])
        );
        if let Some(g) = golden.filter(|_| plan.only == usize::MAX).and_then(|g| g.pairs(&set)) {
            let [eer, found] = golden::MATCHING;
            let fine =
                e.eer.unwrap_or(1.0) <= g.eer + eer && tar(e.at_2) >= g.tar_2 - found && tar(e.at_3) >= g.tar_3 - found;
            good &= fine;
            let verdict = if fine { "ok" } else { "WORSE" };
            println!("    reference: EER {:.2} %, TAR {:.4}, {:.4}  {verdict}", 100.0 * g.eer, g.tar_2, g.tar_3);
        }
        let chosen: Vec<&matching::Compared> = all.pairs.iter().filter(|p| set == "pooled" || p.set == set).collect();
        curves.push((set, det(&matching::trials(&chosen))));
    }
    thresholds(&all.pairs, |cosine| calibration.similarity(cosine));
    draw(plan, "comparisons.svg", "Comparisons of faces", ["false match rate", "false non-match rate"], &curves)?;
    Ok(good)
}

/// What an operator gets for a threshold on the wire, over all sets together.
fn thresholds(pairs: &[matching::Compared], similarity: impl Fn(f64) -> f64) {
    println!("\n  thresholds, all sets together (they do not travel between populations)");
    println!("  {:>10} {:>8}  {:<34} FNMR", "similarity", "cosine", "FMR");
    for wire in [0.30, 0.40, 0.50, 0.60, 0.70, 0.80, SIMILARITY, 0.90, 0.95] {
        let cosine = (0..=10_000).map(|i| f64::from(i) / 10_000.0).find(|c| similarity(*c) >= wire).unwrap_or(1.0);
        let [fmr, fnmr] = matching::at(pairs, cosine);
        println!("  {wire:>10.2} {cosine:>8.3}  {:<34} {}", percent(fmr), percent(fnmr));
    }
}

/// Fits weights on one half, all sets together (the product has one calibration), and shows them on the other.
///
/// # Errors
/// When a file cannot be read or a net cannot be run.
pub(crate) fn fitted(machine: &Machine, plan: &Plan) -> Result<()> {
    let rows = rows(machine, plan)?;
    let train: Vec<&Row> = rows.iter().filter(|r| r.item.half() == Half::Fit).collect();
    let fusion = fit::fit(&train, &SignalName::ALL);
    println!("# fitted on {} presentations; {}", train.len(), report::WARNING);
    println!("[fusion]\nbias = {:.1}\n\n[fusion.signals]", fusion.bias);
    for (signal, w) in &fusion.signals {
        let nil = if w.weight == 0.0 { "  # no gain on the fit half" } else { "" };
        println!(
            "{signal} = {{ weight = {:.2}, cap = {:.1}, floor = {:.1}, neutral = {:.1} }}{nil}",
            w.weight, w.cap, w.floor, w.neutral
        );
    }
    for name in names(&rows) {
        let test = || rows.iter().filter(|r| r.item.set == name && r.item.half() == Half::HeldOut);
        let with = scored(test(), |r| answer(r, &fusion, true));
        report::table(&format!("set {name}: these weights on the held-out half"), &with);
        let now = scored(test(), |r| r.confidence);
        report::table(&format!("set {name}: the weights in use on the held-out half"), &now);
    }
    Ok(())
}

fn draw(plan: &Plan, file: &str, title: &str, axes: [&str; 2], curves: &[(String, Vec<Point>)]) -> Result<()> {
    if let Some(dir) = &plan.curves {
        fs_err::create_dir_all(dir)?;
        fs_err::write(Path::new(dir).join(file), curve::svg(title, axes, curves))?;
    }
    Ok(())
}

/// Sets that occur, in order.
fn names(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for row in rows {
        if !names.contains(&row.item.set) {
            names.push(row.item.set.clone());
        }
    }
    names
}
