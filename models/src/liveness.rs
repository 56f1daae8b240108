//! What a liveness analysis is asked and what it answers.

use std::time::Duration;

use oz_domain::Tag;

use crate::best_shot::Shot;
use crate::quality::{Defect, Quality};
use crate::signals::{Assessment, Finding};

/// What is asked of a liveness analysis.
#[derive(Debug, Clone, Default)]
pub struct LivenessOptions {
    /// Tags of the medium; those that name a gesture ask for it.
    pub asked: Vec<Tag>,
    /// Whether the capturing side says that the picture is mirrored; `None` when it does not say.
    pub mirrored: Option<bool>,
    /// Give the best picture of the face.
    pub best_shot: bool,
    /// Give the picture that shows the gesture.
    pub action_shot: bool,
    /// Ask signals that weigh nothing too: to measure them.
    pub all_signals: bool,
}

/// Why there is no judgement of a face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// No face on any frame.
    NoFace,
    /// More than one person.
    TwoFaces,
    /// A clip with too few frames.
    TooFewFrames {
        /// Frames there are.
        found: usize,
        /// Frames needed.
        needed: usize,
    },
}

/// Why a result is as it is. Every reason but [`Reason::Defect`] gives a `confidence_spoofing` of at least 0.5.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No face was found.
    NoFace,
    /// There is more than one person.
    TwoFaces,
    /// It was too dark for the nets that detect attacks.
    TooDark,
    /// The clip has too few frames.
    TooFewFrames,
    /// Anything else that no signal can argue away.
    Finding(Finding),
    /// The picture of the face has a defect: said, and not judged.
    Defect(Defect),
}

impl Reason {
    /// A stable word for logs and stored details.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoFace => "no_face",
            Self::TwoFaces => "two_faces",
            Self::TooDark => "too_dark",
            Self::TooFewFrames => "too_few_frames",
            Self::Finding(finding) => finding.as_str(),
            Self::Defect(defect) => defect.as_str(),
        }
    }
}

impl From<Finding> for Reason {
    fn from(finding: Finding) -> Self {
        match finding {
            Finding::NoFace => Self::NoFace,
            Finding::TwoPeople => Self::TwoFaces,
            Finding::NotMeasured => Self::TooDark,
            other => Self::Finding(other),
        }
    }
}

/// The answer of a liveness analysis.
#[derive(Debug, Clone)]
pub struct Liveness {
    /// How sure we are that this is an attack, 0-1.
    pub confidence_spoofing: f64,
    /// Why, most serious first.
    pub reasons: Vec<Reason>,
    /// Set when there was no face to judge; `confidence_spoofing` is at least 0.5 then.
    pub failure: Option<Failure>,
    /// Measures of the best picture of the face.
    pub quality: Option<Quality>,
    /// The best picture of the face, if it was asked for and there is a face.
    pub best_shot: Option<Shot>,
    /// The picture that shows the gesture, if it was asked for and the gesture was seen.
    pub action_shot: Option<Shot>,
    /// All signals, findings and gestures behind it.
    pub assessment: Assessment,
    /// Where the time went.
    pub timings: Timings,
}

/// Where the time of an analysis went.
#[derive(Debug, Clone, Default)]
pub struct Timings {
    /// From start to end, without waiting for a free set of nets.
    pub total: Duration,
    /// By net: time inside the runtime.
    pub nets: Vec<NetTime>,
}

impl Timings {
    /// Time inside the runtime.
    pub fn nets_total(&self) -> Duration {
        self.nets.iter().map(|n| n.spent).sum()
    }
}

/// Time of one net.
#[derive(Debug, Clone)]
pub struct NetTime {
    /// Name of the net.
    pub net: String,
    /// How often it ran.
    pub runs: u32,
    /// Time of all runs together.
    pub spent: Duration,
}
