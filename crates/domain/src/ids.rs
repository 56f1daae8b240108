//! Ids are UUIDs, version 7, written in lower case (decision 4). One type each, so that they cannot be mixed up.

use crate::Millis;
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The text is not a UUID. On the wire this is "not found" (404, code 10), never a server error (decision 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct NotAnId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new id whose first 48 bits are `now`, so that ids sort by time of creation (RFC 9562, 5.7).
            /// The rest is random.
            pub fn new(now: Millis) -> Self { Self(uuid_v7(now)) }

            /// The id as a UUID.
            pub const fn uuid(self) -> Uuid { self.0 }

            /// Takes any UUID, whatever its version: ids of imported data keep their value.
            pub const fn from_uuid(id: Uuid) -> Self { Self(id) }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.hyphenated().fmt(f) }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = NotAnId;
            fn from_str(text: &str) -> Result<Self, NotAnId> {
                // The hyphenated form only: one object has one address.
                if text.len() != 36 { return Err(NotAnId); }
                Uuid::try_parse(text).map(Self).map_err(|_| NotAnId)
            }
        }
    )+};
}

ids! {
    /// A company: the tenant that owns users, folders and collections.
    CompanyId,
    /// A person or machine that logs in.
    UserId,
    /// A log-in session; `token_id` (before 6.0.1 `session_id`) on the wire.
    TokenId,
    /// A folder: one case with its media and analyses.
    FolderId,
    /// A picture, video or shot set of a folder.
    MediaId,
    /// One analysis.
    AnalysisId,
    /// The analyses that were started together.
    GroupId,
    /// A durable job.
    JobId,
    /// The right to work on a job for a while; changes at every claim (fencing).
    LeaseToken,
    /// One HTTP request, told back in `X-Request-Id`.
    RequestId,
    /// One record of the audit log.
    AuditId,
    /// A produced picture: a best shot or an action shot of an analysis.
    ImageId,
    /// The key that encrypts what the audit log says of one subject; destroyed when the subject is erased.
    SubjectKeyId,
    /// A stored blob's own random id, bound into its encryption (decision 50).
    BlobId,
}

fn uuid_v7(now: Millis) -> Uuid {
    let seconds = now.get().div_euclid(1000).unsigned_abs();
    #[expect(clippy::cast_possible_truncation, reason = "rem_euclid(1000) is 0..=999")]
    let nanos = now.get().rem_euclid(1000) as u32 * 1_000_000;
    Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_carry_the_time_and_sort_by_it() {
        let (a, b) = (FolderId::new(Millis::new(1_700_000_000_123)), FolderId::new(Millis::new(1_700_000_000_124)));
        assert!(a < b);
        assert_eq!(a.uuid().get_version_num(), 7);
        assert_eq!(a.uuid().get_timestamp().map(|t| t.to_unix()), Some((1_700_000_000, 123_000_000)));
    }

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id = MediaId::new(Millis::new(5));
        assert_eq!(id.to_string().parse(), Ok(id));
        for bad in
            ["", "1", &id.uuid().simple().to_string(), &format!("{{{id}}}"), "g0000000-0000-0000-0000-000000000000"]
        {
            assert_eq!(bad.parse::<MediaId>(), Err(NotAnId), "{bad}");
        }
    }
}
