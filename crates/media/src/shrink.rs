//! Smaller pictures by the mean of areas: no aliasing, no ringing.

use crate::error::Error;
use bytes::Bytes;
use oz_domain::Picture;

/// The picture with its longer side at most `max_side` pixels (at least 1), aspect ratio kept; a clone when it is small
/// enough already. Each new pixel is the mean of the area it covers.
///
/// # Errors
/// None in practice: [`Error::Unavailable`] when a size cannot be computed.
pub fn shrink(picture: &Picture, max_side: u32) -> Result<Picture, Error> {
    let (width, height) = fit(picture.width(), picture.height(), max_side.max(1));
    if (width, height) == (picture.width(), picture.height()) {
        return Ok(picture.clone());
    }
    let columns = spans(picture.width(), width);
    let rows = spans(picture.height(), height);
    let len = Picture::byte_len(width, height).unwrap_or(0);
    let mut out = Vec::with_capacity(len);
    let mut sums = vec![0f32; width as usize * 3];
    for row in &rows {
        sums.fill(0.0);
        for (y, weight_y) in row.pixels() {
            let line = picture.row(y);
            for (sum, column) in sums.chunks_exact_mut(3).zip(&columns) {
                for (x, weight_x) in column.pixels() {
                    let weight = weight_x * weight_y;
                    let pixel = &line[x as usize * 3..][..3];
                    sum[0] += f32::from(pixel[0]) * weight;
                    sum[1] += f32::from(pixel[1]) * weight;
                    sum[2] += f32::from(pixel[2]) * weight;
                }
            }
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "means of bytes: 0 to 255")]
        out.extend(sums.iter().map(|sum| (sum + 0.5) as u8));
    }
    Picture::new(width, height, Bytes::from(out)).map_err(|e| Error::Unavailable { what: e.to_string() })
}

/// The size with the longer side at most `max_side`, each side at least 1.
pub(crate) fn fit(width: u32, height: u32, max_side: u32) -> (u32, u32) {
    let longer = width.max(height);
    if longer <= max_side {
        return (width, height);
    }
    let scaled = |side: u32| {
        let new = (u64::from(side) * u64::from(max_side) + u64::from(longer) / 2) / u64::from(longer);
        u32::try_from(new.max(1)).unwrap_or(u32::MAX)
    };
    (scaled(width), scaled(height))
}

/// The source pixels one target pixel covers, as parts of 1.
struct Span {
    first: u32,
    weights: Vec<f32>,
}

impl Span {
    fn pixels(&self) -> impl Iterator<Item = (u32, f32)> + '_ {
        (self.first..).zip(self.weights.iter().copied())
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "positions inside a picture")]
fn spans(from: u32, to: u32) -> Vec<Span> {
    let scale = f64::from(from) / f64::from(to);
    (0..to)
        .map(|i| {
            let (start, end) = (f64::from(i) * scale, (f64::from(i + 1) * scale).min(f64::from(from)));
            let (first, last) = (start.floor() as u32, (end.ceil() as u32).min(from).max(start.floor() as u32 + 1));
            let covered = |x: u32| (end.min(f64::from(x + 1)) - start.max(f64::from(x))).max(0.0);
            let weights = (first..last).map(|x| (covered(x) / (end - start)) as f32).collect();
            Span { first, weights }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas_are_averaged() {
        let picture = Picture::new(4, 2, Bytes::from((0..24).map(|i| i * 10).collect::<Vec<u8>>())).unwrap();
        let half = shrink(&picture, 2).unwrap();
        assert_eq!((half.width(), half.height()), (2, 1));
        assert_eq!(half.rgb()[0], 75, "the mean of 0, 30, 120 and 150");
    }

    #[test]
    fn one_colour_stays_and_sizes_fit() {
        for (w, h, side) in [(7, 3, 5), (1280, 720, 333), (1, 400, 10), (400, 1, 10)] {
            let picture = Picture::new(w, h, Bytes::from(vec![200u8; (w * h * 3) as usize])).unwrap();
            let small = shrink(&picture, side).unwrap();
            assert!(small.width().max(small.height()) == side && small.width().min(small.height()) >= 1);
            assert!(small.rgb().iter().all(|b| *b == 200));
        }
    }
}
