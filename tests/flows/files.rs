//! Stored files: whole, in ranges, and in a browser.

use crate::support::client::Part;
use crate::support::fixtures::{eval, live_clip, live_still};
use crate::support::server::{Options, Server};
use oz_testkit::on_both;
use serde_json::json;

on_both! {
    ranges_are_exactly_what_was_asked,
    a_clip_whose_index_stands_last_is_served_with_it_in_front,
}

/// A folder with this clip; gives the path of the stored file.
fn stored(client: &crate::support::client::Client, clip: &[u8]) -> String {
    let folder = client.form("/api/folders/", &[Part("v", Some("v.mp4"), clip)]).expect(201);
    let url = folder["media"][0]["video_url"].as_str().expect("video_url");
    url.find("/api/static/").map(|at| url[at..].to_owned()).expect("a static path")
}

fn ranges_are_exactly_what_was_asked(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let clip = live_clip();
    let path = stored(&client, &clip);
    let whole = client.get(&path);
    assert_eq!((whole.header("content-type"), whole.header("accept-ranges")), (Some("video/mp4"), Some("bytes")));
    assert_eq!(whole.header("cache-control"), Some("private, no-store"));
    assert!(whole.bytes == clip, "another file came back");
    let size = clip.len();
    for (range, from, to) in [
        ("bytes=0-0", 0, 1),
        ("bytes=0-99", 0, 100),
        ("bytes=65530-65545", 65_530, 65_546),
        (&format!("bytes={}-", size - 7)[..], size - 7, size),
        ("bytes=-5", size - 5, size),
        ("bytes=100-999999999", 100, size),
    ] {
        let part = client.send("GET", &path, &[("Range", range)], None);
        assert_eq!(part.status, 206, "{range}");
        assert!(part.bytes == clip[from..to], "{range}");
        assert_eq!(part.header("content-range"), Some(&format!("bytes {from}-{}/{size}", to - 1)[..]));
    }
    client.send("GET", &path, &[("Range", "bytes=999999999-")], None).refused(416, 4);
    let head = client.send("HEAD", &path, &[], None);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), Some(&size.to_string()[..]));
}

fn a_clip_whose_index_stands_last_is_served_with_it_in_front(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let clip = index_last(&live_clip());
    let path = stored(&client, &clip);
    let served = client.get(&path).bytes;
    let at = |bytes: &[u8], kind: &[u8]| bytes.windows(4).position(|w| w == kind).expect("a box");
    assert!(at(&clip, b"moov") > at(&clip, b"mdat"));
    assert!(at(&served, b"moov") < at(&served, b"mdat"));
    let id = path.rsplit('/').next().and_then(|f| f.split('.').next()).expect("an id");
    let medium = client.get(&format!("/api/media/{id}")).expect(200);
    assert_eq!(medium["original_info"]["size"], json!(clip.len()), "the original stays what it was");
}

/// The same clip with the index behind the frames, as phones record it.
fn index_last(clip: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder");
    let (from, to) = (folder.path().join("a.mp4"), folder.path().join("b.mp4"));
    fs_err::write(&from, clip).expect("the clip");
    let mut ffmpeg = std::process::Command::new("ffmpeg");
    let made = ffmpeg.args(["-v", "error", "-i"]).arg(&from).args(["-c", "copy", "-y"]).arg(&to).status();
    assert!(made.expect("ffmpeg is installed by `cargo xtask test`").success());
    fs_err::read(to).expect("the clip")
}

#[test]
fn a_stored_clip_plays_in_chromium() {
    let server = Server::start();
    let client = server.client();
    let path = stored(&client, &index_last(&eval("live/c07_portrait.mp4")));
    let token = client.token.clone().expect("a token");
    let browser = crate::support::browser::Browser::open(&server.base, &token);
    let seen = browser.play(&path);
    assert_eq!((&seen["width"], &seen["height"]), (&json!(720), &json!(1280)), "{seen}");
    assert!(seen["reached"].as_f64().is_some_and(|t| t > 0.5), "{seen}");
    assert!(seen["ranges"].as_u64().is_some_and(|n| n > 0), "the player asked for ranges: {seen}");
}

/// `OZ_USE_PERMISSIONS_FOR_STATIC=false` (decision 18): a link is enough for its file, and for nothing else.
#[test]
fn a_signed_link_opens_one_file() {
    let server = Server::start_new(Options::default().with("OZ_USE_PERMISSIONS_FOR_STATIC", "false"));
    let (client, anybody) = (server.client(), server.anonymous());
    let link = |n: u8| {
        let parts = [Part("p", Some("p.jpg"), &live_still())];
        let folder = client.form("/api/folders/", &parts).expect(201);
        let url = folder["media"][0]["original_url"].as_str().expect("a link").to_owned();
        url.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).unwrap_or_else(|| panic!("{n}: {url}"))
    };
    let (one, other) = (link(1), link(2));
    assert_eq!(anybody.get(&one).bytes, live_still());
    let (path, query) = one.split_once('?').expect("a signature");
    let (other_path, _) = other.split_once('?').expect("a signature");
    anybody.get(path).refused(401, 6);
    anybody.get(&format!("{other_path}?{query}")).refused(403, 9);
    anybody.get(&one.replacen("expires=", "expires=9", 1)).refused(403, 9);
    anybody.get(&format!("{}0", &one[..one.len() - 1])).refused(403, 9);
    assert_eq!(client.get(path).status, 200);
    // A link is no permission for anything else, and where files need a token it is none at all.
    let folder = path.split('/').nth(3).expect("a folder");
    anybody.get(&format!("/api/folders/{folder}?{query}")).refused(401, 6);
    let strict = Server::start();
    strict.anonymous().get(&one).refused(401, 6);
}
