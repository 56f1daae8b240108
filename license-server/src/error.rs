//! What a site refuses, in the words of the wire: one exhaustive match.

use oz_http::ApiError;
use oz_license::{Reason, State};
use oz_site::{Holder, Refused};
use oz_wire::Code;
use serde_json::{Value, json};

use crate::view;

/// What a handler can fail with.
#[derive(Debug)]
pub(crate) enum Error {
    /// Said already in the words of the wire.
    Api(ApiError),
    /// The site.
    Site(Refused),
}

pub(crate) type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// A value that is not allowed.
    pub(crate) fn value(field: &str, expected: &str) -> Self {
        let details = json!({"field": field, "came": null, "expected": expected});
        Self::Api(ApiError::new(Code::InvalidValue, format!("{field}: expected {expected}")).with_details(details))
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        Self::Api(error)
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        Self::Site(refused)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(error) => error,
            Error::Site(refused) => of_site(refused),
        }
    }
}

fn of_site(refused: Refused) -> ApiError {
    let text = refused.to_string();
    let reason = |code, text, reason: &str| ApiError::new(code, text).with_details(json!({"reason": reason}));
    match refused {
        Refused::State { state, text } => ApiError::new(Code::LicenseInvalid, text)
            .with_details(json!({"state": state.as_str(), "reason": reason_of(state)})),
        Refused::NoneFree(holders) => {
            let holders: Vec<Value> = holders.iter().map(holder).collect();
            ApiError::new(Code::LicenseNoneFree, text).with_details(json!({"holders": holders}))
        }
        Refused::Over => ApiError::new(Code::NotExist, text),
        Refused::Stale => reason(Code::Conflict, text, "stale"),
        Refused::OtherBatch => reason(Code::Conflict, text, "other_batch"),
        Refused::Feature => ApiError::new(Code::LicenseFeature, text),
        Refused::Ledger(_) => reason(Code::Conflict, text, "ledger"),
        Refused::Volume => ApiError::new(Code::LicenseVolume, text),
        Refused::File(invalid) => reason(Code::InvalidValue, format!("the license file: {text}"), invalid.as_str()),
        Refused::NotInstalled(_) => reason(Code::Conflict, text, "not_installed"),
        Refused::Value { field, expected } => {
            let Error::Api(error) = Error::value(field, expected) else {
                return ApiError::new(Code::InvalidValue, text);
            };
            error
        }
        Refused::Store(error) => store(&error),
        Refused::Sign(_) => ApiError::internal(Code::Unknown, text),
    }
}

/// The word for why a license is worth nothing.
pub(crate) const fn reason_of(state: State) -> Option<&'static str> {
    Some(match state {
        State::Invalid(Reason::Missing) => "missing",
        State::Invalid(Reason::File(invalid)) => invalid.as_str(),
        State::Invalid(Reason::ClockBehind) => "clock_behind",
        State::Invalid(Reason::ClockTurnedBack) => "clock_turned_back",
        State::Invalid(Reason::Machine) => "other_machine",
        State::Invalid(Reason::SiteKey) => "other_site_key",
        State::Invalid(Reason::Version) => "other_version",
        _ => return None,
    })
}

/// Who holds a lease, as answers show it. The lease's id is the administrator's: it ends the lease.
pub(crate) fn holder(holder: &Holder) -> Value {
    json!({
        "instance_id": holder.instance_id,
        "hostname": holder.hostname,
        "version": holder.version,
        "since": view::time(holder.time_acquired),
        "until": view::time(holder.time_expires),
    })
}

fn store(error: &oz_store::Error) -> ApiError {
    use oz_store::Error as E;
    match error {
        E::Busy | E::Unavailable(_) => ApiError::internal(Code::Unavailable, error),
        E::Full => ApiError::internal(Code::NoDiskSpace, error),
        E::Text => ApiError::new(Code::InvalidValue, error.to_string()),
        E::NotFound
        | E::Conflict(_)
        | E::Cursor
        | E::Corrupt(_)
        | E::Schema(_)
        | E::Url(_)
        | E::Nested
        | E::Database(_) => ApiError::internal(Code::Database, error),
    }
}
