//! What goes over the wire: bodies, error codes, paging, names old and new.
//!
//! No warp and no database here, so that a client, a test or a document can be built from these types alone.

mod account;
mod analysis;
mod audit;
mod auth;
mod code;
mod error;
mod folder;
mod media;
mod old_names;
mod payload;
mod query;
mod session;
mod subject;
mod system;
mod word;

pub use account::{
    CompanyBody, CompanyPage, NewUser, UserFields, UserPage, UserPatch, WebhookSecret, WebhookSettings,
    WebhookSettingsBody,
};
pub use analysis::{
    Analysis, AnalysisPatch, AnalysisRequest, MediaResult, OutputImage, QualityParams, QualityScores, StartAnalyses,
    Thresholds,
};
pub use audit::{AuditPage, AuditRecord};
pub use auth::{AuthAnswer, Company, Credentials, LogIn, OldUser, Refresh, User};
pub use code::{Code, errors_page};
pub use error::ErrorBody;
pub use folder::{Folder, FolderPage, FolderPatch, FolderPayload};
pub use media::{Media, MediaPatch, OriginalInfo};
pub use payload::{PayloadError, parse, parse_value};
pub use query::{ListQuery, MetaFilter, QueryError, Sort};
pub use session::{ChangePassword, NewPassword, Restore, Session, SessionPage, SessionToken};
pub use subject::{Erased, SubjectRequest};
pub use system::{Check, CheckStatus, Config, ConfigLicense, Health, Limits, Version};
