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

/// Writes the documents.
///
/// # Errors
/// When one cannot be written.
#[cfg(feature = "bless")]
pub(crate) fn run(project: &Project) -> Result<()> {
    let page = project.root.join("docs/ERRORS.md");
    fs_err::write(&page, oz_wire::errors_page())?;
    println!("{}", page.display());
    openapi(project)
}

/// `oz-api openapi` prints its document, once it has that command.
#[cfg(feature = "bless")]
fn openapi(project: &Project) -> Result<()> {
    crate::command::run(project.cargo().args(["build", "--quiet", "-p", "oz-api"]))?;
    let api = project.binary("oz-api", false)?;
    let help = crate::command::output(std::process::Command::new(&api).arg("--help"))?;
    if !help.lines().any(|line| line.trim_start().starts_with("openapi")) {
        println!("docs/openapi.json: left alone, oz-api has no command that prints it");
        return Ok(());
    }
    let page = project.root.join("docs/openapi.json");
    fs_err::write(&page, crate::command::output(std::process::Command::new(&api).arg("openapi"))?)?;
    println!("{}", page.display());
    Ok(())
}
