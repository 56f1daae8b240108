//! Stills and pairs against `golden.json`, with its own tolerances: nine pictures in ten within all of them, none further
//! off than three times.

use std::collections::BTreeMap;

use oz_domain::Picture;
use oz_models::Stages;
use oz_models::landmarks::{BLINK_LEFT, BLINK_RIGHT, EYE_AT_LEFT, EYE_AT_RIGHT, JAW_OPEN};
use oz_models::quality::Seen;
use oz_models::track::{Detector, Face};
use serde_json::Value;

use crate::support::{engine, golden, picture, shared};

/// Largest deviations by name, in units of the tolerance.
#[derive(Default)]
pub(crate) struct Deviations(BTreeMap<&'static str, f64>);

impl Deviations {
    pub(crate) fn add(&mut self, name: &'static str, tolerance: &Value, found: f64, expected: &Value) {
        let off = (found - expected.as_f64().unwrap()).abs() / tolerance.as_f64().unwrap();
        let worst = self.0.entry(name).or_default();
        *worst = worst.max(off);
    }

    pub(crate) fn worst(&self) -> f64 {
        self.0.values().copied().fold(0.0, f64::max)
    }
}

/// Checks the rule over many pictures, and prints the worst of each value.
pub(crate) fn judge(all: &[(String, Deviations)]) {
    let mut worst: BTreeMap<&str, f64> = BTreeMap::new();
    for (name, d) in all {
        for (key, off) in &d.0 {
            let w = worst.entry(key).or_default();
            *w = w.max(*off);
        }
        assert!(d.worst() <= 3.0, "{name}: {:?} times the tolerance", d.0);
    }
    println!("largest deviations, in tolerances: {worst:.3?}");
    let within = all.iter().filter(|(_, d)| d.worst() <= 1.0).count();
    assert!(within * 10 >= all.len() * 9, "{within} of {} within all tolerances", all.len());
}

#[test]
fn stills_are_measured_as_by_the_reference() {
    let golden = golden();
    let mut all = Vec::new();
    for (name, expected) in golden["stills"].as_object().unwrap() {
        let Some(picture) = picture(&shared().join("eval").join(name)) else { continue };
        let size = [picture.width(), picture.height()].map(Value::from);
        assert_eq!(size, [expected["width"].clone(), expected["height"].clone()], "{name}");
        let found = engine().with_stages(|set| measure(set, &picture, expected, &golden["tolerance"], name));
        all.push((name.clone(), found));
    }
    assert!(all.len() >= 38, "{} of 41 pictures were read", all.len());
    judge(&all);
}

fn measure(set: &mut Stages, picture: &Picture, expected: &Value, tolerance: &Value, name: &str) -> Deviations {
    let faces = set.detect.faces(picture, &mut set.landmarks).unwrap();
    let detector = match faces.first().map(|f| f.detector) {
        None => "none",
        Some(Detector::Yunet320) => "yunet_320",
        Some(Detector::Yunet640) => "yunet_640",
        Some(_) => "mediapipe",
    };
    assert_eq!(
        (detector, faces.len()),
        (expected["detector"].as_str().unwrap(), expected["faces"].as_array().unwrap().len()),
        "{name}"
    );
    let mut d = Deviations::default();
    for (face, expected) in faces.iter().zip(expected["faces"].as_array().unwrap()) {
        compare_face(&mut d, face, expected, tolerance);
    }
    let Some(face) = faces.first() else { return d };
    let size = f64::from(face.size());

    let pose = set.pose.measure(picture, face).unwrap().unwrap();
    for (key, value) in [("yaw", pose.yaw), ("pitch", pose.pitch), ("roll", pose.roll)] {
        d.add("head_pose_degrees", &tolerance["head_pose_degrees"], value.into(), &expected["head_pose"][key]);
    }
    let pad = set.pad.measure(picture, face).unwrap();
    d.add("pad_each", &tolerance["pad_each"], pad.v2.into(), &expected["pad"]["minifas_v2_27"]);
    d.add("pad_each", &tolerance["pad_each"], pad.v1se.into(), &expected["pad"]["minifas_v1se_40"]);
    d.add("pad_mean", &tolerance["pad_mean"], pad.live().into(), &expected["pad"]["mean"]);
    let quality = set.quality.measure(picture, face, Seen::default()).unwrap();
    d.add("quality", &tolerance["quality"], quality.net.into(), &expected["quality"]);

    let mesh = set.landmarks.find(picture, face).unwrap();
    d.add("presence", &Value::from(0.05), mesh.presence.into(), &expected["landmarks"]["presence"]);
    for (key, point) in [("nose_tip_1", 1), ("eye_outer_33", 33), ("eye_outer_263", 263), ("chin_152", 152)] {
        let part = Value::from(tolerance["landmarks_part_of_size"].as_f64().unwrap() * size);
        for c in 0..3 {
            d.add("landmarks_part_of_size", &part, mesh.points[point][c].into(), &expected["landmarks"][key][c]);
        }
    }
    let shapes = set.landmarks.blendshapes(&mesh).unwrap();
    for (key, shape) in [("eyeBlinkLeft", BLINK_LEFT), ("eyeBlinkRight", BLINK_RIGHT), ("jawOpen", JAW_OPEN)] {
        d.add("blendshapes", &tolerance["blendshapes"], shapes[shape].into(), &expected["blendshapes"][key]);
    }
    for (key, eye) in [("at_left", EYE_AT_LEFT), ("at_right", EYE_AT_RIGHT)] {
        let ratio = mesh.eye_aspect_ratio(eye).into();
        d.add("eye_aspect_ratio", &tolerance["eye_aspect_ratio"], ratio, &expected["eye_aspect_ratio"][key]);
    }
    if let Some(reid) = expected["embed_reid_0095"].as_object() {
        let template = set.embed.template(picture, &face.points).unwrap().unwrap();
        let norm = template.iter().map(|v| v * v).sum::<f32>().sqrt();
        d.add("embedding_norm", &tolerance["embedding_norm"], norm.into(), &reid["norm"]);
        for (found, expected) in template.iter().zip(reid["first_16"].as_array().unwrap()) {
            d.add("embedding_first_16", &tolerance["embedding_first_16"], f64::from(*found), expected);
        }
    }
    d
}

fn compare_face(d: &mut Deviations, face: &Face, expected: &Value, tolerance: &Value) {
    let size = f64::from(face.size());
    let part = |name: &str| Value::from(tolerance[name].as_f64().unwrap() * size);
    for (found, expected) in face.bbox.iter().zip(expected["box"].as_array().unwrap()) {
        d.add("box_part_of_size", &part("box_part_of_size"), f64::from(*found), expected);
    }
    // Of the fallback's six points the first four are ours; the mouth's middle stands for both corners.
    let own = if face.detector == Detector::MediaPipe { 8 } else { 10 };
    for (found, expected) in face.points.iter().flatten().zip(expected["points"].as_array().unwrap()).take(own) {
        d.add("points_part_of_size", &part("points_part_of_size"), f64::from(*found), expected);
    }
    d.add("score", &tolerance["score"], face.score.into(), &expected["score"]);
}

#[test]
fn pairs_are_as_alike_as_for_the_reference() {
    let golden = golden();
    let mut all = Vec::new();
    for pair in golden["pairs"].as_array().unwrap() {
        let [a, b] = ["path_a", "path_b"].map(|key| {
            let path = pair[key].as_str().unwrap();
            let picture = picture(&shared().join("eval").join(path)).unwrap();
            engine().embed(&picture).unwrap().unwrap_or_else(|| panic!("no face on {path}")).values
        });
        let mut d = Deviations::default();
        let cosine = oz_models::embed::cosine(&a, &b);
        d.add("pair_cosine", &golden["tolerance"]["pair_cosine"], cosine.into(), &pair["cosine_reid_0095"]);
        all.push((pair["path_a"].to_string(), d));
        let similarity = engine().calibration().similarity(cosine.into());
        assert!(pair["same"] == 1 || similarity < 0.85, "two persons are one at the default threshold");
    }
    assert_eq!(all.len(), 32);
    judge(&all);
}
