//! Analyses: how they are asked for and what they answer (`oz-api.md` 12, 13).

use crate::Media;
use oz_domain::{AnalysisId, AnalysisKind, CompanyId, FolderId, GroupId, MediaId, Resolution};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Body of `POST /api/folders/{folder_id}/analyses/`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct StartAnalyses {
    /// What to start; they share a group.
    pub analyses: Vec<AnalysisRequest>,
}

/// One analysis to start.
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct AnalysisRequest {
    /// `quality`, `biometry`, `collection`, `documents`; case does not matter.
    #[serde(rename = "type", deserialize_with = "crate::word::read")]
    #[schema(value_type = String)]
    pub kind: AnalysisKind,
    /// Ids of media, or names of parts of the same form; absent: all media that fit.
    #[serde(default)]
    pub source_media: Option<Vec<String>>,
    /// Parameters of the kind.
    #[serde(default)]
    pub params: Option<QualityParams>,
    /// The client's own data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta_data: Option<Map<String, Value>>,
}

/// Body of `PATCH /api/analyses/{analysis_id}`: an operator's decision (decision 24).
#[derive(Debug, Clone, Deserialize, ToSchema)]
pub struct AnalysisPatch {
    /// `SUCCESS`, `DECLINED` or `OPERATOR_REQUIRED`; case does not matter.
    #[serde(deserialize_with = "crate::word::read")]
    #[schema(value_type = String)]
    pub resolution: Resolution,
    /// Why.
    #[serde(default)]
    pub comment: Option<String>,
}

/// Parameters of QUALITY (`oz-api.md` 12.1, decisions 21, 22). Those of other kinds are ignored here.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityParams {
    /// Store the best frame; true unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract_best_shot: Option<bool>,
    /// Store the frame that shows the gesture (decision 22); false unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extract_action_shot: Option<bool>,
    /// DECLINED at or above this `confidence_spoofing`; 0-1, 0.5 unless told otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threshold_spoofing: Option<f64>,
}

/// Thresholds that an analysis is judged by.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Thresholds {
    /// DECLINED at or above.
    pub threshold_spoofing: f64,
}

/// An analysis, both name generations.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Analysis {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub analysis_id: AnalysisId,
    /// Old name of the id.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub analyse_id: Option<AnalysisId>,
    /// Shared by the analyses of one call.
    #[schema(value_type = uuid::Uuid)]
    pub group_id: GroupId,
    /// The folder.
    #[schema(value_type = uuid::Uuid)]
    pub folder_id: FolderId,
    /// The company.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// `QUALITY`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// `PROCESSING`, `FAILED` or `FINISHED`.
    pub state: &'static str,
    /// The verdict; mirrors the state until it ends.
    pub resolution: &'static str,
    /// The same.
    pub resolution_status: &'static str,
    /// The system's own verdict, whatever an operator decided.
    pub system_resolution: &'static str,
    /// An operator's remark.
    pub operator_comment: Option<String>,
    /// Code of the error that ended it.
    pub error_code: Option<u16>,
    /// What that means.
    pub error_message: Option<String>,
    /// The media it looks at.
    pub source_media: Vec<Media>,
    /// One result for each medium.
    pub results_media: Vec<MediaResult>,
    /// Numbers of the whole analysis.
    pub results_data: Option<QualityScores>,
    /// What the verdict is judged by.
    pub thresholds: Thresholds,
    /// Parameters as they were given.
    pub params: QualityParams,
    /// The model pack that judged it.
    pub model_pack: Option<String>,
    /// The client's own data.
    #[schema(value_type = Object)]
    pub meta_data: Map<String, Value>,
    /// Reserved.
    #[schema(value_type = Object)]
    pub technical_meta_data: Map<String, Value>,
    /// UNIX seconds.
    pub time_created: f64,
    /// UNIX seconds.
    pub time_updated: f64,
    /// When it was queued, UNIX seconds.
    pub time_task_send_to_broker: Option<f64>,
    /// When a worker took it, UNIX seconds.
    pub time_task_received: Option<f64>,
    /// When it ended, UNIX seconds.
    pub time_task_finished: Option<f64>,
}

/// What an analysis found in one medium.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct MediaResult {
    /// The medium.
    #[schema(value_type = uuid::Uuid)]
    pub media_id: MediaId,
    /// The medium.
    #[schema(value_type = uuid::Uuid)]
    pub source_media_id: MediaId,
    /// The medium, when it is a picture (old name).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub source_image_id: Option<MediaId>,
    /// The medium, when it is a video (old name).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub source_video_id: Option<MediaId>,
    /// The medium, when it is a shot set (old name).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub source_shots_set_id: Option<MediaId>,
    /// Scores.
    pub results_data: QualityScores,
    /// Best shot.
    pub output_images: Vec<OutputImage>,
    /// Signals and reasons; for OPERATOR, ADMIN and their like only: they would teach an attacker.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Value>,
}

/// Scores of QUALITY.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct QualityScores {
    /// Chance of a presentation attack, 0-1.
    pub confidence_spoofing: f64,
}

/// A picture that an analysis made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OutputImage {
    /// `best_shot`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Where to download it.
    pub original_url: String,
}
