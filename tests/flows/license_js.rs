//! The JavaScript verifier in a real browser: the test vectors of `crates/license`, and every flipped bit.

use crate::support::browser::Browser;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// Asks the module as each vector says; gives what came of it.
const VERIFY: &str = "
    const [vectors, done] = arguments;
    const { verifyLicense, verifyLease, verifyGrant } = await import('/oz-license.mjs');
    const bytes = (base64) => base64 === undefined ? undefined : Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const one = async ({ what, input, now, vendor_keys, platform, app_id, origin, signature, instance_id, nonce }) => {
        const asked = { vendorKeys: vendor_keys, now: new Date(now), appId: app_id, origin, nonce };
        try {
            if (what === 'license') {
                const { claims, state } = await verifyLicense(input, { ...asked, signature: bytes(signature) });
                return { result: state, features: claims.features };
            }
            const { claims } = what === 'lease'
                ? await verifyLease(input, { ...asked, instanceId: instance_id })
                : await verifyGrant(input, { ...asked, platform: platform ?? 'web' });
            return { result: 'good', features: claims.features };
        } catch (error) {
            return { result: error.reason ?? `${error.stack}` };
        }
    };
";

/// All vectors, one after the other.
const ALL: &str = "
    const said = [];
    for (const vector of vectors) said.push(await one(vector));
    done(said);
";

/// One vector with each of some bits flipped in turn, as bytes.
const FLIPS: &str = "
    const [vector, first, behind] = vectors;
    const text = new TextEncoder().encode(vector.input);
    const said = {};
    for (let bit = first; bit < behind; bit++) {
        text[bit >> 3] ^= 1 << (bit & 7);
        const { result } = await one({ ...vector, input: text });
        said[result] = (said[result] ?? 0) + 1;
        text[bit >> 3] ^= 1 << (bit & 7);
    }
    done({ said, unflipped: await one({ ...vector, input: text }) });
";

const FLIPPED_AT_ONCE: usize = 4000;

/// What a flipped bit can come to; whatever a bug of the module itself says is not among them.
const REFUSALS: [&str; 7] = ["armour", "envelope", "version", "unknown_key", "site", "signature", "claims"];

fn crate_file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(PathBuf::from).expect("the project");
    fs_err::read_to_string(root.join("crates/license").join(path)).expect("a file of the crate")
}

fn vectors(file: &str) -> Vec<Value> {
    serde_json::from_str(&crate_file(&format!("test-vectors/{file}.json"))).expect("vectors")
}

fn browser() -> Browser {
    let module = |name: &str| crate_file(&format!("js/{name}"));
    Browser::with_files(vec![
        ("/oz-license.mjs", "text/javascript", module("oz-license.mjs")),
        ("/keys.mjs", "text/javascript", module("keys.mjs")),
    ])
}

/// WebDriver's scripts are no async functions; an error is an answer, too.
fn asynchronous(script: &str) -> String {
    format!(
        "const done = arguments[arguments.length - 1]; \
         (async function () {{ {VERIFY} {script} }}).apply(null, arguments).catch((error) => done(`${{error.stack}}`));"
    )
}

/// The claims' order and doubles mean nothing.
fn sorted(features: &Value) -> Vec<&str> {
    let mut words: Vec<&str> = features.as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[test]
fn the_module_says_what_the_test_vectors_say() {
    let browser = browser();
    for file in ["licenses", "refused", "leases", "grants"] {
        let vectors = vectors(file);
        let said = browser.run(&asynchronous(ALL), &json!([vectors]));
        let said = said.as_array().unwrap_or_else(|| panic!("{file}: {said}"));
        assert!(vectors.len() > 40 && said.len() == vectors.len(), "{file}: {} answers", said.len());
        let wrong: Vec<String> = vectors
            .iter()
            .zip(said)
            .filter(|(vector, says)| {
                vector["result"] != says["result"] || sorted(&vector["features"]) != sorted(&says["features"])
            })
            .map(|(vector, says)| format!("{}: {says}, not {}", vector["name"], vector["result"]))
            .collect();
        assert!(wrong.is_empty(), "{file}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn the_module_accepts_no_flipped_bit() {
    let browser = browser();
    for (file, name, good) in [
        ("licenses", "an app's license", "active"),
        ("leases", "as it is made", "good"),
        ("grants", "as it is made", "good"),
    ] {
        let vector = vectors(file).into_iter().find(|vector| vector["name"] == name).expect("the vector");
        let bits = vector["input"].as_str().map_or(0, str::len) * 8;
        // A few thousand at a time: a slow machine must not run into the driver's limit for one script.
        for first in (0..bits).step_by(FLIPPED_AT_ONCE) {
            let behind = bits.min(first + FLIPPED_AT_ONCE);
            let seen = browser.run(&asynchronous(FLIPS), &json!([[vector, first, behind]]));
            assert_eq!(seen["unflipped"]["result"], good, "{file}: {seen}");
            let words = seen["said"].as_object().unwrap_or_else(|| panic!("{file}: {seen}"));
            assert!(words.keys().all(|word| REFUSALS.contains(&word.as_str())), "{file}: {seen}");
            assert_eq!(
                words.values().filter_map(Value::as_u64).sum::<u64>(),
                (behind - first) as u64,
                "{file}: {seen}"
            );
        }
    }
}

/// `unsupported`, and never an acceptance, where the browser has no Ed25519 or keeps WebCrypto from the page.
#[test]
fn without_ed25519_the_module_says_so() {
    let vector =
        vectors("licenses").into_iter().find(|vector| vector["name"] == "an app's license").expect("the vector");
    for spoil in [
        "crypto.subtle.importKey = async () => { throw new DOMException('', 'NotSupportedError'); };",
        "Object.defineProperty(crypto, 'subtle', { value: undefined });",
    ] {
        let seen = browser().run(&asynchronous(&format!("{spoil} {ALL}")), &json!([[vector]]));
        assert_eq!(seen, json!([{"result": "unsupported"}]), "{spoil}");
    }
}
