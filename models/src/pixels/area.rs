//! Shrinking by area: every pixel of the picture counts once, as OpenCV's `INTER_AREA`.

use oz_domain::Picture;

use super::{Crop, View};

/// Shrinks to `width` x `height`, neither above the picture's own.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "sides of pictures are small; sums of weighted bytes stay within 0-255.5")]
pub(crate) fn shrink(from: View<'_>, width: usize, height: usize, to: &mut Crop) {
    to.reset(width, height);
    if (from.width, from.height) == (width, height) {
        for (y, row) in to.rgb.chunks_exact_mut(width * 3).enumerate() {
            row.copy_from_slice(from.row(y));
        }
        return;
    }
    let columns = spans(from.width, width);
    let rows = spans(from.height, height);
    let mut sums = vec![0.0_f32; from.width * 3];
    for (out, span) in to.rgb.chunks_exact_mut(width * 3).zip(&rows) {
        sums.fill(0.0);
        for y in span.first..=span.last {
            let weight = span.weight(y);
            for (sum, v) in sums.iter_mut().zip(from.row(y)) {
                *sum += f32::from(*v) * weight;
            }
        }
        for (pixel, span) in out.chunks_exact_mut(3).zip(&columns) {
            let part = &sums[span.first * 3..=span.last * 3 + 2];
            let mut total = [0.0_f32; 3];
            for (v, x) in part.chunks_exact(3).zip(span.first..) {
                let weight = span.weight(x);
                for c in 0..3 {
                    total[c] += v[c] * weight;
                }
            }
            for c in 0..3 {
                pixel[c] = total[c].round_ties_even() as u8;
            }
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

/// The pixels that one shrunk pixel covers: whole ones in the middle, parts at both ends; weights add up to 1.
struct Span {
    first: usize,
    last: usize,
    ends: [f32; 2],
    whole: f32,
}

impl Span {
    fn weight(&self, at: usize) -> f32 {
        if at == self.first {
            self.ends[0]
        } else if at == self.last {
            self.ends[1]
        } else {
            self.whole
        }
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss, reason = "sides of pictures are small and positive")]
fn spans(from: usize, to: usize) -> Vec<Span> {
    let scale = from as f64 / to as f64;
    (0..to)
        .map(|i| {
            let (start, end) = (i as f64 * scale, ((i + 1) as f64 * scale).min(from as f64));
            let first = (start + 1e-6) as usize;
            let last = ((end - 1e-6).ceil() as usize).clamp(first + 1, from) - 1;
            let covered = |x: usize| ((end.min((x + 1) as f64) - start.max(x as f64)) / (end - start)) as f32;
            Span { first, last, ends: [covered(first), covered(last)], whole: (1.0 / (end - start)) as f32 }
        })
        .collect()
}
