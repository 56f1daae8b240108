//! The API's description (OpenAPI 3.1), from one table of operations and the types of the wire.
//!
//! warp cannot be asked for its paths, so every start holds this table against the names of the endpoints ([`check`]).

use oz_wire as wire;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use utoipa::OpenApi as _;

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(
    wire::Analysis,
    wire::AnalysisPatch,
    wire::AuditPage,
    wire::AuditRecord,
    wire::AuthAnswer,
    wire::ChangePassword,
    wire::Company,
    wire::CompanyBody,
    wire::CompanyPage,
    wire::Config,
    wire::Erased,
    wire::ErrorBody,
    wire::Folder,
    wire::FolderPage,
    wire::FolderPatch,
    wire::FolderPayload,
    wire::Health,
    wire::LogIn,
    wire::Media,
    wire::MediaPatch,
    wire::NewPassword,
    wire::NewUser,
    wire::Refresh,
    wire::Restore,
    wire::SessionPage,
    wire::SessionToken,
    wire::StartAnalyses,
    wire::SubjectRequest,
    wire::User,
    wire::UserPage,
    wire::UserPatch,
    wire::Version,
    wire::WebhookSecret,
    wire::WebhookSettings,
    wire::WebhookSettingsBody,
)))]
struct Schemas;

/// What a request carries.
#[derive(Clone, Copy)]
enum Body {
    Nothing,
    Json(&'static str),
    /// Files and the part `payload`.
    Form,
}

/// What the answer is.
#[derive(Clone, Copy)]
enum Answer {
    One(u16, &'static str),
    Many(u16, &'static str),
    Nothing,
    File,
    Free,
}

struct Operation {
    /// The endpoint's name: method and template.
    name: &'static str,
    summary: &'static str,
    public: bool,
    query: &'static [&'static [Parameter]],
    body: Body,
    answer: Answer,
    /// Statuses beside those that every operation of its kind can have.
    also: &'static [u16],
}

/// Name, schema, meaning.
type Parameter = (&'static str, Kind, &'static str);

#[derive(Clone, Copy)]
enum Kind {
    Text,
    Number,
    Flag,
    Time,
}

/// What every list takes (decision 5).
const PAGE: &[Parameter] = &[
    ("offset", Kind::Number, "Rows to skip; a cursor is cheaper."),
    ("limit", Kind::Number, "Rows of the page, 1-1000; 100 unless told otherwise."),
    ("total_omit", Kind::Flag, "Do not count all rows."),
    ("cursor", Kind::Text, "`next_cursor`, or the header `X-Next-Cursor`, of the page before."),
    ("sorting", Kind::Text, "time_created{asc}, time_created{desc}, time_updated{asc} or time_updated{desc}."),
    ("time_created.min", Kind::Time, "UNIX seconds or milliseconds."),
    ("time_created.max", Kind::Time, "UNIX seconds or milliseconds."),
    ("time_updated.min", Kind::Time, "UNIX seconds or milliseconds."),
    ("time_updated.max", Kind::Time, "UNIX seconds or milliseconds."),
];

/// What folders are found by.
const FOLDERS: &[Parameter] = &[
    ("folder_id", Kind::Text, "Ids, separated by commas."),
    ("company_id", Kind::Text, "Ids, separated by commas."),
    ("user_id", Kind::Text, "Ids of owners, separated by commas."),
    ("resolution_status", Kind::Text, "Statuses, separated by commas."),
    ("system_resolution", Kind::Text, "Statuses, separated by commas."),
    ("operator_status", Kind::Text, "Resolutions, separated by commas."),
    ("analyse.resolution_status", Kind::Text, "Statuses of which an analysis shows one."),
    ("meta_data", Kind::Text, "key==value or key!=value; may be repeated."),
];

/// What sessions are found by.
const SESSIONS: &[Parameter] = &[("user_id", Kind::Text, "Ids of users, separated by commas.")];

/// What a folder is shown with.
const WITH: &[Parameter] = &[
    ("with_analyses", Kind::Flag, "With the analyses."),
    ("with_user", Kind::Flag, "With the owner."),
    ("with_company", Kind::Flag, "With the company."),
];

/// What analyses are found by.
const ANALYSES: &[Parameter] = &[
    ("analyse_id", Kind::Text, "Ids, separated by commas."),
    ("type", Kind::Text, "Kinds, separated by commas."),
    ("state", Kind::Text, "States, separated by commas."),
    ("resolution_status", Kind::Text, "Statuses, separated by commas."),
];

/// What users are found by.
const USERS: &[Parameter] = &[
    ("company_id", Kind::Text, "Ids, separated by commas."),
    ("user_id", Kind::Text, "Ids, separated by commas."),
    ("user_type", Kind::Text, "Roles, separated by commas."),
    ("is_active", Kind::Flag, "Only active users, or only others."),
    ("search_text", Kind::Text, "Part of the address or of a name."),
];

/// What companies are found by.
const COMPANIES: &[Parameter] = &[("search_text", Kind::Text, "Part of the name.")];

/// What records of the audit log are found by.
const AUDIT: &[Parameter] = &[
    ("user_id", Kind::Text, "Ids of those who did it, separated by commas."),
    ("object", Kind::Text, "Kinds of objects, separated by commas: folder, media, analysis, user, company, …"),
    ("object_id", Kind::Text, "Ids of objects, separated by commas."),
    ("action", Kind::Text, "Actions, separated by commas: create, read, update, delete, download, decide, …"),
    ("company_id", Kind::Text, "Ids of companies, separated by commas."),
    ("time.min", Kind::Time, "The same as time_created.min."),
    ("time.max", Kind::Time, "The same as time_created.max."),
];

#[rustfmt::skip]
const OPERATIONS: &[Operation] = &[
    Operation { name: "POST /api/authorize/auth", summary: "Log in.", public: true, query: &[], body: Body::Json("LogIn"), answer: Answer::One(200, "AuthAnswer"), also: &[400, 401, 429] },
    Operation { name: "DELETE /api/authorize/auth", summary: "Log out.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[] },
    Operation { name: "POST /api/authorize/refresh", summary: "Renew the access token.", public: false, query: &[], body: Body::Json("Refresh"), answer: Answer::One(200, "AuthAnswer"), also: &[] },
    Operation { name: "GET /api/authorize/service_token", summary: "A long-lived token for oneself, a CLIENT_SERVICE.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "AuthAnswer"), also: &[] },
    Operation { name: "POST /api/authorize/service_token", summary: "A long-lived token for oneself, a CLIENT_SERVICE.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "AuthAnswer"), also: &[] },
    Operation { name: "GET /api/authorize/service_token/{user_id}", summary: "A long-lived token for a CLIENT_SERVICE.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "AuthAnswer"), also: &[400] },
    Operation { name: "POST /api/authorize/service_token/{user_id}", summary: "A long-lived token for a CLIENT_SERVICE.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "AuthAnswer"), also: &[400] },
    Operation { name: "GET /api/authorize/session_token", summary: "A short-lived token for one capture: it makes folders, media and analyses of its user.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "SessionToken"), also: &[] },
    Operation { name: "POST /api/authorize/auth_restore", summary: "Mail a link that sets a new password; the answer never says whether the address exists.", public: true, query: &[], body: Body::Json("Restore"), answer: Answer::Free, also: &[429, 501] },
    Operation { name: "POST /api/authorize/auth_restore/{token}", summary: "Set a new password by a mailed link, once; all sessions end.", public: true, query: &[], body: Body::Json("NewPassword"), answer: Answer::Nothing, also: &[401, 409, 429] },
    Operation { name: "POST /api/authorize/restore", summary: "Mail a link that sets a new password; the answer never says whether the address exists.", public: true, query: &[], body: Body::Json("Restore"), answer: Answer::Free, also: &[429, 501] },
    Operation { name: "POST /api/authorize/restore/{token}", summary: "Set a new password by a mailed link, once; all sessions end.", public: true, query: &[], body: Body::Json("NewPassword"), answer: Answer::Nothing, also: &[401, 409, 429] },
    Operation { name: "GET /api/users/sessions", summary: "Who is logged in: oneself, the company, everybody.", public: false, query: &[PAGE, SESSIONS], body: Body::Nothing, answer: Answer::One(200, "SessionPage"), also: &[400] },
    Operation { name: "DELETE /api/users/sessions/{token_id}", summary: "End a session.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[] },
    Operation { name: "POST /api/users/{user_id}/change-password", summary: "Change a password; the user's other sessions end.", public: false, query: &[], body: Body::Json("ChangePassword"), answer: Answer::Nothing, also: &[409, 429] },
    Operation { name: "POST /api/folders", summary: "Make a folder with media; with `analyses` in the payload, wait for their verdicts.", public: false, query: &[], body: Body::Form, answer: Answer::One(201, "Folder"), also: &[409] },
    Operation { name: "GET /api/folders", summary: "Folders.", public: false, query: &[PAGE, FOLDERS, WITH], body: Body::Nothing, answer: Answer::One(200, "FolderPage"), also: &[400] },
    Operation { name: "GET /api/folders/{folder_id}", summary: "One folder.", public: false, query: &[WITH], body: Body::Nothing, answer: Answer::One(200, "Folder"), also: &[400] },
    Operation { name: "PATCH /api/folders/{folder_id}", summary: "Decide on a folder, or merge into its data.", public: false, query: &[], body: Body::Json("FolderPatch"), answer: Answer::One(200, "Folder"), also: &[409] },
    Operation { name: "DELETE /api/folders/{folder_id}", summary: "Delete a folder with all in it.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[] },
    Operation { name: "POST /api/folders/{folder_id}/media", summary: "Add media.", public: false, query: &[], body: Body::Form, answer: Answer::Many(201, "Media"), also: &[409] },
    Operation { name: "GET /api/folders/{folder_id}/media", summary: "The folder's media.", public: false, query: &[PAGE], body: Body::Nothing, answer: Answer::Many(200, "Media"), also: &[400] },
    Operation { name: "POST /api/folders/{folder_id}/analyses", summary: "Start analyses.", public: false, query: &[], body: Body::Json("StartAnalyses"), answer: Answer::Many(201, "Analysis"), also: &[409, 501] },
    Operation { name: "GET /api/folders/{folder_id}/analyses", summary: "The folder's analyses.", public: false, query: &[PAGE, ANALYSES], body: Body::Nothing, answer: Answer::Many(200, "Analysis"), also: &[400] },
    Operation { name: "GET /api/analyses/{analysis_id}", summary: "One analysis.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "Analysis"), also: &[] },
    Operation { name: "PATCH /api/analyses/{analysis_id}", summary: "An operator's decision.", public: false, query: &[], body: Body::Json("AnalysisPatch"), answer: Answer::One(200, "Analysis"), also: &[409] },
    Operation { name: "DELETE /api/analyses/{analysis_id}", summary: "Delete an analysis.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[] },
    Operation { name: "GET /api/media/{media_id}", summary: "One medium.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "Media"), also: &[] },
    Operation { name: "PATCH /api/media/{media_id}", summary: "Replace the tags.", public: false, query: &[], body: Body::Json("MediaPatch"), answer: Answer::One(200, "Media"), also: &[409] },
    Operation { name: "DELETE /api/media/{media_id}", summary: "Delete a medium and its files.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[] },
    Operation { name: "GET /api/static/{folder_id}/{file}", summary: "A stored file, whole or a range of it.", public: false, query: &[], body: Body::Nothing, answer: Answer::File, also: &[206, 416] },
    Operation { name: "POST /api/users", summary: "Make a user.", public: false, query: &[], body: Body::Json("NewUser"), answer: Answer::One(201, "User"), also: &[409, 429] },
    Operation { name: "GET /api/users", summary: "Users.", public: false, query: &[PAGE, USERS], body: Body::Nothing, answer: Answer::One(200, "UserPage"), also: &[400] },
    Operation { name: "GET /api/users/{user_id}", summary: "One user.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "User"), also: &[] },
    Operation { name: "PATCH /api/users/{user_id}", summary: "Change a user.", public: false, query: &[], body: Body::Json("UserPatch"), answer: Answer::One(200, "User"), also: &[409, 429] },
    Operation { name: "DELETE /api/users/{user_id}", summary: "Remove a user; its folders stay.", public: false, query: &[], body: Body::Nothing, answer: Answer::Nothing, also: &[409] },
    Operation { name: "POST /api/companies", summary: "Make a company.", public: false, query: &[], body: Body::Json("CompanyBody"), answer: Answer::One(201, "Company"), also: &[] },
    Operation { name: "GET /api/companies", summary: "Companies.", public: false, query: &[PAGE, COMPANIES], body: Body::Nothing, answer: Answer::One(200, "CompanyPage"), also: &[400] },
    Operation { name: "GET /api/companies/{company_id}", summary: "One company; while it is being deleted, what is left of it.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "Company"), also: &[] },
    Operation { name: "PATCH /api/companies/{company_id}", summary: "Change a company.", public: false, query: &[], body: Body::Json("CompanyBody"), answer: Answer::One(200, "Company"), also: &[409] },
    Operation { name: "DELETE /api/companies/{company_id}", summary: "Close a company and remove all it has.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(202, "Company"), also: &[409] },
    Operation { name: "GET /api/companies/{company_id}/webhook", summary: "Where webhooks may go.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "WebhookSettings"), also: &[] },
    Operation { name: "PATCH /api/companies/{company_id}/webhook", summary: "Set where webhooks may go.", public: false, query: &[], body: Body::Json("WebhookSettingsBody"), answer: Answer::One(200, "WebhookSettings"), also: &[409] },
    Operation { name: "POST /api/companies/{company_id}/webhook/secret", summary: "Make a new secret that signs webhooks; told once.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(201, "WebhookSecret"), also: &[409] },
    Operation { name: "GET /api/audit", summary: "Who did what, when, from where; what it was before and is since.", public: false, query: &[PAGE, AUDIT], body: Body::Nothing, answer: Answer::One(200, "AuditPage"), also: &[400] },
    Operation { name: "POST /api/subjects/export", summary: "All that is kept of one person, as a ZIP archive.", public: false, query: &[], body: Body::Json("SubjectRequest"), answer: Answer::File, also: &[429] },
    Operation { name: "POST /api/subjects/erase", summary: "Erase what is kept of one person.", public: false, query: &[], body: Body::Json("SubjectRequest"), answer: Answer::One(200, "Erased"), also: &[] },
    Operation { name: "GET /api/healthcheck", summary: "How the appliance is; 503 when a part fails.", public: true, query: &[], body: Body::Nothing, answer: Answer::One(200, "Health"), also: &[] },
    Operation { name: "GET /api/version", summary: "Versions.", public: true, query: &[], body: Body::Nothing, answer: Answer::One(200, "Version"), also: &[] },
    Operation { name: "GET /api/config", summary: "What clients need to know.", public: false, query: &[], body: Body::Nothing, answer: Answer::One(200, "Config"), also: &[] },
    Operation { name: "GET /api/openapi.json", summary: "This document.", public: true, query: &[], body: Body::Nothing, answer: Answer::Free, also: &[] },
];

/// Holds the built endpoints against this table: a route that nobody can find, or a promise that nobody keeps, is a
/// mistake in the program and ends its start.
pub(crate) fn check(built: &[&'static str]) -> anyhow::Result<()> {
    let described: BTreeSet<_> = OPERATIONS.iter().map(|o| o.name).collect();
    let built: BTreeSet<_> = built.iter().copied().collect();
    let differ: Vec<_> = described.symmetric_difference(&built).collect();
    anyhow::ensure!(differ.is_empty(), "described or built, but not both: {differ:?}");
    Ok(())
}

/// The whole document.
pub(crate) fn document() -> Value {
    let mut document = serde_json::to_value(Schemas::openapi()).unwrap_or_default();
    document["info"] = json!({
        "title": "Oz Appliance",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Liveness on your own server. A trailing slash is optional on every path.",
        "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    });
    document["components"]["securitySchemes"] =
        json!({"access_token": {"type": "apiKey", "in": "header", "name": "X-Forensic-Access-Token"}});
    let mut paths: Map<String, Value> = Map::new();
    for operation in OPERATIONS {
        let Some((method, path)) = operation.name.split_once(' ') else { continue };
        let at = paths.entry(path).or_insert_with(|| json!({}));
        at[method.to_lowercase()] = operation.describe(method, path);
    }
    document["paths"] = Value::Object(paths);
    document
}

impl Operation {
    fn describe(&self, method: &str, path: &str) -> Value {
        let words = path.split('/').filter(|w| !w.is_empty() && *w != "api").map(|w| w.trim_matches(['{', '}']));
        let id: Vec<&str> = std::iter::once(method).chain(words).collect();
        let mut operation = json!({
            "operationId": id.join("_").to_lowercase(),
            "summary": self.summary,
            "parameters": self.parameters(path),
            "responses": self.responses(path),
            "security": if self.public { json!([]) } else { json!([{"access_token": []}]) },
        });
        match self.body {
            Body::Nothing => {}
            Body::Json(name) => {
                operation["requestBody"] =
                    json!({"required": true, "content": {"application/json": {"schema": reference(name)}}});
            }
            Body::Form => {
                let payload = json!({"payload": {"contentMediaType": "application/json", "contentSchema": reference("FolderPayload"), "type": "string"}});
                let file = json!({"type": "string", "format": "binary"});
                let schema = json!({"type": "object", "properties": payload, "additionalProperties": file});
                operation["requestBody"] = json!({"content": {"multipart/form-data": {"schema": schema}}});
            }
        }
        operation
    }

    fn parameters(&self, path: &str) -> Vec<Value> {
        let mut all = Vec::new();
        for name in path.split('/').filter_map(|w| w.strip_prefix('{')?.strip_suffix('}')) {
            let text = ["file", "token"].contains(&name);
            let schema = if text { json!({"type": "string"}) } else { json!({"type": "string", "format": "uuid"}) };
            all.push(json!({"name": name, "in": "path", "required": true, "schema": schema}));
        }
        for (name, kind, text) in self.query.iter().copied().flatten() {
            let schema = match kind {
                Kind::Text => json!({"type": "string"}),
                Kind::Number => json!({"type": "integer", "minimum": 0}),
                Kind::Flag => json!({"type": "boolean"}),
                Kind::Time => json!({"type": "number"}),
            };
            all.push(json!({"name": name, "in": "query", "description": text, "schema": schema}));
        }
        if ["POST /api/folders", "POST /api/folders/{folder_id}/analyses"].contains(&self.name) {
            let text = "The same key with the same body within 24 h is done once.";
            all.push(
                json!({"name": "Idempotency-Key", "in": "header", "description": text, "schema": {"type": "string"}}),
            );
        }
        all
    }

    fn responses(&self, path: &str) -> Value {
        let content =
            |schema: Value| json!({"description": "Done.", "content": {"application/json": {"schema": schema}}});
        let mut all = Map::new();
        let (status, answer) = match self.answer {
            Answer::One(status, name) => (status, content(reference(name))),
            Answer::Many(status, name) => (status, content(json!({"type": "array", "items": reference(name)}))),
            Answer::Nothing => (204, json!({"description": "Done."})),
            Answer::File => (200, json!({"description": "The file.", "content": {"*/*": {}}})),
            Answer::Free => (200, content(json!({"type": "object"}))),
        };
        all.insert(status.to_string(), answer);
        let mut errors: Vec<u16> = self.also.to_vec();
        if !self.public {
            errors.extend([401, 403]);
        }
        if path.contains('{') {
            errors.push(404);
        }
        match self.body {
            Body::Nothing => {}
            Body::Json(_) => errors.extend([400, 413]),
            Body::Form => errors.extend([400, 413, 429, 501, 507]),
        }
        errors.extend([500, 503]);
        for status in errors {
            let answer = match status {
                206 => json!({"description": "The range that was asked for.", "content": {"*/*": {}}}),
                503 if path.ends_with("healthcheck") => content(reference("Health")),
                _ => {
                    json!({"description": "Refused.", "content": {"application/json": {"schema": reference("ErrorBody")}}})
                }
            };
            all.insert(status.to_string(), answer);
        }
        Value::Object(all)
    }
}

fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reference_leads_somewhere() {
        let document = document();
        let text = document.to_string();
        for name in text.split("#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document["components"]["schemas"].get(name).is_some(), "{name} has no schema");
        }
        assert_eq!(document["openapi"], "3.1.0");
    }
}
