//! Results as numbers, words and sentences.

use oz_license::{Invalid, Refusal};
use std::ffi::CStr;

/// What came of a verification. A number keeps its meaning for ever.
#[repr(u32)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OzResult {
    /// Good.
    Ok = 0,
    /// There are no bytes.
    NotFound = 1,
    /// Longer than 64 KiB.
    TooLong = 2,
    /// Not a file of this kind, or damaged.
    Armour = 3,
    /// The envelope is damaged.
    Envelope = 4,
    /// Made for a later version.
    Version = 5,
    /// Signed by a key that is not known here.
    UnknownKey = 6,
    /// The signature is wrong.
    Signature = 7,
    /// The claims cannot be read.
    Claims = 8,
    /// For another product.
    Product = 9,
    /// A grant that gives more than its license has.
    Exceeds = 10,
    /// A grant that was not made by the site that its license names.
    Site = 11,
    /// A grant for another app, origin or nonce.
    Audience = 12,
    /// A grant that is not valid at this time.
    Time = 13,
    /// A license that was signed in the future: the clock is behind.
    ClockBehind = 14,
    /// A license that begins later.
    NotYetValid = 15,
    /// A license that is over, with its grace.
    Expired = 16,
    /// A license for other apps.
    NotCovered = 17,
    /// A master license without the customer's signature over this app's id.
    Unproven = 18,
    /// A null pointer, a text that is not UTF-8, an unknown platform, a time that is none.
    BadArgument = 19,
    /// A fault of the library, or a build with vendor keys that are none.
    Internal = 20,
}

impl OzResult {
    /// Every result.
    pub(crate) const ALL: [Self; 21] = [
        Self::Ok,
        Self::NotFound,
        Self::TooLong,
        Self::Armour,
        Self::Envelope,
        Self::Version,
        Self::UnknownKey,
        Self::Signature,
        Self::Claims,
        Self::Product,
        Self::Exceeds,
        Self::Site,
        Self::Audience,
        Self::Time,
        Self::ClockBehind,
        Self::NotYetValid,
        Self::Expired,
        Self::NotCovered,
        Self::Unproven,
        Self::BadArgument,
        Self::Internal,
    ];

    /// As in the test vectors.
    pub(crate) const fn word(self) -> &'static CStr {
        match self {
            Self::Ok => c"good",
            Self::NotFound => c"not_found",
            Self::TooLong => c"too_long",
            Self::Armour => c"armour",
            Self::Envelope => c"envelope",
            Self::Version => c"version",
            Self::UnknownKey => c"unknown_key",
            Self::Signature => c"signature",
            Self::Claims => c"claims",
            Self::Product => c"product",
            Self::Exceeds => c"exceeds",
            Self::Site => c"site",
            Self::Audience => c"audience",
            Self::Time => c"time",
            Self::ClockBehind => c"clock_behind",
            Self::NotYetValid => c"not_yet_valid",
            Self::Expired => c"expired",
            Self::NotCovered => c"not_covered",
            Self::Unproven => c"unproven",
            Self::BadArgument => c"bad_argument",
            Self::Internal => c"internal",
        }
    }

    /// The four sentences that the SDK documents (not found, cannot parse, not in the list, expired), without the names and
    /// dates that it puts into them: an app has those itself, or finds them in `OzLicense`. The others are ours.
    pub(crate) const fn text(self) -> &'static CStr {
        match self {
            Self::Ok => c"The license is good",
            Self::NotFound => c"License error. License not found",
            Self::TooLong
            | Self::Armour
            | Self::Envelope
            | Self::Version
            | Self::UnknownKey
            | Self::Signature
            | Self::Claims
            | Self::Product => c"License error. Cannot parse license, invalid format",
            Self::NotCovered | Self::Unproven => c"License error. Bundle is not in the list allowed by license",
            Self::Expired => c"License error. Current date is later than license expiration date",
            Self::NotYetValid => c"License error. License is not valid yet",
            Self::ClockBehind => c"License error. License was signed in the future: the clock is behind",
            Self::Exceeds => c"License error. Grant gives more than its license has",
            Self::Site => c"License error. Grant was not made by the site that its license names",
            Self::Audience => c"License error. Grant was made for somebody else",
            Self::Time => c"License error. Grant is not valid at this time",
            Self::BadArgument => c"License error. Wrong call of the library",
            Self::Internal => c"License error. Fault of the library",
        }
    }
}

impl From<Invalid> for OzResult {
    fn from(invalid: Invalid) -> Self {
        match invalid {
            Invalid::TooLong => Self::TooLong,
            Invalid::Armour => Self::Armour,
            Invalid::Envelope => Self::Envelope,
            Invalid::Version => Self::Version,
            Invalid::UnknownKey => Self::UnknownKey,
            Invalid::Signature => Self::Signature,
            Invalid::Claims => Self::Claims,
            Invalid::Product => Self::Product,
            Invalid::Exceeds => Self::Exceeds,
            Invalid::Site => Self::Site,
            Invalid::Audience => Self::Audience,
            Invalid::Time => Self::Time,
        }
    }
}

impl From<Refusal> for OzResult {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::File(invalid) => invalid.into(),
            Refusal::ClockBehind => Self::ClockBehind,
            Refusal::NotYetValid => Self::NotYetValid,
            Refusal::Expired => Self::Expired,
            Refusal::NotCovered => Self::NotCovered,
            Refusal::Unproven => Self::Unproven,
        }
    }
}
