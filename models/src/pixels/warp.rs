//! Similarity warps: plain bilinear, four neighbours, black outside.

use super::{Crop, View};
use crate::align::Affine;
use multiversion::multiversion;

/// Bits of a place's fraction.
const FRACTION: u32 = 32;
/// Bits of a weight: 8 + 2 * 11 bits of a sum fit in 32.
const BITS: u32 = 11;
const ONE: u32 = 1 << BITS;

/// Samples the square of `side` pixels that `into` (picture to crop) maps the picture onto.
pub(crate) fn warp(from: View<'_>, into: &Affine, side: usize, to: &mut Crop) {
    to.reset(side, side);
    let back = into.inverse();
    let [dx, dy] = [fixed(back.0[0]), fixed(back.0[3])];
    let mut start = [back.0[2], back.0[5]];
    for row in to.rgb.chunks_exact_mut(side * 3) {
        along(from, start.map(fixed), [dx, dy], row);
        start = [start[0] + back.0[1], start[1] + back.0[4]];
    }
}

/// Samples a row of the crop, step by step from a place of the picture.
#[multiversion(targets("x86_64+avx2"))]
fn along(from: View<'_>, mut at: [i64; 2], step: [i64; 2], row: &mut [u8]) {
    for pixel in row.as_chunks_mut::<3>().0 {
        sample(from, at, pixel);
        at = [0, 1].map(|k| at[k].wrapping_add(step[k]));
    }
}

/// A place or step in fixed point; 0 for what is not a number, the end of the range for what is beyond it.
#[expect(clippy::cast_possible_truncation, reason = "casts of floats saturate")]
fn fixed(v: f32) -> i64 {
    // A factor of two is left so that steps along a row cannot come round from one end of the range to the other.
    (f64::from(v.clamp(-1e9, 1e9)) * (1_u64 << FRACTION) as f64) as i64
}

#[inline(always)]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "cut to 11 bits; places are checked before they become indices"
)]
fn sample(from: View<'_>, at: [i64; 2], pixel: &mut [u8; 3]) {
    let [x, y] = at.map(|v| v >> FRACTION);
    let [fx, fy] = at.map(|v| (v >> (FRACTION - BITS)) as u32 & (ONE - 1));
    let weights = weights(fx, fy);
    let inside = x >= 0 && y >= 0 && x < from.width as i64 - 1 && y < from.height as i64 - 1;
    if inside {
        let (top, bottom) = from.square(x as usize, y as usize);
        for c in 0..3 {
            pixel[c] = mix([top[c], top[c + 3], bottom[c], bottom[c + 3]], weights);
        }
    } else {
        for (c, out) in pixel.iter_mut().enumerate() {
            let tap = |x: i64, y: i64| {
                let there = x >= 0 && y >= 0 && x < from.width as i64 && y < from.height as i64;
                if there { from.row(y as usize)[x as usize * 3 + c] } else { 0 }
            };
            *out = mix([tap(x, y), tap(x + 1, y), tap(x, y + 1), tap(x + 1, y + 1)], weights);
        }
    }
}

/// How much each of the four neighbours counts: once for all channels. They add up to 2^22.
#[inline]
const fn weights(fx: u32, fy: u32) -> [u32; 4] {
    let (right, bottom) = (fx * fy, ONE * fy);
    let top = ONE * ONE - bottom;
    let top_right = ONE * fx - right;
    [top - top_right, top_right, bottom - right, right]
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "weights add up to 2^22, so the result is a byte")]
fn mix(v: [u8; 4], weights: [u32; 4]) -> u8 {
    let [a, b, c, d] = v.map(u32::from);
    let [wa, wb, wc, wd] = weights;
    ((a * wa + b * wb + c * wc + d * wd + (1 << (2 * BITS - 1))) >> (2 * BITS)) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture() -> Crop {
        let rgb = (0..10 * 8_u8).flat_map(|i| [i % 10 * 20, i / 10 * 30, 200]).collect();
        Crop { width: 10, height: 8, rgb }
    }

    #[test]
    fn a_shift_by_half_a_pixel_is_the_mean_and_outside_is_black() {
        let (from, mut to) = (picture(), Crop::default());
        warp(View::of_crop(&from), &Affine([1.0, 0.0, -2.5, 0.0, 1.0, 0.0]), 8, &mut to);
        assert_eq!(to.rgb[..3], [50, 0, 200]);
        assert_eq!(to.rgb[7 * 3..8 * 3], [90, 0, 100], "half of it is outside");
        assert_eq!(to.rgb[(3 * 8 + 1) * 3..][..3], [70, 90, 200]);
        warp(View::of_crop(&from), &Affine([1.0, 0.0, -12.0, 0.0, 1.0, 0.0]), 8, &mut to);
        assert!(to.rgb.iter().all(|v| *v == 0));
    }

    #[test]
    fn numbers_beyond_all_pictures_give_black() {
        let (from, mut to) = (picture(), Crop::default());
        for wild in [f32::NAN, f32::INFINITY, 1e30, -1e30] {
            warp(View::of_crop(&from), &Affine([1.0, 0.0, wild, wild, 1.0, 0.0]), 4, &mut to);
            warp(View::of_crop(&from), &Affine([1e-9, 0.0, wild, 0.0, 1e-9, 1.0]), 4, &mut to);
        }
        warp(View::of_crop(&from), &Affine([1.0, 0.0, 1e20, 0.0, 1.0, 0.0]), 4, &mut to);
        assert!(to.rgb.iter().all(|v| *v == 0));
    }
}
