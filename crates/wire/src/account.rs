//! Users and companies as they are made and changed (`oz-api.md` 4, 5).

use crate::{Company, PayloadError, User, parse_value};
use oz_domain::{AnalysisKind, CompanyId, Role};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// Body of `POST /api/users`.
#[derive(Deserialize, ToSchema)]
pub struct NewUser {
    /// The address that logs in, and the password.
    pub credentials: crate::Credentials,
    /// Everything else.
    pub profile: UserFields,
}

/// What can be said of a user, in both name generations. What is absent is left alone, or gets its default.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
pub struct UserFields {
    /// The company; not for ADMIN and OPERATOR, who belong to none.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
    /// The role.
    #[serde(default, deserialize_with = "crate::word::read_optional")]
    #[schema(value_type = Option<String>)]
    pub user_type: Option<Role>,
    /// First name.
    pub first_name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Middle name.
    pub middle_name: Option<String>,
    /// Whether the user may do anything at all.
    pub is_active: Option<bool>,
    /// May start QUALITY.
    pub can_start_analysis_quality: Option<bool>,
    /// May start BIOMETRY.
    pub can_start_analysis_biometry: Option<bool>,
    /// May start COLLECTION.
    pub can_start_analysis_collection: Option<bool>,
    /// May start DOCUMENTS.
    pub can_start_analysis_documents: Option<bool>,
    /// Merged into the user's data.
    #[schema(value_type = Option<Object>)]
    pub meta_data: Option<Map<String, Value>>,
    /// Before 6.0.1: the role CLIENT_ADMIN, when no `user_type` is given.
    pub is_admin: Option<bool>,
    /// Before 6.0.1: the role CLIENT_SERVICE, when no `user_type` is given.
    pub is_service: Option<bool>,
    /// Old name of `can_start_analysis_quality`.
    pub can_start_analyse_quality: Option<bool>,
    /// Old name of `can_start_analysis_biometry`.
    pub can_start_analyse_biometry: Option<bool>,
    /// Old name of `can_start_analysis_collection`.
    pub can_start_analyse_collection: Option<bool>,
    /// Old name of `can_start_analysis_documents`.
    pub can_start_analyse_documents: Option<bool>,
}

impl UserFields {
    /// The same without the names from before 6.0.1 (`OZ_LEGACY_NAMES=false`).
    #[must_use]
    pub fn without_old_names(self) -> Self {
        Self {
            is_admin: None,
            is_service: None,
            can_start_analyse_quality: None,
            can_start_analyse_biometry: None,
            can_start_analyse_collection: None,
            can_start_analyse_documents: None,
            ..self
        }
    }

    /// The role that is asked for, under whichever name.
    pub fn role(&self) -> Option<Role> {
        let old = match (self.is_service, self.is_admin) {
            (Some(true), _) => Some(Role::ClientService),
            (_, Some(true)) => Some(Role::ClientAdmin),
            _ => None,
        };
        self.user_type.or(old)
    }

    /// Whether analyses of this kind may be started, as far as it is said; the new name counts before the old one.
    pub fn can_start(&self, kind: AnalysisKind) -> Option<bool> {
        match kind {
            AnalysisKind::Quality => self.can_start_analysis_quality.or(self.can_start_analyse_quality),
            AnalysisKind::Biometry => self.can_start_analysis_biometry.or(self.can_start_analyse_biometry),
            AnalysisKind::Collection => self.can_start_analysis_collection.or(self.can_start_analyse_collection),
            AnalysisKind::Documents => self.can_start_analysis_documents.or(self.can_start_analyse_documents),
        }
    }
}

/// Body of `PATCH /api/users/{user_id}`: the fields of a user, in `profile` or beside it.
#[derive(ToSchema)]
pub struct UserPatch {
    /// The fields.
    pub profile: UserFields,
    /// Another address to log in with.
    pub email: Option<String>,
    /// Another password: the call from before 3.33.0.
    pub password: Option<String>,
    /// The password so far, needed by who changes the own one.
    pub old_password: Option<String>,
}

#[derive(Deserialize)]
struct Secrets {
    email: Option<String>,
    password: Option<String>,
    old_password: Option<String>,
}

impl UserPatch {
    /// Reads the body: what stands in `profile` and `credentials` counts as if it stood beside them.
    ///
    /// # Errors
    /// Names the field.
    pub fn read(mut body: Map<String, Value>) -> Result<Self, PayloadError> {
        for block in ["profile", "credentials"] {
            match body.remove(block) {
                None | Some(Value::Null) => {}
                Some(Value::Object(fields)) => body.extend(fields),
                Some(_) => return Err(PayloadError::value(block, "no object", "an object")),
            }
        }
        let Secrets { email, password, old_password } = parse_value(Value::Object(body.clone()))?;
        Ok(Self { profile: parse_value(Value::Object(body))?, email, password, old_password })
    }
}

/// A page of users.
#[derive(Debug, Serialize, ToSchema)]
pub struct UserPage {
    /// The users.
    pub items: Vec<User>,
    /// All that match; left out with `total_omit=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Body of `POST /api/companies` and `PATCH /api/companies/{company_id}`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct CompanyBody {
    /// The name; required for a new company.
    pub name: Option<String>,
    /// Merged into the company's data.
    #[schema(value_type = Option<Object>)]
    pub meta_data: Option<Map<String, Value>>,
}

/// A page of companies.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompanyPage {
    /// The companies.
    pub items: Vec<Company>,
    /// All that match; left out with `total_omit=true`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Where the next page begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// Where a company's webhooks may go (decision 19).
#[derive(Debug, Serialize, ToSchema)]
pub struct WebhookSettings {
    /// Allowed hosts; empty: `OZ_WEBHOOK_ALLOWED_HOSTS` decides.
    pub hosts: Vec<String>,
    /// Whether there is a secret that signs.
    pub secret_set: bool,
}

/// Body of `PATCH /api/companies/{company_id}/webhook`.
#[derive(Debug, Deserialize, ToSchema)]
pub struct WebhookSettingsBody {
    /// Allowed hosts.
    pub hosts: Vec<String>,
}

/// A new secret, told once.
#[derive(Serialize, ToSchema)]
pub struct WebhookSecret {
    /// `whsec_` and 32 random bytes in base64, as Standard Webhooks writes it.
    pub secret: String,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn patch(body: Value) -> Result<UserPatch, PayloadError> {
        UserPatch::read(body.as_object().cloned().unwrap())
    }

    #[test]
    fn fields_count_inside_and_beside_the_profile() {
        let flat = patch(json!({"first_name": "Ann", "email": "a@b.c"})).unwrap();
        let nested = patch(json!({"profile": {"first_name": "Ann"}, "credentials": {"email": "a@b.c"}})).unwrap();
        assert_eq!(flat.profile.first_name, nested.profile.first_name);
        assert_eq!((flat.email, nested.email), (Some("a@b.c".to_owned()), Some("a@b.c".to_owned())));
        let error = patch(json!({"profile": {"is_active": "yes"}})).err().unwrap();
        assert_eq!((error.code, error.field.as_str()), (crate::Code::InvalidType, "is_active"));
        let error = patch(json!({"user_type": "KING"})).err().unwrap();
        assert_eq!((error.code, error.field.as_str()), (crate::Code::InvalidValue, "user_type"));
        assert!(patch(json!({"profile": 7})).is_err());
    }

    #[test]
    fn a_role_has_three_names() {
        let role = |body| parse_value::<UserFields>(body).unwrap().role();
        assert_eq!(role(json!({"is_service": true})), Some(Role::ClientService));
        assert_eq!(role(json!({"is_admin": true})), Some(Role::ClientAdmin));
        assert_eq!(role(json!({"is_admin": false, "is_service": false})), None);
        assert_eq!(role(json!({"user_type": "client", "is_admin": true})), Some(Role::Client));
        let old = parse_value::<UserFields>(json!({"can_start_analyse_quality": false})).unwrap();
        assert_eq!(old.can_start(AnalysisKind::Quality), Some(false));
        assert_eq!(old.without_old_names().can_start(AnalysisKind::Quality), None);
    }
}
