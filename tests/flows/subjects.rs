//! One person's data: given out whole, and erased so that nothing is left (decisions 26, 44).

use crate::support::client::{Client, Part};
use crate::support::fixtures::{live_clip, live_still};
use crate::support::server::{Options, Server, files_below, until};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::io::{Cursor, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

on_both! {
    a_person_gets_all_and_is_forgotten,
    what_is_erased_while_it_is_judged_stays_erased,
    two_archives_at_once_and_no_third,
    an_erasure_tells_of_files_that_stay_and_they_go_later,
}

const IIN: &str = "900101300123";

fn folder(client: &Client, data: &Value, analyse: bool) -> String {
    let mut payload = json!({"folder:meta_data": data, "media:tags": {"p": ["photo_selfie"]}});
    if analyse {
        payload["analyses"] = json!([{"type": "quality"}]);
    }
    let payload = payload.to_string();
    let still = live_still();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)];
    id(&client.form("/api/folders/", &parts).expect(201), "folder_id")
}

fn id(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_else(|| panic!("no {key}: {object}")).to_owned()
}

fn a_person_gets_all_and_is_forgotten(options: Options) {
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("eve@example.com", "CLIENT_ADMIN", Some("Other Bank"));
    let client = server.client();
    let mine = [
        folder(&client, &json!({"iin": format!(" {IIN} "), "note": "first"}), true),
        folder(&client, &json!({"person_info": {"iin": IIN, "last_name": "Unmistakable"}}), false),
    ];
    let other = folder(&client, &json!({"iin": "770101300777"}), false);
    let foreign = folder(&stranger, &json!({"iin": IIN}), false);
    for (body, status, code) in [
        (json!({}), 400, 3),
        (json!({"iin": ""}), 400, 4),
        (json!({"iin": 5}), 400, 5),
        (json!({"iin": "1", "end_user_id": "2"}), 400, 4),
    ] {
        chief.json("POST", "/api/subjects/erase", &body).refused(status, code);
        chief.json("POST", "/api/subjects/export", &body).refused(status, code);
    }
    let whom = json!({"iin": IIN});
    // Two companies may use one number for two people.
    server.admin().json("POST", "/api/subjects/erase", &whom).refused(400, 3);
    client.json("POST", "/api/subjects/export", &whom).refused(403, 9);
    client.json("POST", "/api/subjects/erase", &whom).refused(403, 9);

    let answer = chief.json("POST", "/api/subjects/export", &whom);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/zip")));
    let mut zip = zip::ZipArchive::new(Cursor::new(answer.bytes)).expect("an archive");
    let names: Vec<String> = zip.file_names().map(str::to_owned).collect();
    let of = |folder: &str| names.iter().filter(|n| n.starts_with(folder)).count();
    // JSON, photo and best shot; JSON and photo; nothing of others.
    assert_eq!((of(&mine[0]), of(&mine[1]), names.len()), (3, 2, 5), "{names:?}");
    let mut read = |name: &str| {
        let mut bytes = Vec::new();
        zip.by_name(name).expect("a part").read_to_end(&mut bytes).expect("its bytes");
        bytes
    };
    let photo = names.iter().find(|n| n.starts_with(&mine[1]) && n.ends_with(".jpg")).expect("the photo");
    assert_eq!(read(photo), live_still());
    let told: Value = serde_json::from_slice(&read(&format!("{}/folder.json", mine[1]))).expect("JSON");
    assert_eq!(told["meta_data"]["person_info"]["last_name"], "Unmistakable");

    let scores = |folder: &str| chief.get(&format!("/api/folders/{folder}?with_analyses=true")).expect(200);
    let before = scores(&mine[0]);
    let erased = chief.json("POST", "/api/subjects/erase", &whom).expect(200);
    let mut ids: Vec<&str> = erased["folder_ids"].as_array().expect("ids").iter().filter_map(Value::as_str).collect();
    ids.sort_unstable();
    let mut expected: Vec<&str> = mine.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(ids, expected);
    let after = scores(&mine[0]);
    assert_eq!((&after["is_cleaned"], &after["meta_data"]), (&json!(true), &json!({})));
    assert_eq!(after["analyses"][0]["resolution"], before["analyses"][0]["resolution"]);
    let shot = |f: &Value| f["analyses"][0]["results_media"][0]["output_images"].as_array().map_or(0, Vec::len);
    assert_eq!((shot(&before), shot(&after)), (1, 0));
    chief
        .form(&format!("/api/folders/{}/media/", mine[0]), &[Part("p", Some("p.jpg"), &live_still())])
        .refused(409, 1520);
    assert_eq!(chief.get(&format!("/api/folders/?meta_data=iin=={IIN}")).expect(200)["total"], 0);
    // The same photo lies in the other folder too: one file for the company, one for the stranger's.
    assert_eq!(files_below(&server.data.join("blobs")).len(), 2);
    for (who, kept) in [(&client, &other), (&stranger, &foreign)] {
        assert_eq!(who.get(&format!("/api/folders/{kept}")).expect(200)["is_cleaned"], false);
    }
    assert_eq!(chief.json("POST", "/api/subjects/erase", &whom).expect(200)["folder_ids"], json!([]));
    // Nowhere: not in the database, its log, the program's log.
    for file in files_below(server.data.parent().expect("a folder")) {
        let bytes = fs_err::read(&file).unwrap_or_default();
        let holds = |text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
        assert!(!holds("Unmistakable"), "{}", file.display());
    }
}

fn what_is_erased_while_it_is_judged_stays_erased(options: Options) {
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let payload = json!({"folder:meta_data": {"end_user_id": "u-1"}}).to_string();
    let clip = live_clip();
    let parts = [Part("payload", None, payload.as_bytes()), Part("v", Some("v.mp4"), &clip)];
    let folder = id(&chief.form("/api/folders/", &parts).expect(201), "folder_id");
    let path = format!("/api/folders/{folder}/analyses/");
    let started = chief.json("POST", &path, &json!({"analyses": [{"type": "quality"}]})).expect(201);
    let erased = chief.json("POST", "/api/subjects/erase", &json!({"end_user_id": "u-1"})).expect(200);
    assert_eq!(erased["folder_ids"], json!([folder]));
    let ended = chief.finished(&id(&started[0], "analysis_id"));
    assert_ne!(ended["state"], "PROCESSING");
    until("no file is left", Duration::from_secs(10), || {
        files_below(&server.data.join("blobs")).is_empty().then_some(())
    });
    let shown = chief.get(&format!("/api/folders/{folder}?with_analyses=true")).expect(200);
    assert!(!shown.to_string().contains("best_shot"), "{shown}");
}

/// Asks for an archive and reads only how the answer begins.
fn begun(server: &Server, chief: &Client, whom: &Value) -> TcpStream {
    let address = server.base.trim_start_matches("http://");
    let (token, body) = (chief.token.as_deref().expect("a token"), whom.to_string());
    let mut stream = TcpStream::connect(address).expect("the server");
    let request = format!(
        "POST /api/subjects/export HTTP/1.1\r\nHost: {address}\r\nX-Forensic-Access-Token: {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("it reads");
    let mut start = [0; 12];
    stream.read_exact(&mut start).expect("it answers");
    assert_eq!(&start, b"HTTP/1.1 200");
    stream
}

fn two_archives_at_once_and_no_third(options: Options) {
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    // More than what sockets take without anybody reading.
    let mut clip = live_clip();
    clip.extend_from_slice(&[0x02, 0, 0, 0, b'f', b'r', b'e', b'e']);
    clip.resize(clip.len() + (32 << 20) - 8, 0);
    let payload = json!({"folder:meta_data": {"iin": IIN}}).to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("v", Some("v.mp4"), &clip)];
    chief.form("/api/folders/", &parts).expect(201);
    let whom = json!({"iin": IIN});
    let export = || chief.json("POST", "/api/subjects/export", &whom);
    let held = [begun(&server, &chief, &whom), begun(&server, &chief, &whom)];
    let told = export().refused(429, 1521);
    assert!(told["error_message"].as_str().is_some_and(|text| text.contains("archives at once")), "{told}");
    // Not one for each company: the threads are the machine's.
    let other = server.user("eve@example.com", "CLIENT_ADMIN", Some("Other Bank"));
    other.json("POST", "/api/subjects/export", &whom).refused(429, 1521);
    // Whoever goes away makes room.
    let [gone, _kept] = held;
    drop(gone);
    let archive = until("there is room", Duration::from_secs(30), || Some(export()).filter(|a| a.status != 429));
    assert_eq!(archive.status, 200);
    assert!(archive.bytes.len() > clip.len(), "{} bytes", archive.bytes.len());
}

/// A folder from which nothing can be removed while this lives, by root neither.
struct ReadOnly(PathBuf);

impl ReadOnly {
    fn of(folder: &Path) -> Self {
        let mount = |arguments: &[&str]| {
            let done = Command::new("mount").args(arguments).arg(folder).status();
            assert!(done.expect("mount").success(), "this test mounts a folder: run it as root");
        };
        mount(&["--bind", &folder.display().to_string()]);
        let mounted = Self(folder.to_owned());
        mount(&["-o", "remount,bind,ro"]);
        mounted
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

fn an_erasure_tells_of_files_that_stay_and_they_go_later(options: Options) {
    let place = tempfile::tempdir().expect("a folder");
    let options = Options { data: Some(place.path().join("data")), ..options };
    let mut server = Server::start_new(options.clone());
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Bank"));
    let mine = folder(&chief, &json!({"iin": IIN}), false);
    let blobs = server.data.join("blobs");
    let stuck = ReadOnly::of(&blobs);
    let erase = || chief.json("POST", "/api/subjects/erase", &json!({"iin": IIN}));
    let told = erase().refused(503, 1523);
    assert!(told["error_message"].as_str().is_some_and(|text| text.contains("1 files could not be removed")), "{told}");
    // All but the file is gone, so asking again finds nobody.
    assert_eq!(files_below(&blobs).len(), 1);
    let shown = chief.get(&format!("/api/folders/{mine}")).expect(200);
    assert_eq!((&shown["is_cleaned"], &shown["meta_data"]), (&json!(true), &json!({})));
    assert_eq!(erase().expect(200)["folder_ids"], json!([]));
    drop(stuck);
    assert!(server.stop().success());
    // The sweeper goes over the files when it starts, those that are no longer in any request's hands.
    for path in files_below(&blobs) {
        let file = fs_err::OpenOptions::new().write(true).open(path).expect("a stored file");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("its time is set");
    }
    let _server = Server::start_with(options);
    until("the file is gone", Duration::from_secs(30), || files_below(&blobs).is_empty().then_some(()));
}
