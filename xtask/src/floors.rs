//! `cargo xtask floors`: crates depend downwards only (`docs/adr/0001-floors.md`).

use crate::project::{Dependency, Package, Project};
use crate::{shipped, sources};
use anyhow::{Result, bail};

/// Which crates of the workspace a crate may ask for.
#[derive(Debug, Clone, Copy)]
enum May {
    /// These only.
    Only(&'static [&'static str]),
    /// Every crate of a lower floor.
    AllBelow,
}

/// One line of the table of floors.
#[derive(Debug)]
struct Floor {
    name: &'static str,
    floor: u8,
    may: May,
}

const fn on(floor: u8, name: &'static str, may: May) -> Floor {
    Floor { name, floor, may }
}

/// The floor of what is built for customers and for the seller.
const BINARIES: u8 = 3;

/// Every crate, those to come too.
const TABLE: &[Floor] = &[
    on(0, "oz-domain", May::Only(&[])),
    on(0, "oz-wire", May::Only(&["oz-domain"])),
    on(0, "oz-license", May::Only(&[])),
    on(1, "oz-store", May::Only(&["oz-domain"])),
    on(1, "oz-blobs", May::Only(&["oz-domain"])),
    on(1, "oz-media", May::Only(&["oz-domain"])),
    on(1, "oz-models", May::Only(&["oz-domain"])),
    on(1, "oz-gallery", May::Only(&["oz-domain"])),
    on(1, "oz-settings", May::Only(&["oz-domain"])),
    on(1, "oz-telemetry", May::Only(&["oz-domain"])),
    on(2, "oz-jobs", May::Only(&["oz-domain", "oz-store", "oz-telemetry"])),
    on(2, "oz-site", May::Only(&["oz-domain", "oz-license", "oz-store"])),
    on(2, "oz-http", May::Only(&["oz-domain", "oz-wire", "oz-telemetry"])),
    on(3, "oz-api", May::AllBelow),
    on(3, "oz-license-c", May::Only(&["oz-license"])),
    on(3, "oz-license-server", May::AllBelow),
    on(3, "oz-license-tool", May::AllBelow),
    on(3, "oz-web-adapter", May::AllBelow),
    on(3, "oz-installer", May::AllBelow),
    on(4, "oz-tests", May::AllBelow),
    on(4, "oz-measure", May::AllBelow),
    on(4, "xtask", May::AllBelow),
];

/// Support for tests: everybody may ask for it, under `[dev-dependencies]` only (the benches, which ship nowhere, as they
/// like), and it asks for nobody.
const TEST_SUPPORT: &str = "oz-testkit";

/// Foreign crates that a room refuses, by the beginning of their names: floor 0 is without IO, async, diesel and warp.
const REFUSED: &[(&str, &[&str])] = &[
    ("oz-domain", &["tokio", "diesel", "warp", "hyper", "fs-err"]),
    ("oz-wire", &["tokio", "diesel", "warp", "hyper", "fs-err"]),
    ("oz-license", &["tokio", "diesel", "warp", "hyper", "fs-err"]),
    ("oz-license-c", &["tokio", "diesel", "warp", "hyper", "fs-err"]),
    ("oz-media", &["tokio"]),
    ("oz-gallery", &["tokio"]),
    ("oz-http", &["diesel"]),
    ("oz-api", &["diesel"]),
];

/// Checks manifests, then sources.
///
/// # Errors
/// One text with every edge and line that breaks a rule.
pub(crate) fn run(project: &Project) -> Result<()> {
    let metadata = project.metadata()?;
    let members: Vec<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut wrong: Vec<String> = metadata.packages.iter().flat_map(|package| check(package, &members)).collect();
    wrong.extend(sources::async_outside_its_place(&metadata.packages)?);
    if !wrong.is_empty() {
        bail!("floors: {} against the rules (docs/adr/0001-floors.md):\n  {}", wrong.len(), wrong.join("\n  "));
    }
    println!("floors: {} crates depend downwards only", members.len());
    let binaries = TABLE.iter().filter(|line| line.floor == BINARIES && members.contains(&line.name));
    shipped::run(project, &binaries.map(|line| line.name).collect::<Vec<_>>())
}

fn check(package: &Package, members: &[&str]) -> Vec<String> {
    let edges = package.dependencies.iter().filter(|d| members.contains(&d.name.as_str()));
    let refused = REFUSED.iter().filter(|(room, _)| *room == package.name).flat_map(|(_, names)| *names);
    let foreign = refused
        .flat_map(|bad| package.dependencies.iter().filter(move |d| d.name.starts_with(bad)).map(|d| d.name.clone()));
    let foreign = foreign.map(|found| format!("{} asks for {found}, which its floor refuses", package.name));
    edges.filter_map(|edge| wrong_edge(&package.name, edge)).chain(foreign).collect()
}

fn wrong_edge(from: &str, edge: &Dependency) -> Option<String> {
    let to = edge.name.as_str();
    if from == TEST_SUPPORT {
        return Some(format!("{from} -> {to}: support for tests asks for no other crate"));
    }
    if to == TEST_SUPPORT {
        let production = edge.kind.as_deref() != Some("dev") && from != "oz-measure";
        return production.then(|| format!("{from} -> {to}: support for tests belongs under [dev-dependencies]"));
    }
    if from == to && edge.kind.as_deref() == Some("dev") {
        // How a crate's tests ask for features that its users do not have.
        return None;
    }
    let place = |name| TABLE.iter().find(|line| line.name == name);
    let (Some(upper), Some(lower)) = (place(from), place(to)) else {
        let unknown = if place(from).is_none() { from } else { to };
        return Some(format!("{from} -> {to}: {unknown} has no floor: give it a line in xtask/src/floors.rs"));
    };
    let allowed = match upper.may {
        May::Only(names) => names.contains(&to),
        May::AllBelow => lower.floor < upper.floor,
    };
    let floors = format!("floor {} to floor {}", upper.floor, lower.floor);
    (!allowed).then(|| format!("{from} -> {to}: {floors} is not in the table"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(from: &str, to: &str, kind: Option<&str>) -> bool {
        wrong_edge(from, &Dependency { name: to.to_owned(), kind: kind.map(str::to_owned) }).is_some()
    }

    #[test]
    fn down_is_allowed_up_and_sideways_are_not() {
        assert!(!wrong("oz-api", "oz-store", None));
        assert!(!wrong("oz-jobs", "oz-store", None));
        assert!(!wrong("oz-wire", "oz-domain", None));
        assert!(wrong("oz-domain", "oz-wire", None), "up");
        assert!(wrong("oz-media", "oz-models", None), "sideways");
        assert!(wrong("oz-media", "oz-models", Some("dev")), "sideways in a test");
        assert!(wrong("oz-http", "oz-store", None), "down, but refused");
        assert!(wrong("oz-tests", "xtask", None));
    }

    #[test]
    fn test_support_is_for_tests() {
        assert!(!wrong("oz-store", TEST_SUPPORT, Some("dev")));
        assert!(wrong("oz-store", TEST_SUPPORT, None));
        assert!(wrong(TEST_SUPPORT, "oz-domain", None));
    }

    #[test]
    fn a_crate_without_a_floor_is_told() {
        let edge = Dependency { name: "oz-domain".to_owned(), kind: None };
        assert!(wrong_edge("oz-new", &edge).unwrap().contains("oz-new has no floor"));
    }

    #[test]
    fn the_table_itself_points_down() {
        for line in TABLE {
            let May::Only(names) = line.may else { continue };
            for name in names {
                let below = TABLE.iter().find(|l| l.name == *name).unwrap();
                assert!(below.floor < line.floor || line.name == "oz-wire", "{} -> {name}", line.name);
            }
        }
    }

    #[test]
    fn a_refused_foreign_crate_is_told() {
        let dependencies = vec![Dependency { name: "tokio-util".to_owned(), kind: None }];
        let package = Package { name: "oz-media".to_owned(), manifest_path: "Cargo.toml".into(), dependencies };
        assert_eq!(check(&package, &["oz-media"]).len(), 1);
    }
}
