//! Every requirement on a machine that has it, and on one that lacks it.

mod broken;
mod good;
mod schema;

use super::{Asked, Line, Report, report};
use crate::machine::fake::Fake;
use crate::profile::Profile;

/// What comes of all requirements.
pub(super) fn asked(fake: &Fake, profile: Profile) -> Report {
    report(&Asked::new(&fake.machine(), profile, None), &|_| ())
}

/// What comes of one.
pub(super) fn line(name: &str, fake: &Fake, profile: Profile) -> Line {
    asked(fake, profile).checks.into_iter().find(|line| line.name == name).unwrap()
}
