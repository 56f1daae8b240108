//! Made-up tracks for the tests of the signals.

use bytes::Bytes;
use oz_domain::{Frame, Picture};

use crate::landmarks::POINTS;
use crate::track::{Detector, Face, FaceMeasures, Observation, Track};

/// A face of `size` px with its middle at (320 + x, 240 + y), and nothing else measured.
pub(crate) fn face_at(x: f32, y: f32, size: f32) -> FaceMeasures {
    let (cx, cy, s) = (320.0 + x, 240.0 + y, size);
    let point = |dx: f32, dy: f32| [cx + dx * s, cy + dy * s];
    FaceMeasures {
        face: Face {
            bbox: [cx - 0.4 * s, cy - 0.5 * s, 0.8 * s, s],
            points: [point(-0.18, -0.12), point(0.18, -0.12), point(0.0, 0.05), point(-0.14, 0.24), point(0.14, 0.24)],
            score: 0.9,
            detector: Detector::Yunet320,
        },
        landmarks: None,
        presence: 1.0,
        blendshapes: None,
        pose: None,
        pad: None,
        quality: None,
        template: None,
    }
}

/// The `i`-th of ten observations a second.
pub(crate) fn observation(i: usize, main: Option<FaceMeasures>) -> Observation {
    let frame = u32::try_from(i).unwrap();
    Observation { frame, time: f64::from(frame) / 10.0, faces: main.iter().map(|m| m.face).collect(), main }
}

pub(crate) fn track(observations: impl Iterator<Item = Observation>) -> Track {
    Track { observations: observations.collect(), width: 640, height: 480 }
}

/// 478 points on the front of an ellipsoid of radius `size`, with a nose; depth rises away from the camera.
pub(crate) fn head(size: f64) -> Vec<[f64; 3]> {
    (0..POINTS)
        .map(|i| {
            let (a, r) = (i as f64 * 2.399_963, (i as f64 / POINTS as f64).sqrt());
            let (x, y) = (0.8 * r * a.cos(), r * a.sin());
            let nose = if r < 0.2 { 0.3 } else { 0.0 };
            [x * size, y * size, (-(1.0 - 0.9 * r * r).sqrt() - nose) * size]
        })
        .collect()
}

/// The points after a turn about the upright axis, seen from `distance` (in the points' unit) away.
pub(crate) fn turned(points: &[[f64; 3]], degrees: f64, distance: f64) -> Vec<[f64; 3]> {
    let (s, c) = degrees.to_radians().sin_cos();
    let seen = |[x, y, z]: &[f64; 3]| {
        let (x, z) = (c * x + s * z, c * z - s * x);
        let k = distance / (distance + z);
        [x * k, *y * k, z * k]
    };
    points.iter().map(seen).collect()
}

/// The points as landmarks about the middle of the picture.
#[expect(clippy::cast_possible_truncation, reason = "made-up pixels")]
pub(crate) fn landmarks(points: &[[f64; 3]], x: f64) -> Vec<[f32; 3]> {
    points.iter().map(|p| [(320.0 + x + p[0]) as f32, (240.0 + p[1]) as f32, p[2] as f32]).collect()
}

/// A frame whose pixels come from a function of place: red, green, blue.
pub(crate) fn frame(i: usize, pixel: impl Fn(u32, u32) -> [u8; 3]) -> Frame {
    let rgb: Vec<u8> = (0..480).flat_map(|y| (0..640).map(move |x| (x, y))).flat_map(|(x, y)| pixel(x, y)).collect();
    let index = u32::try_from(i).unwrap();
    Frame { index, time: f64::from(index) / 10.0, picture: Picture::new(640, 480, Bytes::from(rgb)).unwrap() }
}

/// A repeatable random number of 0-1 for a place.
pub(crate) fn noise(x: u32, y: u32) -> f64 {
    let mut v = x.wrapping_mul(0x9E37_79B1) ^ y.wrapping_mul(0x85EB_CA77);
    v = (v ^ (v >> 15)).wrapping_mul(0x2C1B_3C6D);
    v = (v ^ (v >> 12)).wrapping_mul(0x297A_2D39);
    f64::from(v ^ (v >> 15)) / f64::from(u32::MAX)
}
