//! Health, version, configuration (decision 34).

use serde::Serialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a part, or the whole, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckStatus {
    /// Works.
    Ok,
    /// Works, but somebody should look.
    Degraded,
    /// Does not work.
    Fail,
}

/// One check.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Check {
    /// How it is.
    pub status: CheckStatus,
    /// In words.
    pub message: String,
    /// How long the check took, milliseconds.
    pub time_ms: u64,
}

/// Answer of `GET /api/healthcheck`: 200, or 503 when the status is `fail`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// The worst of the checks.
    pub status: CheckStatus,
    /// `database`, `storage`, `models`, `queue`, `disk`.
    pub checks: BTreeMap<&'static str, Check>,
}

/// Answer of `GET /api/version`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Version {
    /// Version of the server.
    pub version: String,
    /// Name and version of the model pack; null until models are loaded.
    pub model_pack: Option<String>,
    /// Version of the fitted numbers that judge; null until models are loaded.
    pub calibration: Option<String>,
}

/// Answer of `GET /api/config`: never a secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct Config {
    /// Times on the wire are UTC.
    pub time_zone: &'static str,
    /// What is switched on.
    pub components: Vec<&'static str>,
    /// Kinds of analyses that can be started.
    pub analyses: Vec<&'static str>,
    /// What the license permits.
    pub license: ConfigLicense,
    /// Limits of uploads.
    pub limits: Limits,
}

/// What the license permits now.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigLicense {
    /// `trial`, `active`, `renewal_due`, `grace`; otherwise nothing new is accepted.
    pub state: &'static str,
    /// Features that are licensed.
    pub features: Vec<&'static str>,
}

/// Limits of uploads.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Limits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Files of one folder.
    pub files_per_folder: u32,
    /// Seconds of a video.
    pub video_seconds: f64,
    /// Pixels of a picture.
    pub picture_pixels: u64,
}
