//! Stage "detect": where the faces are.
//!
//! YuNet at 320 px, at 640 px when that finds nothing, and at last the MediaPipe detector, which sees in the dark. Its
//! findings count only when the landmark net agrees: alone it sees faces in noise.

mod mediapipe;
mod yunet;

use oz_domain::Picture;

use crate::calibration::Faces;
use crate::engine::Error;
use crate::landmarks::Landmarks;
use crate::session_pool::{Loader, Net};
use crate::track::{Detector, Face};

/// Faces beyond this number on one picture are not looked at.
const MOST_FACES: usize = 64;
/// Candidates that take part in the suppression of overlaps; a picture with more is not of a face.
const MOST_CANDIDATES: usize = 1000;

/// The detection stage.
pub struct Detect {
    yunet: yunet::Yunet,
    fallback: mediapipe::MediaPipe,
}

impl Detect {
    pub(crate) fn load(loader: &Loader<'_>) -> Result<Self, Error> {
        Ok(Self { yunet: yunet::Yunet::load(loader)?, fallback: mediapipe::MediaPipe::load(loader)? })
    }

    /// All faces, largest first; empty when there are none.
    ///
    /// # Errors
    /// When a net cannot be run.
    pub fn faces(&mut self, picture: &Picture, landmarks: &mut Landmarks) -> Result<Vec<Face>, Error> {
        for (side, detector) in [(0, Detector::Yunet320), (1, Detector::Yunet640)] {
            let faces = self.yunet.faces(picture, side, detector)?;
            if !faces.is_empty() {
                return Ok(faces);
            }
        }
        let mut faces = Vec::new();
        for face in self.fallback.faces(picture)? {
            if landmarks.find(picture, &face)?.presence >= self.fallback.presence_min() {
                faces.push(face);
            }
        }
        Ok(faces)
    }

    /// Faces by YuNet with the picture's long side at most 320 px, only.
    ///
    /// # Errors
    /// When the net cannot be run.
    pub fn faces_at_320(&mut self, picture: &Picture) -> Result<Vec<Face>, Error> {
        self.yunet.faces(picture, 0, Detector::Yunet320)
    }

    pub(crate) fn nets(&mut self) -> [&mut Net; 2] {
        [self.yunet.net(), self.fallback.net()]
    }
}

/// Leaves the best of faces that overlap more than `most`, largest first.
fn suppress(mut faces: Vec<Face>, most: f32) -> Vec<Face> {
    faces.retain(|f| f.score.is_finite() && f.bbox.iter().all(|v| v.is_finite()) && f.bbox[2] > 0.0 && f.bbox[3] > 0.0);
    faces.sort_by(|a, b| b.score.total_cmp(&a.score));
    faces.truncate(MOST_CANDIDATES);
    let mut kept: Vec<Face> = Vec::new();
    for face in faces {
        if kept.len() < MOST_FACES && kept.iter().all(|k| iou(&face.bbox, &k.bbox) <= most) {
            kept.push(face);
        }
    }
    kept.sort_by(|a, b| b.area().total_cmp(&a.area()));
    kept
}

/// Persons among faces that are sorted by size: small faces far behind the first do not count.
pub fn people(faces: &[Face], limits: &Faces) -> usize {
    let Some(largest) = faces.first().map(Face::size) else { return 0 };
    faces.iter().filter(|f| f.size() >= largest * limits.second_person).count()
}

/// Part of two boxes' union that both cover, 0-1.
pub fn iou(a: &[f32; 4], b: &[f32; 4]) -> f32 {
    let w = (a[0] + a[2]).min(b[0] + b[2]) - a[0].max(b[0]);
    let h = (a[1] + a[3]).min(b[1] + b[3]) - a[1].max(b[1]);
    let both = w.max(0.0) * h.max(0.0);
    both / (a[2] * a[3] + b[2] * b[3] - both).max(f32::MIN_POSITIVE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn face(bbox: [f32; 4], score: f32) -> Face {
        Face { bbox, points: [[0.0; 2]; 5], score, detector: Detector::Yunet320 }
    }

    #[test]
    fn of_overlapping_faces_the_surest_stays_and_the_largest_comes_first() {
        let small = face([100.0, 100.0, 10.0, 10.0], 0.99);
        let kept = suppress(vec![face([0.0, 0.0, 50.0, 50.0], 0.7), small, face([2.0, 0.0, 50.0, 50.0], 0.9)], 0.45);
        assert_eq!(kept, vec![face([2.0, 0.0, 50.0, 50.0], 0.9), small]);
    }

    #[test]
    fn what_is_not_a_number_is_no_face() {
        assert!(
            suppress(vec![face([f32::NAN, 0.0, 5.0, 5.0], 0.9), face([0.0, 0.0, 5.0, 5.0], f32::NAN)], 0.45).is_empty()
        );
    }
}
