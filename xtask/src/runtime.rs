//! ONNX Runtime: one library out of its wheel on PyPI, by pinned version and hash; never committed, never trusted unread.

use crate::command;
use crate::models::{hash, sha256};
use crate::project::Project;
use crate::steps::Steps;
use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use std::io::{Cursor, Read as _};
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "1.32.0";
const PYTHON: &str = "3.12";
const PLATFORM: &str = "manylinux_2_28_x86_64";
const WHEEL: &str = "onnxruntime-1.32.0-cp312-cp312-manylinux_2_28_x86_64.whl";
const WHEEL_SHA256: &str = "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8";
const MEMBER: &str = "onnxruntime/capi/libonnxruntime.so.1.32.0";
const MEMBER_SHA256: &str = "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f";
/// Room for the library, whatever the archive claims of itself.
const MEMBER_LIMIT: u64 = 256 << 20;

/// The library: the one that `OZ_RUNTIME_LIB` names, else the pinned one, fetched when it is not there yet.
///
/// # Errors
/// When it cannot be fetched, or is not the pinned one.
pub(crate) fn prepare(project: &Project, steps: &Steps) -> Result<PathBuf> {
    if let Some(own) = std::env::var_os("OZ_RUNTIME_LIB").filter(|own| !own.is_empty()).map(PathBuf::from) {
        if !own.is_file() {
            bail!("OZ_RUNTIME_LIB names {}, which is no file", own.display());
        }
        steps.say(format_args!("ONNX Runtime: {} (OZ_RUNTIME_LIB, not verified)", own.display()));
        return Ok(own);
    }
    let library = project.root.join(".runtime/libonnxruntime.so");
    if library.is_file() {
        let found = sha256(&library)?;
        if found == MEMBER_SHA256 {
            steps.say(format_args!("ONNX Runtime {VERSION}: verified"));
            return Ok(library);
        }
        steps.say(format_args!("ONNX Runtime: SHA-256 is {found}, expected {MEMBER_SHA256}: fetching it anew"));
    }
    fetch(&library, steps)?;
    Ok(library)
}

fn fetch(library: &Path, steps: &Steps) -> Result<()> {
    if std::env::consts::ARCH != "x86_64" {
        bail!(
            "ONNX Runtime {VERSION} is pinned for x86_64, this machine is {}: set OZ_RUNTIME_LIB to its library",
            std::env::consts::ARCH
        );
    }
    let folder = library.with_file_name("wheel");
    fs::create_dir_all(&folder)?;
    steps.say(format_args!("ONNX Runtime {VERSION}: downloading {WHEEL} with pip"));
    let mut pip = Command::new("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
        "--only-binary",
        ":all:",
    ])
    .args(["--python-version", PYTHON, "--platform", PLATFORM, "--implementation", "cp", "--dest"])
    .arg(&folder)
    .arg(format!("onnxruntime=={VERSION}"));
    command::run(&mut pip)?;
    let wheel = folder.join(WHEEL);
    let bytes = fs::read(&wheel)?;
    let library_bytes = member(&bytes)?;
    let unfinished = library.with_extension("part");
    fs::write(&unfinished, library_bytes)?;
    fs::rename(&unfinished, library)?;
    fs::remove_dir_all(&folder)?;
    steps.say(format_args!("ONNX Runtime {VERSION}: verified, now in {}", library.display()));
    Ok(())
}

/// The library inside the wheel; both hashes are checked.
fn member(wheel: &[u8]) -> Result<Vec<u8>> {
    expect_hash(WHEEL, &hash(wheel), WHEEL_SHA256)?;
    let mut archive = zip::ZipArchive::new(Cursor::new(wheel)).context(WHEEL)?;
    let file = archive.by_name(MEMBER).with_context(|| format!("{MEMBER} in {WHEEL}"))?;
    let mut bytes = Vec::new();
    file.take(MEMBER_LIMIT).read_to_end(&mut bytes).with_context(|| format!("{MEMBER} in {WHEEL}"))?;
    expect_hash(MEMBER, &hash(&bytes), MEMBER_SHA256)?;
    Ok(bytes)
}

fn expect_hash(what: &str, found: &str, expected: &str) -> Result<()> {
    if found != expected {
        bail!("{what}: SHA-256 is {found}, expected {expected}: refused");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_wheel_is_refused_before_it_is_unpacked() {
        let error = member(b"PK, but not the one").unwrap_err().to_string();
        assert!(error.contains(WHEEL) && error.contains(WHEEL_SHA256), "{error}");
    }

    #[test]
    fn the_pins_agree_with_each_other() {
        assert!(WHEEL.contains(VERSION) && WHEEL.contains(PLATFORM) && MEMBER.ends_with(VERSION));
        assert!([WHEEL_SHA256, MEMBER_SHA256].iter().all(|h| h.len() == 64));
    }
}
