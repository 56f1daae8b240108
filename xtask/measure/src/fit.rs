//! `accuracy fit`: weights for the fusion. Logistic regression with weights that are never negative, drawn towards what the
//! product starts with (the nets alone), both classes counting the same.
//!
//! Caps and floors are not fitted: they say how far a single signal is believed, whatever it is sure of.

use oz_models::calibration::{Fusion, SignalWeight};
use oz_models::signals::{SignalName, fuse};

use crate::judged::Row;
use crate::stats::float;

/// How strongly weights are drawn to where they start: a few dozen subjects carry no finer weights.
const RIDGE: f64 = 0.02;
/// Steps down the slope, and their size.
const STEPS: usize = 20_000;
const RATE: f64 = 0.05;
/// Weights below this are none.
const LEAST: f64 = 0.05;

/// How far each signal may go, and where it begins to speak. The nets are often sure and wrong, so their certainty ends at
/// log odds of 4 (2 %); movement of head and face together cannot outweigh nets that are sure of a living face: people
/// who hold still are people.
pub(crate) const REACH: [(SignalName, SignalWeight); 4] = [
    (SignalName::PadNet, SignalWeight { weight: 1.0, cap: 4.0, floor: 4.0, neutral: 0.5 }),
    (SignalName::PadMotion, SignalWeight { weight: 0.0, cap: 2.0, floor: 0.0, neutral: 0.5 }),
    (SignalName::PadLife, SignalWeight { weight: 0.0, cap: 1.5, floor: 0.0, neutral: 0.5 }),
    (SignalName::PadSurface, SignalWeight { weight: 0.0, cap: 4.0, floor: 0.0, neutral: 0.5 }),
];

/// Fits the weights of the signals that `use_signal` names on the rows. The bias stays 0: with no evidence the answer is
/// that of the nets.
pub(crate) fn fit(rows: &[&Row], use_signal: &[SignalName]) -> Fusion {
    let start = REACH.map(|(_, w)| w.weight);
    let mut weights = start;
    let judged: Vec<&&Row> = rows.iter().filter(|r| r.confidence.is_some()).collect();
    let live = float(judged.iter().filter(|r| r.item.bona_fide()).count()).max(1.0);
    let attacks = (float(judged.len()) - live).max(1.0);
    for _ in 0..STEPS {
        let mut slope = [0.0; 4];
        for row in &judged {
            let each = inputs(row);
            // The contribution is cut to its reach, as in the product; beyond it the weight makes no difference.
            let cut: Vec<(f64, bool)> = (0..4).map(|k| reach(weights[k] * each[k], &REACH[k].1)).collect();
            let answer = fuse::logistic(cut.iter().map(|c| c.0).sum());
            let (target, count) = if row.item.bona_fide() { (0.0, live) } else { (1.0, attacks) };
            for k in 0..4 {
                if cut[k].1 {
                    slope[k] += (answer - target) * each[k] / (2.0 * count);
                }
            }
        }
        for k in 0..4 {
            if use_signal.contains(&REACH[k].0) {
                let down = slope[k] + RIDGE * (weights[k] - start[k]);
                weights[k] = (weights[k] - RATE * down).max(0.0);
            }
        }
    }
    let used = REACH.into_iter().zip(weights).map(|((name, reach), weight)| {
        let weight = if weight < LEAST { 0.0 } else { (weight * 100.0).round() / 100.0 };
        (name.as_str().to_owned(), SignalWeight { weight, ..reach })
    });
    Fusion { bias: 0.0, signals: used.collect() }
}

/// Log odds of each signal; 0 for one that says nothing, and only upwards for one that may only accuse.
fn inputs(row: &Row) -> [f64; 4] {
    std::array::from_fn(|k| {
        let odds = row.signals[k].map_or(0.0, fuse::logit);
        if REACH[k].1.floor == 0.0 { odds.max(0.0) } else { odds }
    })
}

/// A contribution cut to its reach, and whether it lies within.
fn reach(value: f64, reach: &SignalWeight) -> (f64, bool) {
    (value.clamp(-reach.floor, reach.cap), value >= -reach.floor && value < reach.cap)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fusing::{answer, tests::row};

    fn rows(says: impl Fn(bool, usize) -> [Option<f64>; 4]) -> Vec<Row> {
        let of = |live: bool, i: usize| row(if live { "live" } else { "print" }, &format!("p{i}"), says(live, i));
        (0..20).map(|i| of(true, i)).chain((0..20).map(|i| of(false, i))).collect()
    }

    #[test]
    fn a_signal_that_sees_what_the_nets_miss_gets_weight_and_one_that_sees_nothing_none() {
        let rows = rows(|live, i| {
            let net = if live || i % 3 == 0 { 0.1 } else { 0.9 };
            [Some(net), Some(if live { 0.2 } else { 0.9 }), Some(if i % 2 == 0 { 0.8 } else { 0.3 }), None]
        });
        let fusion = fit(&rows.iter().collect::<Vec<_>>(), &SignalName::ALL);
        let weight = |name: SignalName| fusion.signals[name.as_str()].weight;
        assert!(weight(SignalName::PadMotion) > 0.5 && weight(SignalName::PadSurface) == 0.0, "{fusion:?}");
        assert!(weight(SignalName::PadLife) < 0.3 * weight(SignalName::PadMotion), "{fusion:?}");
        assert!(rows.iter().all(|r| (answer(r, &fusion, true).unwrap() < 0.5) == r.item.bona_fide()));
    }

    #[test]
    fn a_signal_that_speaks_against_living_faces_is_never_turned_round() {
        let rows = rows(|live, _| [Some(if live { 0.3 } else { 0.6 }), Some(if live { 0.9 } else { 0.2 }), None, None]);
        let fusion = fit(&rows.iter().collect::<Vec<_>>(), &SignalName::ALL);
        assert_eq!(fusion.signals["pad-motion"].weight, 0.0);
        let without = fit(&rows.iter().collect::<Vec<_>>(), &[SignalName::PadNet]);
        assert_eq!(without.signals["pad-motion"].weight, 0.0);
    }
}
