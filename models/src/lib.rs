//! Face models and pipelines: detection, landmarks, pose, quality, presentation-attack detection, embeddings, best shot.
//!
//! [`Engine::load`] verifies and loads a model pack; [`Engine::still`] and [`Engine::clip`] judge liveness;
//! [`Engine::embed`] gives a template to compare. Each stage is a type in a module of its own, in [`Stages`].

pub mod align;
pub mod best_shot;
pub mod calibration;
pub mod clip;
mod details;
pub mod detect;
pub mod embed;
pub mod engine;
mod follow;
mod judge;
pub mod landmarks;
pub mod liveness;
pub mod manifest;
pub mod pad_net;
mod pixels;
pub mod pose;
pub mod quality;
pub mod runtime;
mod session_pool;
pub mod signals;
mod still;
pub mod track;

pub use calibration::Calibration;
pub use clip::{FRAMES_PER_SECOND, SPREAD};
pub use details::{Details, GestureDetails, SignalDetails};
pub use engine::{Engine, EngineOptions, Error, PackVersion, Stages, Template};
pub use liveness::{Failure, Liveness, LivenessOptions, Reason};
