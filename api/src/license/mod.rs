//! Whether work may begin: the license of this appliance, its lease, and what is counted (`license.md`).
//!
//! [`Desk`] is asked in the transaction that accepts an analysis, so that none is accepted uncounted and none is counted that
//! was not accepted. What it knows is brought by [`keeper`], every few seconds, from the site in this database or from the
//! license server.

mod call;
mod desk;
mod file;
mod identity;
mod keeper;
mod local;
mod remote;

pub(crate) use desk::{Desk, Uses};
pub(crate) use file::read;
pub(crate) use keeper::{start, stop};
pub(crate) use local::site;

use oz_domain::AnalysisKind;
use oz_license::Feature;

/// The feature that an analysis needs.
pub(crate) const fn feature(kind: AnalysisKind) -> Feature {
    match kind {
        AnalysisKind::Quality => Feature::Quality,
        AnalysisKind::Biometry => Feature::Biometry,
        AnalysisKind::Collection => Feature::Collection,
        AnalysisKind::Documents => Feature::Documents,
    }
}
