//! Stage "pad-life": does the face itself move? Blinks, the mouth, small changes of expression.
//!
//! A picture moves as a whole: whatever its landmarks do, the face's own shape stays. A clip in which it stays for long
//! is suspicious; one in which it moves is not yet alive, because a replay moves too, so this signal may only accuse.

use crate::landmarks::{EYE_AT_LEFT, EYE_AT_RIGHT, JAW_OPEN, MOUTH, SMILE, eye_aspect_ratio};
use crate::signals::gesture::closure;
use crate::signals::grey::{deviation, mean, quantile};
use crate::signals::{Evidence, fuse};
use crate::track::{FaceMeasures, Track};

/// Frames with a face that it takes.
const FEWEST: usize = 12;
/// Seconds from the first of them to the last.
const SHORTEST: f64 = 1.5;
/// Expression energy at which nothing is said, and the step that turns odds by e. Measured on the fit half of the
/// evaluation set (`docs/ACCURACY.md`).
const CALM: f64 = 0.6;
const STEP: f64 = 0.1;
/// Upper and lower lip, inside.
const LIPS: [usize; 2] = [13, 14];

/// Judges a clip.
pub fn life(track: &Track) -> Evidence {
    let seen: Vec<(f64, &FaceMeasures)> =
        track.observations.iter().filter_map(|o| Some((o.time, o.main.as_ref()?))).collect();
    let shaped: Vec<(f64, &FaceMeasures)> = seen.into_iter().filter(|(_, m)| m.blendshapes.is_some()).collect();
    let length = shaped.last().zip(shaped.first()).map_or(0.0, |(b, a)| b.0 - a.0);
    if shaped.len() < FEWEST || length < SHORTEST {
        return Evidence::default();
    }
    let series =
        |of: &dyn Fn(&FaceMeasures) -> Option<f64>| -> Vec<f64> { shaped.iter().filter_map(|(_, m)| of(m)).collect() };
    let shape = |places: [usize; 2]| {
        series(&move |m| m.blendshapes.as_ref().map(|b| f64::from(f32::midpoint(b[places[0]], b[places[1]]))))
    };
    let range = |values: &[f64]| quantile(values, 0.95) - quantile(values, 0.05);
    let eyes = range(&series(&closure));
    let openness = range(&series(&|m| {
        let points = m.landmarks.as_ref()?;
        Some(f64::from(f32::midpoint(eye_aspect_ratio(points, EYE_AT_LEFT), eye_aspect_ratio(points, EYE_AT_RIGHT))))
    }));
    let lips = range(&series(&|m| m.landmarks.as_deref().and_then(lips_apart)));
    let jaw = range(&shape([JAW_OPEN, JAW_OPEN]));
    let smile = range(&shape(SMILE));
    let spread: Vec<f64> = (1..52).map(|k| deviation(&shape([k, k]))).collect();
    let expression = mean(&spread);
    // Each in units of what a live face shows within seconds; the strongest counts most, the others help.
    let parts = [eyes / 0.35, openness / 0.12, lips / 0.12, jaw / 0.15, smile / 0.30, expression / 0.03];
    let energy = parts.iter().map(|p| p.min(2.0).powi(2)).sum::<f64>().sqrt() / 2.0;
    let attack = fuse::logistic((CALM - energy) / STEP);
    let facts = vec![
        ("eyes_closed_range", eyes),
        ("eye_aspect_range", openness),
        ("lips_range", lips),
        ("jaw_range", jaw),
        ("smile_range", smile),
        ("expression_spread", expression),
        ("life_energy", energy),
    ];
    Evidence { attack: Some(attack), facts }
}

/// Height of the open mouth over its width.
fn lips_apart(points: &[[f32; 3]]) -> Option<f64> {
    let at = |i: usize| points.get(i).copied();
    let (top, bottom) = (at(LIPS[0])?, at(LIPS[1])?);
    let (left, right) = (at(MOUTH[0])?, at(MOUTH[1])?);
    let width = (left[0] - right[0]).hypot(left[1] - right[1]);
    (width > 0.0).then(|| f64::from((top[0] - bottom[0]).hypot(top[1] - bottom[1]) / width))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::landmarks::{BLINK_LEFT, BLINK_RIGHT};
    use crate::signals::testing::{face_at, noise, observation, track};

    fn of(frames: usize, shapes: impl Fn(usize, usize) -> f32) -> Evidence {
        life(&track((0..frames).map(|i| {
            let mut main = face_at(0.0, 0.0, 100.0);
            main.blendshapes = Some(Box::new(std::array::from_fn(|k| shapes(i, k))));
            observation(i, Some(main))
        })))
    }

    #[test]
    fn a_face_that_never_moves_is_suspicious_and_one_that_blinks_and_talks_is_not() {
        let jitter = |i: usize, k: usize| 0.1 + 0.01 * noise(i as u32, k as u32) as f32;
        let still = of(40, jitter).attack.unwrap();
        let alive = of(40, |i, k| match k {
            BLINK_LEFT | BLINK_RIGHT if (17..20).contains(&i) => 0.7,
            JAW_OPEN => 0.15 + 0.15 * (i as f32).sin(),
            _ => jitter(i, k),
        });
        assert!(still > 0.8 && alive.attack.unwrap() < 0.3, "{still} {alive:?}");
    }

    #[test]
    fn more_movement_is_never_more_of_an_attack() {
        let with = |k: f32| of(40, |i, _| 0.3 + k * (i as f32).sin()).attack.unwrap();
        let all = [0.0, 0.02, 0.05, 0.1, 0.2, 0.3].map(with);
        assert!(all.windows(2).all(|w| w[1] <= w[0]), "{all:?}");
    }

    #[test]
    fn a_short_clip_cannot_tell() {
        assert_eq!(of(11, |_, _| 0.1), Evidence::default());
    }
}
