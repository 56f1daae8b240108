//! Kills at random moments of a stream of usage: what was acknowledged is counted, and nothing twice.
//!
//! Ten rounds in a plain run, two hundred with `OZ_SLOW=1`. The moments come from a seed.

use crate::support::license::{claims, install};
use crate::support::license_server::LicenseServer;
use crate::support::server::{Options, pause};
use oz_testkit::on_both;
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

on_both! { what_was_acknowledged_is_counted_once }

/// Nodes that tell what they use.
const NODES: usize = 4;

fn what_was_acknowledged_is_counted_once(options: Options) {
    let rounds = if std::env::var_os("OZ_SLOW").is_some() { 200 } else { 10 };
    let mut server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let (told, batches, over) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for node in 0..NODES {
            let (caller, told, batches, over) = (server.node(), &told, &batches, &over);
            scope.spawn(move || {
                let mut seq = 0;
                while !over.load(Ordering::Relaxed) {
                    seq += 1;
                    let count = seq % 7 + 1;
                    let body = json!({"instance_id": format!("node-{node}"), "seq": seq, "counts": {"quality": count}});
                    // A node keeps its batch until it is acknowledged.
                    while !acknowledged(&caller, &body) {
                        pause(Duration::from_millis(5));
                    }
                    told.fetch_add(count, Ordering::Relaxed);
                    batches.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut seed = 34_u64;
        for _ in 0..rounds {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            pause(Duration::from_millis((seed >> 33) % 150 + 1));
            server.restart();
        }
        over.store(true, Ordering::Relaxed);
    });
    let (told, batches) = (told.into_inner(), batches.into_inner());
    assert!(batches > rounds, "{batches} batches in {rounds} rounds: nothing was interrupted");
    let license = server.admin().get("/api/license").expect(200);
    assert_eq!(license["used"], json!({"quality": told}), "{batches} batches");
    assert_eq!(license["ledger"]["count"], json!(batches + 2), "opened, installed, and each batch once");
    let health = server.admin().get("/api/healthcheck").expect(200);
    assert_eq!(health["checks"]["ledger"]["status"], "ok", "{health}");
}

fn acknowledged(caller: &crate::support::client::Client, body: &serde_json::Value) -> bool {
    let sent = caller.try_send("POST", "/api/usage", &[], Some(("application/json", body.to_string().into())));
    sent.is_ok_and(|answer| {
        assert!([200, 503].contains(&answer.status), "{answer:?}");
        answer.status == 200
    })
}
