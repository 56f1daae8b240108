//! Stage "pad-motion": does the head move like a body, or like a picture that is held?
//!
//! Two questions. Shape: from one frame to another, are the landmarks one body seen from two sides, or one plane? Scene:
//! does what is round the face stay where it is while the face moves, or go along with it? A face that hardly moves
//! answers neither.

use oz_domain::Frame;

use super::{background, geometry};
use crate::signals::geometry::Rigid;
use crate::signals::grey::quantile;
use crate::signals::{Evidence, Fact, fuse};
use crate::track::Track;

/// Landmarks that no expression moves much: forehead, temples, eye corners, nose, cheek bones.
const FIRM: [usize; 32] = [
    10, 67, 297, 109, 338, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1, 33, 133, 263, 362, 127, 356, 234, 454, 50, 280, 101,
    330, 117, 346, 48, 278, 2,
];
/// Frames with landmarks that it takes.
const FEWEST: usize = 6;
/// Views that all others are compared with.
const REFERENCES: usize = 4;
/// Part of the pairs of views that is looked at: those that differ most.
const MOST_TURNED: f64 = 0.8;
/// Least sine of a turn that says anything: less of it is jitter of landmarks.
const LEAST_TURN: f64 = 0.12;
/// What a plane leaves of the most different views, in mean radii of the face, at which nothing is said: jitter leaves
/// less, a head more. Chosen on the fit half of the evaluation set (pictures 0.007-0.018, live faces 0.024-0.131).
const FLAT: f64 = 0.02;
/// Log odds for each e-fold of it.
const STEEP: f64 = 2.0;

/// Judges a clip. `frames` are the pictures of the track's observations.
pub fn motion(track: &Track, frames: &[Frame]) -> Evidence {
    let (mut facts, mut says) = (Vec::new(), Vec::new());
    if let Some(shape) = shape(track) {
        says.extend(shape.says());
        facts.extend(shape.facts());
    }
    if let Some(scene) = background::scene(track, frames) {
        says.extend(scene.says());
        facts.extend(scene.facts());
    }
    let attack = (!says.is_empty()).then(|| fuse::logistic(says.iter().sum()));
    Evidence { attack, facts }
}

/// What the landmarks of the most different views say.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Sine of the turn by which the face's plane became narrower.
    tilt: f64,
    /// Sine of the turn by which near points moved against far ones.
    parallax: f64,
    /// What is left by a plane, in units of the face's mean radius.
    plane: f64,
    /// What is left by a body.
    body: f64,
}

impl Shape {
    /// Log odds of a plane. It must have turned: landmarks of a face that holds still fit anything.
    fn says(&self) -> Option<f64> {
        let turned = self.tilt.max(self.parallax) >= LEAST_TURN;
        turned.then(|| (STEEP * (FLAT / self.plane.max(1e-4)).ln()).clamp(-3.0, 3.0))
    }

    fn facts(&self) -> [Fact; 4] {
        [
            ("turn_by_tilt", self.tilt),
            ("turn_by_parallax", self.parallax),
            ("plane_residual", self.plane),
            ("body_residual", self.body),
        ]
    }
}

fn shape(track: &Track) -> Option<Shape> {
    let views: Vec<Vec<geometry::Point>> =
        track.observations.iter().filter_map(|o| firm(o.main.as_ref()?.landmarks.as_deref()?)).collect();
    if views.len() < FEWEST {
        return None;
    }
    let references = (0..REFERENCES).filter_map(|i| views.get(i * (views.len() - 1) / (REFERENCES - 1)));
    let pairs: Vec<(f64, Rigid)> = references
        .flat_map(|a| views.iter().filter(move |b| !std::ptr::eq(*b, a)).map(move |b| (a, b)))
        .filter_map(|(a, b)| Some((geometry::plane_residual(a, b)?, geometry::rigid(a, b)?)))
        .collect();
    let sine = |r: &Rigid| (1.0 - r.flatness.powi(2)).max(0.0).sqrt();
    let turn = |r: &Rigid| sine(r).max(r.parallax);
    let least = quantile(&pairs.iter().map(|p| turn(&p.1)).collect::<Vec<_>>(), MOST_TURNED);
    let most: Vec<&(f64, Rigid)> = pairs.iter().filter(|p| turn(&p.1) >= least).collect();
    let middle = |of: &dyn Fn(&(f64, Rigid)) -> f64| quantile(&most.iter().map(|p| of(p)).collect::<Vec<_>>(), 0.5);
    (!most.is_empty()).then(|| Shape {
        tilt: middle(&|p| sine(&p.1)),
        parallax: middle(&|p| p.1.parallax),
        plane: middle(&|p| p.0),
        body: middle(&|p| p.1.residual),
    })
}

fn firm(points: &[[f32; 3]]) -> Option<Vec<geometry::Point>> {
    let all: Vec<geometry::Point> = FIRM.iter().filter_map(|i| Some(points.get(*i)?.map(f64::from))).collect();
    (all.len() == FIRM.len()).then(|| geometry::normalised(&all)).flatten()
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::signals::testing::{face_at, head, landmarks, noise, observation, track, turned};

    /// A head or its picture that turns to and fro by `degrees`, with landmarks that jitter by `jitter` px.
    fn swinging(flat: bool, degrees: f64, jitter: f64) -> Track {
        track((0..30).map(|i| {
            let mut points = head(100.0);
            if flat {
                points.iter_mut().for_each(|p| p[2] = 0.0);
            }
            let mut seen = turned(&points, degrees * (i as f64 / 5.0).sin(), 400.0);
            if flat {
                // The net believes in depth wherever it sees a face.
                seen.iter_mut().zip(head(100.0)).for_each(|(p, h)| p[2] = h[2]);
            }
            for (k, p) in seen.iter_mut().enumerate() {
                p[0] += jitter * (noise(i, k as u32) - 0.5);
                p[1] += jitter * (noise(k as u32, i + 99) - 0.5);
            }
            let mut main = face_at(0.0, 0.0, 200.0);
            main.landmarks = Some(landmarks(&seen, 0.0));
            observation(i as usize, Some(main))
        }))
    }

    #[test]
    fn a_turning_head_is_a_body_and_a_turning_picture_is_a_plane() {
        let live = motion(&swinging(false, 15.0, 1.0), &[]).attack.unwrap();
        let held = motion(&swinging(true, 25.0, 1.0), &[]).attack.unwrap();
        assert!(live < 0.3 && held > 0.7, "{live} {held}");
    }

    #[test]
    fn a_face_that_does_not_turn_cannot_tell() {
        assert_eq!(motion(&swinging(false, 1.0, 0.5), &[]).attack, None);
        assert_eq!(motion(&Track::default(), &[]), Evidence::default());
    }
}
