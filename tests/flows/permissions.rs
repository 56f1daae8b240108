//! Every cell of the permission matrix over HTTP: role x object x action x whose object it is. The matrix is read from
//! the specification's own file.
//!
//! Denied means: 403 for what one may see, and for what one may not see exactly the answer that an id which does not
//! exist gets.

mod probes;
mod world;

use crate::support::server::{Options, Server};
use oz_testkit::on_both;
use world::{ROLES, Whose, World};

on_both! { every_cell_of_the_matrix, lists_show_nothing_foreign, a_body_gives_no_rights }

/// How far a role may go in something.
fn scope<'a>(rows: &'a [Vec<&'a str>], object: &str, action: &str, role: &str) -> &'a str {
    let column = 2 + ROLES.iter().position(|r| *r == role).expect("a role of the matrix");
    rows.iter().find(|row| row[0] == object && row[1] == action).map_or("none", |row| row[column])
}

/// Whether a scope reaches an object.
fn reaches(scope: &str, whose: Whose) -> bool {
    match scope {
        "all" => true,
        "company" => whose != Whose::Other,
        "own" | "self" => whose == Whose::Own,
        "none" => false,
        other => panic!("the matrix has the scope {other}"),
    }
}

fn every_cell_of_the_matrix(options: Options) {
    let csv = fs_err::read_to_string(oz_testkit::fixtures::shared().join("spec/permissions.csv")).expect("the matrix");
    let rows: Vec<Vec<&str>> = csv.lines().skip(1).filter(|l| !l.is_empty()).map(|l| l.split(',').collect()).collect();
    let server = Server::start_new(options);
    let world = World::new(&server);
    let (mut walked, mut wrong) = (0, Vec::new());
    for row in &rows {
        let (object, action) = (row[0], row[1]);
        if probes::LATER.contains(&(object, action)) {
            continue;
        }
        for role in ROLES {
            let scope = scope(&rows, object, action, role);
            for whose in world.relations(role, object) {
                let visible = reaches(self::scope(&rows, object, "read", role), whose);
                let Some(probe) = probes::send(&world, object, action, role, whose, true) else { continue };
                let cell = format!("{role} {object} {action} {scope} {whose:?}");
                walked += 1;
                let (status, code) = (probe.answer.status, probe.code());
                if reaches(scope, whose) {
                    if !probe.done {
                        wrong.push(format!("{cell}: refused with {status} {code}"));
                    }
                    continue;
                }
                if probe.done {
                    wrong.push(format!("{cell}: done"));
                } else if probe.answer.status >= 300 && !probe.names_the_field() {
                    let unknown = probes::send(&world, object, action, role, whose, false);
                    let unknown = unknown.map(|p| (p.answer.status, p.code()));
                    let hidden = unknown.is_none_or(|unknown| unknown == (status, code));
                    let right = if visible { status == 403 } else { hidden && [403, 404].contains(&status) };
                    if !right {
                        wrong.push(format!("{cell}: {status} {code}, an unknown id gets {unknown:?}"));
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {walked} cells are wrong:\n{}", wrong.len(), wrong.join("\n"));
    assert!(walked > 350, "only {walked} cells were walked");
}

fn lists_show_nothing_foreign(options: Options) {
    let server = Server::start_new(options);
    let world = World::new(&server);
    let foreign = world.of(Whose::Other);
    for role in ROLES.into_iter().filter(|role| !["ADMIN", "OPERATOR"].contains(role)) {
        let actor = world.actor(role);
        for path in ["folders", "users", "companies", "users/sessions"] {
            for query in [
                String::new(),
                format!("?company_id={}", foreign.company),
                format!("?user_id={}", foreign.user),
                format!("?folder_id={}", foreign.folder),
                "?search_text=eve".to_owned(),
                "?search_text=Other".to_owned(),
            ] {
                let path = format!("/api/{path}{query}");
                let answer = actor.client.get(&path);
                if answer.status == 403 {
                    continue;
                }
                let body = answer.expect(200);
                let items = body["items"].as_array().expect("items");
                assert_eq!(body["total"], items.len(), "{role} {path}: the total counts what is not shown");
                let text = String::from_utf8_lossy(&answer.bytes);
                for id in [&foreign.company, &foreign.user, &foreign.folder, &foreign.session] {
                    assert!(!text.contains(id.as_str()), "{role} {path}: {id} is foreign");
                }
                let mine = |item: &serde_json::Value| role != "CLIENT" || item["user_id"] == actor.id.as_str();
                assert!(path.starts_with("/api/companies") || items.iter().all(mine), "{role} {path}: {body}");
            }
        }
    }
}

fn a_body_gives_no_rights(options: Options) {
    use serde_json::json;
    let server = Server::start_new(options);
    let world = World::new(&server);
    let (client, chief) = (world.actor("CLIENT"), world.actor("CLIENT_ADMIN"));
    let me = format!("/api/users/{}", client.id);
    let before = client.client.get(&me).expect(200);
    let foreign = world.of(Whose::Other);
    for field in [
        json!({"user_type": "CLIENT_ADMIN"}),
        json!({"is_admin": true}),
        json!({"company_id": foreign.company}),
        json!({"is_active": false}),
        json!({"can_start_analysis_quality": false}),
        json!({"email": "boss@example.com"}),
        json!({"profile": {"user_type": "ADMIN"}}),
    ] {
        client.client.json("PATCH", &me, &field).refused(403, 9);
    }
    // Keys that are nobody's are ignored, with what the table allows beside them.
    let odd =
        json!({"user_id": foreign.user, "auth_source": "ldap", "password_hash": "x", "technical_meta_data": {"a": 1}});
    client.client.json("PATCH", &me, &odd).expect(200);
    assert_eq!(client.client.get(&me).expect(200), before);
    // A company's administrator makes nobody greater than itself, and nobody in another company.
    let user = |profile: serde_json::Value| json!({"credentials": {"email": "new@example.com", "password": "correct horse"}, "profile": profile});
    for role in ["ADMIN", "OPERATOR"] {
        chief.client.json("POST", "/api/users/", &user(json!({"user_type": role}))).refused(403, 9);
        chief.client.json("PATCH", &format!("/api/users/{}", client.id), &json!({"user_type": role})).refused(403, 9);
    }
    chief.client.json("POST", "/api/users/", &user(json!({"company_id": foreign.company}))).refused(400, 4);
    let made = chief.client.json("POST", "/api/users/", &user(json!({"is_service": true}))).expect(201);
    assert_eq!((&made["user_type"], &made["company_id"]), (&json!("CLIENT_SERVICE"), &before["company_id"]));
    // A folder belongs to who makes it, whatever its form says.
    let payload = json!({"folder:meta_data": {}, "user_id": foreign.user, "company_id": foreign.company}).to_string();
    let parts = [crate::support::client::Part("payload", None, payload.as_bytes())];
    let folder = client.client.form("/api/folders/", &parts).expect(201);
    assert_eq!((&folder["user_id"], &folder["company_id"]), (&before["user_id"], &before["company_id"]));
    let path = format!("/api/folders/{}", folder["folder_id"].as_str().expect("an id"));
    let moved = json!({"company_id": foreign.company, "is_cleaned": true, "system_resolution": "SUCCESS"});
    let kept = chief.client.json("PATCH", &path, &moved).expect(200);
    assert_eq!((&kept["company_id"], &kept["system_resolution"]), (&before["company_id"], &json!("INITIAL")));
    chief.client.json("PATCH", &path, &json!({"user_id": foreign.user})).refused(400, 4);
}
