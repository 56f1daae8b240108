//! The JSON form is what `docs/schema/check.json` says.
//!
//! The validator below knows the few keywords that the schema uses and refuses others: a crate for all of JSON Schema
//! would bring many more into the lock file for this one page.

use super::asked;
use crate::machine::fake::Fake;
use crate::profile::ALL;
use serde_json::{Value, json};

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../../docs/schema/check.json")).unwrap()
}

/// Every place where a value is not what the schema says.
fn wrong(value: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
    for (keyword, rule) in schema.as_object().unwrap() {
        let good = match keyword.as_str() {
            "$schema" | "$id" | "title" | "description" => true,
            "type" => types(rule).iter().any(|kind| is(value, kind)),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_i64().is_none_or(|number| number >= rule.as_i64().unwrap()),
            "minLength" => value.as_str().is_none_or(|text| text.len() as u64 >= rule.as_u64().unwrap()),
            "required" => {
                value.is_null()
                    || rule.as_array().unwrap().iter().all(|key| {
                        !value[key.as_str().unwrap()].is_null() || value.get(key.as_str().unwrap()).is_some()
                    })
            }
            "additionalProperties" => {
                assert_eq!(rule, &json!(false));
                value.as_object().into_iter().flatten().all(|(key, _)| schema["properties"].get(key).is_some())
            }
            "properties" => {
                for (key, rule) in rule.as_object().unwrap() {
                    value.get(key).into_iter().for_each(|value| wrong(value, rule, &format!("{at}/{key}"), found));
                }
                true
            }
            "items" => {
                value.as_array().into_iter().flatten().for_each(|value| wrong(value, rule, &format!("{at}/*"), found));
                true
            }
            other => panic!("{at}: the validator does not know `{other}`"),
        };
        if !good {
            found.push(format!("{at}: {value} is against {keyword} {rule}"));
        }
    }
}

fn types(rule: &Value) -> Vec<&str> {
    rule.as_array()
        .map_or_else(|| vec![rule.as_str().unwrap()], |all| all.iter().map(|k| k.as_str().unwrap()).collect())
}

fn is(value: &Value, kind: &str) -> bool {
    match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64() || value.is_i64(),
        "null" => value.is_null(),
        other => panic!("the validator does not know the type `{other}`"),
    }
}

fn errors(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    wrong(value, &schema(), "", &mut found);
    found
}

#[test]
fn every_report_fits_the_schema() {
    let mut bad = Fake::good();
    bad.without("/proc");
    for fake in [Fake::good(), bad] {
        for profile in ALL {
            let value = serde_json::to_value(asked(&fake, *profile)).unwrap();
            assert_eq!(errors(&value), Vec::<String>::new());
        }
    }
}

#[test]
fn what_does_not_fit_is_seen() {
    let good = serde_json::to_value(asked(&Fake::good(), crate::profile::Profile::Api)).unwrap();
    let changes: [fn(&mut Value); 7] = [
        |v| v["format"] = json!(2),
        |v| v["more"] = json!(1),
        |v| v["checks"][0]["verdict"] = json!("good"),
        |v| v["checks"][0]["measured"] = json!({"value": -1, "unit": "B"}),
        |v| v["checks"][0]["advice"] = json!(3),
        |v| v["checks"][0]["name"] = json!(""),
        |v| drop(v["checks"][0].as_object_mut().unwrap().remove("found")),
    ];
    for change in changes {
        let mut value = good.clone();
        change(&mut value);
        assert_eq!(errors(&value).len(), 1, "{value}");
    }
}
