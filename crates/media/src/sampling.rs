//! Which frames of a clip are converted to RGB.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The frames a caller wants: the union of a grid in time and of a number of frames spread evenly over the clip.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sampling {
    /// Frames a second: for each multiple of `1 / per_second` the frame nearest in time. 0: no grid.
    pub per_second: f64,
    /// Frames of the grid at most; a longer clip gets a coarser grid.
    pub at_most: u32,
    /// Frames `floor(i * (N - 1) / (spread - 1) + 0.5)` of the N that decode. 0: none; 1: the first.
    pub spread: u32,
    /// Pixels of the longer side; larger frames are converted at reduced size. At least 16.
    pub max_side: u32,
    /// Fewer frames that decode than this are [`crate::Error::TooFewFrames`].
    pub at_least: u32,
}

impl Default for Sampling {
    fn default() -> Self {
        Self { per_second: 10.0, at_most: 100, spread: 10, max_side: 1920, at_least: 1 }
    }
}

impl Sampling {
    /// Frames that can be chosen at most.
    pub(crate) const fn ceiling(&self) -> u32 {
        self.at_most.saturating_add(self.spread)
    }

    /// Indexes to convert, ascending, of frames shown at `times` (seconds; not necessarily ascending), but no more than
    /// `room`: the grid gives way first.
    pub(crate) fn choose(&self, times: &[f64], room: usize) -> Vec<u32> {
        let count = u32::try_from(times.len()).unwrap_or(u32::MAX);
        let spread = evenly(count, self.spread.min(u32::try_from(room).unwrap_or(u32::MAX)));
        let grid = self.grid(times);
        let grid_room = room.saturating_sub(spread.len()).min(self.at_most as usize);
        let kept = evenly(u32::try_from(grid.len()).unwrap_or(u32::MAX), u32::try_from(grid_room).unwrap_or(u32::MAX));
        let mut chosen: BTreeSet<u32> = spread.into_iter().collect();
        chosen.extend(kept.into_iter().filter_map(|i| grid.get(i as usize)));
        chosen.into_iter().collect()
    }

    /// The frame nearest to each point of the grid, ascending, each once.
    fn grid(&self, times: &[f64]) -> Vec<u32> {
        // Also when it is no number.
        if self.per_second.partial_cmp(&0.0) != Some(std::cmp::Ordering::Greater) || times.is_empty() {
            return vec![];
        }
        let mut by_time: Vec<(f64, u32)> = times.iter().copied().zip(0..).collect();
        by_time.sort_by(|a, b| a.0.total_cmp(&b.0));
        // A frame is nearest to the times between the middles to its neighbours, the later one included. It is wanted when a
        // multiple of the step lies there. Each frame is looked at once, however wild the time stamps are.
        let mut nearest = BTreeSet::new();
        let mut passed = -1.0;
        for (i, (time, frame)) in by_time.iter().enumerate() {
            let end = by_time.get(i + 1).map_or(*time, |next| (time + next.0) / 2.0);
            let point = (end * self.per_second + 1e-9).floor();
            if point > passed {
                nearest.insert(*frame);
                passed = point;
            }
        }
        nearest.into_iter().collect()
    }
}

/// `wanted` of `count` indexes spread evenly: the rule of the reference (`golden.py`, `ten_frames`). All when
/// there are no more.
fn evenly(count: u32, wanted: u32) -> Vec<u32> {
    match (count, wanted) {
        (0, _) | (_, 0) => vec![],
        (_, 1) => vec![0],
        _ => {
            // floor(i * (n - 1) / (w - 1) + 0.5) in whole numbers.
            let (span, steps) = (u64::from(count - 1), u64::from(wanted - 1));
            let mut all: Vec<u32> = (0..u64::from(wanted))
                .map(|i| u32::try_from((2 * i * span + steps) / (2 * steps)).unwrap_or(u32::MAX))
                .collect();
            all.dedup();
            all
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Sampling = Sampling { per_second: 0.0, at_most: 0, spread: 0, max_side: 1920, at_least: 1 };

    #[test]
    fn spread_is_the_reference_rule() {
        let times: Vec<f64> = (0..78).map(f64::from).collect();
        let ten = Sampling { spread: 10, ..NONE };
        assert_eq!(ten.choose(&times, 1000), [0, 9, 17, 26, 34, 43, 51, 60, 68, 77]);
        assert_eq!(ten.choose(&times[..3], 1000), [0, 1, 2]);
        assert_eq!(ten.choose(&times[..1], 1000), [0]);
        assert!(ten.choose(&[], 1000).is_empty());
    }

    #[test]
    fn the_grid_takes_the_nearest_in_time() {
        let grid = Sampling { per_second: 10.0, at_most: 100, ..NONE };
        // 30 a second: every third frame.
        let times: Vec<f64> = (0..10).map(|i| f64::from(i) / 30.0).collect();
        assert_eq!(grid.choose(&times, 1000), [0, 3, 6, 9]);
        // Variable: 0.1 is nearer to 0.12 than to 0.04.
        assert_eq!(grid.choose(&[0.0, 0.04, 0.12, 0.5], 1000), [0, 2, 3]);
        assert_eq!(Sampling { at_most: 2, ..grid }.choose(&times, 1000), [0, 9]);
    }

    #[test]
    fn the_grid_gives_way_when_there_is_no_room() {
        let both = Sampling { per_second: 10.0, at_most: 100, spread: 3, ..NONE };
        let times: Vec<f64> = (0..30).map(|i| f64::from(i) / 10.0).collect();
        let few = both.choose(&times, 5);
        assert!(few.len() <= 5 && [0, 15, 29].iter().all(|i| few.contains(i)), "{few:?}");
    }

    #[test]
    fn wild_times_end_the_loop() {
        let grid = Sampling { per_second: 10.0, at_most: 5, ..NONE };
        assert!(grid.choose(&[0.0, 1e300, f64::MAX], 100).len() <= 3);
    }
}
