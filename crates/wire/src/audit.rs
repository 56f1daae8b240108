//! The audit log (`permissions.csv`: audit).

use oz_domain::{AuditId, CompanyId, RequestId, UserId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

/// One record: who did what to which object, when and from where.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct AuditRecord {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub audit_id: AuditId,
    /// UNIX seconds.
    pub time_created: f64,
    /// The company of the object.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// Who did it; null for the system itself and its command line.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub user_id: Option<UserId>,
    /// The request that did it, as `X-Request-Id` told.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub request_id: Option<RequestId>,
    /// The address of the client that asked.
    pub address: Option<String>,
    /// Kind of the object: `folder`, `media`, `analysis`, `user`, …
    pub object: String,
    /// The object; null for a search, which has no single one.
    pub object_id: Option<String>,
    /// What was done: `create`, `read`, `update`, `delete`, `download`, `decide`, …
    pub action: String,
    /// What it was before, as far as it changed.
    pub before: Option<Value>,
    /// What it is since, as far as it changed.
    pub after: Option<Value>,
    /// Whether there were values that can never be read again, because their subject was erased.
    pub erased: bool,
    /// Place in the chain, from 1; null for the second until it is sealed.
    pub seq: Option<i64>,
    /// SHA-256 over the hash of the record before and this one, in hex.
    pub hash: Option<String>,
}

/// A page of records (decision 5).
#[derive(Debug, Serialize, ToSchema)]
pub struct AuditPage {
    /// The records.
    pub items: Vec<AuditRecord>,
    /// How many match; left out with `total_omit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Give it back as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
