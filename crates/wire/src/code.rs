//! The one table of error codes (`oz-api.md` 2, decision 2).

const HEAD: &str = "# Errors

Every error is `{\"error_code\": int, \"error_message\": str, \"details\": object|null}` with the header `X-Request-Id`. Switch on
the number; the message is for people. `details` names the field by path, what came and what was expected.
Printed from `crates/wire/src/code.rs` by `cargo xtask bless`; a test compares.

| error_code | name | HTTP | does a retry help? | meaning |
|---|---|---|---|---|
";

macro_rules! codes {
    ($($variant:ident = $number:literal, $name:literal, $status:literal, $retry:literal, $doc:literal;)+) => {
        /// An error number with everything that follows from it. Numbers from 1500 up are our own.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $(#[doc = $doc] $variant),+ }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// `error_code` on the wire.
            pub const fn number(self) -> u16 {
                match self { $(Self::$variant => $number),+ }
            }

            /// The name in the documentation.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// The HTTP status that goes with it; an analysis that ends FAILED carries the number alone.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),+ }
            }

            /// Whether the same request may succeed later.
            pub const fn retry_helps(self) -> bool {
                match self { $(Self::$variant => $retry),+ }
            }

            /// What it means, in one sentence.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => $doc),+ }
            }
        }
    };
}

codes! {
    Unknown = 0, "UNKNOWN", 500, true, "An error inside the server; the log has it under the request id.";
    NotAllowed = 1, "NOT ALLOWED", 405, false, "The path exists, the method does not; `Allow` lists those that do.";
    NotRealized = 2, "NOT REALIZED", 501, false, "Documented, not implemented here.";
    InvalidStructure = 3, "INVALID STRUCTURE", 400, false, "A required field is missing or the body is malformed.";
    InvalidValue = 4, "INVALID VALUE", 400, false, "A value is not allowed.";
    InvalidType = 5, "INVALID TYPE", 400, false, "A value has the wrong type.";
    AuthNotProvided = 6, "AUTH NOT PROVIDED", 401, false, "No access token.";
    AuthInvalid = 7, "AUTH INVALID", 401, false, "Unknown access token, or wrong e-mail or password.";
    AuthExpired = 8, "AUTH EXPIRED", 401, false, "The access token has expired.";
    AuthForbidden = 9, "AUTH FORBIDDEN", 403, false, "The caller may not do this.";
    NotExist = 10, "NOT EXIST", 404, false, "No such path or object, or not for this caller.";
    ExternalService = 11, "EXTERNAL SERVICE", 502, true, "Another system failed.";
    Database = 12, "DATABASE", 500, true, "The database failed.";
    NoContainer = 13, "NO DATA CONTAINER", 400, false, "No data container was provided.";
    BadContainer = 14, "CONTAINER CANNOT BE UNPACKED", 400, false, "The data container cannot be unpacked.";
    Blocked = 1401, "BLOCKED USER", 401, false, "The user is not active.";
    LicenseInvalid = 1500, "LICENSE INVALID", 403, false, "The license is missing, invalid or expired.";
    LicenseFeature = 1501, "LICENSE FEATURE", 403, false, "The license does not cover this feature.";
    LicenseVolume = 1502, "LICENSE VOLUME", 403, false, "The licensed volume is used up.";
    MediaUndecodable = 1510, "MEDIA UNDECODABLE", 400, false, "The file cannot be decoded.";
    MediaOverLimit = 1511, "MEDIA OVER LIMIT", 413, false, "The file is over a limit: duration, pixels, frames, size.";
    TooFewFrames = 1512, "TOO FEW FRAMES", 400, false, "The video has too few frames.";
    NoFace = 1513, "NO FACE", 400, false, "No face was found (on analyses).";
    SeveralFaces = 1514, "SEVERAL FACES", 400, false, "More than one face was found (on analyses).";
    NotEnoughMedia = 1515, "NOT ENOUGH MEDIA", 400, false, "There are not enough media for the analysis.";
    Conflict = 1520, "CONFLICT", 409, false, "The request contradicts the present state.";
    TooManyRequests = 1521, "TOO MANY REQUESTS", 429, true, "Too many requests; `Retry-After` says when.";
    NoDiskSpace = 1522, "NO DISK SPACE", 507, true, "There is not enough disk space.";
    Unavailable = 1523, "UNAVAILABLE", 503, true, "Something needed is down for the moment; `Retry-After` says when.";
    LicenseNoneFree = 1524, "LICENSE NONE FREE", 410, true, "Every instance of the license is in use; `details.holders` says by whom.";
}

/// `docs/ERRORS.md`, printed from the table.
pub fn errors_page() -> String {
    let rows = Code::ALL.iter().map(|c| {
        let retry = if c.retry_helps() { "yes" } else { "no" };
        format!("| {} | {} | {} | {retry} | {} |\n", c.number(), c.name(), c.status(), c.meaning())
    });
    std::iter::once(HEAD.to_owned()).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_unique_and_sorted() {
        assert!(Code::ALL.windows(2).all(|w| w[0].number() < w[1].number()));
    }

    #[test]
    fn the_page_is_the_table() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/ERRORS.md"));
        assert!(page == errors_page(), "docs/ERRORS.md differs from the table: run `cargo xtask bless`");
    }
}
