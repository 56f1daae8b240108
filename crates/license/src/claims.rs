//! What a license says.

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeSet;

/// The product that all licenses are for.
pub const PRODUCT: &str = "oz-appliance";

/// What a license is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An appliance.
    Server,
    /// An app with the mobile SDK.
    Sdk,
    /// A web page with the plugin.
    Web,
    /// Any app whose bundle id the customer has signed.
    Master,
    /// Everything, for a short time.
    Trial,
}

/// What can be licensed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Feature {
    /// Liveness.
    Quality,
    /// Face matching.
    Biometry,
    /// 1:N search.
    Collection,
    /// Documents.
    Documents,
    /// Analysis without storing anything.
    Instant,
    /// The reduced pipeline.
    Lite,
    /// The web adapter.
    Web,
    /// Analysis on the phone.
    OnDevice,
}

impl Feature {
    /// Every feature.
    pub const ALL: [Self; 8] = [
        Self::Quality,
        Self::Biometry,
        Self::Collection,
        Self::Documents,
        Self::Instant,
        Self::Lite,
        Self::Web,
        Self::OnDevice,
    ];

    /// The word for it, as in claims.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quality => "quality",
            Self::Biometry => "biometry",
            Self::Collection => "collection",
            Self::Documents => "documents",
            Self::Instant => "instant",
            Self::Lite => "lite",
            Self::Web => "web",
            Self::OnDevice => "on_device",
        }
    }
}

/// Whom a license is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Customer {
    /// The vendor's id of the customer.
    pub id: String,
    /// The customer's name.
    pub name: String,
}

/// The time that a volume is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Period {
    /// A calendar day, UTC.
    Day,
    /// A calendar month, UTC.
    Month,
    /// A calendar year, UTC.
    Year,
    /// The license's whole life.
    Total,
}

/// How many analyses in which time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Volume {
    /// Analyses.
    pub count: u64,
    /// In which time.
    pub period: Period,
}

/// What is limited; what is absent is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Analyses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analyses: Option<Volume>,
    /// API nodes at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub instances: Option<u32>,
    /// Persons in all collections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub persons: Option<u64>,
    /// Phones; counted and warned about, never refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub devices: Option<u64>,
    /// How far over the analyses' count work goes on, percent.
    pub overage_percent: u8,
}

/// The machine that a license is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Binding {
    /// Its parts, as [`crate::Print`] writes them.
    pub fingerprints: Vec<String>,
    /// How many of them must still be there.
    #[serde(default = "two")]
    pub threshold: usize,
}

const fn two() -> usize {
    2
}

/// Ids of apps.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Apps {
    /// Application ids.
    pub android: BTreeSet<String>,
    /// Bundle ids.
    pub ios: BTreeSet<String>,
}

/// What the vendor signs. Unknown claims are refused: one that restricts must not be overlooked by an older version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Claims {
    /// The license, through all its revisions.
    pub license_id: String,
    /// A higher one replaces a lower one.
    pub revision: u32,
    /// What it is for.
    pub kind: Kind,
    /// Whom it is for.
    pub customer: Customer,
    /// Always `oz-appliance`.
    pub product: String,
    /// When it was signed.
    #[serde(deserialize_with = "utc")]
    pub issued_at: Timestamp,
    /// When it begins; at once if absent.
    #[serde(default, deserialize_with = "utc_or_none", skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it ends; never if absent.
    #[serde(default, deserialize_with = "utc_or_none", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When the file must have been renewed, even if the license never ends.
    #[serde(default, deserialize_with = "utc_or_none", skip_serializing_if = "Option::is_none")]
    pub file_expires_at: Option<Timestamp>,
    /// Days that everything goes on behind the end.
    #[serde(default = "three")]
    pub grace_days: u16,
    /// What is licensed.
    pub features: BTreeSet<Feature>,
    /// How much of it.
    #[serde(default)]
    pub limits: Limits,
    /// On which machine; any if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
    /// The Ed25519 public key of the license server, hex; there once it is activated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub site_key: Option<String>,
    /// Which apps.
    #[serde(default)]
    pub apps: Apps,
    /// Which web origins, exact or `https://*.example.com`.
    #[serde(default)]
    pub origins: BTreeSet<String>,
    /// The customer's public key, SPKI in base64; of a [`Kind::Master`] license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub master_key: Option<String>,
    /// Whom to ask.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// The first version of the product that it is for, `major.minor.patch`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_version: Option<String>,
    /// The last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_version: Option<String>,
}

/// Grace if the license does not say: 72 hours (`license.md`, license server).
const fn three() -> u16 {
    3
}

/// A time in RFC 3339, UTC written as `Z` and nothing else; a year has four digits.
pub(crate) fn utc<'de, D: Deserializer<'de>>(from: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(from)?;
    let time: Timestamp = text.parse().map_err(serde::de::Error::custom)?;
    if time.to_string() != text || !text.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(serde::de::Error::custom("not RFC 3339 in UTC"));
    }
    Ok(time)
}

/// [`utc`], or `null`.
fn utc_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
    #[derive(Deserialize)]
    struct Utc(#[serde(deserialize_with = "utc")] Timestamp);
    Ok(Option::<Utc>::deserialize(from)?.map(|time| time.0))
}
