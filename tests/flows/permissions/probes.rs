//! The request that each row of the matrix is about.

use super::world::{Actor, Objects, Whose, World, text};
use crate::support::client::{Answer, Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::CLIENT;
use serde_json::json;
use std::sync::atomic::{AtomicU32, Ordering};

/// Rows whose objects do not exist yet. Whoever builds them takes them out here.
pub(super) const LATER: &[(&str, &str)] = &[
    ("folder", "erase_pi"),
    ("media", "snapshot"),
    ("report", "create"),
    ("report", "read"),
    ("report", "delete"),
    ("report_template", "create"),
    ("report_template", "read"),
    ("report_template", "update"),
    ("report_template", "delete"),
    ("collection", "create"),
    ("collection", "read"),
    ("collection", "update"),
    ("collection", "delete"),
    ("person", "create"),
    ("person", "read"),
    ("person", "update"),
    ("person", "delete"),
    ("person", "images_add"),
    ("person", "images_delete"),
    ("event_session", "create"),
    ("event_session", "read"),
    ("statistics", "read"),
    ("license", "read"),
];

/// What came of a request.
pub(super) struct Probe {
    pub(super) answer: Answer,
    /// Whether it was done.
    pub(super) done: bool,
}

impl Probe {
    pub(super) fn code(&self) -> i64 {
        if self.answer.status < 300 { 0 } else { self.answer.json()["error_code"].as_i64().unwrap_or(-1) }
    }

    /// Whether it was refused for a value in the body that the actor may not give.
    pub(super) fn names_the_field(&self) -> bool {
        self.answer.status == 400 && self.code() == 4 && self.answer.json()["details"]["field"].is_string()
    }
}

impl From<Answer> for Probe {
    fn from(answer: Answer) -> Self {
        Self { done: answer.status < 300, answer }
    }
}

/// Sends the request of a row. `real`: to the object, otherwise to an id that does not exist. None where the row has no
/// such case.
pub(super) fn send(
    world: &World<'_>,
    object: &str,
    action: &str,
    role: &'static str,
    whose: Whose,
    real: bool,
) -> Option<Probe> {
    let client = &world.actor(role).client;
    let mut on = world.objects(role, whose);
    if !real {
        on = unknown();
    }
    let fresh = || if real { fresh_folder(world.maker(role, whose)) } else { on.folder.clone() };
    let mixed = |id: &str| if real { id.to_owned() } else { unknown().user };
    let get = |path: String| Some(client.get(&path).into());
    let patch = |path: String, body: serde_json::Value| Some(client.json("PATCH", &path, &body).into());
    let delete = |path: String| Some(client.delete(&path).into());
    match (object, action) {
        ("company", "create") => (whose == Whose::Company)
            .then(|| client.json("POST", "/api/companies/", &json!({"name": format!("New of {role}, {real}")})).into()),
        ("company", "read") => get(format!("/api/companies/{}", on.company)),
        ("company", "update") => {
            let name = if whose == Whose::Other { "Other Bank" } else { "Bank" };
            patch(format!("/api/companies/{}", on.company), json!({"name": name, "meta_data": {"k": role}}))
        }
        ("company", "delete") => {
            // One of its own for who may; the others must not even touch a living one.
            let id = if role == "ADMIN" && real { fresh_company(client) } else { on.company };
            delete(format!("/api/companies/{id}"))
        }
        ("company", "webhook_settings") => {
            patch(format!("/api/companies/{}/webhook", on.company), json!({"hosts": ["hooks.example.com"]}))
        }
        ("user", "create") => {
            let company = match whose {
                Whose::Own => return None,
                _ => on.company,
            };
            let email = format!("made-by-{}-{whose:?}-{real}@example.com", role.to_lowercase());
            let body =
                json!({"credentials": {"email": email, "password": CLIENT.1}, "profile": {"company_id": company}});
            Some(client.json("POST", "/api/users/", &body).into())
        }
        ("user", "read") => get(format!("/api/users/{}", on.user)),
        ("user", "update") => {
            patch(format!("/api/users/{}", on.user), json!({"first_name": "Ann", "meta_data": {"k": 1}}))
        }
        ("user", "delete") => {
            spoiling(world, role, whose, |victim, client| client.delete(&format!("/api/users/{}", mixed(&victim.id))))
        }
        ("user", "set_role_or_flags") => {
            patch(format!("/api/users/{}", on.user), json!({"can_start_analysis_documents": false}))
        }
        ("user", "change_password") => spoiling(world, role, whose, |victim, client| {
            let body = json!({"old_password": CLIENT.1, "new_password": "another correct horse"});
            client.json("POST", &format!("/api/users/{}/change-password", mixed(&victim.id)), &body)
        }),
        ("session", "read") => {
            // A list: done means that the session is in it.
            let answer = client.get(&format!("/api/users/sessions?limit=1000&user_id={}", on.user));
            let done = String::from_utf8_lossy(&answer.bytes).contains(&on.session);
            Some(Probe { answer, done })
        }
        ("session", "revoke") => spoiling(world, role, whose, |victim, client| {
            client.delete(&format!("/api/users/sessions/{}", mixed(&victim.session)))
        }),
        ("service_token", "issue_own") => {
            (whose == Whose::Own).then(|| client.json("POST", "/api/authorize/service_token/", &json!({})).into())
        }
        ("service_token", "issue_for") => {
            let company = if whose == Whose::Other { "Other Bank" } else { "Bank" };
            let target = mixed(&world.newcomer("CLIENT_SERVICE", company).id);
            let path = format!("/api/authorize/service_token/{target}");
            (whose != Whose::Own).then(|| client.json("POST", &path, &json!({})).into())
        }
        ("session_token", "issue") => (whose == Whose::Own).then(|| client.get("/api/authorize/session_token").into()),
        ("folder", "create") => (whose == Whose::Own).then(|| client.form("/api/folders/", &[]).into()),
        ("folder", "read") => get(format!("/api/folders/{}", on.folder)),
        ("folder", "update") => patch(format!("/api/folders/{}", on.folder), json!({"meta_data": {"k": role}})),
        ("folder", "operator_decision") => {
            patch(format!("/api/folders/{}", on.folder), json!({"operator_status": "SUCCESS"}))
        }
        ("folder", "change_owner") => {
            let owner = world.objects(role, whose).user;
            patch(format!("/api/folders/{}", on.folder), json!({"user_id": owner}))
        }
        ("folder", "delete") => delete(format!("/api/folders/{}", fresh())),
        ("media", "create") => {
            let path = format!("/api/folders/{}/media/", fresh());
            Some(client.form(&path, &[Part("p", Some("p.jpg"), &live_still())]).into())
        }
        ("media", "read") => get(format!("/api/media/{}", on.media)),
        ("media", "download") => get(on.file),
        ("media", "update_tags") => patch(format!("/api/media/{}", on.media), json!({"tags": ["photo_selfie"]})),
        ("media", "delete") => {
            let media = if real { fresh_medium(world.maker(role, whose)) } else { on.media };
            delete(format!("/api/media/{media}"))
        }
        ("analysis", "start") => Some(start(client, &fresh()).into()),
        ("analysis", "read") => get(format!("/api/analyses/{}", on.analysis)),
        ("analysis", "read_details") => {
            let answer = client.get(&format!("/api/analyses/{}", on.analysis));
            let done = answer.status == 200 && answer.json()["results_media"][0].get("details").is_some();
            Some(Probe { answer, done })
        }
        ("analysis", "decide") => patch(format!("/api/analyses/{}", on.analysis), json!({"resolution": "DECLINED"})),
        ("analysis", "delete") => {
            let analysis = if real {
                let maker = world.maker(role, whose);
                text(&start(maker, &fresh_folder(maker)).expect(201)[0], "analysis_id")
            } else {
                on.analysis
            };
            delete(format!("/api/analyses/{analysis}"))
        }
        // Nobody has this number: what counts is whether the question is allowed.
        ("subject", "export" | "erase") => {
            let path = format!("/api/subjects/{action}");
            (whose == Whose::Company)
                .then(|| client.json("POST", &path, &json!({"iin": "000", "company_id": on.company})).into())
        }
        ("audit", "read") => (whose == Whose::Company).then(|| client.get("/api/audit").into()),
        ("config", "read") => (whose == Whose::Own).then(|| client.get("/api/config").into()),
        other => panic!("{other:?} has no request: add it, or name it in LATER"),
    }
}

fn unknown() -> Objects {
    let id = "0192f0c1-2f4b-7c3e-9a53-3d7f1d4c0a11".to_owned();
    Objects {
        company: id.clone(),
        user: id.clone(),
        session: id.clone(),
        folder: id.clone(),
        media: id.clone(),
        analysis: id.clone(),
        file: format!("/api/static/{id}/{id}.jpg"),
    }
}

/// A request that spoils a user: for the actor's own case the actor is a newcomer of the same role too.
fn spoiling(
    world: &World<'_>,
    role: &'static str,
    whose: Whose,
    request: impl Fn(&Actor, &Client) -> Answer,
) -> Option<Probe> {
    let victim = world.spoilable(role, whose);
    let client = if whose == Whose::Own { &victim.client } else { &world.actor(role).client };
    Some(request(&victim, client).into())
}

fn fresh_folder(maker: &Client) -> String {
    text(&maker.form("/api/folders/", &[]).expect(201), "folder_id")
}

fn fresh_medium(maker: &Client) -> String {
    let parts = [Part("p", Some("p.jpg"), &live_still())];
    text(&maker.form("/api/folders/", &parts).expect(201)["media"][0], "media_id")
}

static SHORT_LIVED: AtomicU32 = AtomicU32::new(0);

fn fresh_company(maker: &Client) -> String {
    text(
        &maker
            .json(
                "POST",
                "/api/companies/",
                &json!({"name": format!("Short-lived {}", SHORT_LIVED.fetch_add(1, Ordering::Relaxed))}),
            )
            .expect(201),
        "company_id",
    )
}

fn start(client: &Client, folder: &str) -> Answer {
    let body = json!({"analyses": [{"type": "quality"}]});
    client.json("POST", &format!("/api/folders/{folder}/analyses/"), &body)
}
