//! What a password must be (decision 14, `OZ_PASSWORD_POLICY`).

use super::password::MAX_BYTES;
use crate::error::Error;
use oz_http::ApiError;
use oz_store::users::User;
use oz_wire::Code;
use serde::Deserialize;
use serde_json::json;

mod common;

/// Most former passwords that are compared: each costs a hash.
const MOST_HISTORY: u32 = 24;
/// Longest `min_length` that can be asked for.
const MOST_LENGTH: usize = 128;

/// The rules. Lengths are counted in characters; the longest is 1024 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Policy {
    min_length: usize,
    upper: bool,
    lower: bool,
    digit: bool,
    /// A character that is neither letter, digit nor blank.
    special: bool,
    /// Refuses well-known passwords, runs, and those made of the user's own address or name.
    deny_common: bool,
    /// So many passwords, the present one first, may not come again.
    pub(crate) history: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            min_length: 10,
            upper: false,
            lower: false,
            digit: false,
            special: false,
            deny_common: false,
            history: 0,
        }
    }
}

/// Whose password: what it may not be made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Owner<'a> {
    pub(crate) email: &'a str,
    pub(crate) names: [&'a str; 3],
}

impl<'a> From<&'a User> for Owner<'a> {
    fn from(user: &'a User) -> Self {
        Self { email: &user.email, names: [&user.first_name, &user.last_name, &user.middle_name] }
    }
}

/// What a refused password lacks; never the password itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the password must have {}", .0.join(", "))]
pub(crate) struct Weak(Vec<String>);

impl Weak {
    /// The refusal of a request, with the field that it came in.
    pub(crate) fn in_field(&self, field: &str) -> Error {
        let details = json!({"field": field, "expected": self.0.join(", ")});
        Error::Api(ApiError::new(Code::InvalidValue, format!("{field}: {self}")).with_details(details))
    }

    /// For a password that the user has or had.
    pub(crate) fn used_before() -> Self {
        Self(vec!["not been used before".to_owned()])
    }
}

impl Policy {
    /// Reads the setting; what is not named keeps its default.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let policy: Self = serde_json::from_str(text).map_err(|e| e.to_string())?;
        if !(1..=MOST_LENGTH).contains(&policy.min_length) {
            return Err(format!("min_length: {}, expected 1 to {MOST_LENGTH}", policy.min_length));
        }
        if policy.history > MOST_HISTORY {
            return Err(format!("history: {}, expected at most {MOST_HISTORY}", policy.history));
        }
        Ok(policy)
    }
}

/// Checks all rules but `history`, and says at once all that is missing.
pub(crate) fn check_password(policy: &Policy, password: &str, owner: Owner<'_>) -> Result<(), Weak> {
    let has = |kind: fn(char) -> bool| password.chars().any(kind);
    let special = |c: char| !c.is_alphanumeric() && !c.is_whitespace();
    let missing = [
        (password.chars().count() < policy.min_length, format!("at least {} characters", policy.min_length)),
        (password.len() > MAX_BYTES, format!("at most {MAX_BYTES} bytes")),
        (policy.upper && !has(char::is_uppercase), "an upper-case letter".to_owned()),
        (policy.lower && !has(char::is_lowercase), "a lower-case letter".to_owned()),
        (policy.digit && !has(|c| c.is_ascii_digit()), "a digit".to_owned()),
        (policy.special && !has(special), "a character that is no letter and no digit".to_owned()),
        // Only what can be hashed at all is worth a closer look.
        (
            policy.deny_common && password.len() <= MAX_BYTES && common::is_common(password, owner),
            "more than well-known words, runs and your own name".to_owned(),
        ),
    ];
    let missing: Vec<String> = missing.into_iter().filter(|(missing, _)| *missing).map(|(_, text)| text).collect();
    if missing.is_empty() { Ok(()) } else { Err(Weak(missing)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Owner<'_> = Owner { email: "ann.lee@example.com", names: ["Ann", "Leeuwenhoek", ""] };

    #[test]
    fn characters_are_counted_not_bytes() {
        let policy = Policy::default();
        assert!(check_password(&policy, "пароль1234", ANN).is_ok());
        assert!(check_password(&policy, "пароль123", ANN).is_err());
        assert!(check_password(&policy, &"é".repeat(512), ANN).is_ok());
        assert!(check_password(&policy, &"é".repeat(513), ANN).is_err());
    }

    #[test]
    fn all_that_is_missing_is_said_at_once_and_never_the_password() {
        let policy =
            Policy::read(r#"{"min_length":12,"upper":true,"lower":true,"digit":true,"special":true}"#).unwrap();
        assert!(check_password(&policy, "Sufficient 1 Try!", ANN).is_ok());
        let text = check_password(&policy, "secretword", ANN).unwrap_err().to_string();
        for part in ["12 characters", "upper-case", "a digit", "no letter"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(!text.contains("secretword") && !text.contains("lower-case"), "{text}");
    }

    #[test]
    fn a_policy_that_is_none_is_refused() {
        assert_eq!(Policy::read("{}").unwrap(), Policy::default());
        for bad in ["", "[", r#"{"min_lenght":12}"#, r#"{"min_length":0}"#, r#"{"history":25}"#, r#"{"upper":1}"#] {
            assert!(Policy::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_everybody_tries_first_is_common() {
        let policy = Policy::read(r#"{"min_length":8,"deny_common":true}"#).unwrap();
        for common in [
            "password",
            "P@ssw0rd123!",
            "Qwerty123456",
            "1234567890",
            "aaaaaaaaaaaa",
            "abcabcabcabc",
            "zaq12wsx",
            "letmein2024",
            "йцукенгш",
            "Пароль2025",
            "ann.lee2024",
            "Leeuwenhoek1",
            "admin-admin-admin",
            "12.03.1985",
        ] {
            assert!(check_password(&policy, common, ANN).is_err(), "{common}");
        }
        for good in ["correct horse battery", "kT9#fLw2vQ", "8394710283", "velvet-otter-42", "мой старый кот"]
        {
            assert!(check_password(&policy, good, ANN).is_ok(), "{good}");
        }
    }
}
