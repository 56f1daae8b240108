//! `cargo xtask lint`: what neither rustfmt nor clippy looks at.

use crate::project::Project;
use anyhow::{Result, bail};
use fs_err as fs;
use std::path::Path;

/// Longest source file.
const LINES: usize = 500;
/// Largest file of the tree.
const BYTES: u64 = 1_000_000;
/// Sources, by ending.
const SOURCES: &[&str] = &["rs", "js", "mjs", "ts", "c", "h", "sh", "py"];
/// Weights and media: they belong to packs and to the shared folder.
const FOREIGN: &[&str] =
    &["onnx", "pth", "pt", "tflite", "safetensors", "caffemodel", "npy", "mp4", "mov", "webm", "avi", "so"];

/// Synthetic clips of a few kilobytes, made for the fuzzer.
const SEEDS: &str = "fuzz/seeds";

/// Words that a source of Rust may not have, in pieces so that this file does not have them, with the reason.
const WORDS: &[(&[&str], &str)] = &[
    (&["#[al", "low("], "write #[expect(…, reason = \"…\")], which ends by itself"),
    (&["#![al", "low("], "write #![expect(…, reason = \"…\")], which ends by itself"),
    (&["FIX", "ME"], "an issue, or done now"),
    (&["#[ig", "nore]"], "say why: #[ignore = \"…\"]; `cargo xtask test --slow` runs those"),
    (&["assert!(", "true)"], "asserts nothing"),
];

/// Paths and hosts of one machine, in any text.
const PLACES: &[&[&str]] =
    &[&["/ho", "me/"], &["/ro", "ot/"], &["crates", ".io/"], &["pypi", ".org"], &["pythonhosted", ".org"]];

/// Looks at every tracked file.
///
/// # Errors
/// One text with every finding.
pub(crate) fn run(project: &Project) -> Result<()> {
    let files = project.files()?;
    let mut wrong = Vec::new();
    for file in &files {
        let path = project.root.join(file);
        if fs::metadata(&path)?.len() > BYTES {
            wrong.push(format!("{}: more than {BYTES} bytes", file.display()));
            continue;
        }
        // Other bytes than text have no lines and no words.
        let text = String::from_utf8(fs::read(&path)?).unwrap_or_default();
        wrong.extend(look(file, &text).into_iter().map(|finding| format!("{}{finding}", file.display())));
    }
    if !wrong.is_empty() {
        bail!("lint: {} findings:\n  {}", wrong.len(), wrong.join("\n  "));
    }
    println!("lint: {} files", files.len());
    Ok(())
}

fn look(file: &Path, text: &str) -> Vec<String> {
    let ending = file.extension().and_then(|e| e.to_str()).unwrap_or_default();
    let mut wrong = Vec::new();
    if FOREIGN.contains(&ending) && !file.starts_with(SEEDS) {
        wrong.push(": weights, media and libraries are never committed".to_owned());
    }
    let lines = text.lines().count();
    if SOURCES.contains(&ending) && lines > LINES {
        wrong.push(format!(": {lines} lines, at most {LINES}: it is two ideas"));
    }
    // The lock file names the registry by design.
    if file.file_name().is_some_and(|name| name == "Cargo.lock") {
        return wrong;
    }
    for (n, line) in text.lines().enumerate() {
        let words = WORDS.iter().filter(|_| ending == "rs");
        let words = words.filter(|(pieces, _)| line.contains(&pieces.concat()));
        wrong.extend(words.map(|(pieces, why)| format!(":{}: `{}`: {why}", n + 1, pieces.concat())));
        let places = PLACES.iter().map(|pieces| pieces.concat()).filter(|place| line.contains(place));
        wrong.extend(places.map(|place| format!(":{}: `{place}`: a place of one machine or a registry's host", n + 1)));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_files_words_and_places_are_found() {
        assert_eq!(look(Path::new("a.rs"), &"x\n".repeat(LINES)).len(), 0);
        assert_eq!(look(Path::new("a.rs"), &"x\n".repeat(LINES + 1)).len(), 1);
        assert_eq!(look(Path::new("a.rs"), &format!("{}dead_code)]", WORDS[0].0.concat())).len(), 1);
        assert_eq!(look(Path::new("a.md"), &format!("in {}me", PLACES[0].concat())).len(), 1);
        assert_eq!(look(Path::new("deep/net.onnx"), "").len(), 1);
        assert_eq!(look(Path::new("fuzz/seeds/sniff/vp8.webm"), "").len(), 0);
        assert_eq!(look(Path::new("Cargo.lock"), &PLACES[2].concat()).len(), 0);
    }
}
