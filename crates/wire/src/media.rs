//! Media (`oz-api.md` 7.2, 9, 11).

use oz_domain::{CompanyId, FolderId, MediaId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A medium of a folder.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Media {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub media_id: MediaId,
    /// Old name of the id of a picture.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub image_id: Option<MediaId>,
    /// Old name of the id of a video.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub video_id: Option<MediaId>,
    /// Old name of the id of a shot set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub shots_set_id: Option<MediaId>,
    /// `IMAGE_FOLDER`, `VIDEO_FOLDER` or `SHOTS_SET_FOLDER`.
    pub media_type: &'static str,
    /// The folder.
    #[schema(value_type = uuid::Uuid)]
    pub folder_id: FolderId,
    /// The company.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// The file's name on the client.
    pub original_name: String,
    /// Where to download a picture.
    pub original_url: Option<String>,
    /// Where to download a video or shot set.
    pub video_url: Option<String>,
    /// MP4 made from a shot set.
    pub preview_url: Option<String>,
    /// Small picture.
    pub thumb_url: Option<String>,
    /// What the client says it shows.
    pub tags: Vec<String>,
    /// What the file is.
    pub original_info: OriginalInfo,
    /// Always null: it would tell paths (decision 40).
    pub original_local_path: Option<String>,
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
}

/// What a file is, by its bytes.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OriginalInfo {
    /// MD5 of the file, hex; names the file, protects nothing.
    pub md5: Option<String>,
    /// Bytes.
    pub size: u64,
    /// MIME type by content.
    pub mime_type: String,
    /// Upright width in pixels.
    pub width: u32,
    /// Upright height in pixels.
    pub height: u32,
    /// Seconds; null for pictures.
    pub duration: Option<f64>,
}

/// Body of `PATCH /api/media/{media_id}`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct MediaPatch {
    /// The new tags; an empty list clears them.
    pub tags: Option<Vec<String>>,
}
