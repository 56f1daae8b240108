//! Fusion as the product does it, on rows that were judged before: for fitting and for asking what one signal adds.

use std::collections::BTreeMap;

use oz_models::calibration::{Fusion, SignalWeight};
use oz_models::signals::{SignalName, fuse};

use crate::judged::{Row, evidence};

/// The nets alone, as the product starts: their mean is the answer.
pub(crate) fn nets_alone() -> Fusion {
    let weight = SignalWeight { weight: 1.0, cap: 9.0, floor: 9.0, neutral: 0.5 };
    Fusion { bias: 0.0, signals: BTreeMap::from([(SignalName::PadNet.as_str().to_owned(), weight)]) }
}

/// A calibration with the weights of only some signals.
pub(crate) fn only(fusion: &Fusion, names: &[SignalName]) -> Fusion {
    let kept = |name: &String| names.iter().any(|n| n.as_str() == name);
    let signals = fusion.signals.iter().filter(|(name, _)| kept(name)).map(|(n, w)| (n.clone(), *w)).collect();
    Fusion { bias: fusion.bias, signals }
}

/// The product's answer with another fusion, 0-1; `None` where there was nothing to judge. Findings count as in the
/// product when asked for.
pub(crate) fn answer(row: &Row, fusion: &Fusion, findings: bool) -> Option<f64> {
    row.confidence?;
    let fused = fuse::fuse(evidence(row.signals), fusion).0;
    Some(if findings && row.findings { fused.max(0.5) } else { fused })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::set::Item;
    use std::time::Duration;

    /// A row of a presentation on which the signals say that.
    pub(crate) fn row(label: &str, subject: &str, signals: [Option<f64>; 4]) -> Row {
        let text = |s: &str| s.to_owned();
        let item = Item {
            name: text(subject),
            path: text(subject).into(),
            label: text(label),
            subject: text(subject),
            set: text("clip"),
        };
        let (decode, judge) = (Duration::ZERO, Duration::ZERO);
        Row { item, signals, findings: false, confidence: Some(0.5), failure: None, decode, judge, details: None }
    }

    #[test]
    fn nets_alone_answer_with_their_mean_and_a_finding_is_a_half() {
        let mut row = row("live", "p", [Some(0.2), Some(0.99), None, None]);
        assert!((answer(&row, &nets_alone(), true).unwrap() - 0.2).abs() < 1e-9);
        row.findings = true;
        assert_eq!(answer(&row, &nets_alone(), true), Some(0.5));
        assert!(answer(&row, &nets_alone(), false).unwrap() < 0.21);
        row.confidence = None;
        assert_eq!(answer(&row, &nets_alone(), true), None);
    }
}
