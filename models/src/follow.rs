//! Carrying a detected face over to the next frames by its landmarks.

use crate::landmarks::{EYE_AT_LEFT, EYE_AT_RIGHT, MOUTH, Mesh};
use crate::track::{Detector, Face};

/// Landmark of the nose's tip.
const NOSE: usize = 1;

/// How a detector's box and points lie on the landmarks of the same frame.
#[derive(Debug, Clone)]
pub(crate) struct Anchor {
    /// The face as it was seen last.
    pub(crate) face: Face,
    /// Left, top, width, height of the detector's box in units of the mesh's own box.
    relative: [f32; 4],
    /// From the mesh's five points to the detector's, in units of the mesh's width.
    offsets: [[f32; 2]; 5],
}

impl Anchor {
    pub(crate) fn new(face: Face, mesh: &Mesh) -> Self {
        let [x, y, w, h] = extent(mesh);
        let mut offsets = [[0.0; 2]; 5];
        for ((offset, there), here) in offsets.iter_mut().zip(face.points).zip(five(mesh)) {
            *offset = [(there[0] - here[0]) / w, (there[1] - here[1]) / w];
        }
        let b = face.bbox;
        Self { face, relative: [(b[0] - x) / w, (b[1] - y) / h, b[2] / w, b[3] / h], offsets }
    }

    /// The same relation, with the face seen somewhere else.
    pub(crate) fn at(self, face: Face) -> Self {
        Self { face, ..self }
    }

    /// The face where the landmarks of a later frame are.
    pub(crate) fn follow(&self, mesh: &Mesh) -> Face {
        let [x, y, w, h] = extent(mesh);
        let r = self.relative;
        let mut points = five(mesh);
        for (point, offset) in points.iter_mut().zip(self.offsets) {
            *point = [point[0] + offset[0] * w, point[1] + offset[1] * w];
        }
        Face {
            bbox: [x + r[0] * w, y + r[1] * h, r[2] * w, r[3] * h],
            points,
            score: mesh.presence,
            detector: Detector::Tracked,
        }
    }
}

/// Left, top, width, height of all points; sides at least 1.
fn extent(mesh: &Mesh) -> [f32; 4] {
    let (mut low, mut high) = ([f32::MAX; 2], [f32::MIN; 2]);
    for p in &mesh.points {
        for c in 0..2 {
            low[c] = low[c].min(p[c]);
            high[c] = high[c].max(p[c]);
        }
    }
    [low[0], low[1], (high[0] - low[0]).max(1.0), (high[1] - low[1]).max(1.0)]
}

/// The mesh's counterparts of a detector's five points.
fn five(mesh: &Mesh) -> [[f32; 2]; 5] {
    let at = |i: usize| [mesh.points[i][0], mesh.points[i][1]];
    let middle = |a: usize, b: usize| [f32::midpoint(at(a)[0], at(b)[0]), f32::midpoint(at(a)[1], at(b)[1])];
    let eyes = [EYE_AT_LEFT, EYE_AT_RIGHT].map(|e| middle(e[0], e[3]));
    [eyes[0], eyes[1], at(NOSE), at(MOUTH[0]), at(MOUTH[1])]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::landmarks::POINTS;

    #[test]
    fn a_face_follows_its_landmarks_exactly_when_they_move_and_grow() {
        let points: Vec<[f32; 3]> = (0..POINTS).map(|i| [(i % 23) as f32 * 3.0, (i / 23) as f32 * 4.0, 0.0]).collect();
        let mesh = Mesh { points, presence: 0.9 };
        let face = Face {
            bbox: [-2.0, -5.0, 70.0, 90.0],
            points: [[10.0, 12.0], [50.0, 12.0], [30.0, 30.0], [20.0, 50.0], [40.0, 50.0]],
            score: 0.95,
            detector: Detector::Yunet320,
        };
        let anchor = Anchor::new(face, &mesh);
        let moved = Mesh {
            points: mesh.points.iter().map(|p| [p[0] * 2.0 + 7.0, p[1] * 2.0 - 3.0, 0.0]).collect(),
            presence: 0.8,
        };
        let found = anchor.follow(&moved);
        let expected = [-2.0 * 2.0 + 7.0, -5.0 * 2.0 - 3.0, 140.0, 180.0];
        assert!(found.bbox.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-2), "{found:?}");
        assert!((found.points[1][0] - 107.0).abs() < 1e-2 && (found.points[4][1] - 97.0).abs() < 1e-2, "{found:?}");
        assert_eq!(found.detector, Detector::Tracked);
    }
}
