//! A selfie in, a verdict out.

use crate::support::client::Part;
use crate::support::fixtures::{eval, live_clip, live_still};
use crate::support::server::{Options, Server};
use oz_testkit::on_both;
use serde_json::json;

on_both! {
    a_live_selfie_video_passes_in_a_single_request,
    a_replayed_clip_is_declined_by_polling,
}

fn a_live_selfie_video_passes_in_a_single_request(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let payload = json!({
        "folder:meta_data": {"transaction_id": "t-1"},
        "media:tags": {"video1": ["video_selfie", "video_selfie_blank", "orientation_landscape"]},
        "analyses": [{"type": "quality", "params": {"extract_best_shot": true}}],
    });
    let folder = client
        .form(
            "/api/folders/",
            &[Part("payload", None, payload.to_string().as_bytes()), Part("video1", Some("selfie.mp4"), &live_clip())],
        )
        .expect(201);
    assert_eq!(folder["resolution_status"], "FINISHED", "{folder}");
    assert_eq!(folder["system_resolution"], "SUCCESS", "{folder}");
    assert_eq!(folder["meta_data"]["transaction_id"], "t-1");
    let medium = &folder["media"][0];
    assert_eq!(medium["media_type"], "VIDEO_FOLDER");
    assert_eq!(medium["media_id"], medium["video_id"]);
    let analysis = &folder["analyses"][0];
    assert_eq!(analysis["analysis_id"], analysis["analyse_id"]);
    let result = &analysis["results_media"][0];
    assert_eq!(result["source_video_id"], medium["media_id"]);
    assert!(result["results_data"]["confidence_spoofing"].as_f64().is_some_and(|c| c < 0.5), "{analysis}");
    let url = result["output_images"][0]["original_url"].as_str().expect("a best shot");
    let path = url.find("/api/static/").map(|at| &url[at..]).expect("a static path");
    let shot = client.get(path);
    assert_eq!((shot.status, shot.header("content-type")), (200, Some("image/jpeg")));
    assert_eq!(&shot.bytes[..2], [0xFF, 0xD8]);
}

fn a_replayed_clip_is_declined_by_polling(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let payload = json!({"media:tags": {"v": ["video_selfie", "video_selfie_blank", "orientation_landscape"]}});
    let folder = client
        .form(
            "/api/folders",
            &[
                Part("v", Some("v.mp4"), &eval("sim_replay/replay_c02.mp4")),
                Part("payload", None, payload.to_string().as_bytes()),
            ],
        )
        .expect(201);
    let id = folder["folder_id"].as_str().expect("folder_id");
    assert_eq!(folder["resolution_status"], "INITIAL");
    let started = client
        .json("POST", &format!("/api/folders/{id}/analyses/"), &json!({"analyses": [{"type": "QUALITY"}]}))
        .expect(201);
    assert_eq!(started[0]["resolution_status"], "PROCESSING", "{started}");
    let analysis = client.finished(started[0]["analyse_id"].as_str().expect("analyse_id"));
    assert_eq!(analysis["resolution"], "DECLINED", "{analysis}");
    assert!(analysis["results_media"][0]["results_data"]["confidence_spoofing"].as_f64().is_some_and(|c| c >= 0.5));
    let whole = client.get(&format!("/api/folders/{id}?with_analyses=true")).expect(200);
    assert_eq!(whole["system_resolution"], "DECLINED");
}

#[test]
fn a_photo_is_analysed_too() {
    let server = Server::start();
    let client = server.client();
    let payload = json!({"media:tags": {"photo1": ["photo_selfie"]}, "analyses": [{"type": "quality"}]});
    let folder = client
        .form(
            "/api/folders/",
            &[Part("payload", None, payload.to_string().as_bytes()), Part("photo1", Some("a.jpg"), &live_still())],
        )
        .expect(201);
    assert_eq!(folder["media"][0]["media_type"], "IMAGE_FOLDER");
    assert_eq!(folder["analyses"][0]["resolution"], "SUCCESS", "{folder}");
    assert_eq!(folder["analyses"][0]["results_media"][0]["source_image_id"], folder["media"][0]["media_id"]);
}
