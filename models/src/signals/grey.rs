//! Small numbers that several signals need: means, quantiles, and grey squares cut from pictures.

use oz_domain::Picture;

use crate::align::Affine;
use crate::pixels::{Crop, View, warp};

/// The mean; 0 of nothing.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / count(values.len()).max(1.0)
}

/// The standard deviation of the values themselves, not an estimate for more; 0 of nothing.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    mean(&values.iter().map(|v| (v - middle).powi(2)).collect::<Vec<_>>()).sqrt()
}

/// The value that a part `q` (0-1) of the values does not exceed (nearest rank); 0 of nothing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list, cut to it")]
pub(crate) fn quantile(values: &[f64], q: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(1);
    sorted.get(((count(last) * q).round() as usize).min(last)).copied().unwrap_or(0.0)
}

/// A number of things as a float.
#[expect(clippy::cast_precision_loss, reason = "numbers of frames and pixels of crops are far below 2^52")]
pub(crate) const fn count(n: usize) -> f64 {
    n as f64
}

/// A place or side in pixels of a small square.
#[expect(clippy::cast_precision_loss, reason = "squares have at most some hundred pixels a side")]
pub(crate) const fn pixels(n: usize) -> f32 {
    n as f32
}

/// A grey square: luma 0-255, row by row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Grey {
    /// Pixels of a side.
    pub(crate) side: usize,
    /// `side` x `side` values.
    pub(crate) luma: Vec<f32>,
}

impl Grey {
    /// The square of `side` px that `into` maps the picture onto; black outside the picture.
    pub(crate) fn sample(picture: &Picture, into: &Affine, side: usize) -> Self {
        Self::of(&colours(picture, into, side))
    }

    /// BT.601 luma of a square crop.
    pub(crate) fn of(crop: &Crop) -> Self {
        let luma = |p: &[u8]| 0.299 * f32::from(p[0]) + 0.587 * f32::from(p[1]) + 0.114 * f32::from(p[2]);
        Self { side: crop.width, luma: crop.rgb.chunks_exact(3).map(luma).collect() }
    }

    /// The value at a place; 0 outside.
    pub(crate) fn at(&self, x: usize, y: usize) -> f32 {
        if x < self.side { self.luma.get(y * self.side + x).copied().unwrap_or(0.0) } else { 0.0 }
    }
}

/// The square of `side` px that `into` maps the picture onto, in colour.
pub(crate) fn colours(picture: &Picture, into: &Affine, side: usize) -> Crop {
    let mut crop = Crop::default();
    warp(View::of(picture), into, side, &mut crop);
    crop
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_of_the_list() {
        let values = [3.0, 1.0, 2.0, 5.0, 4.0];
        assert_eq!([0.0, 0.5, 0.9, 1.0].map(|q| quantile(&values, q)), [1.0, 3.0, 5.0, 5.0]);
        assert_eq!((quantile(&[], 0.5), mean(&[]), deviation(&[])), (0.0, 0.0, 0.0));
        assert!((deviation(&[1.0, 3.0]) - 1.0).abs() < 1e-12);
    }
}
