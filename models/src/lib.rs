//! Face models and pipelines: detection, landmarks, pose, quality, presentation-attack detection, embeddings, best shot.

pub mod quality;
pub mod track;
