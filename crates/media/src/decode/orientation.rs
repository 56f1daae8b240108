//! The eight ways a picture can lie, and turning it upright.

/// How stored pixels must be turned to stand upright, numbered as EXIF does (1: as they are; 6: a quarter clockwise).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Orientation(u8);

impl Orientation {
    pub(crate) const UPRIGHT: Self = Self(1);

    /// From EXIF; unknown numbers mean upright, as viewers take them.
    pub(crate) fn from_exif(number: u32) -> Self {
        match u8::try_from(number) {
            Ok(n @ 1..=8) => Self(n),
            _ => Self::UPRIGHT,
        }
    }

    /// From a video's display matrix: nine 16.16 fixed-point numbers in native byte order. The nearest of the eight.
    pub(crate) fn from_display_matrix(bytes: &[u8]) -> Self {
        let at = |i: usize| bytes.as_chunks::<4>().0.get(i).map_or(0, |four| i64::from(i32::from_ne_bytes(*four)));
        // (x, y) goes to (a x + c y, b x + d y).
        let (a, b, c, d) = (at(0), at(1), at(3), at(4));
        Self(if a.abs() + d.abs() >= b.abs() + c.abs() {
            match (a < 0, d < 0) {
                (false, false) => 1,
                (true, false) => 2,
                (true, true) => 3,
                (false, true) => 4,
            }
        } else {
            match (c < 0, b < 0) {
                (false, false) => 5,
                (true, false) => 6,
                (true, true) => 7,
                (false, true) => 8,
            }
        })
    }

    /// Whether width and height change places.
    pub(crate) const fn swaps(self) -> bool {
        self.0 >= 5
    }

    /// The upright size.
    pub(crate) const fn size(self, width: u32, height: u32) -> (u32, u32) {
        if self.swaps() { (height, width) } else { (width, height) }
    }

    /// Degrees the pixels are turned clockwise; mirroring not counted.
    pub(crate) const fn degrees(self) -> u16 {
        match self.0 {
            3 | 4 => 180,
            5 | 6 => 90,
            7 | 8 => 270,
            _ => 0,
        }
    }

    /// The stored place of the upright place (x, y), in a stored picture of `width` x `height`.
    fn source(self, x: usize, y: usize, width: usize, height: usize) -> (usize, usize) {
        let (right, bottom) = (width - 1, height - 1);
        match self.0 {
            2 => (right - x, y),
            3 => (right - x, bottom - y),
            4 => (x, bottom - y),
            5 => (y, x),
            6 => (y, bottom - x),
            7 => (right - y, bottom - x),
            8 => (right - y, x),
            _ => (x, y),
        }
    }

    /// Upright packed RGB from stored RGB rows of `stride` bytes (at least `3 * width`; the last row may be short of it).
    pub(crate) fn upright(self, stored: &[u8], width: u32, height: u32, stride: usize) -> Vec<u8> {
        let (width, height) = (width as usize, height as usize);
        if self == Self::UPRIGHT {
            let mut out = Vec::with_capacity(width * height * 3);
            for row in stored.chunks(stride).take(height) {
                out.extend_from_slice(&row[..width * 3]);
            }
            return out;
        }
        let (new_width, new_height) = if self.swaps() { (height, width) } else { (width, height) };
        let mut out = vec![0; width * height * 3];
        // Tiles, because a quarter turn reads columns: 32 rows of a tile stay in the nearest cache.
        const TILE: usize = 32;
        for top in (0..new_height).step_by(TILE) {
            for left in (0..new_width).step_by(TILE) {
                for y in top..(top + TILE).min(new_height) {
                    for x in left..(left + TILE).min(new_width) {
                        let (from_x, from_y) = self.source(x, y, width, height);
                        let from = from_y * stride + from_x * 3;
                        let to = (y * new_width + x) * 3;
                        out[to..to + 3].copy_from_slice(&stored[from..from + 3]);
                    }
                }
            }
        }
        out
    }

    /// The same for the 64 cells of a signature.
    pub(crate) fn upright_cells(self, cells: [u8; 64]) -> [u8; 64] {
        std::array::from_fn(|i| {
            let (x, y) = self.source(i % 8, i / 8, 8, 8);
            cells[y * 8 + x]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 3x2 pixels, each three times its number:
    /// 0 1 2
    /// 3 4 5
    fn numbered() -> Vec<u8> {
        (0..6u8).flat_map(|n| [n; 3]).collect()
    }

    fn turned(number: u32) -> Vec<u8> {
        Orientation::from_exif(number).upright(&numbered(), 3, 2, 9).chunks(3).map(|p| p[0]).collect()
    }

    #[test]
    fn the_eight_orientations() {
        assert_eq!(turned(1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(turned(2), [2, 1, 0, 5, 4, 3]);
        assert_eq!(turned(3), [5, 4, 3, 2, 1, 0]);
        assert_eq!(turned(4), [3, 4, 5, 0, 1, 2]);
        assert_eq!(turned(5), [0, 3, 1, 4, 2, 5]);
        assert_eq!(turned(6), [3, 0, 4, 1, 5, 2]);
        assert_eq!(turned(7), [5, 2, 4, 1, 3, 0]);
        assert_eq!(turned(8), [2, 5, 1, 4, 0, 3]);
        assert_eq!(turned(9), turned(1));
    }

    #[test]
    fn display_matrices() {
        let matrix = |a: i32, b: i32, c: i32, d: i32| {
            let all: Vec<u8> = [a, b, 0, c, d, 0, 0, 0, 1].iter().flat_map(|n: &i32| (n << 16).to_ne_bytes()).collect();
            Orientation::from_display_matrix(&all).0
        };
        assert_eq!(matrix(1, 0, 0, 1), 1);
        assert_eq!(matrix(0, 1, -1, 0), 6);
        assert_eq!(matrix(-1, 0, 0, -1), 3);
        assert_eq!(matrix(0, -1, 1, 0), 8);
        assert_eq!(matrix(-1, 0, 0, 1), 2);
        assert_eq!(Orientation::from_display_matrix(&[]), Orientation::UPRIGHT);
    }
}
