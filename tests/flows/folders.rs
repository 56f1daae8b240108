//! Folders over their life: made, read, listed, changed, deleted; and who may do it.

use crate::support::client::{Client, Part};
use crate::support::fixtures::{eval, live_still};
use crate::support::server::{Options, Server};
use oz_testkit::on_both;
use serde_json::{Value, json};

on_both! {
    a_folder_without_anything_is_a_folder,
    tags_change_and_media_and_folders_go,
    equal_files_are_stored_once_and_live_until_the_last_use,
    folders_are_found_by_their_data_and_paged,
    the_same_request_twice_is_done_once,
    what_one_may_not_see_is_not_there,
    an_operator_decides_and_sees_why,
    a_payload_that_does_not_fit_is_named_by_path_and_leaves_nothing,
    old_names_can_be_switched_off,
    a_folder_has_an_end_of_analyses,
    a_folder_changes_hands_inside_its_company,
}

/// A folder with a selfie photo and this data.
fn photo_folder(client: &Client, data: &Value) -> Value {
    let payload = json!({"folder:meta_data": data, "media:tags": {"p": ["photo_selfie"]}}).to_string();
    let still = live_still();
    client
        .form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &still)])
        .expect(201)
}

fn id<'a>(object: &'a Value, key: &str) -> &'a str {
    object[key].as_str().unwrap_or_else(|| panic!("no {key}: {object}"))
}

fn a_folder_without_anything_is_a_folder(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    // Clients of the first generation make a folder first and add media later, without a payload.
    let boundary = ("multipart/form-data; boundary=x", b"--x--\r\n".to_vec());
    let folder = client.send("POST", "/api/folders/?", &[], Some(boundary)).expect(201);
    assert_eq!((&folder["resolution_status"], &folder["media"]), (&json!("INITIAL"), &json!([])));
    let path = format!("/api/folders/{}/media/", id(&folder, "folder_id"));
    let added = client.form(&path, &[Part("whatever", Some("a.jpg"), &live_still())]).expect(201);
    assert_eq!(added[0]["media_type"], "IMAGE_FOLDER");
    assert_eq!(added[0]["image_id"], added[0]["media_id"]);
    let listed = client.get(&path);
    assert_eq!((listed.expect(200).as_array().map(Vec::len), listed.header("x-total-count")), (Some(1), Some("1")));
}

fn tags_change_and_media_and_folders_go(options: Options) {
    let server = Server::start_new(options);
    let (client, admin) = (server.client(), server.admin());
    let folder = photo_folder(&client, &json!({}));
    let path = format!("/api/media/{}", id(&folder["media"][0], "media_id"));
    let changed = client.json("PATCH", &path, &json!({"tags": ["photo_id", "photo_id_front"]})).expect(200);
    assert_eq!(changed["tags"], json!(["photo_id", "photo_id_front"]));
    client.json("PATCH", &path, &json!({})).refused(400, 3);
    client.json("PATCH", &path, &json!({"tags": "photo_id"})).refused(400, 5);
    // A photo of a document is no selfie: QUALITY has nothing to look at.
    let analyses = format!("/api/folders/{}/analyses/", id(&folder, "folder_id"));
    let started = client.json("POST", &analyses, &json!({"analyses": [{"type": "quality"}]})).expect(201);
    let ended = client.finished(id(&started[0], "analysis_id"));
    assert_eq!((&ended["state"], &ended["error_code"]), (&json!("FAILED"), &json!(1515)));
    // A CLIENT deletes nothing; ADMIN does, and the file is gone with it.
    client.delete(&path).refused(403, 9);
    let file = id(&folder["media"][0], "original_url")
        .split_once("/api/")
        .map(|(_, rest)| format!("/api/{rest}"))
        .expect("a link");
    assert_eq!(client.get(&file).status, 200);
    admin.delete(&path).expect(204);
    client.get(&file).refused(404, 10);
    let folder_path = format!("/api/folders/{}", id(&folder, "folder_id"));
    admin.delete(&folder_path).expect(204);
    client.get(&folder_path).refused(404, 10);
    assert!(stored(&server).is_empty(), "{:?}", stored(&server));
}

/// Every stored file.
fn stored(server: &Server) -> Vec<std::path::PathBuf> {
    crate::support::server::files_below(&server.data.join("blobs"))
}

fn equal_files_are_stored_once_and_live_until_the_last_use(options: Options) {
    let server = Server::start_new(options);
    let (client, admin) = (server.client(), server.admin());
    let folders = [photo_folder(&client, &json!({})), photo_folder(&client, &json!({}))];
    assert_eq!(stored(&server).len(), 1);
    admin.delete(&format!("/api/folders/{}", id(&folders[0], "folder_id"))).expect(204);
    assert_eq!(stored(&server).len(), 1);
    let still_there =
        id(&folders[1]["media"][0], "original_url").split_once("/api/").map(|(_, rest)| format!("/api/{rest}"));
    assert_eq!(client.get(&still_there.expect("a link")).bytes, live_still());
    // What lies on the disk is not the picture.
    let raw = fs_err::read(&stored(&server)[0]).expect("the stored file");
    assert!(!raw.windows(16).any(|w| live_still().starts_with(w)), "stored in the clear");
}

fn folders_are_found_by_their_data_and_paged(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    for number in 0..5 {
        photo_folder(&client, &json!({"transaction_id": format!("t-{number}"), "person_info": {"first_name": "Ann"}}));
    }
    let one = client
        .get("/api/folders/?meta_data=transaction_id==t-3&with_analyses=true&with_user=true&with_company=true")
        .expect(200);
    assert_eq!(
        (one["total"].clone(), one["items"][0]["meta_data"]["transaction_id"].clone()),
        (json!(1), json!("t-3"))
    );
    assert_eq!(one["items"][0]["analyses"], json!([]));
    assert_eq!(one["items"][0]["user"]["email"], "client@example.com");
    assert_eq!(one["items"][0]["company"]["name"], "Bank");
    let others = client.get("/api/folders/?meta_data=transaction_id!=t-3&limit=2").expect(200);
    assert_eq!((others["total"].clone(), others["items"].as_array().map(Vec::len)), (json!(4), Some(2)));
    // Page by page, newest first, each once; without a total when it is not wanted.
    let (mut seen, mut path) = (Vec::new(), "/api/folders/?limit=2&total_omit=true".to_owned());
    loop {
        let page = client.get(&path).expect(200);
        assert!(page.get("total").is_none(), "{page}");
        seen.extend(
            page["items"].as_array().expect("items").iter().map(|f| id(&f["meta_data"], "transaction_id").to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else { break };
        path = format!("/api/folders/?limit=2&total_omit=true&cursor={cursor}");
    }
    assert_eq!(seen, ["t-4", "t-3", "t-2", "t-1", "t-0"]);
    for (query, code) in [("limit=0", 4), ("cursor=x", 4), ("resolution_status=GREAT", 4), ("time_created.min=noon", 4)]
    {
        client.get(&format!("/api/folders/?{query}")).refused(400, code);
    }
}

fn the_same_request_twice_is_done_once(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let still = live_still();
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]}).to_string();
    let send = |payload: &str| {
        let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)];
        client.form_with("/api/folders/", &[("Idempotency-Key", "k1")], &parts)
    };
    let (first, again) = (send(&payload).expect(201), send(&payload).expect(201));
    assert_eq!(first["folder_id"], again["folder_id"]);
    assert_eq!(first["analyses"][0]["analysis_id"], again["analyses"][0]["analysis_id"]);
    send(r#"{"media:tags": {"p": ["photo_id"]}}"#).refused(409, 1520);
    assert_eq!(client.get("/api/folders/").expect(200)["total"], 1);
    // Another user's key of the same name is another key.
    let other = server.admin();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)];
    let theirs = other.form_with("/api/folders/", &[("Idempotency-Key", "k1")], &parts).expect(201);
    assert_ne!(theirs["folder_id"], first["folder_id"]);
}

fn what_one_may_not_see_is_not_there(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let stranger = server.user("eve@example.com", "CLIENT_ADMIN", Some("Other Bank"));
    let folder = photo_folder(&client, &json!({}));
    let (folder_id, media_id) = (id(&folder, "folder_id"), id(&folder["media"][0], "media_id"));
    let analysis = client
        .json("POST", &format!("/api/folders/{folder_id}/analyses/"), &json!({"analyses": [{"type": "quality"}]}))
        .expect(201);
    let analysis_id = id(&analysis[0], "analysis_id");
    client.finished(analysis_id);
    for path in [
        format!("/api/folders/{folder_id}"),
        format!("/api/folders/{folder_id}/media"),
        format!("/api/folders/{folder_id}/analyses"),
        format!("/api/media/{media_id}"),
        format!("/api/analyses/{analysis_id}"),
        format!("/api/static/{folder_id}/{media_id}.jpg"),
    ] {
        stranger.get(&path).refused(404, 10);
        server.anonymous().get(&path).refused(401, 6);
        assert_eq!(client.get(&path).status, 200, "{path}");
    }
    stranger.delete(&format!("/api/folders/{folder_id}")).refused(404, 10);
    stranger
        .json("PATCH", &format!("/api/folders/{folder_id}"), &json!({"operator_status": "SUCCESS"}))
        .refused(404, 10);
    stranger
        .form(&format!("/api/folders/{folder_id}/media"), &[Part("p", Some("p.jpg"), &live_still())])
        .refused(404, 10);
    assert_eq!(stranger.get("/api/folders/").expect(200)["total"], 0);
    // An id that is none is not found, whoever asks.
    client.get("/api/folders/nonsense").refused(404, 10);
}

fn an_operator_decides_and_sees_why(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let operator = server.user("op@example.com", "OPERATOR", None);
    let payload =
        json!({"media:tags": {"v": ["video_selfie", "video_selfie_blank"]}, "analyses": [{"type": "quality"}]})
            .to_string();
    let clip = eval("sim_print/print_c03.mp4");
    let folder = client
        .form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("v", Some("v.mp4"), &clip)])
        .expect(201);
    let analysis = &folder["analyses"][0];
    assert!(analysis["results_media"][0].get("details").is_none(), "details teach an attacker: {analysis}");
    let path = format!("/api/analyses/{}", id(analysis, "analysis_id"));
    let system = analysis["resolution"].clone();
    let seen = operator.get(&path).expect(200);
    assert!(seen["results_media"][0]["details"]["signals"].is_array(), "{seen}");
    client.json("PATCH", &path, &json!({"resolution": "SUCCESS"})).refused(403, 9);
    server.admin().json("PATCH", &path, &json!({"resolution": "SUCCESS"})).refused(403, 9);
    operator.json("PATCH", &path, &json!({"resolution": "GREAT"})).refused(400, 4);
    let decided =
        operator.json("PATCH", &path, &json!({"resolution": "operator_required", "comment": "call back"})).expect(200);
    assert_eq!((&decided["resolution"], &decided["system_resolution"]), (&json!("OPERATOR_REQUIRED"), &system));
    let folder_path = format!("/api/folders/{}", id(&folder, "folder_id"));
    client.json("PATCH", &folder_path, &json!({"operator_status": "SUCCESS"})).refused(403, 9);
    let noted = operator
        .json("PATCH", &folder_path, &json!({"resolution_suggest": "DECLINED", "operator_comment": "paper"}))
        .expect(200);
    assert_eq!((&noted["operator_status"], &noted["resolution_suggest"]), (&json!("DECLINED"), &json!("DECLINED")));
    assert_eq!(noted["system_resolution"], system);
}

fn a_payload_that_does_not_fit_is_named_by_path_and_leaves_nothing(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let still = live_still();
    for (payload, status, code, field) in [
        (
            r#"{"analyses": [{"type": "quality", "params": {"threshold_spoofing": 2}}]}"#,
            400,
            4,
            "analyses[0].params.threshold_spoofing",
        ),
        (r#"{"analyses": [{"type": "quality", "source_media": ["nobody"]}]}"#, 400, 4, "analyses[0].source_media[0]"),
        (r#"{"analyses": [{"type": 7}]}"#, 400, 5, "analyses[0].type"),
        (r#"{"media:tags": {"p": "photo_selfie"}}"#, 400, 5, "media:tags.p"),
    ] {
        let body = client
            .form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)])
            .refused(status, code);
        assert_eq!(body["details"]["field"], field, "{body}");
    }
    for payload in
        [r#"{"analyses": [{"type": "biometry"}]}"#, r#"{"resolution_endpoint": "https://bank.example/hook"}"#]
    {
        client
            .form("/api/folders/", &[Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &still)])
            .refused(501, 2);
    }
    assert_eq!(client.get("/api/folders/").expect(200)["total"], 0);
    assert!(stored(&server).is_empty(), "{:?}", stored(&server));
}

fn old_names_can_be_switched_off(options: Options) {
    let server = Server::start_new(options.with("OZ_LEGACY_NAMES", "false"));
    let client = server.client();
    let folder = photo_folder(&client, &json!({}));
    // A filter by an old name is no filter here, as any unknown one.
    assert_eq!(client.get("/api/folders/?resolution_suggest=DECLINED").expect(200)["total"], 1);
    assert!(folder["media"][0].get("image_id").is_none() && folder.get("resolution_suggest").is_none(), "{folder}");
}

fn a_folder_has_an_end_of_analyses(options: Options) {
    let server = Server::start_new(options.with("OZ_PROCESSING", "queue"));
    let client = server.client();
    let folder = photo_folder(&client, &json!({}));
    let path = format!("/api/folders/{}/analyses/", id(&folder, "folder_id"));
    let hundred = json!({"analyses": vec![json!({"type": "quality"}); 100]});
    for _ in 0..10 {
        client.json("POST", &path, &hundred).expect(201);
    }
    client.json("POST", &path, &hundred).refused(413, 1511);
    let page = client.get(&format!("{path}?limit=400&sorting=time_created{{desc}}"));
    assert_eq!((page.header("x-total-count"), page.json().as_array().map(Vec::len)), (Some("1000"), Some(400)));
    let cursor = page.header("x-next-cursor").expect("more follow");
    let next = client.get(&format!("{path}?limit=1000&sorting=time_created{{desc}}&cursor={cursor}"));
    assert_eq!((next.json().as_array().map(Vec::len), next.header("x-next-cursor")), (Some(600), None));
}

fn a_folder_changes_hands_inside_its_company(options: Options) {
    let server = Server::start_new(options);
    let client = server.client();
    let boss = server.user("boss@example.com", "CLIENT_ADMIN", Some("Bank"));
    let stranger = server.user("eve@example.com", "CLIENT", Some("Other Bank"));
    let folder = photo_folder(&client, &json!({}));
    let path = format!("/api/folders/{}", id(&folder, "folder_id"));
    let user_of = |who: &Client| who.get("/api/folders/?with_user=true").expect(200)["items"][0]["user_id"].clone();
    photo_folder(&stranger, &json!({}));
    client.json("PATCH", &path, &json!({"user_id": user_of(&client)})).refused(403, 9);
    boss.json("PATCH", &path, &json!({"user_id": user_of(&stranger)})).refused(400, 4);
    let mine = photo_folder(&boss, &json!({}))["user_id"].clone();
    let given = boss.json("PATCH", &path, &json!({"user_id": mine})).expect(200);
    assert_eq!(given["user_id"], mine);
    client.get(&path).refused(404, 10);
}
