//! Two companies, a user of each role, and one object of each kind for each of: oneself, a colleague, another company.

use crate::support::client::{Client, Part};
use crate::support::fixtures::live_still;
use crate::support::server::{CLIENT, Server};
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::BTreeMap;

/// The roles in the order of the matrix.
pub(super) const ROLES: [&str; 6] =
    ["ADMIN", "OPERATOR", "CLIENT", "CLIENT_ADMIN", "CLIENT_OPERATOR", "CLIENT_SERVICE"];
const HOME: &str = "Bank";
const ELSEWHERE: &str = "Other Bank";

/// Whose an object is, seen from an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Whose {
    /// The actor's own, or the actor itself.
    Own,
    /// A colleague's, of the home company.
    Company,
    /// Of another company.
    Other,
}

/// A logged-in user.
pub(super) struct Actor {
    pub(super) role: &'static str,
    pub(super) client: Client,
    pub(super) id: String,
    /// A second log-in of the same user.
    pub(super) session: String,
}

/// One object of each kind that can be looked at again and again.
#[derive(Clone)]
pub(super) struct Objects {
    pub(super) company: String,
    pub(super) user: String,
    pub(super) session: String,
    pub(super) folder: String,
    pub(super) media: String,
    pub(super) analysis: String,
    pub(super) file: String,
}

pub(super) struct World<'a> {
    server: &'a Server,
    actors: BTreeMap<&'static str, Actor>,
    /// Of a CLIENT at home, and of one elsewhere.
    objects: BTreeMap<Whose, (Client, Objects)>,
    /// Of each actor that can have its own.
    own: BTreeMap<&'static str, Objects>,
    number: Cell<u32>,
}

impl<'a> World<'a> {
    pub(super) fn new(server: &'a Server) -> Self {
        let mut world = Self {
            server,
            actors: BTreeMap::new(),
            objects: BTreeMap::new(),
            own: BTreeMap::new(),
            number: Cell::new(0),
        };
        for role in ROLES {
            let actor = world.newcomer(role, HOME);
            world.actors.insert(role, actor);
        }
        for (whose, company) in [(Whose::Company, HOME), (Whose::Other, ELSEWHERE)] {
            let owner = world.newcomer("CLIENT", company);
            let objects = objects_of(&owner);
            world.objects.insert(whose, (owner.client, objects));
        }
        for actor in world.actors.values().filter(|actor| actor.role != "OPERATOR") {
            world.own.insert(actor.role, objects_of(actor));
        }
        world
    }

    pub(super) fn actor(&self, role: &str) -> &Actor {
        &self.actors[role]
    }

    pub(super) fn of(&self, whose: Whose) -> &Objects {
        &self.objects[&whose].1
    }

    /// The relations that exist between a role and a kind of object.
    pub(super) fn relations(&self, role: &'static str, object: &str) -> Vec<Whose> {
        let owns = match object {
            // Its own company is the home company.
            "company" => false,
            "folder" | "media" | "analysis" => role != "OPERATOR",
            _ => true,
        };
        let all = [Whose::Own, Whose::Company, Whose::Other];
        all.into_iter().filter(|whose| *whose != Whose::Own || owns).collect()
    }

    /// The lasting objects of a relation; the actor's own user and session for `Own`.
    pub(super) fn objects(&self, role: &str, whose: Whose) -> Objects {
        if whose != Whose::Own {
            return self.of(whose).clone();
        }
        let actor = self.actor(role);
        let some = self.own.get(role).unwrap_or_else(|| self.of(Whose::Company));
        Objects { user: actor.id.clone(), session: actor.session.clone(), ..some.clone() }
    }

    /// Who can make an object of a relation.
    pub(super) fn maker(&self, role: &str, whose: Whose) -> &Client {
        if whose == Whose::Own { &self.actor(role).client } else { &self.objects[&whose].0 }
    }

    /// A new user, of the home company or of another, whose company is made when there is none.
    pub(super) fn newcomer(&self, role: &'static str, company: &str) -> Actor {
        let number = self.number.replace(self.number.get() + 1);
        let email = format!("{}-{number}@example.com", role.to_lowercase());
        let is_system = ["ADMIN", "OPERATOR"].contains(&role);
        let client = self.server.user(&email, role, (!is_system).then_some(company));
        let again = json!({"credentials": {"email": email, "password": CLIENT.1}});
        let answer = client.json("POST", "/api/authorize/auth", &again).expect(200);
        Actor { role, client, id: text(&answer["user"], "user_id"), session: text(&answer, "token_id") }
    }

    /// A user of a relation that a probe may spoil, and what it logs in with.
    pub(super) fn spoilable(&self, role: &'static str, whose: Whose) -> Actor {
        match whose {
            Whose::Own => self.newcomer(role, HOME),
            Whose::Company => self.newcomer("CLIENT", HOME),
            Whose::Other => self.newcomer("CLIENT", ELSEWHERE),
        }
    }
}

/// A folder with a finished analysis, made by this user.
fn objects_of(owner: &Actor) -> Objects {
    let payload = json!({"media:tags": {"p": ["photo_selfie"]}, "analyses": [{"type": "quality"}]}).to_string();
    let parts = [Part("payload", None, payload.as_bytes()), Part("p", Some("me.jpg"), &live_still())];
    let folder = owner.client.form("/api/folders/", &parts).expect(201);
    let analysis = text(&folder["analyses"][0], "analysis_id");
    owner.client.finished(&analysis);
    let url = text(&folder["media"][0], "original_url");
    Objects {
        company: text(&folder, "company_id"),
        user: owner.id.clone(),
        session: owner.session.clone(),
        folder: text(&folder, "folder_id"),
        media: text(&folder["media"][0], "media_id"),
        analysis,
        file: url.split_once("/api/").map(|(_, rest)| format!("/api/{rest}")).expect("a link"),
    }
}

/// A text of an answer.
#[track_caller]
pub(super) fn text(object: &Value, key: &str) -> String {
    object[key].as_str().unwrap_or_else(|| panic!("no {key}: {object}")).to_owned()
}
