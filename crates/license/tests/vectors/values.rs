//! Licenses that are well signed and well spelt, with a claim that is refused.

use super::Vector;
use super::licenses::reads;
use super::refused::changed;
use serde_json::{Value, json};

pub(super) fn all() -> Vec<Vector> {
    let mut all: Vec<Vector> = ["license_id", "revision", "kind", "customer", "product", "issued_at", "features"]
        .into_iter()
        .map(|claim| {
            let without = changed(|c| _ = c.as_object_mut().unwrap().remove(claim));
            reads(format!("without {claim}"), without, "claims")
        })
        .collect();
    let listed = [
        ("another product", "/product", json!("oz-toaster"), "product"),
        ("an unknown claim", "/later_claim", json!(1), "claims"),
        ("an unknown limit", "/limits/cores", json!(1), "claims"),
        ("an unknown word about the customer", "/customer/vat", json!("1"), "claims"),
        ("an unknown platform", "/apps/windows", json!([]), "claims"),
        ("an unknown kind", "/kind", json!("site"), "claims"),
        ("an unknown feature", "/features", json!(["quality", "time_travel"]), "claims"),
        ("features are no array", "/features", json!("quality"), "claims"),
        ("an unknown period", "/limits/analyses", json!({"count": 1, "period": "week"}), "claims"),
        ("a volume without a period", "/limits/analyses", json!({"count": 1}), "claims"),
        ("null for limits", "/limits", Value::Null, "claims"),
        ("null for the grace", "/grace_days", Value::Null, "claims"),
        ("null for apps", "/apps", Value::Null, "claims"),
        ("null for an id", "/license_id", Value::Null, "claims"),
        ("a number for an id", "/license_id", json!(1), "claims"),
        ("a number in origins", "/origins", json!([1]), "claims"),
        ("revision negative", "/revision", json!(-1), "claims"),
        ("revision too large", "/revision", json!(4_294_967_296_u64), "claims"),
        ("revision a fraction", "/revision", json!(1.5), "claims"),
        ("revision a text", "/revision", json!("3"), "claims"),
        ("grace too large", "/grace_days", json!(65_536), "claims"),
        ("overage too large", "/limits/overage_percent", json!(256), "claims"),
        ("instances too many", "/limits/instances", json!(4_294_967_296_u64), "claims"),
        ("a time with an offset", "/expires_at", json!("2027-01-01T01:00:00+01:00"), "claims"),
        ("a time with an offset of nothing", "/expires_at", json!("2027-01-01T00:00:00+00:00"), "claims"),
        ("a time in small letters", "/expires_at", json!("2027-01-01t00:00:00z"), "claims"),
        ("a time with a blank", "/expires_at", json!("2027-01-01 00:00:00Z"), "claims"),
        ("a fraction that ends with 0", "/expires_at", json!("2027-01-01T00:00:00.50Z"), "claims"),
        ("a fraction of nothing", "/expires_at", json!("2027-01-01T00:00:00.0Z"), "claims"),
        ("ten digits of a fraction", "/expires_at", json!("2027-01-01T00:00:00.0000000001Z"), "claims"),
        ("a leap second", "/expires_at", json!("2026-12-31T23:59:60Z"), "claims"),
        ("a 30th of February", "/expires_at", json!("2027-02-30T00:00:00Z"), "claims"),
        ("an hour 24", "/expires_at", json!("2027-01-01T24:00:00Z"), "claims"),
        ("a date", "/expires_at", json!("2027-01-01"), "claims"),
        ("a year of six digits", "/expires_at", json!("+002027-01-01T00:00:00Z"), "claims"),
        ("a year before the first", "/not_before", json!("-000001-01-01T00:00:00Z"), "claims"),
        ("behind the last moment", "/expires_at", json!("9999-12-31T00:00:00Z"), "claims"),
        ("seconds for a time", "/expires_at", json!(1_798_761_600), "claims"),
        ("null for the time of issue", "/issued_at", Value::Null, "claims"),
        ("no threshold that means something", "/binding", json!({"fingerprints": [], "threshold": 0}), "claims"),
        ("a threshold above its prints", "/binding", json!({"fingerprints": [print()], "threshold": 2}), "claims"),
        ("a print that is none", "/binding", json!({"fingerprints": ["disk:1:2"], "threshold": 1}), "claims"),
        (
            "a print of an unknown part",
            "/binding",
            json!({"fingerprints": [print().replace("disk", "cpu")], "threshold": 1}),
            "claims",
        ),
        ("a binding without prints", "/binding", json!({"threshold": 1}), "claims"),
    ];
    all.extend(listed.into_iter().map(|(name, claim, value, result)| {
        let text = changed(|c| {
            let (parent, last) = claim.rsplit_once('/').unwrap();
            c.pointer_mut(parent).unwrap()[last] = value;
        });
        reads(name, text, result)
    }));
    all
}

fn print() -> String {
    format!("disk:{}:{}", "07".repeat(16), "ab".repeat(32))
}
