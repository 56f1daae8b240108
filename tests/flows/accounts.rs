//! Users and companies: made, found, changed, shut out, removed; over HTTP and on the command line.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{ADMIN, CLIENT, Options, Server, files_below, until};
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::time::Duration;

on_both! {
    the_documented_way_to_a_service_user,
    users_are_found_and_paged,
    who_is_shut_out_is_out_at_once,
    a_closed_company_is_emptied,
    the_last_administrator_stays,
    a_slow_body_outlives_no_right,
    a_token_does_not_follow_into_another_role,
    webhooks_are_set_by_the_company,
}

fn id(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_else(|| panic!("no {key}: {object}")).to_owned()
}

fn company(admin: &Client, name: &str) -> String {
    id(&admin.json("POST", "/api/companies/", &json!({"name": name})).expect(201), "company_id")
}

fn user(email: &str, profile: Value) -> Value {
    json!({"credentials": {"email": email, "password": CLIENT.1}, "profile": profile})
}

/// `oz-api.md` 3.3, 4, 5: the bodies of the documentation, in both name generations.
fn the_documented_way_to_a_service_user(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let made = admin.json("POST", "/api/companies/", &json!({"name": "Ministry"})).expect(201);
    let shown = json!({"company_id": made["company_id"], "name": "Ministry", "in_deletion": false, "technical_meta_data": {}, "meta_data": {}});
    assert_eq!(made, shown);
    let profile = json!({
        "company_id": made["company_id"], "user_type": "CLIENT_SERVICE", "first_name": "A", "last_name": "B", "middle_name": "",
        "is_admin": false, "is_service": true, "can_start_analyse_biometry": true, "can_start_analyse_collection": false,
    });
    let service = admin.json("POST", "/api/users/", &user("svc@example.com", profile)).expect(201);
    assert_eq!((&service["user_type"], &service["is_service"]), (&json!("CLIENT_SERVICE"), &json!(true)));
    assert_eq!((&service["is_active"], &service["can_start_analysis_collection"]), (&json!(true), &json!(false)));
    assert!(service.get("password").is_none() && !service.to_string().contains("argon2"), "{service}");
    assert_eq!(admin.get("/api/companies/?search_text=minis").expect(200)["items"], json!([made]));
    server.anonymous().log_in("svc@example.com", CLIENT.1).get("/api/folders/").expect(200);
    // What is wrong is named.
    admin
        .json("POST", "/api/users/", &user("svc@EXAMPLE.com", json!({"company_id": made["company_id"]})))
        .refused(409, 1520);
    let field = |body: Value| admin.json("POST", "/api/users/", &body).expect(400)["details"]["field"].clone();
    assert_eq!(field(user("x@example.com", json!({}))), "profile.company_id");
    assert_eq!(field(user("no address", json!({"company_id": made["company_id"]}))), "credentials.email");
    let short = json!({"credentials": {"email": "y@example.com", "password": "short"}, "profile": {"company_id": made["company_id"]}});
    assert_eq!(field(short), "credentials.password");
    assert_eq!(field(user("z@example.com", json!({"user_type": "KING"}))), "profile.user_type");
    admin.json("POST", "/api/companies/", &json!({})).refused(400, 3);
    admin.json("POST", "/api/companies/", &json!({"name": " "})).refused(400, 4);
    let log = server.log_text();
    assert!(!log.contains("example.com") && !log.contains(CLIENT.1), "{log}");
}

fn users_are_found_and_paged(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let home = company(&admin, "Paging Bank");
    for n in 0..5 {
        let role = if n % 2 == 0 { "CLIENT" } else { "CLIENT_OPERATOR" };
        let profile = json!({"company_id": home, "user_type": role, "first_name": format!("Zoe{n}")});
        admin.json("POST", "/api/users/", &user(&format!("u{n}@paging.example"), profile)).expect(201);
    }
    let total = |query: &str| admin.get(&format!("/api/users/?{query}")).expect(200)["total"].as_i64();
    assert_eq!(total(&format!("company_id={home}")), Some(5));
    assert_eq!(total(&format!("company_id={home}&user_type=CLIENT_OPERATOR")), Some(2));
    assert_eq!(total("search_text=ZOE3"), Some(1));
    assert_eq!(total("search_text=paging.ex"), Some(5));
    assert_eq!(total("search_text=%25"), Some(0));
    assert_eq!(total(&format!("company_id={home}&is_active=false")), Some(0));
    for (query, code) in [("is_active=maybe", 4), ("user_type=KING", 4), ("cursor=x", 4), ("limit=0", 4)] {
        admin.get(&format!("/api/users/?{query}")).refused(400, code);
    }
    // Every order, both pagings: each user once.
    for sorting in ["time_created{asc}", "time_created{desc}", "time_updated{asc}", "time_updated{desc}"] {
        let start = format!("/api/users/?company_id={home}&limit=2&sorting={sorting}");
        let (mut by_cursor, mut by_offset, mut path) = (Vec::new(), Vec::new(), start.clone());
        loop {
            let page = admin.get(&path).expect(200);
            by_cursor.extend(page["items"].as_array().expect("items").iter().map(|u| id(u, "user_id")));
            let Some(cursor) = page["next_cursor"].as_str() else { break };
            path = format!("{start}&total_omit=true&cursor={cursor}");
        }
        for offset in [0, 2, 4] {
            let page = admin.get(&format!("{start}&offset={offset}")).expect(200);
            by_offset.extend(page["items"].as_array().expect("items").iter().map(|u| id(u, "user_id")));
        }
        assert_eq!((by_cursor.len(), &by_cursor), (5, &by_offset), "{sorting}");
    }
}

fn who_is_shut_out_is_out_at_once(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let client = server.client();
    let me = client.get("/api/users/").expect(200)["items"][0].clone();
    let path = format!("/api/users/{}", id(&me, "user_id"));
    admin.json("PATCH", &path, &json!({"profile": {"is_active": false}})).expect(200);
    client.get("/api/folders/").refused(401, 1401);
    let body = json!({"credentials": {"email": CLIENT.0, "password": CLIENT.1}});
    server.anonymous().json("POST", "/api/authorize/auth", &body).refused(401, 1401);
    admin.json("PATCH", &path, &json!({"is_active": true, "can_start_analyse_quality": false})).expect(200);
    // What was ended stays ended.
    client.get("/api/folders/").refused(401, 7);
    let client = server.client();
    let folder = client.form("/api/folders/", &[Part("p", Some("p.jpg"), &live_still())]).expect(201);
    let analyses = format!("/api/folders/{}/analyses/", id(&folder, "folder_id"));
    client.json("POST", &analyses, &json!({"analyses": [{"type": "quality"}]})).refused(403, 9);
    // Another role counts at once, and not for tokens of the old one.
    admin.json("PATCH", &path, &json!({"user_type": "CLIENT_ADMIN"})).expect(200);
    client.get("/api/folders/").refused(401, 7);
    let client = server.client();
    client.delete(&format!("/api/folders/{}", id(&folder, "folder_id"))).expect(204);
    admin.delete(&path).expect(204);
    client.get("/api/folders/").refused(401, 7);
    admin.get(&path).refused(404, 10);
}

fn a_closed_company_is_emptied(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let (chief, other) = (server.user("chief@example.com", "CLIENT_ADMIN", Some("Doomed")), server.client());
    let mine = id(&chief.get("/api/companies/").expect(200)["items"][0], "company_id");
    for n in 0..3 {
        let payload = json!({"folder:meta_data": {"n": n}, "analyses": [{"type": "quality"}]}).to_string();
        let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("p.jpg"), &live_still())];
        chief.form("/api/folders/", &parts).expect(201);
    }
    let kept = other.form("/api/folders/", &[Part("p", Some("p.jpg"), &live_still())]).expect(201);
    chief.delete(&format!("/api/companies/{mine}")).refused(403, 9);
    let closed = admin.delete(&format!("/api/companies/{mine}")).expect(202);
    assert_eq!(closed["in_deletion"], true, "{closed}");
    assert!(closed["technical_meta_data"]["deletion"]["users_left"].is_u64(), "{closed}");
    // Blocked, and then unknown.
    assert_eq!(chief.get("/api/folders/").status, 401);
    let mut states = Vec::new();
    until("the company is gone", Duration::from_secs(30), || {
        let answer = admin.get(&format!("/api/companies/{mine}"));
        if answer.status == 200 {
            states.push(answer.json());
        }
        (answer.status == 404).then_some(())
    });
    assert!(states.iter().all(|s| s["in_deletion"] == true), "{states:?}");
    admin.json("POST", "/api/users/", &user("late@example.com", json!({"company_id": mine}))).refused(400, 4);
    // Its files are gone, those of others stay.
    let of_company = |c: &str| files_below(&server.data.join("blobs").join(c)).len();
    assert_eq!((of_company(&mine), of_company(&id(&kept, "company_id"))), (0, 1));
    assert_eq!(admin.get(&format!("/api/folders/?company_id={mine}")).expect(200)["total"], 0);
    assert_eq!(admin.get("/api/users/?search_text=chief").expect(200)["total"], 0);
    admin.delete("/api/companies/00000000-0000-0000-0000-000000000000").refused(409, 1520);
}

fn the_last_administrator_stays(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let me = admin.get("/api/users/?user_type=ADMIN").expect(200)["items"][0].clone();
    let path = format!("/api/users/{}", id(&me, "user_id"));
    for body in [json!({"is_active": false}), json!({"user_type": "OPERATOR"})] {
        admin.json("PATCH", &path, &body).refused(409, 1520);
    }
    admin.delete(&path).refused(409, 1520);
    let second = server.user("second@example.com", "ADMIN", None);
    // With another one it may go; the command line has the same rules.
    second.json("PATCH", &path, &json!({"user_type": "OPERATOR"})).expect(200);
    let admin = server.admin();
    admin.json("PATCH", &path, &json!({"first_name": "X"})).refused(403, 9);
    let refused = server.command(&["admin", "user", "deactivate", "second@example.com"], "");
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("last active ADMIN"), "{refused:?}");
    assert!(server.command(&["admin", "user", "set-role", ADMIN.0, "ADMIN"], "").status.success());
    assert!(server.command(&["admin", "user", "delete", "second@example.com"], "").status.success());
    second.get("/api/version").expect(200);
    let shown = server.command(&["admin", "user", "show", ADMIN.0], "");
    assert!(String::from_utf8_lossy(&shown.stdout).contains(r#""user_type": "ADMIN""#), "{shown:?}");
    assert!(
        server
            .command(&["admin", "user", "reset-password", ADMIN.0, "--password-stdin"], "a new correct horse\n")
            .status
            .success()
    );
    // The cache of the running server is at most 5 seconds old.
    until("the old session has ended", Duration::from_secs(10), || {
        (admin.get("/api/folders/").status == 401).then_some(())
    });
    server.anonymous().log_in(ADMIN.0, "a new correct horse");
    let listed = server.command(&["admin", "session", "list", "--user", ADMIN.0], "");
    let sessions = String::from_utf8_lossy(&listed.stdout).into_owned();
    let token = sessions.split('\t').next().expect("a session").to_owned();
    assert_eq!(sessions.lines().count(), 1, "{sessions}");
    assert!(server.command(&["admin", "session", "revoke", &token], "").status.success());
    let printed = server.command(&["admin", "permissions"], "");
    assert!(
        String::from_utf8_lossy(&printed.stdout).contains("| folder | read | all | all | own | company |"),
        "{printed:?}"
    );
}

/// A request whose body arrives after its sender was shut out does nothing.
fn a_slow_body_outlives_no_right(options: Options) {
    use std::io::{Read as _, Write as _};
    let server = Server::start_new(options);
    let admin = server.admin();
    let mallory = server.user("mallory@example.com", "CLIENT_ADMIN", Some("Bank"));
    let me = admin.get("/api/users/?search_text=mallory").expect(200)["items"][0].clone();
    let host = server.base.trim_start_matches("http://").to_owned();
    let begun: Vec<_> = [
        ("POST /api/users/", user("backdoor@example.com", json!({"user_type": "CLIENT_ADMIN"})).to_string()),
        ("PATCH /api/users/ME", json!({"is_active": true}).to_string()),
        ("POST /api/subjects/export", json!({"iin": "1"}).to_string()),
    ]
    .into_iter()
    .map(|(line, body)| {
        let line = line.replace("ME", &id(&me, "user_id"));
        let mut stream = std::net::TcpStream::connect(&host).expect("a connection");
        let token = mallory.token.as_deref().expect("a token");
        let head = format!(
            "{line} HTTP/1.1\r\nHost: {host}\r\nX-Forensic-Access-Token: {token}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).expect("the head");
        stream.write_all(&body.as_bytes()[..5]).expect("a part");
        (stream, body)
    })
    .collect();
    // The server has them once it has answered something that came after.
    mallory.get("/api/config").expect(200);
    let path = format!("/api/users/{}", id(&me, "user_id"));
    admin.json("PATCH", &path, &json!({"is_active": false})).expect(200);
    for (mut stream, body) in begun {
        stream.write_all(&body.as_bytes()[5..]).expect("the rest");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    }
    assert_eq!(admin.get("/api/users/?search_text=backdoor").expect(200)["total"], 0);
    assert_eq!(admin.get(&path).expect(200)["is_active"], false);
}

/// A service's token lives for years: it must not become an administrator's.
fn a_token_does_not_follow_into_another_role(options: Options) {
    let server = Server::start_new(options);
    let admin = server.admin();
    let service = server.user("svc@example.com", "CLIENT_SERVICE", Some("Bank"));
    let answer = service.json("POST", "/api/authorize/service_token/", &json!({})).expect(200);
    let mut holder = server.anonymous();
    holder.token = answer["access_token"].as_str().map(str::to_owned);
    holder.get("/api/folders/").expect(200);
    let path = format!("/api/users/{}", id(&answer["user"], "user_id"));
    admin.json("PATCH", &path, &json!({"user_type": "ADMIN"})).expect(200);
    holder.get("/api/companies/").refused(401, 7);
    // The old flag takes a role away as it gave it.
    let profile = json!({"company_id": answer["user"]["company_id"], "is_admin": true});
    let chief = admin.json("POST", "/api/users/", &user("chief@example.com", profile)).expect(201);
    let path = format!("/api/users/{}", id(&chief, "user_id"));
    assert_eq!(admin.json("PATCH", &path, &json!({"is_admin": false})).expect(200)["user_type"], "CLIENT");
    // Nobody takes the name of another company, in whatever case.
    admin.json("POST", "/api/companies/", &json!({"name": "bank"})).refused(409, 1520);
    let other = company(&admin, "Another");
    admin.json("PATCH", &format!("/api/companies/{other}"), &json!({"name": " BANK "})).refused(409, 1520);
}

fn webhooks_are_set_by_the_company(options: Options) {
    let server = Server::start_new(options);
    let chief = server.user("chief@example.com", "CLIENT_ADMIN", Some("Hooked"));
    let mine = id(&chief.get("/api/companies/").expect(200)["items"][0], "company_id");
    let path = format!("/api/companies/{mine}/webhook");
    assert_eq!(chief.get(&path).expect(200), json!({"hosts": [], "secret_set": false}));
    let refused = chief.json("PATCH", &path, &json!({"hosts": ["https://x.kz"]})).refused(400, 4);
    assert_eq!(refused["details"]["field"], "hosts[0]");
    chief.json("PATCH", &path, &json!({"hosts": ["Hooks.Example.com"]})).expect(200);
    let secret = id(&chief.json("POST", &format!("{path}/secret"), &json!({})).expect(201), "secret");
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!(chief.get(&path).expect(200), json!({"hosts": ["hooks.example.com"], "secret_set": true}));
    let raw: Vec<u8> = files_below(&server.data).iter().flat_map(|f| fs_err::read(f).unwrap_or_default()).collect();
    assert!(!raw.windows(20).any(|w| w == &secret.as_bytes()[6..26]), "the secret lies in the clear");
}
