//! Similarity warps: plain bilinear, four neighbours, black outside.

use super::{Crop, View};
use crate::align::Affine;

/// Samples the square of `side` pixels that `into` (picture to crop) maps the picture onto.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "places are checked against the picture's sides before they become indices")]
pub(crate) fn warp(from: View<'_>, into: &Affine, side: usize, to: &mut Crop) {
    to.reset(side, side);
    let back = into.inverse();
    let (width, height) = (from.width as f32, from.height as f32);
    for (y, row) in to.rgb.chunks_exact_mut(side * 3).enumerate() {
        for (x, pixel) in row.chunks_exact_mut(3).enumerate() {
            let [sx, sy] = back.apply([x as f32, y as f32]);
            // Also false for anything that is not a number.
            if !(sx > -1.0 && sy > -1.0 && sx < width && sy < height) {
                pixel.fill(0);
                continue;
            }
            let (x0, y0) = (sx.floor(), sy.floor());
            let (fx, fy) = (sx - x0, sy - y0);
            let (x0, y0) = (x0 as isize, y0 as isize);
            let taps = [(x0, y0, (1.0 - fx) * (1.0 - fy)), (x0 + 1, y0, fx * (1.0 - fy)), (x0, y0 + 1, (1.0 - fx) * fy), (x0 + 1, y0 + 1, fx * fy)];
            let mut sum = [0.5_f32; 3];
            for (x, y, weight) in taps {
                if x >= 0 && y >= 0 && (x as usize) < from.width && (y as usize) < from.height {
                    let at = &from.row(y as usize)[x as usize * 3..][..3];
                    for c in 0..3 {
                        sum[c] += f32::from(at[c]) * weight;
                    }
                }
            }
            for c in 0..3 {
                pixel[c] = sum[c] as u8;
            }
        }
    }
}
