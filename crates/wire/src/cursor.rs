//! Opaque cursors of lists (decision 5).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Where a page ended: the sort key and id of its last row. Clients hand it back as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    /// The sort key, milliseconds.
    pub key: i64,
    /// The id, text.
    pub id: String,
}

impl Cursor {
    /// The text for the wire.
    pub fn encode(&self) -> String {
        URL_SAFE_NO_PAD.encode(format!("{}.{}", self.key, self.id))
    }

    /// Reads a cursor; `None` for anything we did not write.
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > 128 {
            return None;
        }
        let plain = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
        let (key, id) = plain.split_once('.')?;
        (id.len() == 36).then_some(())?;
        Some(Self { key: key.parse().ok()?, id: id.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_comes_back_and_nonsense_does_not() {
        let cursor = Cursor { key: -5, id: "0".repeat(36) };
        assert_eq!(Cursor::decode(&cursor.encode()), Some(cursor));
        for bad in ["", "x", "MS4", &"A".repeat(200)] {
            assert_eq!(Cursor::decode(bad), None);
        }
    }
}
