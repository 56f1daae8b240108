//! Kinds, states and resolutions of analyses (`oz-api.md` 12-14).

use crate::words;

words! {
    /// What an analysis looks for; `type` on the wire.
    AnalysisKind {
        /// Liveness: is it a presentation attack?
        Quality = "QUALITY",
        /// 1:1 face matching.
        Biometry = "BIOMETRY",
        /// 1:N search in a collection.
        Collection = "COLLECTION",
        /// Document recognition.
        Documents = "DOCUMENTS",
    }
}

words! {
    /// Where an analysis is; `state` on the wire.
    AnalysisState {
        /// Waiting or running.
        Processing = "PROCESSING",
        /// Ended by an error; there is an error code.
        Failed = "FAILED",
        /// Ended with a resolution.
        Finished = "FINISHED",
    }
}

words! {
    /// The verdict of a finished analysis, from best to worst.
    Resolution {
        /// Check passed.
        Success = "SUCCESS",
        /// A human must look.
        OperatorRequired = "OPERATOR_REQUIRED",
        /// Check failed.
        Declined = "DECLINED",
    }
}

words! {
    /// Any value of `resolution_status`, `resolution` and `system_resolution`, of analyses and folders (`oz-api.md` 14).
    Status {
        /// No analysis yet.
        Initial = "INITIAL",
        /// Something runs.
        Processing = "PROCESSING",
        /// Something ended by an error.
        Failed = "FAILED",
        /// All ended (a folder's `resolution_status` only).
        Finished = "FINISHED",
        /// Check failed.
        Declined = "DECLINED",
        /// A human must look.
        OperatorRequired = "OPERATOR_REQUIRED",
        /// Check passed.
        Success = "SUCCESS",
    }
}

impl Status {
    /// What an analysis shows: its state until it ends well, its resolution then (decision 20).
    pub const fn of_analysis(state: AnalysisState, resolution: Option<Resolution>) -> Self {
        match (state, resolution) {
            (AnalysisState::Processing, _) => Self::Processing,
            (AnalysisState::Failed, _) | (AnalysisState::Finished, None) => Self::Failed,
            (AnalysisState::Finished, Some(Resolution::Success)) => Self::Success,
            (AnalysisState::Finished, Some(Resolution::OperatorRequired)) => Self::OperatorRequired,
            (AnalysisState::Finished, Some(Resolution::Declined)) => Self::Declined,
        }
    }

    const fn badness(self) -> u8 {
        match self {
            Self::Processing => 5,
            Self::Failed => 4,
            Self::Declined => 3,
            Self::OperatorRequired => 2,
            Self::Success | Self::Finished => 1,
            Self::Initial => 0,
        }
    }
}

/// The worst of several statuses: PROCESSING while anything runs, else FAILED > DECLINED > OPERATOR_REQUIRED > SUCCESS
/// (`oz-api.md` 14); INITIAL when there are none.
pub fn worst(statuses: impl IntoIterator<Item = Status>) -> Status {
    statuses.into_iter().max_by_key(|s| s.badness()).unwrap_or(Status::Initial)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_wins_and_running_hides_all() {
        use Status::{Declined, Failed, Initial, OperatorRequired, Processing, Success};
        assert_eq!(worst([]), Initial);
        assert_eq!(worst([Success, Declined, OperatorRequired]), Declined);
        assert_eq!(worst([Declined, Failed]), Failed);
        assert_eq!(worst([Failed, Processing]), Processing);
    }

    #[test]
    fn kinds_are_read_in_any_case() {
        assert_eq!("quality".parse(), Ok(AnalysisKind::Quality));
        assert!("liveness".parse::<AnalysisKind>().is_err());
    }
}
