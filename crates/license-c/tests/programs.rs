//! Programs in C, built by `cc` against both forms of the library: the example reads every test vector, `abi.c` does what
//! no caller should.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A test vector of `crates/license/tests/vectors`.
#[derive(Deserialize)]
struct Vector {
    name: String,
    what: String,
    vendor_keys: Vec<String>,
    now: Timestamp,
    platform: Option<String>,
    app_id: Option<String>,
    origin: Option<String>,
    signature: Option<String>,
    nonce: Option<String>,
    result: String,
    #[serde(default)]
    features: Vec<String>,
    input: String,
}

/// How a program gets the library.
#[derive(Clone, Copy)]
enum Form {
    Shared,
    Static,
}

fn vectors(file: &str) -> Vec<Vector> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../license/test-vectors").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// Where cargo put a form of the library, built by `cargo xtask test` beside this test's own folder.
fn library(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let path = this.parent().and_then(Path::parent).unwrap().join(name);
    assert!(path.is_file(), "{} is missing: run `cargo xtask test`, or `cargo build -p oz-license-c`", path.display());
    path
}

/// Builds a program; every warning of the compiler is an error.
fn built(source: &str, form: Form, folder: &Path) -> PathBuf {
    let (own, program) = (Path::new(env!("CARGO_MANIFEST_DIR")), folder.join("program"));
    let mut cc = Command::new("cc");
    cc.args(["-std=c11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1", "-I"]).arg(own.join("include"));
    cc.arg(own.join(source)).arg("-o").arg(&program);
    match form {
        Form::Shared => {
            let library = library("liboz_license.so");
            let folder = library.parent().unwrap();
            cc.arg("-L").arg(folder).arg("-loz_license").arg(format!("-Wl,-rpath,{}", folder.display()));
        }
        Form::Static => _ = cc.arg(library("liboz_license.a")).args(["-lpthread", "-ldl", "-lm"]),
    }
    let done = cc.output().expect("cc is installed by `cargo xtask test`");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    program
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The example's command for a vector; `None` for what C cannot ask.
fn command(program: &Path, vector: &Vector, folder: &Path) -> Option<Command> {
    // One key is compiled in, and a C text ends at its first zero. Apps read licenses and grants, no leases.
    let asker = vector.app_id.as_ref().or(vector.origin.as_ref())?;
    if vector.vendor_keys.len() != 1 || asker.contains('\0') || (vector.what == "license" && vector.origin.is_some()) {
        return None;
    }
    let (file, signature) = (folder.join("file"), folder.join("signature"));
    fs::write(&file, &vector.input).unwrap();
    let mut command = Command::new(program);
    command.arg(&vector.what).arg(&file).arg(vector.now.as_second().to_string());
    if vector.what == "grant" {
        command.args([vector.platform.as_deref().unwrap_or("web"), asker, vector.nonce.as_deref().unwrap()]);
    } else {
        command.arg(asker);
        if let Some(base64) = &vector.signature {
            fs::write(&signature, STANDARD.decode(base64).unwrap()).unwrap();
            command.arg(&signature);
        }
    }
    Some(command)
}

/// The feature bits of `oz_license.h`, in order.
const FEATURES: [&str; 8] = ["quality", "biometry", "collection", "documents", "instant", "lite", "web", "on_device"];

fn wrong(vector: &Vector, done: &Output) -> Option<String> {
    let accepted = ["active", "renewal_due", "grace", "good"].contains(&vector.result.as_str());
    // A file without a byte has its own name here.
    let word = if vector.input.is_empty() { "not_found" } else { &vector.result };
    let bit = |name: &String| 1_u32 << FEATURES.iter().position(|known| known == name).unwrap();
    let bits: u32 = vector.features.iter().map(bit).sum();
    let (says, code) = (text(&done.stdout), done.status.code());
    let good = says == format!("{word} {bits}\n") && code == Some(i32::from(!accepted));
    (!good).then(|| format!("{}: {} ({code:?}), not {word} {bits}", vector.name, says.trim()))
}

fn every_vector(form: Form) {
    let folder = tempfile::tempdir().unwrap();
    let program = built("examples/verify.c", form, folder.path());
    let files = ["licenses.json", "refused.json", "grants.json"];
    let (mut wrongs, mut read) = (vec![], 0);
    for vector in files.into_iter().flat_map(vectors) {
        let Some(mut command) = command(&program, &vector, folder.path()) else { continue };
        wrongs.extend(wrong(&vector, &command.output().unwrap()));
        read += 1;
    }
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
    assert!(read > 200, "only {read} vectors apply");
}

#[test]
fn every_vector_with_the_shared_library() {
    every_vector(Form::Shared);
}

#[test]
fn every_vector_with_the_static_library() {
    every_vector(Form::Static);
}

#[test]
fn careless_callers_get_a_result() {
    let find = |file: &str, name: &str| vectors(file).into_iter().find(|vector| vector.name == name).unwrap();
    let (license, grant) = (find("licenses.json", "an app's license"), find("grants.json", "as it is made"));
    for form in [Form::Shared, Form::Static] {
        let folder = tempfile::tempdir().unwrap();
        let (license_file, grant_file) = (folder.path().join("license"), folder.path().join("grant"));
        fs::write(&license_file, &license.input).unwrap();
        fs::write(&grant_file, &grant.input).unwrap();
        let mut program = Command::new(built("tests/abi.c", form, folder.path()));
        program.arg(license_file).arg(grant_file).arg(license.now.as_second().to_string());
        let done = program.arg(grant.nonce.as_deref().unwrap()).output().unwrap();
        assert!(done.status.success(), "{:?}: {}", done.status, text(&done.stderr));
        assert_eq!(text(&done.stdout).trim(), ((license.input.len() + grant.input.len()) * 8).to_string());
    }
}

#[test]
fn a_license_that_is_not_there_is_told_as_documented() {
    let folder = tempfile::tempdir().unwrap();
    let program = built("examples/verify.c", Form::Shared, folder.path());
    let says = |file: &str, now: &str, app: &str| {
        let path = folder.path().join(file);
        text(
            &Command::new(&program)
                .args(["license".as_ref(), path.as_os_str()])
                .args([now, app])
                .output()
                .unwrap()
                .stderr,
        )
    };
    let license = vectors("licenses.json").into_iter().find(|vector| vector.name == "an app's license").unwrap();
    fs::write(folder.path().join("license"), &license.input).unwrap();
    fs::write(folder.path().join("other"), "some text").unwrap();
    let (now, late) = (license.now.as_second().to_string(), "1900000000");
    for (file, now, app, sentence) in [
        ("none", now.as_str(), "com.bank.app", "License error. License not found ()"),
        ("other", now.as_str(), "com.bank.app", "License error. Cannot parse license, invalid format ()"),
        ("license", now.as_str(), "com.evil", "License error. Bundle is not in the list allowed by license (L-1)"),
        ("license", late, "com.bank.app", "License error. Current date is later than license expiration date (L-1)"),
    ] {
        assert_eq!(says(file, now, app).trim(), sentence);
    }
}
