//! Words of the product in requests: read in any case, refused with the list of those that are allowed.

use oz_domain::UnknownWord;
use serde::de::{Deserialize, Deserializer, Error};
use std::marker::PhantomData;
use std::str::FromStr;

/// A word. Implements [`Deserialize`] through [`FromStr`], so that `quality` and `QUALITY` are the same.
struct Word<T>(T);

impl<'de, T: FromStr<Err = UnknownWord>> Deserialize<'de> for Word<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(Visitor(PhantomData))
    }
}

struct Visitor<T>(PhantomData<T>);

impl<T: FromStr<Err = UnknownWord>> serde::de::Visitor<'_> for Visitor<T> {
    type Value = Word<T>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Word<T>, E> {
        text.parse().map(Word).map_err(|unknown: UnknownWord| {
            E::custom(format!("`{}`, expected one of {}", unknown.came, unknown.expected.trim_end_matches(", ")))
        })
    }
}

/// For `#[serde(deserialize_with)]`.
pub(crate) fn read<'de, T: FromStr<Err = UnknownWord>, D: Deserializer<'de>>(from: D) -> Result<T, D::Error> {
    Word::deserialize(from).map(|word| word.0)
}

/// The same for a key whose null means something else than its absence; absent is left to `#[serde(default)]`.
pub(crate) fn read_given<'de, T: FromStr<Err = UnknownWord>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<Word<T>>::deserialize(from).map(|given| Some(given.map(|word| word.0)))
}

/// The same for a key that may be absent or null.
pub(crate) fn read_optional<'de, T: FromStr<Err = UnknownWord>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Ok(Option::<Word<T>>::deserialize(from)?.map(|word| word.0))
}
