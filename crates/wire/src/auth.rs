//! Log-in, users, companies (`oz-api.md` 3-5).

use oz_domain::{CompanyId, Role, TokenId, UserId};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Body of `POST /api/authorize/auth`.
#[derive(Deserialize, ToSchema)]
pub struct LogIn {
    /// Who logs in.
    pub credentials: Credentials,
}

/// An address and its password. Has no `Debug`, so that it cannot reach a log.
#[derive(Deserialize, ToSchema)]
pub struct Credentials {
    /// The address; compared without regard to case.
    pub email: String,
    /// The password.
    pub password: String,
}

/// Body of `POST /api/authorize/refresh`.
#[derive(Deserialize, ToSchema)]
pub struct Refresh {
    /// The secret that came with the access token.
    pub expire_token: String,
}

/// Answer to log-in, refresh and the issue of a service token. Both name generations (`oz-api.md` 22).
#[derive(Serialize, ToSchema)]
pub struct AuthAnswer {
    /// The user that logged in.
    pub user: User,
    /// Send it as `X-Forensic-Access-Token`.
    pub access_token: String,
    /// Renews the access token, once; a service token is not renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_token: Option<String>,
    /// The session.
    #[schema(value_type = uuid::Uuid)]
    pub token_id: TokenId,
    /// Old name of `token_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub session_id: Option<TokenId>,
    /// Old way to tell the end of life, UNIX seconds; the token's `exp` says the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expire_date: Option<f64>,
}

/// A user as the wire shows it; never with a password.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct User {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub user_id: UserId,
    /// Role.
    #[schema(value_type = String)]
    pub user_type: Role,
    /// First name.
    pub first_name: String,
    /// Last name.
    pub last_name: String,
    /// Middle name.
    pub middle_name: String,
    /// The address that logs in.
    pub email: String,
    /// Company; null for ADMIN and OPERATOR.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// False blocks every call (code 1401).
    pub is_active: bool,
    /// May start QUALITY.
    pub can_start_analysis_quality: bool,
    /// May start BIOMETRY.
    pub can_start_analysis_biometry: bool,
    /// May start COLLECTION.
    pub can_start_analysis_collection: bool,
    /// May start DOCUMENTS.
    pub can_start_analysis_documents: bool,
    /// Names from before 6.0.1.
    #[serde(flatten)]
    pub old: Option<OldUser>,
    /// The client's own data.
    #[schema(value_type = Object)]
    pub meta_data: Map<String, Value>,
    /// Reserved.
    #[schema(value_type = Object)]
    pub technical_meta_data: Map<String, Value>,
}

/// What a user had before 6.0.1 (`oz-api.md` 22).
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct OldUser {
    /// Now the role `CLIENT_ADMIN`.
    pub is_admin: bool,
    /// Now the role `CLIENT_SERVICE`.
    pub is_service: bool,
    /// Now `can_start_analysis_quality`.
    pub can_start_analyse_quality: bool,
    /// Now `can_start_analysis_biometry`.
    pub can_start_analyse_biometry: bool,
    /// Now `can_start_analysis_collection`.
    pub can_start_analyse_collection: bool,
    /// Now `can_start_analysis_documents`.
    pub can_start_analyse_documents: bool,
}

/// A company as the wire shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Company {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub company_id: CompanyId,
    /// Name.
    pub name: String,
    /// Whether it is being deleted.
    pub in_deletion: bool,
    /// The client's own data.
    #[schema(value_type = Object)]
    pub meta_data: Map<String, Value>,
    /// Reserved; while the company is being deleted, `deletion` tells what is left.
    #[schema(value_type = Object)]
    pub technical_meta_data: Map<String, Value>,
}
