//! The tool as a seller uses it: its own binary, files in an empty folder.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use ed25519_dalek::VerifyingKey;
use ed25519_dalek::pkcs8::DecodePublicKey as _;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::process::Command;

const CLAIMS: &str = r#"
kind = "server"
expires_at = 2999-01-01T00:00:00Z
features = ["quality", "biometry"]
customer = { id = "C-1", name = "A bank" }
limits = { analyses = { count = 1000, period = "month" }, instances = 3 }
"#;
/// The public half of some Ed25519 key.
const SITE_KEY: &str = "8139770ea87d175f56a35466c34c7ecccb8d8a91b4ee37a25df60f5b8fc9b394";

/// A folder with a vendor key that has a passphrase.
struct Seller(tempfile::TempDir);

impl Seller {
    fn new() -> Self {
        let seller = Self(tempfile::tempdir().unwrap());
        seller.write("passphrase", "correct horse battery\n");
        seller.good(&["keygen", "--out", "key", "--passphrase-file", "passphrase"]);
        seller.write("claims.toml", CLAIMS);
        seller
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).try_exists().unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs_err::write(self.path(name), text).unwrap();
    }

    fn text(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// Whether it ended with 0, and all that it said.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oz-license"));
        let output = command.current_dir(self.0.path()).args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8(said).unwrap())
    }

    fn good(&self, arguments: &[&str]) -> String {
        let (good, said) = self.run(arguments);
        assert!(good, "{said}");
        said
    }

    fn bad(&self, arguments: &[&str]) -> String {
        let (good, said) = self.run(arguments);
        assert!(!good, "{said}");
        said
    }

    fn issue(&self, out: &str) -> (bool, String) {
        let key = ["--key", "key", "--passphrase-file", "passphrase"];
        self.run(&[&["issue", "--claims", "claims.toml", "--out", out], &key[..]].concat())
    }

    fn claims(&self, license: &str) -> Value {
        let shown: Value = serde_json::from_str(&self.good(&["inspect", license])).unwrap();
        shown["claims"].clone()
    }
}

#[test]
fn what_is_issued_is_verified_and_nothing_else() {
    let seller = Seller::new();
    assert!(seller.issue("L").0);
    assert!(seller.good(&["verify", "L", "--public-key", "key.pub"]).contains("active"));
    let said = seller.good(&["keygen", "--out", "other", "--no-passphrase"]);
    let compiled_in = said.trim().rsplit_once("OZ_VENDOR_KEYS=").unwrap().1;
    let pem = std::fs::read_to_string(seller.path("other.pub")).unwrap();
    assert_eq!(hex::encode(VerifyingKey::from_public_key_pem(&pem).unwrap()), compiled_in);
    seller.bad(&["verify", "L", "--public-key", "other.pub"]);
    let mut bytes = seller.text("L").into_bytes();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs_err::write(seller.path("flipped"), bytes).unwrap();
    seller.bad(&["verify", "flipped", "--public-key", "key.pub"]);
    seller.bad(&["verify", "claims.toml", "--public-key", "key.pub"]);
    seller.bad(&["verify", "nothing", "--public-key", "key.pub"]);
    seller.write("claims.toml", &CLAIMS.replace("2999", "2001"));
    assert!(seller.issue("over").0);
    assert!(seller.bad(&["verify", "over", "--public-key", "key.pub"]).contains("is over"));
}

#[test]
fn the_key_is_kept() {
    let seller = Seller::new();
    assert_eq!(fs_err::metadata(seller.path("key")).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(seller.text("key").starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
    let before = seller.text("key");
    seller.bad(&["keygen", "--out", "key", "--no-passphrase"]);
    assert_eq!(seller.text("key"), before, "nothing is overwritten");
    seller.write("taken.pub", "");
    seller.bad(&["keygen", "--out", "taken", "--no-passphrase"]);
    assert!(!seller.has("taken"), "no half of a pair");
    seller.write("short", "12345678901\n");
    assert!(seller.bad(&["keygen", "--out", "k2", "--passphrase-file", "short"]).contains("11 characters came"));
    seller.write("passphrase", "incorrect horse battery\n");
    let (good, said) = seller.issue("L");
    assert!(!good && said.contains("wrong passphrase"), "{said}");
    assert!(!seller.has("L"));
}

#[test]
fn a_license_is_activated_and_renewed() {
    let seller = Seller::new();
    let prints: Vec<String> =
        ["disk", "machine_id", "network_card"].map(|f| format!("{f}:{}:{}", "0a".repeat(16), "0b".repeat(32))).into();
    let request = json!({"product": "oz-appliance", "version": "0.1.0", "site_key": SITE_KEY, "fingerprints": prints});
    seller.write("req.json", &request.to_string());
    let key = ["--key", "key", "--passphrase-file", "passphrase", "--activation-request", "req.json"];
    seller.good(&[&["issue", "--claims", "claims.toml", "--out", "L1"], &key[..]].concat());
    let first = seller.claims("L1");
    assert_eq!((&first["site_key"], &first["revision"]), (&json!(SITE_KEY), &json!(1)));
    assert_eq!(first["binding"], json!({"fingerprints": prints, "threshold": 2}));

    let ends = ["--expires-at", "2999-06-01T00:00:00Z", "--out", "L2"];
    seller.good(&[&["renew", "L1"], &key[..4], &ends[..]].concat());
    let second = seller.claims("L2");
    assert_eq!((&second["revision"], &second["license_id"]), (&json!(2), &first["license_id"]));
    assert_eq!((&second["expires_at"], &second["binding"]), (&json!("2999-06-01T00:00:00Z"), &first["binding"]));
    seller.good(&["verify", "L2", "--public-key", "key.pub"]);
    // Only one's own licenses are renewed.
    seller.good(&["keygen", "--out", "other", "--no-passphrase"]);
    seller.bad(&["renew", "L1", "--key", "other", "--out", "L3"]);
    // By a key that takes the place of the one before it, too.
    seller.good(&["renew", "L1", "--signed-by", "key.pub", "--key", "other", "--out", "L3"]);
    seller.good(&["verify", "L3", "--public-key", "other.pub"]);
    seller.bad(&["renew", "L3", "--signed-by", "key.pub", "--key", "other", "--out", "L6"]);

    let few = json!({"product": "oz-appliance", "version": "0.1.0", "site_key": SITE_KEY, "fingerprints": prints[..2]});
    seller.write("req.json", &few.to_string());
    let said = seller.good(&[&["issue", "--claims", "claims.toml", "--out", "L4"], &key[..]].concat());
    assert!(said.contains("bound to the site key alone"), "{said}");
    assert_eq!(seller.claims("L4").get("binding"), None);
    seller.write("req.json", &few.to_string().replace("oz-appliance", "oz-toaster"));
    seller.bad(&[&["issue", "--claims", "claims.toml", "--out", "L5"], &key[..]].concat());
}

#[test]
fn wrong_claims_are_named() {
    let seller = Seller::new();
    for (from, to, names) in [
        ("\"biometry\"", "\"telepathy\"", "features"),
        ("count = 1000", "count = -1", "limits.analyses.count"),
        ("instances", "cores", "limits"),
        ("2999-01-01T00:00:00Z", "2999-01-01T00:00:00+01:00", "expires_at"),
        ("kind = \"server\"", "", "kind"),
        ("kind = \"server\"", "kind = \"master\"", "claims"),
    ] {
        seller.write("claims.toml", &CLAIMS.replace(from, to));
        let (good, said) = seller.issue("L");
        assert!(!good && said.contains(names), "{to}: {said}");
        assert!(!seller.has("L"));
    }
}

#[test]
fn what_was_issued_is_in_a_log_that_shows_changes() {
    let seller = Seller::new();
    assert!(seller.issue("L1").0);
    assert!(seller.issue("L2").0);
    assert!(!seller.issue("L2").0, "nothing is overwritten");
    let log = seller.text("key.issued.jsonl");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1]["claims"]["license_id"], seller.claims("L2")["license_id"]);
    seller.write("key.issued.jsonl", &log.replacen("A bank", "A tank", 1));
    let (good, said) = seller.issue("L3");
    assert!(!good && said.contains("line 2 is not what was written"), "{said}");
    assert!(!seller.has("L3"), "what is not logged is not given out");
}

#[test]
fn a_master_license_carries_the_customers_key() {
    let seller = Seller::new();
    let key = ["--key", "key", "--passphrase-file", "passphrase"];
    let master = |customer_key: &str, out: &str| {
        seller.run(
            &[&["master", "--claims", "claims.toml", "--customer-key", customer_key, "--out", out], &key[..]].concat(),
        )
    };
    assert!(master("key.pub", "L").0, "any Ed25519 key will do");
    assert_eq!(seller.claims("L")["kind"], "master");
    assert!(!master("key", "L2").0, "a private key");
    assert!(!master("claims.toml", "L2").0);
    seller.good(&["verify", "L", "--public-key", "key.pub"]);
}
