//! What nodes used: counted once, summed, reported.

use crate::support::client::{Answer, Client};
use crate::support::license::{after, claims, install};
use crate::support::license_server::LicenseServer;
use crate::support::server::Options;
use oz_license::{Purpose, VendorKeys};
use oz_site::Report;
use oz_testkit::on_both;
use serde_json::{Value, json};

on_both! {
    usage_is_counted_once_and_other_counts_are_another_node,
    reports_are_signed_and_fit,
    the_volume_warns_and_ends,
}

fn note(node: &Client, instance: &str, seq: i64, counts: &Value) -> Answer {
    node.json("POST", "/api/usage", &json!({"instance_id": instance, "seq": seq, "counts": counts}))
}

fn usage_is_counted_once_and_other_counts_are_another_node(options: Options) {
    let server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let node = server.node();
    for _ in 0..3 {
        let answer = note(&node, "a", 1, &json!({"quality": 5, "biometry": 2})).expect(200);
        assert_eq!(answer, json!({"left": 993, "used": {"quality": 5, "biometry": 2}}));
    }
    let refused = note(&node, "a", 1, &json!({"quality": 6})).refused(409, 1520);
    assert_eq!(refused["details"]["reason"], "other_batch");
    assert_eq!(note(&node, "b", 1, &json!({"quality": 6})).expect(200)["left"], 987);
    let named = json!({"instance_id": "a", "seq": 2, "batch": "x", "counts": {"quality": 1}});
    assert_eq!(node.json("POST", "/api/usage", &named).expect(200)["left"], 986);
    note(&node, "a", 2, &json!({"quality": 1})).refused(409, 1520);

    for (body, field) in [
        (json!({"instance_id": "a", "seq": 0, "counts": {}}), "seq"),
        (json!({"instance_id": "a b", "seq": 3, "counts": {}}), "instance_id"),
        (json!({"instance_id": "a", "seq": 3, "counts": {"qualitu": 1}}), "counts"),
        (json!({"instance_id": "a", "seq": 3, "counts": {"quality": -1}}), "counts"),
    ] {
        let refused = node.json("POST", "/api/usage", &body).refused(400, 4);
        assert_eq!(refused["details"]["field"], field, "{refused}");
    }
    let today = after(0).to_string()[..10].to_owned();
    let admin = server.admin();
    for (by, length) in [("day", 10), ("month", 7), ("year", 4)] {
        let told = admin.get(&format!("/api/usage?group_by={by}&from={today}&to={today}")).expect(200);
        assert_eq!(told["totals"][&today[..length]], json!({"quality": 12, "biometry": 2}), "{told}");
    }
    assert_eq!(admin.get("/api/usage").expect(200)["totals"][&today]["quality"], 12);
    assert_eq!(admin.get("/api/usage?from=2020-01-01&to=2020-12-31").expect(200)["totals"], json!({}));
    for wrong in ["from=yesterday", "group_by=week", "to=2026-13-01"] {
        admin.get(&format!("/api/usage?{wrong}")).refused(400, 4);
    }
}

fn reports_are_signed_and_fit(options: Options) {
    let server = LicenseServer::start(options);
    install(&server, &claims(&server));
    note(&server.node(), "a", 1, &json!({"quality": 5})).expect(200);
    let admin = server.admin();
    let report = |period: &str| -> Report {
        let answer = admin.get(&format!("/api/usage/report?period={period}"));
        assert_eq!(answer.status, 200);
        let kept = format!("attachment; filename=\"usage-{period}.txt\"");
        assert_eq!(answer.header("content-disposition"), Some(kept.as_str()));
        let key = admin.get("/api/license").expect(200)["site_key"].as_str().expect("a key").to_owned();
        let bytes: [u8; 32] = hex::decode(key).expect("hex").try_into().expect("32 bytes");
        let key = VendorKeys::new([ed25519(&bytes)]);
        serde_json::from_slice(&key.open(Purpose::Usage, &answer.bytes).expect("our signature")).expect("a report")
    };
    let month = after(0).to_string()[..7].to_owned();
    let (year, number): (i32, u32) = (month[..4].parse().expect("a year"), month[5..].parse().expect("a month"));
    let before = if number == 1 { format!("{}-12", year - 1) } else { format!("{year}-{:02}", number - 1) };
    let (earlier, later) = (report(&before), report(&month));
    assert_eq!(earlier.to, later.from, "no entry between them");
    assert_eq!(later.to.count, 3, "opened, installed, used");
    assert_eq!(later.totals.values().next().map(|counts| counts["quality"]), Some(5));
    assert_eq!((later.license_id.as_str(), later.instances), ("L-1", 1));
    for wrong in ["", "2026-1", "2026-11-25-1"] {
        admin.get(&format!("/api/usage/report?period={wrong}")).refused(400, 4);
    }
}

fn ed25519(bytes: &[u8; 32]) -> ed25519_dalek::VerifyingKey {
    ed25519_dalek::VerifyingKey::from_bytes(bytes).expect("a key")
}

fn the_volume_warns_and_ends(options: Options) {
    let server = LicenseServer::start(options);
    install(&server, &claims(&server));
    let node = server.node();
    let ask = json!({"instance_id": "i", "hostname": "h", "version": "1"});
    for (seq, used, warned) in
        [(1, 799, None), (2, 1, Some("volume_80")), (3, 100, Some("volume_90")), (4, 100, Some("volume_100"))]
    {
        note(&node, "i", seq, &json!({"quality": used})).expect(200);
        let lease = node.json("POST", "/api/leases", &ask).expect(201);
        assert_eq!(lease["warnings"][0]["code"].as_str(), warned, "{lease}");
    }
    // What was used is counted all the same; only a block is paid before it is used.
    assert_eq!(note(&node, "i", 5, &json!({"quality": 1})).expect(200)["left"], -1);
    let block = json!({"instance_id": "i", "hostname": "h", "version": "1", "block": 1});
    node.json("POST", "/api/leases", &block).refused(403, 1502);
}
