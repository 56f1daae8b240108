//! Log-in with passwords that a directory server keeps (decision 16), against a real slapd.

use crate::support::client::{Answer, Client};
use crate::support::server::{CLIENT, Options, Server};
use oz_testkit::directory::{Directory, SERVICE};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Ann leads Bank, Bob works there, Eve is in no group; Carl has a user of ours under his address.
const PEOPLE: [(&str, &str); 4] =
    [("ann", "ann secret"), ("bob", "bob secret"), ("eve", "eve secret"), ("carl", "carl of the directory")];

fn entries() -> String {
    let mut ldif = String::new();
    for (name, password) in PEOPLE {
        let mail = if name == "carl" { CLIENT.0.to_owned() } else { format!("{name}@bank.example") };
        let _ = write!(
            ldif,
            "dn: uid={name},dc=bank,dc=example\nobjectClass: inetOrgPerson\nuid: {name}\ncn: {name}\ngivenName: {name}\n\
             sn: Lee (Bank)\nmail: {mail}\nuserPassword: {password}\n\n"
        );
    }
    for (group, members) in [("chiefs", vec!["ann"]), ("staff", vec!["ann", "bob", "carl"]), ("lost", vec!["bob"])] {
        let _ = write!(ldif, "dn: cn={group},dc=bank,dc=example\nobjectClass: groupOfNames\ncn: {group}\n");
        for member in members {
            let _ = writeln!(ldif, "member: uid={member},dc=bank,dc=example");
        }
        ldif.push('\n');
    }
    ldif
}

fn options(directory: &Directory) -> Options {
    let map = json!({
        "cn=chiefs,dc=bank,dc=example": {"role": "CLIENT_ADMIN", "company": "Bank"},
        "cn=staff,dc=bank,dc=example": {"role": "CLIENT", "company": "Bank"},
        "cn=not there,dc=bank,dc=example": {"role": "ADMIN"},
    });
    Options::default()
        .with("OZ_LDAP_URL", &directory.url())
        .with("OZ_LDAP_BIND_DN", SERVICE.0)
        .with("OZ_LDAP_BIND_PASSWORD", SERVICE.1)
        .with("OZ_LDAP_USER_BASE", "dc=bank,dc=example")
        .with("OZ_LDAP_START_TLS", "true")
        .with("OZ_LDAP_CA_FILE", &directory.ca_file().display().to_string())
        .with("OZ_LDAP_GROUP_ROLE_MAP", &map.to_string())
}

fn try_in(server: &Server, email: &str, password: &str) -> Answer {
    let body = json!({"credentials": {"email": email, "password": password}});
    server.anonymous().json("POST", "/api/authorize/auth", &body)
}

fn entered(server: &Server, name: &str) -> (Client, Value) {
    let (name, password) = PEOPLE.iter().find(|p| p.0 == name).expect("a person");
    let answer = try_in(server, &format!("{name}@bank.example"), password).expect(200);
    let mut client = server.anonymous();
    client.token = answer["access_token"].as_str().map(str::to_owned);
    (client, answer["user"].clone())
}

#[test]
fn groups_make_roles_and_change_them() {
    let mut directory = Directory::start(&entries());
    let server = Server::start_new(options(&directory));
    let (ann, user) = entered(&server, "ann");
    assert_eq!(
        (&user["user_type"], &user["first_name"], &user["last_name"]),
        (&json!("CLIENT_ADMIN"), &json!("ann"), &json!("Lee (Bank)"))
    );
    let companies = ann.get("/api/companies/").expect(200);
    assert_eq!(companies["items"][0]["name"], "Bank");
    let (_, bob) = entered(&server, "bob");
    assert_eq!((&bob["user_type"], &bob["company_id"]), (&json!("CLIENT"), &user["company_id"]));
    // The same person again, in whatever case; the directory's groups of today count.
    let again = try_in(&server, "Bob@Bank.Example", "bob secret").expect(200);
    assert_eq!(again["user"]["user_id"], bob["user_id"]);
    directory.down();
    directory.modify(
        "dn: cn=chiefs,dc=bank,dc=example\nchangetype: modify\nadd: member\nmember: uid=bob,dc=bank,dc=example\n\n\
         dn: cn=staff,dc=bank,dc=example\nchangetype: modify\ndelete: member\nmember: uid=ann,dc=bank,dc=example\n-\n\
         delete: member\nmember: uid=carl,dc=bank,dc=example\n\n",
    );
    directory.up();
    assert_eq!(entered(&server, "bob").1["user_type"], "CLIENT_ADMIN");
    // Its password is the directory's: not ours to change.
    let (bob, user) = entered(&server, "bob");
    let path = format!("/api/users/{}/change-password", user["user_id"].as_str().expect("an id"));
    let change = json!({"old_password": "bob secret", "new_password": "a very new password"});
    assert!([400, 409].contains(&bob.json("POST", &path, &change).status));
    // Shut out here is shut out, whatever the directory says.
    let path = format!("/api/users/{}", user["user_id"].as_str().expect("an id"));
    server.admin().json("PATCH", &path, &json!({"is_active": false})).expect(200);
    try_in(&server, "bob@bank.example", "bob secret").refused(401, 1401);
    let log = server.log_text();
    assert!(!log.contains("bank.example\"") && !log.contains(" secret") && !log.contains("uid=bob"), "{log}");
}

#[test]
fn who_is_not_meant_stays_outside() {
    let directory = Directory::start(&entries());
    let server = Server::start_new(options(&directory));
    for (email, password) in [
        ("ann@bank.example", "wrong"),
        ("bob@bank.example", ""),
        ("nobody@bank.example", "ann secret"),
        // In no group that is mapped.
        ("eve@bank.example", "eve secret"),
        // Filters in the place of an address.
        ("*", "ann secret"),
        ("ann*", "ann secret"),
        ("*@bank.example", "ann secret"),
        ("x)(|(uid=ann)", "ann secret"),
        ("x)(uid=ann))(|(uid=*", "ann secret"),
        (r"ann\40bank.example", "ann secret"),
        ("ann@bank.example\u{0}", "ann secret"),
        ("uid=ann,dc=bank,dc=example", "ann secret"),
        // An address of ours never asks the directory.
        (CLIENT.0, "carl of the directory"),
    ] {
        let start = Instant::now();
        try_in(&server, email, password).refused(401, 7);
        assert!(start.elapsed() >= Duration::from_millis(500), "told no sooner than others: {email}");
    }
    assert_eq!(server.admin().get("/api/users/?limit=1000").expect(200)["total"], 2, "nobody was made");
}

#[test]
fn a_directory_that_is_down_keeps_nobody_else_out() {
    let mut directory = Directory::start(&entries());
    let server = Server::start_new(options(&directory));
    entered(&server, "ann");
    directory.down();
    let refused = try_in(&server, "ann@bank.example", "ann secret");
    refused.refused(503, 1523);
    assert!(refused.header("retry-after").is_some());
    assert_eq!(try_in(&server, CLIENT.0, CLIENT.1).status, 200);
    directory.up();
    entered(&server, "ann");
}

#[test]
fn a_directory_with_a_foreign_certificate_gets_no_password() {
    let (directory, other) = (Directory::start(&entries()), Directory::start(""));
    let foreign = other.ca_file().display().to_string();
    let server = Server::start_new(options(&directory).with("OZ_LDAP_CA_FILE", &foreign));
    try_in(&server, "ann@bank.example", "ann secret").refused(503, 1523);
    // Without TLS the server itself refuses passwords: that the log-ins above work shows that they went through it.
    let plain = Server::start_new(options(&directory).with("OZ_LDAP_START_TLS", "false"));
    try_in(&plain, "ann@bank.example", "ann secret").refused(503, 1523);
}
