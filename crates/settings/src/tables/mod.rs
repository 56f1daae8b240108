//! The settings of every program of the appliance: one definition for the programs themselves, for `ozctl`, for the reference
//! page and for the example files.

mod api;
mod license_server;

pub use api::API;
pub use license_server::LICENSE_SERVER;

use crate::{Definition, reference};

/// A program and its settings.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its file of settings, with `conf.d` beside it.
    pub file: &'static str,
    /// What may be set.
    pub table: &'static [Definition],
}

/// All of them.
pub static PROGRAMS: [Program; 2] = [
    Program { name: "oz-api", file: "/etc/oz/oz.toml", table: API },
    Program { name: "oz-license-server", file: "/etc/oz-license/oz-license.toml", table: LICENSE_SERVER },
];

const HEAD: &str = "# Settings

Printed from `crates/settings/src/tables` by `cargo xtask bless`; a test compares.

A value stands in the program's file, in a file of `conf.d` beside it, or in the environment; what comes later in this
sentence wins, and flags win over all. An unknown key, a wrong type or an impossible value stops the start with one line that
names it. A secret is better given by a file: `NAME_FILE` beside each secret's variable `NAME`. `check-config` prints every value and
where it came from.
";

/// `docs/SETTINGS.md`.
pub fn settings_page() -> String {
    let mut page = HEAD.to_owned();
    for program in &PROGRAMS {
        page.push_str(&format!("\n## `{}`\n\nFile: `{}`.\n\n", program.name, program.file));
        page.push_str(&reference(program.table));
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example;

    #[test]
    fn what_is_printed_of_the_tables_is_what_they_say() {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        let page = std::fs::read_to_string(format!("{root}/docs/SETTINGS.md")).unwrap();
        assert!(page == settings_page(), "docs/SETTINGS.md differs from the tables: run `cargo xtask bless`");
        for program in &PROGRAMS {
            let file = format!("packaging/examples/{}.toml", program.name);
            let text = std::fs::read_to_string(format!("{root}/{file}")).unwrap();
            assert!(text == example(program.table), "{file} differs from the tables: run `cargo xtask bless`");
        }
    }
}
