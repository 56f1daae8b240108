//! Stage "pad-surface": does what we look at have the surface of a screen or of paper?
//!
//! On each measured frame: peaks in the spectrum of the face (moire of a screen, dots of a print). Grain, a straight border
//! round the face, black that is not black and colours that are few are measured and kept, and not judged.

use oz_domain::{Frame, Picture};

use super::border::border;
use super::spectrum::Spectrum;
use crate::align::Affine;
use crate::signals::grey::{Grey, colours, count, deviation, mean, pixels, quantile};
use crate::signals::{Evidence, Fact, fuse};
use crate::track::{FaceMeasures, Track};

/// Mean distance of a face's pixels from grey, 0-255, under which a still has no colour: the nets cannot judge it.
pub const LEAST_COLOUR: f32 = 2.0;

/// Pixels of a side of the square that is cut from the face as it is, without resizing; the larger one that lies within the
/// face. A smaller face has no spectrum: what is behind it may be striped.
const NATIVE: [usize; 2] = [128, 64];
/// Part of the face's size that is skin for certain.
const WITHIN: f32 = 0.8;
/// Pixels of a side of the whole face and of its surroundings.
const SMALL: usize = 64;
/// Side of the surroundings in faces.
const REACH: f32 = 3.2;

/// Peak of the spectrum at which nothing is said, and the step that turns odds by e: natural log power above the
/// neighbourhood. Chosen on the fit half of the evaluation set, between live faces (at most 1.6) and rasters.
const PEAK: f64 = 1.9;
const STEP: f64 = 0.4;
/// Log odds that the spectrum gives: a surface without a raster proves little, one with a clear raster much.
const ODDS: std::ops::RangeInclusive<f64> = -1.5..=4.0;

/// What was seen on one frame.
#[derive(Debug, Clone, Copy)]
struct Look {
    /// `None` when the face is too small for a spectrum.
    peak: Option<f64>,
    grain: f64,
    border: f64,
    black: f64,
    white: f64,
    saturation: f64,
    hue_spread: f64,
    specular: f64,
}

/// Judges a clip or a still by the frames that were measured in full. `frames` are the pictures of the track's observations.
pub fn surface(track: &Track, frames: &[Frame]) -> Evidence {
    let looks: Vec<Look> = track
        .observations
        .iter()
        .filter_map(|o| {
            let main = o.main.as_ref().filter(|m| m.quality.is_some())?;
            let at = frames.binary_search_by_key(&o.frame, |f| f.index).ok()?;
            Some(look(&frames.get(at)?.picture, main))
        })
        .collect();
    conclude(&looks)
}

fn conclude(looks: &[Look]) -> Evidence {
    if looks.is_empty() {
        return Evidence::default();
    }
    let middle = |of: fn(&Look) -> f64| quantile(&looks.iter().map(of).collect::<Vec<_>>(), 0.5);
    let peaks: Vec<f64> = looks.iter().filter_map(|l| l.peak).collect();
    let peak = quantile(&peaks, 0.5);
    // Only the raster is judged. Straight borders were as strong round live faces (doors, shelves) as round screens and
    // sheets; black level, saturation and spread of hues do differ, but as much between two complexions or two lamps.
    let odds = ((peak - PEAK) / STEP).clamp(*ODDS.start(), *ODDS.end());
    let facts: Vec<Fact> = vec![
        ("spectrum_peak", peak),
        ("spectrum_peak_most", peaks.iter().copied().fold(0.0, f64::max)),
        ("grain", middle(|l| l.grain)),
        ("border", middle(|l| l.border)),
        ("black_level", middle(|l| l.black)),
        ("white_level", middle(|l| l.white)),
        ("saturation", middle(|l| l.saturation)),
        ("hue_spread", middle(|l| l.hue_spread)),
        ("specular_part", middle(|l| l.specular)),
    ];
    Evidence { attack: (!peaks.is_empty()).then(|| fuse::logistic(odds)), facts }
}

fn look(picture: &Picture, main: &FaceMeasures) -> Look {
    let face = &main.face;
    let [cx, cy] = face.centre();
    let mut spectrum = Spectrum::new();
    let side = NATIVE.into_iter().find(|side| pixels(*side) <= WITHIN * face.size());
    if let Some(side) = side {
        let half = pixels(side) / 2.0;
        // Whole pixels: a shift by parts of one would smooth a raster away.
        let native = Affine([1.0, 0.0, (half - cx).round(), 0.0, 1.0, (half - cy).round()]);
        spectrum.add(&Grey::sample(picture, &native, side));
    }
    let eyes = [face.points[0], face.points[1]];
    let level = |side: f32| Affine::levelled(face.centre(), side, eyes, pixels(SMALL));
    let whole = colours(picture, &level(0.8 * face.size()), SMALL);
    let around = Affine::levelled(face.centre(), REACH * face.size(), [[0.0, 0.0], [1.0, 0.0]], pixels(SMALL));
    let mut luma = Grey::of(&whole).luma;
    luma.sort_by(f32::total_cmp);
    let level_at = |percent: usize| luma.get(luma.len() * percent / 100).copied().map_or(0.0, f64::from);
    let colour = |of: &dyn Fn(f64, f64, f64) -> f64| -> Vec<f64> {
        whole.rgb.chunks_exact(3).map(|p| of(p[0].into(), p[1].into(), p[2].into())).collect()
    };
    let saturation = colour(&|r, g, b| {
        let most = r.max(g).max(b);
        if most > 0.0 { (most - r.min(g).min(b)) / most } else { 0.0 }
    });
    let hue = colour(&|r, g, b| (r - g) / (r + g + b).max(1.0));
    Look {
        peak: side.map(|_| spectrum.peak()),
        grain: spectrum.grain(),
        border: border(&Grey::sample(picture, &around, SMALL), SMALL / 6),
        black: level_at(1),
        white: level_at(99),
        saturation: mean(&saturation),
        hue_spread: deviation(&hue),
        specular: count(luma.iter().filter(|v| **v > 245.0).count()) / count(luma.len()).max(1.0),
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::signals::testing::{face_at, frame, noise};

    /// A soft face-like blob with a raster of that strength upon it.
    fn attack(raster: f64) -> f64 {
        let scene = frame(0, |x, y| {
            let (fx, fy) = (f64::from(x), f64::from(y));
            let soft = 110.0 + 95.0 * (fx / 40.0).sin() * (fy / 50.0).cos();
            let wave = raster * (std::f64::consts::TAU * (fx * 0.23 + fy * 0.31)).sin();
            let v = soft + 8.0 * noise(x, y) + wave;
            [(v * 1.1) as u8, (v * 0.9) as u8, (v * 0.8) as u8]
        });
        conclude(&[look(&scene.picture, &face_at(0.0, 0.0, 220.0))]).attack.unwrap()
    }

    #[test]
    fn a_raster_is_suspicious() {
        let all = [0.0, 4.0, 8.0, 16.0].map(attack);
        assert!(all[1] > all[0] + 0.2 && all[2] > 0.6 && all[3] > 0.6, "{all:?}");
    }

    #[test]
    fn a_face_at_the_edge_of_the_picture_is_looked_at_too() {
        let scene = frame(0, |x, y| [(x % 251) as u8, (y % 251) as u8, 90]);
        for (x, y) in [(-400.0, -300.0), (300.0, 230.0), (1e6, -1e6)] {
            assert!(conclude(&[look(&scene.picture, &face_at(x, y, 80.0))]).attack.unwrap().is_finite());
            assert_eq!(conclude(&[look(&scene.picture, &face_at(x, y, 70.0))]).attack, None, "too small");
        }
        assert_eq!(surface(&crate::track::Track::default(), &[]), Evidence::default());
    }
}
