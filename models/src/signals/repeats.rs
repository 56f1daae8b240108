//! Does a stretch of a clip come again, forwards or backwards? Needs only the 8x8 signatures of its frames.

use oz_domain::FrameSignature;

/// Length in seconds of a stretch that must come again.
const STRETCH: f64 = 0.8;
/// Shortest stretch in frames.
const FEWEST: usize = 8;
/// Most grey levels by which a cell of the same picture differs after another encoding.
const CELL: u8 = 1;
/// Most grey levels by which all 64 cells differ together.
const TOGETHER: u32 = 10;
/// Least change of some cell within the stretch, in grey levels: a person who sits still looks alike at all times.
const MOVES: u8 = 6;
/// Most frames that are compared, each with each; of a longer clip an even choice.
const MOST: usize = 900;

/// Largest change of any cell over all frames, in grey levels.
pub(super) fn movement(signatures: &[FrameSignature]) -> u8 {
    (0..64)
        .map(|c| {
            let (low, high) = signatures.iter().fold((u8::MAX, 0), |(l, h), s| (s[c].min(l), s[c].max(h)));
            high.saturating_sub(low)
        })
        .max()
        .unwrap_or(0)
}

/// Whether a stretch comes again. `duration` in seconds is that of all frames together.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of frames, cut to the clip")]
pub(super) fn looped(signatures: &[FrameSignature], duration: f64) -> bool {
    let step = signatures.len().div_ceil(MOST).max(1);
    let all: Vec<FrameSignature> = signatures.iter().step_by(step).copied().collect();
    let n = all.len();
    if duration.is_nan() || duration <= 0.0 {
        return false;
    }
    let stretch = ((STRETCH / duration * super::grey::count(n)).ceil() as usize).max(FEWEST);
    let forwards = || (stretch..n).any(|lag| runs(&all, stretch, (0..n - lag).map(|i| (i, i + lag))));
    // Pairs about each middle, from the outside in; a middle lies between frames or on one.
    let backwards = || {
        (stretch..2 * n).any(|sum| {
            let first = sum.saturating_sub(n - 1);
            runs(&all, stretch, (first..).map(|i| (i, sum.saturating_sub(i))).take_while(|(i, j)| i < j))
        })
    };
    n >= 2 * stretch && (forwards() || backwards())
}

/// Whether enough neighbouring pairs are the same picture, and enough happens meanwhile. Each pair is looked at once: a
/// clip that never moves is as cheap as any other.
fn runs(all: &[FrameSignature], stretch: usize, pairs: impl Iterator<Item = (usize, usize)>) -> bool {
    let (mut length, mut low, mut high) = (0, [u8::MAX; 64], [0_u8; 64]);
    for (i, j) in pairs {
        if !same(&all[i], &all[j]) {
            (length, low, high) = (0, [u8::MAX; 64], [0; 64]);
            continue;
        }
        length += 1;
        for ((low, high), v) in low.iter_mut().zip(&mut high).zip(&all[i]) {
            (*low, *high) = ((*low).min(*v), (*high).max(*v));
        }
        if length >= stretch && high.iter().zip(&low).any(|(h, l)| h - l >= MOVES) {
            return true;
        }
    }
    false
}

fn same(a: &FrameSignature, b: &FrameSignature) -> bool {
    let mut sum = 0;
    for (a, b) in a.iter().zip(b) {
        let off = a.abs_diff(*b);
        sum += u32::from(off);
        if off > CELL || sum > TOGETHER {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(v: usize) -> FrameSignature {
        std::array::from_fn(|c| u8::try_from((v * (c % 5 + 1) + c) % 200).unwrap())
    }

    #[test]
    fn a_person_who_sits_still_is_no_loop() {
        let calm: Vec<FrameSignature> =
            (0..100).map(|i| std::array::from_fn(|c| 100 + u8::from((i + c) % 7 == 0))).collect();
        assert!(!looped(&calm, 4.0));
        assert_eq!(movement(&calm), 1);
    }

    #[test]
    fn a_stretch_of_less_than_the_least_is_none() {
        let line: Vec<FrameSignature> = (0..60).map(|i| frame(2 * i)).collect();
        let with = |n: usize| [line.clone(), line[10..10 + n].to_vec()].concat();
        assert!(!looped(&with(10), 2.8), "0.4 seconds");
        assert!(looped(&with(30), 3.6), "1.2 seconds");
    }

    #[test]
    fn very_many_frames_and_no_duration_end() {
        assert!(!looped(&vec![frame(1); 4000], 30.0));
        assert!(!looped(&[frame(1), frame(2)], 0.0) && !looped(&[], f64::NAN));
    }
}
