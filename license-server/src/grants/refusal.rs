//! Why there is no grant, for machines and for people.

use oz_http::ApiError;
use oz_wire::Code;
use serde_json::json;

/// Why there is no grant. The later one stands, the nearer it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Refusal {
    /// No license names it.
    NotCovered,
    /// The license names no site key, so nobody would believe our signature.
    NotActivated,
    /// The license names another one.
    OtherSiteKey,
    /// The license is worth nothing here.
    Invalid(&'static str),
    /// It begins later.
    NotYetValid,
    /// It is over.
    Expired,
    /// Nothing in the license could prove that the app is the one it says.
    NoAppKey,
    /// The app has not signed the nonce.
    Unsigned,
    /// Not with the key in the license.
    WrongSignature,
    /// Only the web adapter asks for pages.
    NoJoinSecret,
    /// It was used.
    NonceUsed,
}

impl Refusal {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotCovered => "not_covered",
            Self::NotActivated => "not_activated",
            Self::OtherSiteKey => "other_site_key",
            Self::Invalid(word) => word,
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::NoAppKey => "no_app_key",
            Self::Unsigned => "signature_missing",
            Self::WrongSignature => "signature_wrong",
            Self::NoJoinSecret => "no_join_secret",
            Self::NonceUsed => "nonce_used",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Self::NotCovered => "no license covers this app or origin",
            Self::NotActivated => "the license that covers it is not activated for this license server",
            Self::OtherSiteKey => "the license that covers it is for another license server",
            Self::Invalid(_) => "the license that covers it is not valid here",
            Self::NotYetValid => "the license that covers it is not valid yet",
            Self::Expired => "the license that covers it has expired",
            Self::NoAppKey => "the license that covers it has no key of the app: online grants need a master license",
            Self::Unsigned => "app_signature is missing: the app signs its id and the nonce",
            Self::WrongSignature => "app_signature was not made with the key in the license",
            Self::NoJoinSecret => "grants for web pages are given to the web adapter, which shows the join secret",
            Self::NonceUsed => "the nonce was used before",
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(no: Refusal) -> Self {
        let code = match no {
            Refusal::Unsigned | Refusal::WrongSignature | Refusal::NonceUsed => Code::AuthForbidden,
            Refusal::NoJoinSecret => Code::AuthNotProvided,
            _ => Code::LicenseInvalid,
        };
        Self::new(code, no.text()).with_details(json!({"reason": no.as_str()}))
    }
}
