//! The words of the product: ids, time, roles, folders, media, analyses, pictures.
//!
//! This crate owns names and rules that hold everywhere. It knows no file, socket, database or clock of its own:
//! whoever needs the time takes a [`Clock`].

mod access;
mod analysis;
mod clip;
mod clock;
mod folder;
mod ids;
mod job;
mod media;
mod permission;
mod picture;
mod session;

pub use access::{ParseRoleError, Role};
pub use analysis::{AnalysisKind, AnalysisState, Resolution, Status, worst};
pub use clip::{Clip, ClipFacts, Frame, FrameSignature};
pub use clock::{Clock, ManualClock, Millis, SystemClock};
pub use folder::folder_status;
pub use ids::{
    AnalysisId, AuditId, BlobId, CompanyId, FolderId, GroupId, ImageId, JobId, LeaseToken, MediaId, NotAnId, RequestId,
    SubjectKeyId, TokenId, UserId,
};
pub use job::JobState;
pub use media::{FileRole, ImageKind, MediaKind, Tag, is_document};
pub use permission::{Action, Object, Scope, allowed, permissions_page};
pub use picture::{Picture, PictureError};
pub use session::{AuthSource, SessionKind};

/// A value that is not one of the words a field allows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{came}` is not one of: {expected}")]
pub struct UnknownWord {
    /// What came.
    pub came: String,
    /// The words that are allowed, separated by commas.
    pub expected: &'static str,
}

/// Declares an enum whose variants have one spelling each, used on the wire and in the database alike.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $word)] $variant),+ }

        impl $name {
            /// Every variant, in the order of declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The one spelling of this variant.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::UnknownWord;
            /// Reads the word without regard to ASCII case (`oz-api.md` 12.1: clients send both).
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::ALL.iter().copied().find(|v| v.as_str().eq_ignore_ascii_case(text)).ok_or_else(|| $crate::UnknownWord {
                    came: text.chars().take(64).collect(),
                    expected: concat!($($word, ", "),+),
                })
            }
        }
    };
}
pub(crate) use words;
