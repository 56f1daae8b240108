//! Fusion: from the signals to one number. Logistic, monotone: more of a signal never means less of an attack.

use crate::calibration::{Fusion, SignalWeight};
use crate::signals::{Evidence, Signal, SignalName};

/// Probabilities are kept this far from 0 and 1, so that no single signal is ever certain (log odds of about 9).
const EDGE: f64 = 1e-4;

/// Log odds of a probability.
pub fn logit(p: f64) -> f64 {
    let p = p.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}

/// Probability of log odds.
pub fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

/// What one signal adds to the log odds of an attack: `weight * (logit(p) - logit(neutral))`, from `-floor` to `cap`.
pub fn contribution(weight: &SignalWeight, attack: f64) -> f64 {
    (weight.weight * (logit(attack) - logit(weight.neutral))).clamp(-weight.floor, weight.cap)
}

/// The fused probability of an attack, and what each signal did to it. `evidence` is in the order of [`SignalName::ALL`];
/// a signal that says nothing, or that the calibration does not name, adds nothing.
pub fn fuse(evidence: [Evidence; 4], fusion: &Fusion) -> (f64, Vec<Signal>) {
    let signals: Vec<Signal> = SignalName::ALL
        .into_iter()
        .zip(evidence)
        .map(|(name, evidence)| {
            let weight = fusion.signals.get(name.as_str());
            let contribution = weight.zip(evidence.attack).map_or(0.0, |(w, p)| contribution(w, p));
            Signal { name, evidence, contribution }
        })
        .collect();
    (logistic(fusion.bias + signals.iter().map(|s| s.contribution).sum::<f64>()), signals)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fusion(signals: &[(&str, SignalWeight)]) -> Fusion {
        Fusion { bias: 0.0, signals: signals.iter().map(|(n, w)| ((*n).to_owned(), *w)).collect() }
    }

    const NET: (&str, SignalWeight) = ("pad-net", SignalWeight { weight: 1.0, cap: 9.0, floor: 9.0, neutral: 0.5 });
    const LIFE: (&str, SignalWeight) = ("pad-life", SignalWeight { weight: 2.0, cap: 3.0, floor: 0.0, neutral: 0.5 });

    fn said(values: [Option<f64>; 4]) -> [Evidence; 4] {
        values.map(|attack| Evidence { attack, facts: vec![] })
    }

    #[test]
    fn the_nets_alone_are_their_own_mean() {
        let (p, signals) = fuse(said([Some(0.32), None, Some(0.99), None]), &fusion(&[NET]));
        assert!((p - 0.32).abs() < 1e-9, "{p}");
        assert_eq!(signals.iter().map(|s| s.contribution == 0.0).collect::<Vec<_>>(), [false, true, true, true]);
    }

    #[test]
    fn more_of_any_signal_never_means_less_of_an_attack() {
        let fusion = fusion(&[NET, LIFE]);
        let of = |net: f64, life: f64| fuse(said([Some(net), None, Some(life), None]), &fusion).0;
        for a in 0..20 {
            for b in 0..20 {
                let (net, life) = (f64::from(a) / 20.0, f64::from(b) / 20.0);
                assert!(of(net + 0.05, life) >= of(net, life) && of(net, life + 0.05) >= of(net, life), "{net} {life}");
            }
        }
    }

    #[test]
    fn a_signal_with_no_floor_only_raises_and_none_beyond_its_cap() {
        let fusion = fusion(&[NET, LIFE]);
        let of = |life| fuse(said([Some(0.2), None, life, None]), &fusion).0;
        assert_eq!(of(Some(0.01)), of(None));
        assert_eq!(of(Some(0.9)), of(Some(0.999)));
        assert!((logit(of(Some(0.999))) - logit(0.2) - 3.0).abs() < 1e-9);
    }
}
