//! Stage "best shot": the picture of the face that is worth keeping.

use bytes::Bytes;
use oz_domain::Picture;

use crate::calibration::Faces;
use crate::track::{Face, FaceMeasures};

/// A picture cut from a frame.
#[derive(Debug, Clone)]
pub struct Shot {
    /// Place of the frame among all frames of the clip; 0 for a still.
    pub frame: u32,
    /// Seconds since the first frame.
    pub time: f64,
    /// The head and shoulders, upright, in the frame's own resolution.
    pub picture: Picture,
    /// Unified quality of the face, 0-100; 0 when it was not measured.
    pub quality: f32,
}

/// Place of the best of `measures` in the list: highest unified quality among frontal faces with open eyes, else highest
/// quality of all. `None` when no quality was measured.
pub fn best<'a>(measures: impl Iterator<Item = (usize, &'a FaceMeasures)> + Clone, limits: &Faces) -> Option<usize> {
    let pitches: Vec<f32> = measures.clone().filter_map(|(_, m)| m.pose.map(|p| p.pitch)).collect();
    let neutral = median(pitches).unwrap_or(0.0);
    let rank = |m: &FaceMeasures| {
        let quality = m.quality?;
        let frontal = m
            .pose
            .is_none_or(|p| p.yaw.abs() <= limits.frontal_yaw && (p.pitch - neutral).abs() <= limits.frontal_pitch);
        Some((frontal && quality.eyes_open >= limits.open_eyes, quality.unified))
    };
    measures
        .filter_map(|(i, m)| Some((i, rank(m)?)))
        .max_by(|(_, a), (_, b)| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)))
        .map(|(i, _)| i)
}

/// The middle value.
pub(crate) fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// Head and shoulders as for a passport (after ICAO 9303 / ISO/IEC 19794-5): four eye distances wide, 4:3 high, the eyes'
/// middle at half the width and 45 % of the height; pushed inside the picture and cut to it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "casts of floats saturate, and the crop is cut to the picture"
)]
pub fn portrait(picture: &Picture, face: &Face) -> Picture {
    let (pw, ph) = (picture.width() as f32, picture.height() as f32);
    // In profile the eyes come together; then the box says how large the head is.
    let width = (4.0 * face.eye_distance()).max(1.6 * face.bbox[2]).clamp(1.0, pw);
    let height = (width * 4.0 / 3.0).min(ph).max(1.0);
    let eyes =
        [f32::midpoint(face.points[0][0], face.points[1][0]), f32::midpoint(face.points[0][1], face.points[1][1])];
    let left = (eyes[0] - 0.5 * width).clamp(0.0, pw - width) as u32;
    let top = (eyes[1] - 0.45 * height).clamp(0.0, ph - height) as u32;
    cut(picture, left, top, width as u32, height as u32)
}

fn cut(picture: &Picture, left: u32, top: u32, width: u32, height: u32) -> Picture {
    let (width, height) = (width.clamp(1, picture.width() - left), height.clamp(1, picture.height() - top));
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    for y in top..top + height {
        rgb.extend_from_slice(&picture.row(y)[left as usize * 3..][..width as usize * 3]);
    }
    Picture::new(width, height, Bytes::from(rgb)).unwrap_or_else(|_| picture.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quality::Quality;
    use crate::track::{Detector, Pose};

    fn measures(unified: f32, yaw: f32, eyes_open: f32) -> FaceMeasures {
        let face = Face {
            bbox: [10.0, 10.0, 20.0, 25.0],
            points: [[15.0, 18.0], [25.0, 18.0], [20.0, 23.0], [16.0, 28.0], [24.0, 28.0]],
            score: 0.9,
            detector: Detector::Yunet320,
        };
        FaceMeasures {
            face,
            landmarks: None,
            presence: 1.0,
            blendshapes: None,
            pose: Some(Pose { yaw, pitch: -7.0, roll: 0.0 }),
            pad: None,
            quality: Some(Quality { unified, eyes_open, ..Quality::default() }),
            template: None,
        }
    }

    const LIMITS: Faces = Faces { second_person: 0.4, frontal_yaw: 15.0, frontal_pitch: 15.0, open_eyes: 0.5 };

    #[test]
    fn a_frontal_face_with_open_eyes_beats_a_better_picture_without() {
        let all =
            [measures(90.0, 30.0, 1.0), measures(80.0, 2.0, 0.1), measures(60.0, -3.0, 1.0), measures(50.0, 0.0, 1.0)];
        assert_eq!(best(all.iter().enumerate(), &LIMITS), Some(2));
        assert_eq!(best(all[..2].iter().enumerate(), &LIMITS), Some(0));
        assert_eq!(best(std::iter::empty(), &LIMITS), None);
    }

    #[test]
    fn a_portrait_stays_inside_a_picture_that_is_too_small() {
        let picture = Picture::new(30, 32, Bytes::from(vec![7; 30 * 32 * 3])).unwrap();
        let shot = portrait(&picture, &measures(1.0, 0.0, 1.0).face);
        assert_eq!((shot.width(), shot.height()), (30, 32));
        let mut lost = measures(1.0, 0.0, 1.0).face;
        lost.points = [[-500.0, 1e9]; 5];
        assert!(portrait(&picture, &lost).width() > 0);
    }
}
