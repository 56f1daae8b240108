//! What a folder shows of its analyses.

use crate::{Status, worst};

/// A folder's (`resolution_status`, `system_resolution`) from (all analyses, those of the newest group).
///
/// `resolution_status` says how far things are: INITIAL, PROCESSING, FAILED, FINISHED. `system_resolution` is the worst
/// of the newest group (`oz-api.md` 14, decision 20).
pub fn folder_status(all: &[Status], newest_group: &[Status]) -> (Status, Status) {
    let progress = match worst(all.iter().copied()) {
        s @ (Status::Initial | Status::Processing | Status::Failed) => s,
        _ => Status::Finished,
    };
    (progress, worst(newest_group.iter().copied()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_finished_when_all_are_done_whatever_the_verdict() {
        use Status::{Declined, Failed, Finished, Initial, Processing, Success};
        assert_eq!(folder_status(&[], &[]), (Initial, Initial));
        assert_eq!(folder_status(&[Success, Declined], &[Success]), (Finished, Success));
        assert_eq!(folder_status(&[Failed, Success], &[Success]), (Failed, Success));
        assert_eq!(folder_status(&[Processing, Success], &[Processing]), (Processing, Processing));
    }
}
