//! Pipeline of a still picture: detect, measure the largest face, judge.

use oz_domain::{Frame, Picture};

use crate::calibration::Calibration;
use crate::detect::people;
use crate::engine::{Error, Stages, Template};
use crate::judge;
use crate::landmarks::MOUTH;
use crate::liveness::{Failure, Liveness, LivenessOptions};
use crate::quality::Seen;
use crate::track::{Detector, Face, FaceMeasures, Observation, Track};

/// Judges a still picture.
pub(crate) fn judge(
    set: &mut Stages,
    picture: &Picture,
    options: &LivenessOptions,
    calibration: &Calibration,
) -> Result<Liveness, Error> {
    let faces = set.detect.faces(picture, &mut set.landmarks)?;
    let failure = match people(&faces, &calibration.faces) {
        0 => Some(Failure::NoFace),
        1 => None,
        _ => Some(Failure::TwoFaces),
    };
    let main = match faces.first() {
        Some(face) => Some(measure(set, picture, face)?),
        None => None,
    };
    let observations = vec![Observation { frame: 0, time: 0.0, faces, main }];
    let track = Track { observations, width: picture.width(), height: picture.height() };
    let frames = [Frame { index: 0, time: 0.0, picture: picture.clone() }];
    Ok(judge::judge(&judge::Case { track: &track, frames: &frames, facts: None, failure }, options, calibration))
}

/// All measures of a face but the template. The PAD nets are not asked about a face that only the fallback saw: its boxes
/// are not those that they were trained with.
pub(crate) fn measure(set: &mut Stages, picture: &Picture, face: &Face) -> Result<FaceMeasures, Error> {
    let mesh = set.landmarks.find(picture, face)?;
    let blendshapes = set.landmarks.blendshapes(&mesh)?;
    let pose = set.pose.measure(picture, face)?;
    let seen = Seen { mesh: Some(&mesh), blendshapes: Some(&blendshapes), pose };
    let quality = Some(set.quality.measure(picture, face, seen)?);
    let pad = if face.detector == Detector::MediaPipe { None } else { Some(set.pad.measure(picture, face)?) };
    Ok(FaceMeasures {
        face: *face,
        presence: mesh.presence,
        landmarks: Some(mesh.points),
        blendshapes: Some(blendshapes),
        pose,
        pad,
        quality,
        template: None,
    })
}

/// The template of the largest face.
pub(crate) fn template(set: &mut Stages, picture: &Picture) -> Result<Option<Template>, Error> {
    let faces = set.detect.faces(picture, &mut set.landmarks)?;
    let Some(face) = faces.first() else { return Ok(None) };
    let quality = set.quality.measure(picture, face, Seen::default())?.unified;
    let points = five_points(set, picture, face)?;
    Ok(set.embed.template(picture, &points)?.map(|values| Template { values, quality }))
}

/// The five points of a face; its mouth corners come from the landmarks where the detector has none.
pub(crate) fn five_points(set: &mut Stages, picture: &Picture, face: &Face) -> Result<[[f32; 2]; 5], Error> {
    let mut points = face.points;
    if face.detector == Detector::MediaPipe {
        let mesh = set.landmarks.find(picture, face)?;
        for (to, from) in points[3..].iter_mut().zip(MOUTH) {
            *to = [mesh.points[from][0], mesh.points[from][1]];
        }
    }
    Ok(points)
}
