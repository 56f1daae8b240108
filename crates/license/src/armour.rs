//! The text around a signed body: two marker lines and base64 in between.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::envelope::{Invalid, Purpose};

/// Characters of a line, as in PEM (RFC 7468, section 2).
const LINE: usize = 64;

/// The text of a body.
#[cfg(feature = "site")]
pub(crate) fn encode(purpose: Purpose, body: &[u8]) -> String {
    let title = purpose.title();
    let base64 = STANDARD.encode(body);
    let mut text = format!("-----BEGIN {title}-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, later) = rest.split_at(rest.len().min(LINE));
        text.push_str(line);
        text.push('\n');
        rest = later;
    }
    text.push_str(&format!("-----END {title}-----\n"));
    text
}

/// The body of a text. There is one text for each body: whatever `encode` would write otherwise is refused, so that no
/// bit of a file can change unseen.
pub(crate) fn decode(purpose: Purpose, text: &[u8]) -> Result<Vec<u8>, Invalid> {
    let title = purpose.title();
    let (begin, end) = (format!("-----BEGIN {title}-----\n"), format!("-----END {title}-----\n"));
    let inner = text.strip_prefix(begin.as_bytes()).and_then(|rest| rest.strip_suffix(end.as_bytes()));
    let inner = inner.ok_or(Invalid::Armour)?;
    let mut base64 = Vec::with_capacity(inner.len());
    // Whole lines, then one that may be shorter but not empty. A line end elsewhere is no base64.
    for line in inner.chunks(LINE + 1) {
        match line.split_last() {
            Some((b'\n', characters)) if !characters.is_empty() => base64.extend_from_slice(characters),
            _ => return Err(Invalid::Armour),
        }
    }
    STANDARD.decode(base64).map_err(|_| Invalid::Armour)
}
