//! What is printed. Every header says what the figures are no evidence of.

use oz_models::calibration::Fusion;
use oz_models::signals::SignalName;

use crate::fit;
use crate::fusing::{answer, nets_alone, only};
use crate::golden::{self, Golden};
use crate::judged::Row;
use crate::presentations::{Errors, Scored, errors, kinds, scored};
use crate::set::Half;
use crate::stats::{Rate, float};

/// Said above every table of simulated attacks.
pub(crate) const WARNING: &str =
    "attacks whose kind begins with sim_ are simulated: no evidence of accuracy on real ones";

/// A rate with its 95 % interval, in percent.
pub(crate) fn percent(rate: Rate) -> String {
    let (low, high) = rate.interval();
    let [value, low, high] = [rate.value(), low, high].map(|v| 100.0 * v);
    format!("{value:5.1} % [{low:.1}, {high:.1}] {}/{}", rate.errors, rate.trials)
}

/// A rate without trials of its own, and its interval, in percent.
pub(crate) fn plain(rate: Option<f64>, interval: Option<(f64, f64)>) -> String {
    let interval = interval.map(|(l, h)| format!(" [{:.1}, {:.1}]", 100.0 * l, 100.0 * h)).unwrap_or_default();
    rate.map_or("-".to_owned(), |r| format!("{:.2} %{interval}", 100.0 * r))
}

/// Prints the rates of one set by kind of attack.
pub(crate) fn table(title: &str, all: &[Scored]) {
    println!("\n{title}\n  ({WARNING})");
    for kind in kinds(all).iter().map(String::as_str).chain(["all"]) {
        let e = errors(all, kind);
        println!("  {kind}: APCER {}   BPCER {}   ACER {:.1} %", percent(e.apcer), percent(e.bpcer), 100.0 * e.acer());
        println!(
            "  {:width$}  EER {}   BPCER at APCER 5 %: {}   at 1 %: {}",
            "",
            plain(e.eer, e.eer_interval),
            e.bpcer_at_5.map_or("-".to_owned(), percent),
            e.bpcer_at_1.map_or("-".to_owned(), percent),
            width = kind.len()
        );
    }
}

/// Presentations that had no answer, by class (APNRR and BPNRR).
pub(crate) fn unanswered(rows: &[&Row]) {
    let of = |live: bool| Rate::of(rows.iter().filter(|r| r.item.bona_fide() == live), |r| r.confidence.is_none());
    println!("  failure to acquire: bona fide (BPNRR) {}, attacks (APNRR) {}", percent(of(true)), percent(of(false)));
    for row in rows.iter().filter(|r| r.failure.is_some()) {
        println!("    {}: {}", row.item.name, row.failure.as_deref().unwrap_or_default());
    }
}

/// Ours beside the reference's on the same rows; false when ours is worse.
pub(crate) fn beside(title: &str, ours: &[Scored], rows: &[&Row], golden: &Golden) -> bool {
    let clips: Vec<(&str, &str, &str)> =
        rows.iter().map(|r| (r.item.name.as_str(), r.item.label.as_str(), r.item.subject.as_str())).collect();
    let Some(theirs) = golden.scored(&clips) else { return true };
    println!("\n{title}, ours against the reference's nets on the same clips\n  ({WARNING})");
    let mut good = true;
    for kind in kinds(ours).iter().map(String::as_str).chain(["all"]) {
        let (a, b) = (errors(ours, kind), errors(&theirs, kind));
        let worse = |a: Rate, b: Rate| a.errors > b.errors + golden::PRESENTATIONS;
        let fine = !worse(a.apcer, b.apcer) && !worse(a.bpcer, b.bpcer);
        good &= fine;
        let each = |e: &Errors| {
            let (apcer, bpcer) = (100.0 * e.apcer.value(), 100.0 * e.bpcer.value());
            format!("APCER {apcer:.1} %, BPCER {bpcer:.1} %, EER {}", plain(e.eer, None))
        };
        println!("  {kind}: {}  |  reference {}  {}", each(&a), each(&b), if fine { "ok" } else { "WORSE" });
    }
    good
}

/// How far the nets' mean of each clip lies from the reference's; false when the reference's own rule is broken: nine in ten
/// within the tolerance, none beyond three times.
pub(crate) fn deviation(rows: &[&Row], golden: &Golden) -> bool {
    let apart = |row: &&Row| -> Option<f64> {
        let item = &row.item;
        let theirs = golden.scored(&[(item.name.as_str(), item.label.as_str(), item.subject.as_str())])?;
        Some((answer(row, &nets_alone(), false)? - theirs.first()?.confidence).abs())
    };
    let all: Vec<f64> = rows.iter().filter_map(apart).collect();
    if all.is_empty() {
        return true;
    }
    let (within, most) = (all.iter().filter(|d| **d <= golden::CLIP).count(), all.iter().copied().fold(0.0, f64::max));
    let good = within * 10 >= all.len() * 9 && most <= 3.0 * golden::CLIP;
    println!(
        "  mean of the nets against the reference's: {within} of {} clips within {}, largest deviation {most:.3}  {}",
        all.len(),
        golden::CLIP,
        if good { "ok" } else { "WORSE" }
    );
    good
}

/// What each signal adds to the nets: fitted alone beside them on one half, shown on the other.
pub(crate) fn ablation(rows: &[&Row], fusion: &Fusion) {
    let half = |half: Half| -> Vec<&Row> { rows.iter().filter(|r| r.item.half() == half).copied().collect() };
    let (train, test) = (half(Half::Fit), half(Half::HeldOut));
    let rates =
        |fusion: &Fusion, findings: bool| errors(&scored(test.iter().copied(), |r| answer(r, fusion, findings)), "all");
    let nets = rates(&nets_alone(), false);
    println!(
        "\nablation on the held-out half ({} presentations): what is added to the nets alone\n  ({WARNING})",
        test.len()
    );
    println!(
        "  nets alone: APCER {}   BPCER {}   EER {}",
        percent(nets.apcer),
        percent(nets.bpcer),
        plain(nets.eer, None)
    );
    let line = |name: &str, with: &Errors, weight: &str| {
        let change = |a: Rate, b: Rate| 100.0 * (a.value() - b.value());
        let (apcer, bpcer) = (change(with.apcer, nets.apcer), change(with.bpcer, nets.bpcer));
        println!("  + {name:<12} dAPCER {apcer:+.1}   dBPCER {bpcer:+.1}   EER {}   {weight}", plain(with.eer, None));
    };
    line("capped nets", &rates(&only(fusion, &[SignalName::PadNet]), false), "nets no surer than log odds of 4");
    for name in [SignalName::PadMotion, SignalName::PadLife, SignalName::PadSurface] {
        let fitted = fit::fit(&train, &[name]);
        let weight = |f: &Fusion| f.signals.get(name.as_str()).map_or(0.0, |w| w.weight);
        let why = if weight(fusion) > 0.0 {
            String::new()
        } else if train
            .iter()
            .all(|r| r.signals[SignalName::ALL.iter().position(|n| *n == name).unwrap_or(0)].is_none())
        {
            " (says nothing of such media)".to_owned()
        } else {
            format!(" (alone beside the nets it would get {:.2})", weight(&fitted))
        };
        line(name.as_str(), &rates(&fitted, false), &format!("weight in use {:.2}{why}", weight(fusion)));
    }
    let found = test.iter().filter(|r| r.findings).count();
    line(
        "integrity",
        &rates(&nets_alone(), true),
        &format!("findings on {found} presentations; no weight: a finding refuses"),
    );
    line("all", &rates(fusion, true), "the fusion in use");
}

/// Time of a presentation.
pub(crate) fn times(rows: &[&Row]) {
    let mut all: Vec<f64> = rows.iter().map(|r| (r.decode + r.judge).as_secs_f64() * 1000.0).collect();
    all.sort_by(f64::total_cmp);
    let n = float(rows.len().max(1));
    let mean = |of: fn(&Row) -> f64| rows.iter().map(|r| of(r)).sum::<f64>() / n * 1000.0;
    let middle = all.get(all.len() / 2).copied().unwrap_or(0.0);
    let (decode, judge) = (mean(|r| r.decode.as_secs_f64()), mean(|r| r.judge.as_secs_f64()));
    println!("  time of each, one thread: median {middle:.0} ms, mean {decode:.0} decoding + {judge:.0} judging");
}
