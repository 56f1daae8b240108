//! The rules of users and companies, the same for the API and the command line: who may change what, and what is
//! written of it.

pub(crate) mod companies;
pub(crate) mod users;

use crate::error::{Error, Result};
use oz_wire::Code;

/// Longest name in characters.
const NAME: usize = 256;

/// A text for people: trimmed, without control characters, of bounded length.
fn clean(field: &str, text: &str, least: usize) -> Result<String> {
    let text = text.trim();
    let length = text.chars().count();
    if length < least || length > NAME || text.chars().any(char::is_control) {
        let expected = format!("{least} to {NAME} characters, none of them a control character");
        return Err(Error::value(field, &format!("{length} characters"), &expected));
    }
    Ok(text.to_owned())
}

fn conflict(what: impl Into<String>) -> Error {
    Error::new(Code::Conflict, what)
}
