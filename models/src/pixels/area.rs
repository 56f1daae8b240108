//! Shrinking by area: every pixel of the picture counts once, as in OpenCV's `INTER_AREA`.

use multiversion::multiversion;
use oz_domain::Picture;

use super::{Crop, View};

/// What the weights of one span add up to: 8 bits of weight and 8 bits of pixel fill 16, so rows are added in 16 bits.
const ONE: usize = 256;

/// Shrinks to `width` x `height`, neither above the picture's own.
pub(crate) fn shrink(from: View<'_>, width: usize, height: usize, to: &mut Crop) {
    to.reset(width, height);
    if (from.width, from.height) == (width, height) {
        for (y, row) in to.rgb.chunks_exact_mut(width * 3).enumerate() {
            row.copy_from_slice(from.row(y));
        }
        return;
    }
    let columns = spans(from.width, width);
    let mut sums = vec![0_u16; from.width * 3];
    for (out, rows) in to.rgb.chunks_exact_mut(width * 3).zip(spans(from.height, height)) {
        add_up(from, &rows, &mut sums);
        across(&sums, &columns, out);
    }
}

/// The weighted sum of each span's pixels in a row of sums.
#[multiversion(targets("x86_64+avx2"))]
#[expect(clippy::cast_possible_truncation, reason = "weights add up to 2^16, so the result is a byte")]
fn across(sums: &[u16], columns: &[Span], out: &mut [u8]) {
    for (pixel, span) in out.as_chunks_mut::<3>().0.iter_mut().zip(columns) {
        let total = span.total(&sums[span.first * 3..]);
        for c in 0..3 {
            pixel[c] = ((total[c] + (1 << 15)) >> 16) as u8;
        }
    }
}

/// The weighted sum of a span's rows; four at a time, so that sums are not stored and loaded again for each row.
#[multiversion(targets("x86_64+avx2"))]
fn add_up(from: View<'_>, rows: &Span, sums: &mut [u16]) {
    sums.fill(0);
    let (fours, rest) = rows.weights.as_chunks::<4>();
    let mut y = rows.first;
    for [wa, wb, wc, wd] in fours {
        let [a, b, c, d] = [0, 1, 2, 3].map(|k| from.row(y + k));
        for ((((sum, a), b), c), d) in sums.iter_mut().zip(a).zip(b).zip(c).zip(d) {
            *sum += u16::from(*a) * wa + u16::from(*b) * wb + u16::from(*c) * wc + u16::from(*d) * wd;
        }
        y += 4;
    }
    for (y, weight) in (y..).zip(rest) {
        for (sum, v) in sums.iter_mut().zip(from.row(y)) {
            *sum += u16::from(*v) * weight;
        }
    }
}

/// The picture in the middle of a black square.
pub(crate) fn square(from: &Picture) -> Crop {
    let (width, height) = (from.width() as usize, from.height() as usize);
    let side = width.max(height);
    let (left, top) = ((side - width) / 2, (side - height) / 2);
    let mut to = Crop { width: side, height: side, rgb: vec![0; side * side * 3] };
    for (row, y) in to.rgb.chunks_exact_mut(side * 3).skip(top).zip(0..from.height()) {
        row[left * 3..][..width * 3].copy_from_slice(from.row(y));
    }
    to
}

/// The pixels that one shrunk pixel covers, and how much each counts.
struct Span {
    first: usize,
    weights: Vec<u16>,
    /// The weight, where it is the same for all.
    even: Option<u32>,
}

impl Span {
    /// The weighted sum of the span's pixels, which begin at `sums`.
    #[inline(always)]
    fn total(&self, sums: &[u16]) -> [u32; 3] {
        let mut total = [0; 3];
        // Where sides divide by a power of two, which they mostly do, every pixel counts the same: multiply once.
        if let Some(weight) = self.even {
            let pixels = sums.as_chunks::<3>().0;
            let total = match (self.weights.len(), pixels.first_chunk::<4>()) {
                // A known number of steps is one without a loop.
                (4, Some(four)) => plain(four),
                (n, _) => plain(&pixels[..n]),
            };
            return total.map(|sum| sum * weight);
        }
        for (v, weight) in sums.as_chunks::<3>().0.iter().zip(&self.weights) {
            for c in 0..3 {
                total[c] += u32::from(v[c]) * u32::from(*weight);
            }
        }
        total
    }
}

/// The sum of pixels that count the same.
#[inline(always)]
fn plain(pixels: &[[u16; 3]]) -> [u32; 3] {
    pixels.iter().fold([0; 3], |sum, v| [0, 1, 2].map(|c| sum[c] + u32::from(v[c])))
}

/// Spans in whole 256ths that add up to 256: each weight is the difference of two rounded places, so no error adds up.
#[expect(clippy::cast_possible_truncation, reason = "a weight is at most 256")]
fn spans(from: usize, to: usize) -> Vec<Span> {
    (0..to)
        .map(|i| {
            let (first, end) = (i * from / to, ((i + 1) * from).div_ceil(to).min(from));
            // The part of span i that lies left of pixel x, in 256ths.
            let left_of = |x: usize| ((x * to).saturating_sub(i * from) * ONE * 2 + from) / (2 * from);
            let weights: Vec<u16> =
                (first..end).map(|x| (left_of(x + 1).min(ONE) - left_of(x).min(ONE)) as u16).collect();
            let even = weights.windows(2).all(|pair| pair[0] == pair[1]);
            let even = weights.first().filter(|_| even).map(|weight| u32::from(*weight));
            Span { first, weights, even }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_every_span_add_up() {
        for (from, to) in [(1280, 320), (720, 180), (481, 320), (1000, 1), (7, 7), (5000, 3)] {
            for span in spans(from, to) {
                assert_eq!(span.weights.iter().map(|w| usize::from(*w)).sum::<usize>(), ONE, "{from} {to}");
                assert!(span.first + span.weights.len() <= from);
            }
        }
    }

    #[test]
    fn a_block_becomes_its_mean() {
        let rgb = (0..6 * 4_u8).flat_map(|i| [i % 6 * 10, 255, 7]).collect();
        let (from, mut to) = (Crop { width: 6, height: 4, rgb }, Crop::default());
        shrink(View::of_crop(&from), 3, 2, &mut to);
        assert_eq!(to.rgb[..9], [5, 255, 7, 25, 255, 7, 45, 255, 7]);
        shrink(View::of_crop(&from), 4, 4, &mut to);
        assert_eq!(
            to.rgb[..6],
            [3, 255, 7, 17, 255, 7],
            "a pixel and a half each: (0 + 10/2) / 1.5, (10/2 + 20) / 1.5"
        );
    }
}
