//! Error rates and their uncertainty, by the terms of ISO/IEC 19795-1 (matching) and ISO/IEC 30107-3 (presentation
//! attacks). Pure functions.

/// Errors among trials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Rate {
    /// Trials that went wrong.
    pub(crate) errors: usize,
    /// All trials.
    pub(crate) trials: usize,
}

impl Rate {
    /// Counts the trials for which `wrong` holds.
    pub(crate) fn of<T>(trials: impl IntoIterator<Item = T>, wrong: impl Fn(T) -> bool) -> Self {
        trials
            .into_iter()
            .fold(Self::default(), |r, t| Self { errors: r.errors + usize::from(wrong(t)), trials: r.trials + 1 })
    }

    /// The rate, 0-1; 0 without trials.
    pub(crate) fn value(self) -> f64 {
        if self.trials == 0 { 0.0 } else { float(self.errors) / float(self.trials) }
    }

    /// Both ends of the 95 % interval of the rate (Wilson 1927); 0 and 1 without trials.
    pub(crate) fn interval(self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        if self.trials == 0 {
            return (0.0, 1.0);
        }
        let (n, p) = (float(self.trials), self.value());
        let below = 1.0 + Z * Z / n;
        let middle = (p + Z * Z / (2.0 * n)) / below;
        let half = Z / below * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        ((middle - half).max(0.0), (middle + half).min(1.0))
    }
}

/// One comparison or presentation: `score` is high for what should be accepted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Trial {
    /// Similarity, or 1 minus the confidence of an attack.
    pub(crate) score: f64,
    /// Genuine pair, or bona fide presentation.
    pub(crate) genuine: bool,
    /// How often it counts; 1 but for resampling.
    pub(crate) weight: f64,
}

/// One point of a curve: what is accepted falsely and what is refused falsely from a threshold on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Point {
    /// Scores from here on are accepted.
    pub(crate) threshold: f64,
    /// Part of the impostors (attacks) that is accepted.
    pub(crate) accepted: f64,
    /// Part of the genuine (bona fide) trials that is refused.
    pub(crate) refused: f64,
}

/// The detection error trade-off: one point for each score that occurs, thresholds rising. Empty when a class is missing.
pub(crate) fn det(trials: &[Trial]) -> Vec<Point> {
    let total = |genuine: bool| trials.iter().filter(|t| t.genuine == genuine).map(|t| t.weight).sum::<f64>();
    let (genuine, impostor) = (total(true), total(false));
    if !(genuine > 0.0 && impostor > 0.0) {
        return vec![];
    }
    let mut sorted: Vec<&Trial> = trials.iter().collect();
    sorted.sort_by(|a, b| a.score.total_cmp(&b.score));
    let (mut below_genuine, mut below_impostor) = (0.0, 0.0);
    let mut points: Vec<Point> = Vec::new();
    for trial in sorted {
        if points.last().is_none_or(|p| p.threshold < trial.score) {
            points.push(Point {
                threshold: trial.score,
                accepted: 1.0 - below_impostor / impostor,
                refused: below_genuine / genuine,
            });
        }
        if trial.genuine {
            below_genuine += trial.weight;
        } else {
            below_impostor += trial.weight;
        }
    }
    points
}

/// Equal error rate: the mean of both rates where they differ least, 0-1. `None` when a class is missing.
pub(crate) fn equal_error(trials: &[Trial]) -> Option<f64> {
    let apart = |p: &Point| (p.accepted - p.refused).abs();
    let best = det(trials).into_iter().min_by(|a, b| apart(a).total_cmp(&apart(b)))?;
    Some(f64::midpoint(best.accepted, best.refused))
}

/// Part of the genuine trials refused, and the threshold, at the lowest threshold that accepts at most `most` of the
/// impostors. A score must be greater than the threshold. `None` when a class is missing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count below that of the trials")]
pub(crate) fn refused_at(trials: &[Trial], most: f64) -> Option<(Rate, f64)> {
    let mut impostors: Vec<f64> = trials.iter().filter(|t| !t.genuine).map(|t| t.score).collect();
    impostors.sort_by(|a, b| b.total_cmp(a));
    let threshold = *impostors.get((most * float(impostors.len())) as usize)?;
    let refused = Rate::of(trials.iter().filter(|t| t.genuine), |t| t.score <= threshold);
    (refused.trials > 0).then_some((refused, threshold))
}

/// Both ends of the 95 % interval of the equal error rate when whole subjects are drawn again and again (percentiles of
/// `rounds` draws). `subjects` are those of each trial: one of a presentation, both of a comparison. The draws are the
/// same at each call.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "places in a list of rounds")]
pub(crate) fn bootstrap(trials: &[Trial], subjects: &[Vec<usize>], rounds: usize) -> Option<(f64, f64)> {
    let count = subjects.iter().flatten().max()? + 1;
    let mut random = 0x9E37_79B9_7F4A_7C15_u64;
    let mut rates = Vec::new();
    for _ in 0..rounds {
        let mut drawn = vec![0_u32; count];
        for _ in 0..count {
            drawn[draw(&mut random, count)] += 1;
        }
        let weigh = |s: &Vec<usize>| s.iter().map(|i| f64::from(drawn[*i])).product::<f64>();
        let again: Vec<Trial> = trials
            .iter()
            .zip(subjects)
            .map(|(t, s)| Trial { weight: weigh(s), ..*t })
            .filter(|t| t.weight > 0.0)
            .collect();
        rates.extend(equal_error(&again));
    }
    rates.sort_by(f64::total_cmp);
    let at = |q: f64| rates.get((float(rates.len().saturating_sub(1)) * q).round() as usize).copied();
    Some((at(0.025)?, at(0.975)?))
}

/// A number below `count` (SplitMix64).
fn draw(state: &mut u64, count: usize) -> usize {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((z ^ (z >> 31)) % count as u64).unwrap_or(0)
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "counts of trials are far below 2^52")]
pub(crate) const fn float(n: usize) -> f64 {
    n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trials(genuine: &[f64], impostor: &[f64]) -> Vec<Trial> {
        let of = |scores: &[f64], genuine: bool| -> Vec<Trial> {
            scores.iter().map(|s| Trial { score: *s, genuine, weight: 1.0 }).collect()
        };
        [of(genuine, true), of(impostor, false)].concat()
    }

    #[test]
    fn wilson_is_that_of_the_textbook() {
        let (low, high) = Rate { errors: 0, trials: 22 }.interval();
        assert!(low == 0.0 && (high - 0.1487).abs() < 1e-3, "{high}");
        let (low, high) = Rate { errors: 5, trials: 20 }.interval();
        assert!((low - 0.1119).abs() < 1e-3 && (high - 0.4687).abs() < 1e-3, "{low} {high}");
        assert_eq!(Rate::default().interval(), (0.0, 1.0));
    }

    #[test]
    fn separated_classes_have_no_error_and_mixed_ones_half() {
        assert_eq!(equal_error(&trials(&[0.8, 0.9, 0.7], &[0.1, 0.2])), Some(0.0));
        assert_eq!(equal_error(&trials(&[0.1, 0.9], &[0.1, 0.9])), Some(0.5));
        assert_eq!(equal_error(&trials(&[0.1], &[])), None);
        let one_of_four = trials(&[0.4, 0.8, 0.9, 0.95], &[0.1, 0.2, 0.3, 0.6]);
        assert_eq!(equal_error(&one_of_four), Some(0.25));
    }

    #[test]
    fn the_threshold_lets_no_more_through_than_allowed() {
        let impostors: Vec<f64> = (0..100).map(|i| f64::from(i) / 100.0).collect();
        let all = trials(&[0.985, 0.995, 0.5], &impostors);
        let (refused, threshold) = refused_at(&all, 0.01).unwrap();
        assert_eq!((refused, threshold), (Rate { errors: 1, trials: 3 }, 0.98));
        assert_eq!(refused_at(&all, 0.0).unwrap().1, 0.99);
    }

    #[test]
    fn the_curve_falls_in_one_rate_and_rises_in_the_other() {
        let points = det(&trials(&[0.4, 0.8, 0.9], &[0.1, 0.5, 0.8]));
        assert!(
            points.windows(2).all(|w| w[1].accepted <= w[0].accepted && w[1].refused >= w[0].refused),
            "{points:?}"
        );
        assert_eq!((points[0].accepted, points[0].refused), (1.0, 0.0));
    }

    #[test]
    fn one_subject_that_fails_widens_the_interval() {
        let all = trials(&[0.2, 0.9, 0.9, 0.9, 0.9, 0.9], &[0.1, 0.3, 0.3, 0.3, 0.3, 0.3]);
        let subjects: Vec<Vec<usize>> = (0..12).map(|i| vec![i % 6]).collect();
        let (low, high) = bootstrap(&all, &subjects, 300).unwrap();
        let rate = equal_error(&all).unwrap();
        assert!(low == 0.0 && low < rate && rate < high, "{low} {rate} {high}");
    }
}
