//! Is there a frame round the face: the bezel of a screen, the margin of a sheet?
//!
//! A frame is a straight edge over a long way, on at least two sides of the face. Looked for in one small grey square;
//! doors and window frames look the same, so this is one clue among others.

use crate::signals::grey::{Grey, count};

/// Largest lean of an edge, in pixels from one end of it to the other.
const LEAN: i32 = 6;

/// How frame-like the surroundings of a centred face are, about 0-10: on the side with the second strongest edge, the mean
/// step along the best straight line over the mean step of the whole square. `head` is the half width, in pixels, of what
/// is not looked at in the middle.
pub(super) fn border(grey: &Grey, head: usize) -> f64 {
    let middle = grey.side / 2;
    let ranges = [1..middle.saturating_sub(head), (middle + head)..grey.side.saturating_sub(2)];
    let mut sides: Vec<f64> = [false, true]
        .into_iter()
        .flat_map(|upright| ranges.clone().map(move |range| (upright, range)))
        .map(|(upright, range)| range.map(|at| strongest(grey, upright, at)).fold(0.0, f64::max))
        .collect();
    sides.sort_by(|a, b| b.total_cmp(a));
    sides.get(1).copied().unwrap_or(0.0) / (usual(grey) + 1.0)
}

/// The mean step across lines through `at` (a column, or a row unless `upright`), for the best lean. Steps in one direction
/// add up, others cancel each other: texture has no direction.
fn strongest(grey: &Grey, upright: bool, at: usize) -> f64 {
    let line = |lean: i32| {
        let sum: f64 = (0..grey.side).map(|along| step(grey, upright, place(at, lean, along, grey.side), along)).sum();
        sum.abs() / count(grey.side)
    };
    (-LEAN..=LEAN).step_by(2).map(line).fold(0.0, f64::max)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    reason = "places in a small square"
)]
fn place(at: usize, lean: i32, along: usize, side: usize) -> usize {
    let off = (2 * along as i32 - side as i32) * lean / (2 * side as i32);
    (at as i32 + off).clamp(0, side as i32 - 3) as usize
}

/// Difference of the pixels two further on.
fn step(grey: &Grey, upright: bool, across: usize, along: usize) -> f64 {
    let at = |a: usize| if upright { grey.at(a, along) } else { grey.at(along, a) };
    f64::from(at(across + 2) - at(across))
}

/// The mean step of the whole square, whatever its direction.
fn usual(grey: &Grey) -> f64 {
    let all = (0..grey.side.saturating_sub(2))
        .flat_map(|a| (0..grey.side).map(move |b| (a, b)))
        .map(|(a, b)| step(grey, true, a, b).abs() + step(grey, false, a, b).abs());
    all.sum::<f64>() / (2.0 * count(grey.side.saturating_sub(2) * grey.side).max(1.0))
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::signals::testing::noise;

    fn square(framed: bool, lean: f64) -> Grey {
        let value = |i: u32| {
            let (x, y) = (i % 64, i / 64);
            let line = f64::from(x) - lean * (f64::from(y) / 64.0 - 0.5);
            let sheet = (10.0..54.0).contains(&line) && y >= 8;
            let texture = 60.0 * noise(x / 5, y / 5);
            (if framed && !sheet { 20.0 + texture / 4.0 } else { 100.0 + texture }) as f32
        };
        Grey { side: 64, luma: (0..64 * 64).map(value).collect() }
    }

    #[test]
    fn a_sheet_has_a_border_even_when_it_leans_and_texture_has_none() {
        let (plain, upright, leaning) =
            (border(&square(false, 0.0), 12), border(&square(true, 0.0), 12), border(&square(true, 4.0), 12));
        assert!(upright > 3.0 * plain && leaning > 2.0 * plain, "{plain} {upright} {leaning}");
    }

    #[test]
    fn a_flat_square_has_none() {
        assert_eq!(border(&Grey { side: 64, luma: vec![90.0; 64 * 64] }, 12), 0.0);
    }
}
