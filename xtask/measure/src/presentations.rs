//! Presentation attacks: error rates by set and kind of attack (ISO/IEC 30107-3).

use std::collections::BTreeMap;

use crate::judged::Row;
use crate::stats::{Rate, Trial, bootstrap, equal_error, refused_at};

/// Confidence from which a presentation is refused.
pub(crate) const THRESHOLD: f64 = 0.5;
/// Draws of the bootstrap.
const ROUNDS: usize = 1000;

/// One presentation with an answer.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    /// `live`, or the kind of attack.
    pub(crate) label: String,
    /// The person.
    pub(crate) subject: String,
    /// Confidence of an attack, 0-1.
    pub(crate) confidence: f64,
}

/// Error rates of one kind of attack against the bona fide presentations of the same set.
#[derive(Debug, Clone)]
pub(crate) struct Errors {
    /// Attacks that were accepted (APCER).
    pub(crate) apcer: Rate,
    /// Bona fide presentations that were refused (BPCER).
    pub(crate) bpcer: Rate,
    /// Equal error rate.
    pub(crate) eer: Option<f64>,
    /// Its interval when subjects are drawn again and again.
    pub(crate) eer_interval: Option<(f64, f64)>,
    /// BPCER where APCER is at most 5 %.
    pub(crate) bpcer_at_5: Option<Rate>,
    /// BPCER where APCER is at most 1 %.
    pub(crate) bpcer_at_1: Option<Rate>,
}

impl Errors {
    /// Mean of both rates at the threshold (ACER; withdrawn from the standard, but still asked for).
    pub(crate) fn acer(&self) -> f64 {
        f64::midpoint(self.apcer.value(), self.bpcer.value())
    }
}

/// The presentations that have an answer by `of`.
pub(crate) fn scored<'a>(rows: impl IntoIterator<Item = &'a Row>, of: impl Fn(&Row) -> Option<f64>) -> Vec<Scored> {
    let one =
        |r: &Row| Some(Scored { label: r.item.label.clone(), subject: r.item.subject.clone(), confidence: of(r)? });
    rows.into_iter().filter_map(one).collect()
}

/// Kinds of attack that occur, in alphabetic order.
pub(crate) fn kinds(all: &[Scored]) -> Vec<String> {
    let kinds: BTreeMap<&str, ()> = all.iter().filter(|s| s.label != "live").map(|s| (s.label.as_str(), ())).collect();
    kinds.into_keys().map(str::to_owned).collect()
}

/// The rates of one kind of attack; `all` for every kind together.
pub(crate) fn errors(all: &[Scored], kind: &str) -> Errors {
    let chosen: Vec<&Scored> = all.iter().filter(|s| kind == "all" || s.label == kind || s.label == "live").collect();
    let (trials, subjects) = trials(&chosen);
    let attacks = || chosen.iter().filter(|s| s.label != "live");
    Errors {
        apcer: Rate::of(attacks(), |s| s.confidence < THRESHOLD),
        bpcer: Rate::of(chosen.iter().filter(|s| s.label == "live"), |s| s.confidence >= THRESHOLD),
        eer: equal_error(&trials),
        eer_interval: bootstrap(&trials, &subjects, ROUNDS),
        bpcer_at_5: refused_at(&trials, 0.05).map(|r| r.0),
        bpcer_at_1: refused_at(&trials, 0.01).map(|r| r.0),
    }
}

/// Trials whose score is high for what should be accepted, and the number of the subject of each.
pub(crate) fn trials(chosen: &[&Scored]) -> (Vec<Trial>, Vec<Vec<usize>>) {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut subjects = Vec::new();
    for one in chosen {
        let next = numbers.len();
        subjects.push(vec![*numbers.entry(&one.subject).or_insert(next)]);
    }
    let trial = |s: &&Scored| Trial { score: 1.0 - s.confidence, genuine: s.label == "live", weight: 1.0 };
    (chosen.iter().map(trial).collect(), subjects)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_by_kind_and_a_half_is_a_refusal() {
        let one = |label: &str, i: usize, confidence: f64| Scored {
            label: label.to_owned(),
            subject: format!("p{i}"),
            confidence,
        };
        let all = [
            one("live", 0, 0.1),
            one("live", 1, 0.5),
            one("live", 2, 0.2),
            one("live", 3, 0.0),
            one("print", 0, 0.5),
            one("print", 1, 0.9),
            one("replay", 0, 0.3),
            one("replay", 1, 0.7),
        ];
        assert_eq!(kinds(&all), ["print", "replay"]);
        let (print, replay) = (errors(&all, "print"), errors(&all, "replay"));
        assert_eq!((print.apcer, print.bpcer), (Rate { errors: 0, trials: 2 }, Rate { errors: 1, trials: 4 }));
        assert_eq!(replay.apcer, Rate { errors: 1, trials: 2 });
        assert!((replay.acer() - 0.375).abs() < 1e-9);
        assert_eq!(replay.bpcer_at_1, Some(Rate { errors: 1, trials: 4 }), "all but the one at 0.5 lie above 0.7");
        assert_eq!(errors(&all, "all").apcer, Rate { errors: 1, trials: 4 });
    }
}
