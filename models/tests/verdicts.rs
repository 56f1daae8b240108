//! Whole answers: what is said of stills and of clips made of them, in words and in numbers.

use oz_domain::{Clip, ClipFacts, Frame, Picture, Tag};
use oz_models::{Failure, Liveness, LivenessOptions};

use crate::support::{engine, picture, shared};

fn still(name: &str) -> Picture {
    picture(&shared().join("eval/stills").join(name)).unwrap()
}

fn words(liveness: &Liveness) -> Vec<&'static str> {
    liveness.details().reasons
}

#[test]
fn stills_are_refused_with_the_right_word() {
    let of = |name: &str, asked: &[Tag]| {
        let options = LivenessOptions { asked: asked.to_vec(), ..LivenessOptions::default() };
        engine().still(&still(name), &options).unwrap()
    };
    let live = of("variants/upright.jpg", &[]);
    assert!(live.confidence_spoofing < 0.5 && live.failure.is_none(), "{:?}", live.details());
    for (name, word) in [
        ("variants/no_face.jpg", "no_face"),
        ("variants/two_faces.jpg", "two_faces"),
        ("variants/grayscale.jpg", "no_colour"),
        ("variants/dark_noisy.jpg", "too_dark"),
    ] {
        let answer = of(name, &[]);
        assert!(answer.confidence_spoofing >= 0.5 && words(&answer).contains(&word), "{name} {:?}", words(&answer));
    }
    assert_eq!(of("variants/no_face.jpg", &[]).failure, Some(Failure::NoFace));
    let asked = of("variants/upright.jpg", &[Tag::Eyes]);
    assert!(asked.confidence_spoofing >= 0.5 && words(&asked).contains(&"gesture_missing"), "{:?}", words(&asked));
}

/// Two seconds of one picture.
fn repeated(picture: &Picture) -> Clip {
    let times: Vec<f64> = (0..20).map(|i| f64::from(i) / 10.0).collect();
    let frames = (0..20).zip(&times).map(|(index, time)| Frame { index, time: *time, picture: picture.clone() });
    let facts = ClipFacts {
        width: picture.width(),
        height: picture.height(),
        signatures: vec![[90; 64]; times.len()],
        duration: 2.0,
        times: times.clone(),
        ..ClipFacts::default()
    };
    Clip { frames: frames.collect(), facts }
}

#[test]
fn a_picture_in_the_form_of_a_video_is_refused_and_everything_is_told() {
    let clip = repeated(&still("variants/upright.jpg"));
    let options = LivenessOptions {
        asked: vec![Tag::Blank, Tag::Smile],
        best_shot: true,
        action_shot: true,
        ..LivenessOptions::default()
    };
    let answer = engine().clip(&clip, &options).unwrap();
    assert!(answer.confidence_spoofing >= 0.5 && answer.failure.is_none());
    assert!(words(&answer).starts_with(&["frozen", "gesture_missing"]), "{:?}", words(&answer));
    let action = answer.action_shot.as_ref().unwrap();
    assert!(answer.best_shot.is_some() && action.frame > 0, "the face was held: its middle frame shows it");

    let details = serde_json::to_value(answer.details()).unwrap();
    let names: Vec<&str> = details["signals"].as_array().unwrap().iter().filter_map(|s| s["name"].as_str()).collect();
    assert_eq!(names, ["pad-net", "pad-motion", "pad-life", "pad-surface"]);
    assert!(details["signals"][2]["attack"].as_f64().unwrap() > 0.9, "nothing moves: {details}");
    assert!(details["signals"][2]["contribution"].as_f64().unwrap() > 0.5, "{details}");
    assert_eq!(details["gestures"][0]["done"], true);
    assert_eq!(details["gestures"][1]["tag"], Tag::Smile.as_str());
    assert_eq!(details["recording"]["frames"], 20.0);
    assert!(details["quality"]["unified"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_clip_of_two_frames_is_no_clip() {
    let mut clip = repeated(&still("variants/upright.jpg"));
    clip.frames.truncate(2);
    let answer = engine().clip(&clip, &LivenessOptions::default()).unwrap();
    assert_eq!(answer.failure, Some(Failure::TooFewFrames { found: 2, needed: 3 }));
    assert!(answer.confidence_spoofing >= 0.5 && words(&answer)[0] == "too_few_frames");
}
