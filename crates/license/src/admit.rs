//! What an app or a page asks of the license file it carries.

use jiff::Timestamp;

use crate::claims::Kind;
use crate::envelope::Invalid;
use crate::lease::Audience;
use crate::license::License;
use crate::state::{SKEW, State};

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub enum Asker<'a> {
    /// An app of either platform.
    App {
        /// Its application or bundle id.
        id: &'a str,
        /// The customer's signature over that id; only a master license needs one.
        signature: Option<&'a [u8]>,
    },
    /// A web page.
    Page {
        /// Its origin.
        origin: &'a str,
    },
}

/// Why an app or a page may not go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is not what the vendor signed.
    #[error("{0}")]
    File(#[from] Invalid),
    /// It was signed later than it is now.
    #[error("the license was signed in the future: the clock is behind")]
    ClockBehind,
    /// It begins later.
    #[error("the license is not valid yet")]
    NotYetValid,
    /// It is over, and its grace, too.
    #[error("the license has expired")]
    Expired,
    /// It is for other apps or origins.
    #[error("the app or origin is not among those of the license")]
    NotCovered,
    /// It is for any app of the customer, and this one has not shown that it is.
    #[error("the app's id is not signed with the key of the master license")]
    Unproven,
}

impl Refusal {
    /// The word for it, as in logs and test vectors.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::File(invalid) => invalid.as_str(),
            Self::ClockBehind => "clock_behind",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::NotCovered => "not_covered",
            Self::Unproven => "unproven",
        }
    }
}

impl License {
    /// Whether an app or a page may go on with the license it carries: [`State::Active`], [`State::RenewalDue`] or
    /// [`State::Grace`]. What binds a server (machine, site key, version of the product) is not asked here.
    ///
    /// # Errors
    /// [`Refusal`], never [`Refusal::File`].
    pub fn admit(&self, asker: Asker<'_>, now: Timestamp) -> Result<State, Refusal> {
        if self.claims().issued_at.as_nanosecond() > now.as_nanosecond() + SKEW {
            return Err(Refusal::ClockBehind);
        }
        let state = self.time_state(now);
        match state {
            State::NotYetValid => return Err(Refusal::NotYetValid),
            State::Expired => return Err(Refusal::Expired),
            _ => {}
        }
        let claims = self.claims();
        match asker {
            Asker::App { id, signature } if claims.kind == Kind::Master => {
                let proved = signature.is_some_and(|signature| self.proves_app(id, signature));
                if proved { Ok(state) } else { Err(Refusal::Unproven) }
            }
            Asker::App { id, .. } if claims.apps.android.contains(id) || claims.apps.ios.contains(id) => Ok(state),
            Asker::Page { origin } if self.covers(&Audience::Web { origin: origin.to_owned() }) => Ok(state),
            _ => Err(Refusal::NotCovered),
        }
    }
}
