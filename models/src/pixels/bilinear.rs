//! Plain bilinear resizing: four neighbours, half-pixel centres, no antialiasing, in OpenCV's fixed point.

use super::{Crop, View};
use multiversion::multiversion;

/// Bits of a weight, as in OpenCV's `INTER_LINEAR` for 8-bit pictures.
const BITS: u32 = 11;

/// Resizes without keeping the aspect.
pub(crate) fn resize(from: View<'_>, width: usize, height: usize, to: &mut Crop) {
    to.reset(width, height);
    let columns = taps(from.width, width);
    let mut rows =
        Rows { from, columns: &columns, kept: [usize::MAX; 2], lines: [vec![0; width * 3], vec![0; width * 3]] };
    for (out, tap) in to.rgb.chunks_exact_mut(width * 3).zip(taps(from.height, height)) {
        let [a, b] = rows.pair(tap.first, tap.second);
        down(a, b, tap.weights, out);
    }
}

/// A row between two resized ones.
#[multiversion(targets("x86_64+avx2"))]
#[expect(clippy::cast_sign_loss, reason = "clamped to a byte")]
fn down(a: &[i32], b: &[i32], weights: [i32; 2], out: &mut [u8]) {
    for ((out, a), b) in out.iter_mut().zip(a).zip(b) {
        // Two shifts and a rounding add, as in OpenCV: the nets notice the last bit.
        let value = (((weights[0] * (a >> 4)) >> 16) + ((weights[1] * (b >> 4)) >> 16) + 2) >> 2;
        *out = value.clamp(0, 255) as u8;
    }
}

/// A row resized along itself.
#[multiversion(targets("x86_64+avx2"))]
fn along(row: &[u8], columns: &[Tap], out: &mut [i32]) {
    for (out, tap) in out.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
        let (a, b) = (&row[tap.first * 3..][..3], &row[tap.second * 3..][..3]);
        for c in 0..3 {
            out[c] = i32::from(a[c]) * tap.weights[0] + i32::from(b[c]) * tap.weights[1];
        }
    }
}

/// Two neighbours and their weights, which add up to 2048.
struct Tap {
    first: usize,
    second: usize,
    weights: [i32; 2],
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "sides of pictures are small, the place is cut to the picture"
)]
fn taps(from: usize, to: usize) -> Vec<Tap> {
    let scale = from as f64 / to as f64;
    let last = from - 1;
    (0..to)
        .map(|i| {
            let place = ((i as f64 + 0.5) * scale - 0.5) as f32;
            let floor = place.floor();
            let part = place - floor;
            let (first, part) = if floor < 0.0 { (0, 0.0) } else { (floor as usize, part) };
            let (first, part) = if first >= last { (last, 0.0) } else { (first, part) };
            let one = (1 << BITS) as f32;
            let weights = [((1.0 - part) * one).round_ties_even() as i32, (part * one).round_ties_even() as i32];
            Tap { first, second: (first + 1).min(last), weights }
        })
        .collect()
}

/// The two horizontally resized rows that the vertical step needs.
struct Rows<'a> {
    from: View<'a>,
    columns: &'a [Tap],
    kept: [usize; 2],
    lines: [Vec<i32>; 2],
}

impl Rows<'_> {
    fn pair(&mut self, first: usize, second: usize) -> [&[i32]; 2] {
        if self.kept[1] == first {
            self.kept.swap(0, 1);
            self.lines.swap(0, 1);
        }
        for (k, y) in [first, second].into_iter().enumerate() {
            if self.kept[k] != y {
                self.kept[k] = y;
                along(self.from.row(y), self.columns, &mut self.lines[k]);
            }
        }
        [&self.lines[0], &self.lines[1]]
    }
}
