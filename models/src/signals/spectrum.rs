//! The spectrum of a grey square: where a screen's or a printer's raster stands out of a face's own texture.

use crate::signals::grey::{Grey, count};

/// Pixels of a side of one tile, a power of two.
pub(super) const TILE: usize = 64;
/// Radius, in bins of 1/64 cycles a pixel, from which a peak counts: below it the face itself is.
const FROM: f64 = 9.0;
/// Highest frequency, in bins, that is looked at.
const TO: i32 = 31;
/// Neighbours of a bin: a square of 9 without the one of 5 in its middle.
const NEAR: usize = 81 - 25;
/// Bins that are multiples of this hold the edges of compression blocks of 16 pixels.
const BLOCK: i32 = 4;

/// Mean power of overlapping tiles (Welch): `TILE` x `TILE` values, the constant part at (0, 0).
pub(super) struct Spectrum {
    power: Vec<f64>,
    tiles: f64,
    turns: Vec<[f64; 2]>,
}

impl Spectrum {
    pub(super) fn new() -> Self {
        Self { power: vec![0.0; TILE * TILE], tiles: 0.0, turns: turns(TILE) }
    }

    /// Adds all tiles of a square that overlap by half.
    pub(super) fn add(&mut self, grey: &Grey) {
        for top in (0..=grey.side.saturating_sub(TILE)).step_by(TILE / 2) {
            for left in (0..=grey.side.saturating_sub(TILE)).step_by(TILE / 2) {
                if grey.side >= TILE {
                    self.add_tile(grey, left, top);
                }
            }
        }
    }

    fn add_tile(&mut self, grey: &Grey, left: usize, top: usize) {
        let at = |x: usize, y: usize| f64::from(grey.at(left + x, top + y));
        let mean = (0..TILE * TILE).map(|i| at(i % TILE, i / TILE)).sum::<f64>() / count(TILE * TILE);
        let window: Vec<f64> =
            (0..TILE).map(|i| 0.5 - 0.5 * (std::f64::consts::TAU * (count(i) + 0.5) / count(TILE)).cos()).collect();
        let mut rows: Vec<[f64; 2]> = (0..TILE * TILE)
            .map(|i| [(at(i % TILE, i / TILE) - mean) * window[i % TILE] * window[i / TILE], 0.0])
            .collect();
        rows.chunks_exact_mut(TILE).for_each(|row| transform(row, &self.turns));
        let mut column = vec![[0.0; 2]; TILE];
        // The transform of real values is its own mirror: half of the columns tell the other half.
        for x in 0..=TILE / 2 {
            for (y, v) in column.iter_mut().enumerate() {
                *v = rows[y * TILE + x];
            }
            transform(&mut column, &self.turns);
            for (y, [re, im]) in column.iter().enumerate() {
                let power = re * re + im * im;
                self.power[y * TILE + x] += power;
                if x % (TILE / 2) != 0 {
                    self.power[(TILE - y) % TILE * TILE + TILE - x] += power;
                }
            }
        }
        self.tiles += 1.0;
    }

    /// Natural log of the mean power at all frequencies.
    fn logs(&self) -> Vec<f64> {
        self.power.iter().map(|p| (p / self.tiles.max(1.0) + 1.0).ln()).collect()
    }

    /// How far the strongest peak stands out of the spectrum round it, in natural log power; 0 without one.
    pub(super) fn peak(&self) -> f64 {
        self.peaks().into_iter().fold(0.0, f64::max)
    }

    /// How far bins above [`FROM`] stand out of their neighbours, on half of the plane: the other half is its mirror.
    fn peaks(&self) -> Vec<f64> {
        let logs = self.logs();
        let mut near = Vec::with_capacity(NEAR);
        let mut all = Vec::new();
        for v in -TO..=TO {
            for u in 0..=TO {
                let radius = f64::from(u * u + v * v).sqrt();
                let mirrored = u == 0 && v < 0;
                if radius < FROM || radius > f64::from(TO) || mirrored || on_block(u) && on_block(v) {
                    continue;
                }
                // Neighbours at a distance that a peak of a windowed tile does not reach.
                near.clear();
                for (du, dv) in (-4..=4_i32).flat_map(|dv| (-4..=4_i32).map(move |du| (du, dv))) {
                    if du.abs().max(dv.abs()) >= 3 {
                        near.push(logs[place(u + du, v + dv)]);
                    }
                }
                // The upper quartile: a slope of the spectrum is no peak.
                let (_, usual, _) = near.select_nth_unstable_by(3 * (NEAR - 1) / 4, f64::total_cmp);
                all.push(logs[place(u, v)] - *usual);
            }
        }
        all
    }

    /// Log power (natural) of the upper third of frequencies over that of the middle third: grain and dots against shapes.
    pub(super) fn grain(&self) -> f64 {
        let logs = self.logs();
        let band = |from: f64, to: f64| {
            let (mut sum, mut n) = (0.0, 0.0);
            for v in -TO..=TO {
                for u in 0..=TO {
                    let radius = f64::from(u * u + v * v).sqrt();
                    if radius >= from && radius < to && !(on_block(u) && on_block(v)) {
                        sum += logs[place(u, v)];
                        n += 1.0;
                    }
                }
            }
            sum / f64::max(n, 1.0)
        };
        band(20.0, 31.0) - band(8.0, 16.0)
    }
}

/// Place of a frequency in the spectrum; negative ones wrap.
fn place(u: i32, v: i32) -> usize {
    let wrap = |k: i32| usize::try_from(k.rem_euclid(64)).unwrap_or(0);
    wrap(v) * TILE + wrap(u)
}

/// Frequencies of compression blocks.
fn on_block(k: i32) -> bool {
    k.rem_euclid(BLOCK) == 0
}

/// Cosine and sine of the turns of a transform of `n` values: half a circle, clockwise.
fn turns(n: usize) -> Vec<[f64; 2]> {
    let turn = |k: usize| {
        let (s, c) = (-std::f64::consts::TAU * count(k) / count(n)).sin_cos();
        [c, s]
    };
    (0..n / 2).map(turn).collect()
}

/// Fourier transform in place, radix 2 (Cooley and Tukey 1965). `turns` are those of this length.
fn transform(values: &mut [[f64; 2]], turns: &[[f64; 2]]) {
    let n = values.len();
    let bits = n.trailing_zeros();
    for i in 0..n {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
    let mut half = 1;
    while half < n {
        for start in (0..n).step_by(2 * half) {
            for k in 0..half {
                let [c, s] = turns[k * n / (2 * half)];
                let ([a, b], [p, q]) = (values[start + k], values[start + k + half]);
                let turned = [p * c - q * s, p * s + q * c];
                values[start + k] = [a + turned[0], b + turned[1]];
                values[start + k + half] = [a - turned[0], b - turned[1]];
            }
        }
        half *= 2;
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::signals::testing::noise;

    #[test]
    fn a_wave_has_all_its_power_in_two_bins() {
        let mut wave: Vec<[f64; 2]> =
            (0..64).map(|i| [(std::f64::consts::TAU * 5.0 * f64::from(i) / 64.0).cos(), 0.0]).collect();
        transform(&mut wave, &turns(64));
        for (k, [re, im]) in wave.iter().enumerate() {
            let expected = if k == 5 || k == 59 { 32.0 } else { 0.0 };
            assert!((re.hypot(*im) - expected).abs() < 1e-9, "{k}");
        }
    }

    fn square(wave: f64) -> Grey {
        let value = |i: u32| {
            let (x, y) = (i % 128, i / 128);
            let raster = (std::f64::consts::TAU * (f64::from(x) * 0.27 + f64::from(y) * 0.11)).sin();
            (120.0 + 20.0 * (noise(x / 6, y / 6) + noise(x / 3, y / 3) + noise(x, y)) + wave * raster) as f32
        };
        Grey { side: 128, luma: (0..128 * 128).map(value).collect() }
    }

    #[test]
    fn a_raster_stands_out_and_texture_does_not() {
        let of = |wave: f64| {
            let mut spectrum = Spectrum::new();
            spectrum.add(&square(wave));
            spectrum.peak()
        };
        let (plain, raster) = (of(0.0), of(8.0));
        assert!(plain < 2.0 && raster > plain + 1.5, "{plain} {raster}");
    }

    #[test]
    fn a_square_smaller_than_a_tile_has_no_peak() {
        let mut spectrum = Spectrum::new();
        spectrum.add(&Grey { side: 32, luma: vec![9.0; 32 * 32] });
        assert_eq!(spectrum.peak(), 0.0);
    }
}
