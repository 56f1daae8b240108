//! What is shipped cannot sign licenses: no binary and no library has the features of `oz-license` for it
//! (`docs/adr/0034-licenses.md`).

use crate::command;
use crate::project::Project;
use anyhow::{Result, bail};
use std::collections::BTreeSet;

/// The crate whose features sign.
const SIGNS: &str = "oz-license";
/// The seller's tool, which is never installed at a customer's. That it has the feature shows that this check sees it.
const TOOL: &str = "oz-license-tool";
/// Apps carry it: it signs nothing at all.
const LIBRARY: &str = "oz-license-c";

/// Checks `binaries`, each by its name, as packages are built.
///
/// # Errors
/// One text with every feature that is where it must not be.
pub(crate) fn run(project: &Project, binaries: &[&str]) -> Result<()> {
    let mut wrong = Vec::new();
    for package in binaries {
        let mut tree = project.cargo();
        tree.args(["tree", "--edges", "features,no-dev", "--prefix", "none", "--package", package]);
        wrong.extend(judged(package, &features(&command::output(&mut tree)?)));
    }
    if !wrong.is_empty() {
        bail!("features that sign (docs/adr/0034-licenses.md):\n  {}", wrong.join("\n  "));
    }
    println!("features: {} binaries, none that is shipped signs licenses", binaries.len());
    Ok(())
}

/// The features of [`SIGNS`] in what `cargo tree` prints.
fn features(tree: &str) -> BTreeSet<&str> {
    let ours = tree.lines().filter_map(|line| line.strip_prefix(SIGNS)?.strip_prefix(" feature \""));
    ours.filter_map(|rest| Some(rest.split_once('"')?.0)).collect()
}

fn judged(package: &str, features: &BTreeSet<&str>) -> Option<String> {
    if package == TOOL {
        let blind = !features.contains("vendor");
        return blind.then(|| format!("{TOOL} has no `vendor`: cargo prints otherwise than this check reads"));
    }
    let refused: &[&str] = if package == LIBRARY { &["vendor", "site"] } else { &["vendor"] };
    let found = refused.iter().find(|feature| features.contains(*feature))?;
    Some(format!("{package} would have the feature `{found}` of {SIGNS}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: &str = r#"oz-license-server v0.1.0 (license-server)
├── nothing of this is a line
hex feature "default"
oz-license feature "default"
oz-license v0.1.0 (license)
oz-license feature "site"
oz-license v0.1.0 (license) (*)
oz-license-server feature "vendor" (command-line)
"#;
    const SIGNER: &str = r#"oz-license-tool v0.1.0 (license-tool)
oz-license feature "vendor"
oz-license v0.1.0 (license)
oz-license feature "site" (*)
"#;

    #[test]
    fn features_are_read_from_the_tree() {
        assert_eq!(features(SERVER), BTreeSet::from(["default", "site"]));
        assert_eq!(features(SIGNER), BTreeSet::from(["site", "vendor"]));
        assert!(features("oz-api v0.1.0\nserde feature \"vendor\"\n").is_empty());
    }

    #[test]
    fn who_may_sign_what() {
        let wrong = |package, tree| judged(package, &features(tree)).is_some();
        assert!(!wrong("oz-license-server", SERVER) && !wrong("oz-api", SERVER));
        assert!(wrong("oz-license-server", SIGNER) && wrong("oz-api", SIGNER));
        assert!(wrong(LIBRARY, SERVER), "not even leases");
        assert!(wrong(LIBRARY, SIGNER));
        assert!(!wrong(LIBRARY, "oz-license feature \"default\"\n"));
        assert!(!wrong(TOOL, SIGNER));
        assert!(wrong(TOOL, SERVER), "else the check would see nothing");
    }
}
