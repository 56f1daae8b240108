//! The reference page and the example file, printed from the table.

use crate::{Definition, Kind};

/// A Markdown table of all settings.
pub fn reference(definitions: &[Definition]) -> String {
    let mut page = String::from("| key | variable | kind | default | meaning |\n|---|---|---|---|---|\n");
    for d in definitions {
        let kind = match d.kind {
            Kind::OneOf(words) => words.join(" \\| "),
            kind => kind.word().to_owned(),
        };
        let default = if d.default.is_empty() { "unset".to_owned() } else { format!("`{}`", d.default) };
        page.push_str(&format!("| `{}` | `{}` | {kind} | {default} | {} |\n", d.key, d.env, d.doc));
    }
    page
}

/// A TOML file in which every setting stands as a comment with its default.
pub fn example(definitions: &[Definition]) -> String {
    let mut file = String::new();
    for d in definitions {
        file.push_str(&format!("# {}\n# Expected: {}. Variable: {}.\n", d.doc, d.kind.expected(), d.env));
        file.push_str(&format!("#{} = \"{}\"\n\n", d.key, d.default));
    }
    file
}
