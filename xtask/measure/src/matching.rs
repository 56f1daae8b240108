//! Comparisons of two faces: error rates by set (ISO/IEC 19795-1).

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use oz_models::embed::cosine;

use crate::judged::Machine;
use crate::set::Pair;
use crate::stats::{Rate, Trial, bootstrap, equal_error, refused_at};

/// Draws of the bootstrap: each sorts thousands of comparisons.
const ROUNDS: usize = 200;

/// All comparisons that could be made.
pub(crate) struct Comparisons {
    /// The set, both subjects and the cosine of each pair.
    pub(crate) pairs: Vec<Compared>,
    /// Pictures without a face: failures to acquire.
    pub(crate) acquired: Rate,
    /// Mean time of a picture: decoding, finding the face, template.
    pub(crate) time: Duration,
}

/// One comparison.
#[derive(Debug, Clone)]
pub(crate) struct Compared {
    /// The second part of the path: sets are compared within themselves.
    pub(crate) set: String,
    /// The third part of both paths.
    pub(crate) subjects: [String; 2],
    /// Whether both are one person.
    pub(crate) same: bool,
    /// Cosine of the templates.
    pub(crate) cosine: f64,
}

/// Error rates of the comparisons of a set.
pub(crate) struct Errors {
    /// Pairs of one person, and of two.
    pub(crate) counts: [usize; 2],
    /// Equal error rate and its interval when subjects are drawn again and again.
    pub(crate) eer: Option<f64>,
    /// The interval.
    pub(crate) eer_interval: Option<(f64, f64)>,
    /// Genuine pairs refused, and the cosine, where FMR is at most 1 %.
    pub(crate) at_2: Option<(Rate, f64)>,
    /// The same at 0.1 %.
    pub(crate) at_3: Option<(Rate, f64)>,
    /// FMR and FNMR at the product's default threshold.
    pub(crate) at_default: [Rate; 2],
}

/// Makes a template of each picture once, and compares the pairs.
///
/// # Errors
/// When a picture cannot be read or does not decode.
pub(crate) fn compare(machine: &Machine, dir: &Path, pairs: &[Pair]) -> Result<Comparisons> {
    let mut templates: BTreeMap<&str, Option<Vec<f32>>> = BTreeMap::new();
    let start = Instant::now();
    for path in pairs.iter().flat_map(|p| &p.paths) {
        if !templates.contains_key(path.as_str()) {
            templates.insert(path, machine.template(&dir.join(path))?);
        }
    }
    let count = u32::try_from(templates.len()).unwrap_or(u32::MAX).max(1);
    let time = start.elapsed() / count;
    let part = |path: &str, n: usize| path.split('/').nth(n).unwrap_or_default().to_owned();
    let compared = pairs.iter().filter_map(|p| {
        let [a, b] = [0, 1].map(|k| templates.get(p.paths[k].as_str())?.as_ref());
        Some(Compared {
            set: part(&p.paths[0], 1),
            subjects: [0, 1].map(|k| format!("{}/{}", part(&p.paths[k], 1), part(&p.paths[k], 2))),
            same: p.same,
            cosine: cosine(a?, b?).into(),
        })
    });
    let pairs = compared.collect();
    Ok(Comparisons { pairs, acquired: Rate::of(templates.values(), Option::is_none), time })
}

/// The sets that occur, and `pooled`.
pub(crate) fn sets(pairs: &[Compared]) -> Vec<String> {
    let mut sets: Vec<String> = Vec::new();
    for pair in pairs {
        if !sets.contains(&pair.set) {
            sets.push(pair.set.clone());
        }
    }
    sets.push("pooled".to_owned());
    sets
}

/// The rates of a set at the cosine `threshold`.
pub(crate) fn errors(pairs: &[Compared], set: &str, threshold: f64) -> Errors {
    let chosen: Vec<&Compared> = pairs.iter().filter(|p| set == "pooled" || p.set == set).collect();
    let trials = trials(&chosen);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut subjects = Vec::new();
    for pair in &chosen {
        let mut both = Vec::new();
        for subject in &pair.subjects {
            let next = numbers.len();
            both.push(*numbers.entry(subject).or_insert(next));
        }
        both.dedup();
        subjects.push(both);
    }
    let of = |same: bool| chosen.iter().filter(move |p| p.same == same);
    Errors {
        counts: [true, false].map(|same| of(same).count()),
        eer: equal_error(&trials),
        eer_interval: bootstrap(&trials, &subjects, ROUNDS),
        at_2: refused_at(&trials, 1e-2),
        at_3: refused_at(&trials, 1e-3),
        at_default: at(chosen.iter().copied(), threshold),
    }
}

/// FMR and FNMR where pairs of at least that cosine are one person.
pub(crate) fn at<'a>(pairs: impl IntoIterator<Item = &'a Compared>, cosine: f64) -> [Rate; 2] {
    let (genuine, impostor): (Vec<&Compared>, Vec<&Compared>) = pairs.into_iter().partition(|p| p.same);
    [Rate::of(impostor, |p| p.cosine >= cosine), Rate::of(genuine, |p| p.cosine < cosine)]
}

/// Comparisons as trials.
pub(crate) fn trials(pairs: &[&Compared]) -> Vec<Trial> {
    pairs.iter().map(|p| Trial { score: p.cosine, genuine: p.same, weight: 1.0 }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_rates_are_of_their_own_pairs_and_sets_stay_apart() {
        let pair = |set: &str, same: bool, cosine: f64| Compared {
            set: set.to_owned(),
            subjects: ["a".to_owned(), if same { "a" } else { "b" }.to_owned()],
            same,
            cosine,
        };
        let all = [
            pair("x", true, 0.9),
            pair("x", true, 0.3),
            pair("x", false, 0.1),
            pair("x", false, 0.5),
            pair("y", false, 0.6),
        ];
        assert_eq!(sets(&all), ["x", "y", "pooled"]);
        assert_eq!(at(&all, 0.5), [Rate { errors: 2, trials: 3 }, Rate { errors: 1, trials: 2 }]);
        let x = errors(&all, "x", 0.5);
        assert_eq!((x.counts, x.at_default[0]), ([2, 2], Rate { errors: 1, trials: 2 }));
        assert_eq!(x.at_3.map(|r| r.0), Some(Rate { errors: 1, trials: 2 }), "above 0.5 lies one of two");
        assert_eq!(errors(&all, "pooled", 0.5).counts, [2, 3]);
    }
}
