//! Sessions, tokens and passwords (`oz-api.md` 3.3-3.5; decisions 10-13).

use oz_domain::{SessionKind, TokenId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A session: somebody, or a machine, that is logged in.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Session {
    /// Id.
    #[schema(value_type = uuid::Uuid)]
    pub token_id: TokenId,
    /// Old name of `token_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<uuid::Uuid>)]
    pub session_id: Option<TokenId>,
    /// Whose it is.
    #[schema(value_type = uuid::Uuid)]
    pub user_id: UserId,
    /// `person`, `service` or `capture`.
    #[schema(value_type = String)]
    pub kind: SessionKind,
    /// Whether it is the one that asks.
    pub is_current: bool,
    /// When it began, UNIX seconds.
    pub time_created: f64,
    /// When it was last used, to a tenth of its life.
    pub time_seen: f64,
    /// When it ends unless it is used.
    pub time_expires: f64,
}

/// Sessions, with their number.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionPage {
    /// The sessions.
    pub items: Vec<Session>,
    /// How many match; left out with `total_omit`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Give it back as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Answer of `GET /api/authorize/session_token`.
#[derive(Serialize, ToSchema)]
pub struct SessionToken {
    /// A short-lived token that makes folders, media and analyses of its user, and does nothing else.
    pub session_token: String,
}

/// Body of `POST /api/users/{user_id}/change-password`. Has no `Debug`, so that it cannot reach a log.
#[derive(Deserialize, ToSchema)]
pub struct ChangePassword {
    /// The present password; needed for one's own.
    pub old_password: Option<String>,
    /// The next one.
    pub new_password: String,
}

/// Body of `POST /api/authorize/auth_restore`. Has no `Debug`: an address is personal.
#[derive(Deserialize, ToSchema)]
pub struct Restore {
    /// The address that forgot its password.
    pub email: String,
}

/// Body of `POST /api/authorize/auth_restore/{token}`.
#[derive(Deserialize, ToSchema)]
pub struct NewPassword {
    /// The next password.
    pub password: String,
}
