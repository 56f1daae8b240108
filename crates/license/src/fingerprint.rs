//! Which machine this is: several parts of it, so that one of them may be replaced.

use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use subtle::ConstantTimeEq as _;

/// A part of a machine. Never its name or address: those change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Factor {
    /// `/etc/machine-id`.
    MachineId,
    /// DMI product UUID.
    ProductUuid,
    /// Serial number of the board.
    BoardSerial,
    /// Serial number of the first disk, or the UUID of the root file system.
    Disk,
    /// Address of a physical network card; a machine may have several.
    NetworkCard,
}

impl Factor {
    /// Every factor.
    pub const ALL: [Self; 5] = [Self::MachineId, Self::ProductUuid, Self::BoardSerial, Self::Disk, Self::NetworkCard];

    const fn word(self) -> &'static str {
        match self {
            Self::MachineId => "machine_id",
            Self::ProductUuid => "product_uuid",
            Self::BoardSerial => "board_serial",
            Self::Disk => "disk",
            Self::NetworkCard => "network_card",
        }
    }
}

/// What a machine's parts say. A factor that it lacks is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Factors(BTreeMap<Factor, BTreeSet<String>>);

impl Factors {
    /// Adds what a part says, but for blanks around it; blank ones are left out.
    pub fn add(&mut self, factor: Factor, value: &str) {
        let value = value.trim();
        if !value.is_empty() {
            self.0.entry(factor).or_default().insert(value.to_lowercase());
        }
    }

    /// The hash of every part, for the vendor to put into a license; `salt` is random and the same for all of one
    /// activation, so that customers cannot be told apart by their hardware across activations.
    pub fn prints(&self, salt: [u8; 16]) -> Vec<Print> {
        let parts = self.0.iter().flat_map(|(factor, values)| values.iter().map(|value| (*factor, value)));
        parts.map(|(factor, value)| Print { factor, salt, hash: hash(factor, salt, value) }).collect()
    }

    /// How many of `prints` are parts of this machine.
    pub fn matching(&self, prints: &[Print]) -> usize {
        let here = |print: &&Print| {
            let values = self.0.get(&print.factor).into_iter().flatten();
            values.into_iter().any(|value| bool::from(hash(print.factor, print.salt, value).ct_eq(&print.hash)))
        };
        // A print that is listed twice is one part.
        prints.iter().filter(here).map(|print| (print.factor, print.hash)).collect::<BTreeSet<_>>().len()
    }
}

/// The salted SHA-256 of a part, written `factor:salt:hash` in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Print {
    factor: Factor,
    salt: [u8; 16],
    hash: [u8; 32],
}

fn hash(factor: Factor, salt: [u8; 16], value: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(b"oz-fingerprint/v1\0");
    hash.update(salt);
    hash.update(factor.word());
    hash.update(b"\0");
    hash.update(value);
    hash.finalize().into()
}

impl fmt::Display for Print {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.factor.word(), hex::encode(self.salt), hex::encode(self.hash))
    }
}

/// A text that is no [`Print`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not `factor:salt:hash`")]
pub struct NotAPrint;

impl FromStr for Print {
    type Err = NotAPrint;

    fn from_str(text: &str) -> Result<Self, NotAPrint> {
        let mut parts = text.split(':');
        let (Some(factor), Some(salt), Some(sum), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAPrint);
        };
        let factor = Factor::ALL.into_iter().find(|f| f.word() == factor).ok_or(NotAPrint)?;
        let (mut print_salt, mut hash) = ([0; 16], [0; 32]);
        hex::decode_to_slice(salt, &mut print_salt).map_err(|_| NotAPrint)?;
        hex::decode_to_slice(sum, &mut hash).map_err(|_| NotAPrint)?;
        Ok(Self { factor, salt: print_salt, hash })
    }
}
