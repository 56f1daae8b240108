//! Face models and pipelines: detection, quality, presentation-attack detection, best shot.
