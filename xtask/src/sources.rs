//! Reading sources: which line names what it may not.

use crate::project::Package;
use anyhow::Result;
use fs_err as fs;
use std::path::{Path, PathBuf};

/// The one file of a room that may name tokio.
const ASYNC_PLACE: &[(&str, &str)] = &[("oz-store", "db.rs"), ("oz-models", "session_pool.rs")];

/// Lines that name tokio outside their room's one place.
///
/// # Errors
/// When a source cannot be read.
pub(crate) fn async_outside_its_place(packages: &[Package]) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for package in packages {
        let Some((_, place)) = ASYNC_PLACE.iter().find(|(room, _)| *room == package.name) else { continue };
        let folder = package.manifest_path.with_file_name("src");
        for path in rust_files(&folder)? {
            if path.file_name().is_some_and(|name| name == *place) {
                continue;
            }
            let text = fs::read_to_string(&path)?;
            let lines = naming(&text, "tokio");
            wrong.extend(lines.map(|n| format!("{}:{n}: tokio belongs in {place} only", path.display())));
        }
    }
    Ok(wrong)
}

/// Numbers of lines of code, not of comments, that name a crate.
fn naming<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = usize> + 'a {
    let code = text.lines().enumerate().map(|(n, line)| (n + 1, line.split("//").next().unwrap_or_default()));
    code.filter(move |(_, line)| line.contains(name)).map(|(n, _)| n)
}

/// Every `.rs` file below a folder, sorted.
fn rust_files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_may_name_what_code_may_not() {
        let text = "//! no tokio here\nuse tokio::sync;\nlet x = 1; // tokio\n";
        assert_eq!(naming(text, "tokio").collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn a_line_outside_its_place_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src/deep")).unwrap();
        fs::write(folder.path().join("src/db.rs"), "use tokio::sync;").unwrap();
        fs::write(folder.path().join("src/deep/users.rs"), "use tokio::sync;").unwrap();
        let manifest_path = folder.path().join("Cargo.toml");
        let package = Package { name: "oz-store".to_owned(), manifest_path, dependencies: vec![] };
        let wrong = async_outside_its_place(&[package]).unwrap();
        assert!(wrong.len() == 1 && wrong[0].contains("deep/users.rs:1"), "{wrong:?}");
    }
}
