//! `cargo xtask bless`: documents that are printed from code, written anew. Tests compare them.

use crate::project::Project;
use anyhow::Result;

/// Starts this program again with the tables of `oz-wire` compiled in.
///
/// # Errors
/// When it does not build, or a document cannot be written.
#[cfg(not(feature = "bless"))]
pub(crate) fn run(project: &Project) -> Result<()> {
    let mut cargo = project.cargo();
    crate::command::run(cargo.args(["run", "--quiet", "--package", "xtask", "--features", "bless", "--", "bless"]))
}

/// Crates whose own tests write what they compare, and which tests.
#[cfg(feature = "bless")]
const BLESSED_BY_TESTS: [(&str, &str); 2] = [("oz-license", "vectors"), ("oz-license-c", "header")];

/// Writes the documents.
///
/// # Errors
/// When one cannot be printed or written.
#[cfg(feature = "bless")]
pub(crate) fn run(project: &Project) -> Result<()> {
    crate::command::run(project.cargo().args(["build", "--quiet", "-p", "oz-api"]))?;
    // Texts that tests make and compare: they write them when asked to.
    for (package, tests) in BLESSED_BY_TESTS {
        let mut cargo = project.cargo();
        cargo.args(["test", "--quiet", "-p", package, "--test", "main", tests]).env("OZ_BLESS", "1");
        crate::command::run(&mut cargo)?;
    }
    let mut api = std::process::Command::new(project.binary("oz-api", false)?);
    let openapi = crate::command::output(api.arg("openapi"))?;
    let mut api = std::process::Command::new(project.binary("oz-api", false)?);
    let permissions = crate::command::output(api.args(["admin", "permissions"]))?;
    for (page, text) in [
        ("docs/ERRORS.md", oz_wire::errors_page()),
        ("docs/openapi.json", openapi),
        ("docs/PERMISSIONS.md", permissions),
        ("docs/SETTINGS.md", oz_settings::settings_page()),
    ] {
        let page = project.root.join(page);
        fs_err::write(&page, text)?;
        println!("{}", page.display());
    }
    for program in &oz_settings::PROGRAMS {
        let page = project.root.join("packaging/examples").join(program.name).with_extension("toml");
        fs_err::write(&page, oz_settings::example(program.table))?;
        println!("{}", page.display());
    }
    Ok(())
}
