//! A frame in 64 numbers.

use oz_domain::FrameSignature;

/// Luma samples in memory.
pub(crate) struct Luma<'a> {
    /// From the first sample of the first row.
    pub(crate) bytes: &'a [u8],
    /// Bytes from row to row.
    pub(crate) stride: usize,
    /// Bytes from sample to sample: 1, or more for packed pixels and for more than 8 bits.
    pub(crate) step: usize,
    /// Bits a sample (little endian from 9 on).
    pub(crate) depth: u32,
    /// Samples in a row.
    pub(crate) width: usize,
    /// Rows.
    pub(crate) height: usize,
}

impl Luma<'_> {
    /// Means over an 8x8 grid. Every second row is enough for a mean, and halves what it costs.
    pub(crate) fn signature(&self) -> FrameSignature {
        let mut cells = [0; 64];
        for (row_of_cells, cells) in cells.as_chunks_mut::<8>().0.iter_mut().enumerate() {
            let (top, bottom) = (row_of_cells * self.height / 8, (row_of_cells + 1) * self.height / 8);
            let mut sums = [0u64; 8];
            let mut rows = 0;
            for y in (top..bottom.max(top + 1).min(self.height)).step_by(2) {
                let row = self.bytes.get(y * self.stride..).unwrap_or_default();
                for (i, sum) in sums.iter_mut().enumerate() {
                    *sum += self.span(row, i * self.width / 8, (i + 1) * self.width / 8);
                }
                rows += 1;
            }
            for (i, (cell, sum)) in cells.iter_mut().zip(sums).enumerate() {
                let samples = ((i + 1) * self.width / 8 - i * self.width / 8) as u64 * rows;
                let mean = sum.checked_div(samples).unwrap_or(0);
                *cell = u8::try_from(mean >> self.depth.saturating_sub(8)).unwrap_or(u8::MAX);
            }
        }
        cells
    }

    fn span(&self, row: &[u8], from: usize, to: usize) -> u64 {
        let bytes = row.get(from * self.step..row.len().min(to * self.step)).unwrap_or_default();
        if self.depth > 8 {
            bytes.chunks(self.step).filter_map(|s| s.first_chunk()).map(|s| u64::from(u16::from_le_bytes(*s))).sum()
        } else if self.step == 1 {
            // 32 bits hold sixteen million samples; a row has fewer.
            bytes.iter().map(|b| u32::from(*b)).sum::<u32>().into()
        } else {
            bytes.iter().step_by(self.step).map(|b| u64::from(*b)).sum()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_means() {
        let bytes: Vec<u8> = (0..64 * 64).map(|i| if (i % 64) < 8 { 10 } else { 200 }).collect();
        let luma = Luma { bytes: &bytes, stride: 64, step: 1, depth: 8, width: 64, height: 64 };
        let cells = luma.signature();
        assert_eq!(&cells[..3], [10, 200, 200]);
        let wide: Vec<u8> = bytes.iter().flat_map(|b| (u16::from(*b) << 2).to_le_bytes()).collect();
        let ten_bits = Luma { bytes: &wide, stride: 128, step: 2, depth: 10, width: 64, height: 64 };
        assert_eq!(ten_bits.signature(), cells);
    }

    #[test]
    fn tiny_pictures_do_not_panic() {
        for (width, height) in [(1, 1), (3, 9), (9, 3)] {
            let bytes = vec![7; width * height];
            Luma { bytes: &bytes, stride: width, step: 1, depth: 8, width, height }.signature();
        }
    }
}
