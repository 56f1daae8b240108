//! Requests about one person's data (decision 44).

use oz_domain::{CompanyId, FolderId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Body of `POST /api/subjects/export` and `POST /api/subjects/erase`: one of `iin` and `end_user_id`. Has no `Debug`: it
/// names a person.
#[derive(Deserialize, ToSchema)]
pub struct SubjectRequest {
    /// The number of a person as folders' data have it, at the top or in `person_info`.
    pub iin: Option<String>,
    /// The id that the client's own system gives a person.
    pub end_user_id: Option<String>,
    /// Only in this company; for who reaches several.
    #[schema(value_type = Option<uuid::Uuid>)]
    pub company_id: Option<CompanyId>,
}

/// Answer to `POST /api/subjects/erase`.
#[derive(Debug, Serialize, ToSchema)]
pub struct Erased {
    /// The folders whose personal data are gone; they keep ids, times, scores and resolutions.
    #[schema(value_type = Vec<uuid::Uuid>)]
    pub folder_ids: Vec<FolderId>,
}
