//! A hash over fields, for chains of records: the audit log's, and a license ledger's.

use sha2::{Digest as _, Sha256};

/// Hashes fields one after the other, each with its length, so that no two records read the same; none differs from empty.
#[derive(Default)]
pub struct Fields(Sha256);

impl Fields {
    /// Begins with a name that no other kind of chain has.
    pub fn of(kind: &str) -> Self {
        let mut fields = Self::default();
        fields.put(kind);
        fields
    }

    /// The next field.
    pub fn put(&mut self, bytes: impl AsRef<[u8]>) {
        let bytes = bytes.as_ref();
        self.0.update([1]);
        self.0.update((bytes.len() as u64).to_be_bytes());
        self.0.update(bytes);
    }

    /// The next field, if there is one.
    pub fn maybe(&mut self, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            None => self.0.update([0]),
            Some(bytes) => self.put(bytes),
        }
    }

    /// The SHA-256 of all.
    pub fn hash(self) -> Vec<u8> {
        self.0.finalize().to_vec()
    }
}
