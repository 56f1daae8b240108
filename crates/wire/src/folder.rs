//! Folders (`oz-api.md` 7.1, 8, 16).

use crate::{Analysis, AnalysisRequest, Company, Media, User};
use oz_domain::{CompanyId, FolderId, Resolution, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// The part `payload` of the form that creates a folder or adds media. Blocks are keyed by the names of the parts.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct FolderPayload {
    /// The folder's own data.
    #[serde(rename = "folder:meta_data", default)]
    #[schema(value_type = Object)]
    pub folder_meta_data: Map<String, Value>,
    /// Data of each medium.
    #[serde(rename = "media:meta_data", default)]
    #[schema(value_type = Object)]
    pub media_meta_data: BTreeMap<String, Map<String, Value>>,
    /// Tags of each medium.
    #[serde(rename = "media:tags", default)]
    pub media_tags: BTreeMap<String, Vec<String>>,
    /// Analyses to run; given: single request mode (`oz-api.md` 16).
    #[serde(default)]
    pub analyses: Option<Vec<AnalysisRequest>>,
    /// Where to send the result (decision 19); not built yet, refused with code 2.
    #[serde(default)]
    pub resolution_endpoint: Option<String>,
}

/// Body of `PATCH /api/folders/{folder_id}`. `null` clears, an absent key leaves alone.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub struct FolderPatch {
    /// An operator's decision (decision 24).
    #[serde(default, deserialize_with = "crate::word::read_given")]
    #[schema(value_type = Option<String>)]
    pub operator_status: Option<Option<Resolution>>,
    /// Old name of `operator_status`.
    #[serde(default, deserialize_with = "crate::word::read_given")]
    #[schema(value_type = Option<String>)]
    pub resolution_suggest: Option<Option<Resolution>>,
    /// An operator's remark.
    #[serde(default, with = "given")]
    #[schema(value_type = Option<String>)]
    pub operator_comment: Option<Option<String>>,
    /// Another owner, of the same company.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub user_id: Option<UserId>,
    /// Merged into the folder's data.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub meta_data: Option<Map<String, Value>>,
}

/// Tells "the key is absent" from "the key is null".
mod given {
    use serde::{Deserialize, Deserializer};

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<T>>, D::Error> {
        Option::deserialize(from).map(Some)
    }
}

/// A folder.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Folder {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub folder_id: FolderId,
    /// The company.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// Who made it.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub user_id: Option<UserId>,
    /// `INITIAL`, `PROCESSING`, `FAILED` or `FINISHED`.
    pub resolution_status: &'static str,
    /// The worst verdict of the newest group.
    pub system_resolution: &'static str,
    /// An operator's decision.
    pub operator_status: Option<String>,
    /// Old name of `operator_status`; `Some(None)` writes null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub resolution_suggest: Option<Option<String>>,
    /// An operator's remark.
    pub operator_comment: Option<String>,
    /// Whether personal data were erased.
    pub is_cleaned: bool,
    /// The folder's media.
    pub media: Vec<Media>,
    /// Analyses, when asked for or in single request mode.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analyses: Option<Vec<Analysis>>,
    /// The owner, with `with_user`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<User>,
    /// The company, with `with_company`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub company: Option<Company>,
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

/// A page of folders (decision 5).
#[derive(Debug, Serialize, ToSchema)]
pub struct FolderPage {
    /// The folders.
    pub items: Vec<Folder>,
    /// How many match; left out with `total_omit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Give it back as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
