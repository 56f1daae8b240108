//! So many nodes at once as the license has, whatever nodes do.

use crate::support::client::{Answer, Client};
use crate::support::license::{after, claims, install, trusted};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, until};
use oz_license::Lease;
use oz_testkit::on_both;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

on_both! {
    three_nodes_work_and_the_fourth_is_told_who_does,
    a_node_that_died_frees_its_instance,
    a_thousand_racing_tries_never_give_a_fourth_lease,
    a_copied_identity_is_told_apart,
    a_block_is_paid_in_advance_and_what_is_left_comes_back,
}

fn acquire(node: &Client, instance: &str) -> Answer {
    let body = json!({"instance_id": instance, "hostname": format!("host-{instance}"), "version": "0.1.0"});
    node.json("POST", "/api/leases", &body)
}

fn path(lease: &Value) -> String {
    format!("/api/leases/{}", lease["lease_id"].as_str().expect("lease_id"))
}

fn beat(node: &Client, lease: &Value, counter: u64, attempt: &str) -> Answer {
    node.json("PUT", &path(lease), &json!({"counter": counter, "attempt": attempt}))
}

fn three_nodes_work_and_the_fourth_is_told_who_does(options: Options) {
    let server = LicenseServer::start(options);
    assert_eq!(install(&server, &claims(&server)), "active");
    let node = server.node();
    let leases: Vec<Value> = ["a", "b", "c"].iter().map(|id| acquire(&node, id).expect(201)).collect();
    for (lease, id) in leases.iter().zip(["a", "b", "c"]) {
        let text = lease["lease"].as_str().expect("lease").as_bytes();
        let read = Lease::verify(text, &trusted(), id, after(0)).expect("a lease that a node believes");
        assert_eq!(json!(read.claims.expires_at), lease["expires_at"]);
        assert_eq!((&lease["ttl_s"], &lease["state"], &lease["counter"]), (&json!(600), &json!("active"), &json!(0)));
        assert_eq!(lease["features"], json!(["quality", "biometry"]), "{lease}");
        assert_eq!(lease["left"], 1000);
    }
    let refused = acquire(&node, "d").refused(410, 1524);
    let holders = refused["details"]["holders"].as_array().expect("holders");
    let told: Vec<_> = holders.iter().map(|h| (h["hostname"].as_str(), h["instance_id"].as_str())).collect();
    assert_eq!(told, [(Some("host-a"), Some("a")), (Some("host-b"), Some("b")), (Some("host-c"), Some("c"))]);
    assert!(holders.iter().all(|h| h["since"].is_string() && h["until"].is_string() && h["version"] == "0.1.0"));

    // No node learns how to end another's lease.
    let shown = |client: &Client| client.get("/api/license").expect(200)["leases"].clone();
    let ids = |leases: &Value| leases.as_array().expect("leases").iter().filter(|l| l["lease_id"].is_string()).count();
    assert_eq!((ids(&shown(&node)), ids(&shown(&server.admin()))), (0, 3));

    // Released is free, at once; and over for the one who had it.
    assert_eq!(node.delete(&path(&leases[1])).status, 204);
    acquire(&node, "d").expect(201);
    node.delete(&path(&leases[1])).refused(404, 10);
    beat(&node, &leases[1], 0, "x").refused(404, 10);
    // A node that asks again gets a new lease for its old one.
    acquire(&node, "a").expect(201);
    acquire(&node, "e").refused(410, 1524);
}

fn a_node_that_died_frees_its_instance(options: Options) {
    let server = LicenseServer::start(options.with("OZ_LICENSE_LEASE_TTL", "3s"));
    install(&server, &claims(&server));
    let node = server.node();
    let alive = acquire(&node, "alive").expect(201);
    ["dead-1", "dead-2"].iter().for_each(|id| drop(acquire(&node, id).expect(201)));
    acquire(&node, "next").refused(410, 1524);
    let mut counter = 0;
    for next in ["next", "another"] {
        until("the leases of the dead are over", Duration::from_secs(20), || {
            let lease = beat(&node, &alive, counter, &counter.to_string()).expect(200);
            counter = lease["counter"].as_u64().expect("counter");
            (acquire(&node, next).status == 201).then_some(())
        });
    }
    // The one that kept beating has its instance still.
    beat(&node, &alive, counter, "last").expect(200);
    acquire(&node, "one-more").refused(410, 1524);
}

fn a_thousand_racing_tries_never_give_a_fourth_lease(options: Options) {
    const THREADS: usize = 64;
    const TRIES: usize = 16;
    let server = LicenseServer::start(options.with("OZ_LICENSE_LEASE_TTL", "1h"));
    install(&server, &claims(&server));
    let (held, most, given, none) =
        (AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (node, held, most, given, none) = (server.node(), &held, &most, &given, &none);
            scope.spawn(move || {
                for attempt in 0..TRIES {
                    let answer = acquire(&node, &format!("{thread}-{attempt}"));
                    if answer.status == 410 {
                        none.fetch_add(1, Ordering::SeqCst);
                        continue;
                    }
                    let lease = answer.expect(201);
                    given.fetch_add(1, Ordering::SeqCst);
                    most.fetch_max(held.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                    // Held long enough for others to try meanwhile.
                    beat(&node, &lease, 0, "held").expect(200);
                    held.fetch_sub(1, Ordering::SeqCst);
                    assert_eq!(node.delete(&path(&lease)).status, 204);
                }
            });
        }
    });
    let (most, given, none) = (most.into_inner(), given.into_inner(), none.into_inner());
    assert_eq!(given + none, THREADS * TRIES);
    assert!(given >= 3 && none > 0, "{given} given, {none} refused: they did not meet");
    assert!(most <= 3, "{most} leases at once");
    let license = server.admin().get("/api/license").expect(200);
    assert_eq!(license["leases"], json!([]), "all were given back");
}

fn a_copied_identity_is_told_apart(options: Options) {
    let server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let node = server.node();
    let lease = acquire(&node, "twin").expect(201);
    let first = beat(&node, &lease, 0, "attempt-1").expect(200);
    assert_eq!(first["counter"], 1);
    // The answer was lost: the same heartbeat again is answered the same.
    assert_eq!(beat(&node, &lease, 0, "attempt-1").expect(200)["counter"], 1);
    // The copy beats with the counter it was copied with.
    let refused = beat(&node, &lease, 0, "attempt-of-the-copy").refused(409, 1520);
    assert_eq!(refused["details"]["reason"], "stale");
    beat(&node, &lease, 1, "attempt-2").expect(200);
    // Or it starts anew: then the first one's lease is over.
    acquire(&node, "twin").expect(201);
    beat(&node, &lease, 2, "attempt-3").refused(404, 10);
}

fn a_block_is_paid_in_advance_and_what_is_left_comes_back(options: Options) {
    let server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let node = server.node();
    let body = json!({"instance_id": "i", "hostname": "h", "version": "1", "wanted": ["quality"], "block": 900});
    let lease = node.json("POST", "/api/leases", &body).expect(201);
    assert_eq!((&lease["block"], &lease["features"]), (&json!(900), &json!(["quality"])));
    // 100 are left, so that many are given.
    let more = json!({"counter": 0, "attempt": "1", "block": 300});
    let more = node.json("PUT", &path(&lease), &more).expect(200);
    assert_eq!(more["block"], 1000);
    let none = json!({"counter": 1, "attempt": "2", "block": 1});
    node.json("PUT", &path(&lease), &none).refused(403, 1502);
    assert_eq!(node.json("DELETE", &path(&lease), &json!({"unused": 400})).status, 204);
    let license = server.admin().get("/api/license").expect(200);
    assert_eq!((&license["used"], &license["left"]), (&json!({"block": 600}), &json!(400)));
}
