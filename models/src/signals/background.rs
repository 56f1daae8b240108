//! Face against background: does what is round the face go along with it?
//!
//! Two small grey squares about the face of one frame are compared with the same squares of a later one: once cut where
//! the face was (what stands still is the same), once where the face is now, turned and scaled with it (what moves with
//! the face is the same). Only the ring round head and hair counts, above the chin: shoulders go along with any head.

use oz_domain::{Frame, Picture};

use crate::align::Affine;
use crate::signals::Fact;
use crate::signals::grey::{Grey, count, mean, pixels};
use crate::track::{Face, Track};

/// Pixels of a side of the squares.
const SIDE: usize = 48;
/// Side of the squares in faces.
const REACH: f32 = 2.4;
/// Semi-axes of head and hair in faces: what lies within is not background.
const HEAD: [f32; 2] = [0.62, 0.80];
/// Lower end of the ring below the middle of the face, in faces.
const CHIN: f32 = 0.35;
/// Way of the face from frame to frame, in faces, that says anything; and beyond which squares no longer compare.
const WAY: std::ops::Range<f64> = 0.04..0.6;
/// Part of the square that the ring must fill within the picture.
const LEAST_RING: f64 = 0.08;
/// Grey levels by which noise and compression make equal places differ.
const NOISE: f64 = 1.5;
/// Mean difference in grey levels that a background without texture does not reach: it cannot tell.
const TEXTURE: f64 = 3.0;

/// How the ring changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene {
    /// Mean difference in grey levels when the squares go along with the face.
    with_face: f64,
    /// The same when they stay.
    with_frame: f64,
    /// Mean way of the face, in faces.
    way: f64,
}

impl Scene {
    /// Log odds of a picture that is held.
    pub(super) fn says(&self) -> Option<f64> {
        let ratio = ((self.with_frame + NOISE) / (self.with_face + NOISE)).ln();
        (self.with_frame.max(self.with_face) >= TEXTURE).then(|| ratio.clamp(-2.0, 2.0))
    }

    pub(super) fn facts(&self) -> [Fact; 3] {
        [("ring_change_with_face", self.with_face), ("ring_change_with_frame", self.with_frame), ("face_way", self.way)]
    }
}

/// Looks at pairs of neighbours among the frames that were measured in full. `None` when the face stays in its place or
/// fills the picture.
pub(super) fn scene(track: &Track, frames: &[Frame]) -> Option<Scene> {
    let measured: Vec<(&Picture, &Face)> = track
        .observations
        .iter()
        .filter_map(|o| {
            let main = o.main.as_ref().filter(|m| m.quality.is_some())?;
            let at = frames.binary_search_by_key(&o.frame, |f| f.index).ok()?;
            Some((&frames.get(at)?.picture, &main.face))
        })
        .collect();
    let pairs: Vec<Scene> = measured.windows(2).filter_map(|w| pair(w[0], w[1])).collect();
    let of = |part: fn(&Scene) -> f64| mean(&pairs.iter().map(part).collect::<Vec<_>>());
    (!pairs.is_empty()).then(|| Scene {
        with_face: of(|s| s.with_face),
        with_frame: of(|s| s.with_frame),
        way: of(|s| s.way),
    })
}

/// The picture's square about a face.
fn about(face: &Face) -> Affine {
    Affine::levelled(face.centre(), REACH * face.size(), [face.points[0], face.points[1]], pixels(SIDE))
}

fn pair((before, a): (&Picture, &Face), (after, b): (&Picture, &Face)) -> Option<Scene> {
    let size = f64::from(a.size()).max(1.0);
    // The eyes tell growing and turning as well as a shift.
    let moved = |k: usize| f64::from((a.points[k][0] - b.points[k][0]).hypot(a.points[k][1] - b.points[k][1])) / size;
    let way = moved(0).max(moved(1));
    if !WAY.contains(&way) {
        return None;
    }
    let eyes = |f: &Face| [f.points[0], f.points[1]];
    let here = about(a);
    // The later frame's own square, by the eyes alone: boxes of detectors jump.
    let follow = Affine::similarity(&eyes(b), &eyes(a));
    let there = compose(&here, &follow);
    let (old, stays, goes) =
        (Grey::sample(before, &here, SIDE), Grey::sample(after, &here, SIDE), Grey::sample(after, &there, SIDE));
    let (back, along) = (here.inverse(), there.inverse());
    let (mut with_face, mut with_frame, mut ring) = (0.0, 0.0, 0_usize);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let place = back.apply([pixels(x), pixels(y)]);
            let moved = along.apply([pixels(x), pixels(y)]);
            let free = inside(before, place) && inside(after, moved) && outside(a, place) && outside(b, place);
            if free {
                ring += 1;
                with_frame += f64::from((old.at(x, y) - stays.at(x, y)).abs());
                with_face += f64::from((old.at(x, y) - goes.at(x, y)).abs());
            }
        }
    }
    let n = count(ring);
    (n >= LEAST_RING * count(SIDE * SIDE)).then(|| Scene { with_face: with_face / n, with_frame: with_frame / n, way })
}

/// First `then`, then `map`.
fn compose(map: &Affine, then: &Affine) -> Affine {
    let ([a, b, c, d, e, f], [p, q, r, s, t, u]) = (map.0, then.0);
    Affine([a * p + b * s, a * q + b * t, a * r + b * u + c, d * p + e * s, d * q + e * t, d * r + e * u + f])
}

fn inside(picture: &Picture, [x, y]: [f32; 2]) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "sides of pictures fit in f32")]
    let (w, h) = (picture.width() as f32, picture.height() as f32);
    x >= 0.0 && y >= 0.0 && x <= w - 1.0 && y <= h - 1.0
}

/// Whether a place lies in the ring of a face; an upright face is meant, a lean of some degrees does no harm.
fn outside(face: &Face, [x, y]: [f32; 2]) -> bool {
    let ([cx, cy], size) = (face.centre(), face.size().max(1.0));
    let (dx, dy) = ((x - cx) / size, (y - cy) / size);
    dy < CHIN && (dx / HEAD[0]).powi(2) + (dy / HEAD[1]).powi(2) > 1.0
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "made-up values")]
mod tests {
    use super::*;
    use crate::quality::Quality;
    use crate::signals::testing::{face_at, frame, noise, observation, track};

    /// Ten frames in which the face goes `way` px at a time to the right and the background `drift` px.
    fn judged(way: i32, drift: i32) -> Option<Scene> {
        let frames: Vec<Frame> = (0..10)
            .map(|i| {
                let shift = drift * i32::try_from(i).unwrap();
                // Blocks of 8 px, so that bilinear sampling at half the size keeps the texture.
                let cell = move |x: u32, y: u32| noise((x.wrapping_sub(shift as u32).wrapping_add(8000)) / 8, y / 8);
                frame(i, move |x, y| [(60.0 + 140.0 * cell(x, y)) as u8; 3])
            })
            .collect();
        let seen = track((0..10).map(|i| {
            let mut main = face_at((way * i32::try_from(i).unwrap()) as f32 - 90.0, 0.0, 110.0);
            main.quality = Some(Quality::default());
            observation(i, Some(main))
        }));
        scene(&seen, &frames)
    }

    #[test]
    fn a_room_that_stays_is_a_person_and_one_that_goes_along_is_a_held_picture() {
        let (live, held) = (judged(12, 0).unwrap(), judged(12, 12).unwrap());
        assert!(live.says().unwrap() < -0.5, "{live:?}");
        assert!(held.says().unwrap() > 0.5, "{held:?}");
        let walking = judged(12, -15).unwrap();
        assert!(walking.says().unwrap().abs() < 0.5, "both change: {walking:?}");
    }

    #[test]
    fn a_face_that_stays_cannot_tell() {
        assert!(judged(1, 0).is_none());
    }
}
