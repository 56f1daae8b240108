//! Who may do what: one table for every route (decision 17). What is not in it is denied.
//!
//! Written by hand from `permissions.csv`; the tests read that file and compare every cell.

use crate::{Role, words};

words! {
    /// What is acted on: the first column of the matrix.
    Object {
        /// The object `company`.
        Company = "company",
        /// The object `user`.
        User = "user",
        /// The object `session`.
        Session = "session",
        /// The object `service_token`.
        ServiceToken = "service_token",
        /// The object `session_token`.
        SessionToken = "session_token",
        /// The object `folder`.
        Folder = "folder",
        /// The object `media`.
        Media = "media",
        /// The object `analysis`.
        Analysis = "analysis",
        /// The object `report`.
        Report = "report",
        /// The object `report_template`.
        ReportTemplate = "report_template",
        /// The object `collection`.
        Collection = "collection",
        /// The object `person`.
        Person = "person",
        /// The object `event_session`.
        EventSession = "event_session",
        /// The object `statistics`.
        Statistics = "statistics",
        /// The object `audit`.
        Audit = "audit",
        /// The object `subject`.
        Subject = "subject",
        /// The object `license`.
        License = "license",
        /// The object `config`.
        Config = "config",
    }
}

words! {
    /// What is done: the second column of the matrix.
    Action {
        /// The action `create`.
        Create = "create",
        /// The action `read`.
        Read = "read",
        /// The action `update`.
        Update = "update",
        /// The action `delete`.
        Delete = "delete",
        /// The action `webhook_settings`.
        WebhookSettings = "webhook_settings",
        /// The action `set_role_or_flags`.
        SetRoleOrFlags = "set_role_or_flags",
        /// The action `change_password`.
        ChangePassword = "change_password",
        /// The action `revoke`.
        Revoke = "revoke",
        /// The action `issue_own`.
        IssueOwn = "issue_own",
        /// The action `issue_for`.
        IssueFor = "issue_for",
        /// The action `issue`.
        Issue = "issue",
        /// The action `operator_decision`.
        OperatorDecision = "operator_decision",
        /// The action `change_owner`.
        ChangeOwner = "change_owner",
        /// The action `erase_pi`.
        ErasePi = "erase_pi",
        /// The action `download`.
        Download = "download",
        /// The action `update_tags`.
        UpdateTags = "update_tags",
        /// The action `snapshot`.
        Snapshot = "snapshot",
        /// The action `start`.
        Start = "start",
        /// The action `read_details`.
        ReadDetails = "read_details",
        /// The action `decide`.
        Decide = "decide",
        /// The action `images_add`.
        ImagesAdd = "images_add",
        /// The action `images_delete`.
        ImagesDelete = "images_delete",
        /// The action `export`.
        Export = "export",
        /// The action `erase`.
        Erase = "erase",
        /// Coming in: nobody's permission, but the audit log names it.
        LogIn = "log_in",
        /// Kept out for a while after too many wrong passwords: the audit log names it.
        LockOut = "lock_out",
    }
}

words! {
    /// How far a permission reaches.
    Scope {
        /// Not at all.
        None = "none",
        /// The caller itself (a user, a session).
        Myself = "self",
        /// What the caller made.
        Own = "own",
        /// What belongs to the caller's company.
        Company = "company",
        /// Everything.
        All = "all",
    }
}

/// One row: object, action, then a scope for each role in the order of [`Role::ALL`].
type Row = (Object, Action, [Scope; 6]);

/// How far `role` may go in doing `action` to `object`; [`Scope::None`] for pairs that are not in the table.
pub fn allowed(role: Role, object: Object, action: Action) -> Scope {
    let column = Role::ALL.iter().position(|r| *r == role).unwrap_or(usize::MAX);
    TABLE
        .iter()
        .find(|(o, a, _)| (*o, *a) == (object, action))
        .and_then(|(_, _, scopes)| scopes.get(column).copied())
        .unwrap_or(Scope::None)
}

const HEAD: &str = "# Permissions

Who may do what. `all`: everything; `company`: what belongs to the own company; `own`: what one made oneself; `self`: one's
own account or session; `none`: not at all. What is not in the table is denied. An object that one may not see is 404.
Printed by `oz-api admin permissions` from `crates/domain/src/permission.rs`; `cargo xtask bless` writes it, a test compares.

";

/// `docs/PERMISSIONS.md`, printed from the table.
pub fn permissions_page() -> String {
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let head = format!("| object | action | {} |\n|---|---{}|\n", roles.join(" | "), "|---".repeat(roles.len()));
    let rows = TABLE.iter().map(|(object, action, scopes)| {
        let scopes: Vec<&str> = scopes.iter().map(|scope| scope.as_str()).collect();
        format!("| {object} | {action} | {} |\n", scopes.join(" | "))
    });
    [HEAD.to_owned(), head].into_iter().chain(rows).collect()
}

// Columns:            ADMIN, OPERATOR, CLIENT, CLIENT_ADMIN, CLIENT_OPERATOR, CLIENT_SERVICE
#[rustfmt::skip]
const TABLE: &[Row] = {
    use Action as A;
    use Object as O;
    use Scope::{All, Company as Co, Myself as Me, None as No, Own};
    &[
        (O::Company, A::Create, [All, No, No, No, No, No]),
        (O::Company, A::Read, [All, All, Co, Co, Co, Co]),
        (O::Company, A::Update, [All, No, No, Co, No, No]),
        (O::Company, A::Delete, [All, No, No, No, No, No]),
        (O::Company, A::WebhookSettings, [All, No, No, Co, No, No]),
        (O::User, A::Create, [All, No, No, Co, No, No]),
        (O::User, A::Read, [All, All, Me, Co, Co, Me]),
        (O::User, A::Update, [All, No, Me, Co, Me, Me]),
        (O::User, A::Delete, [All, No, No, Co, No, No]),
        (O::User, A::SetRoleOrFlags, [All, No, No, Co, No, No]),
        (O::User, A::ChangePassword, [All, Me, Me, Co, Me, Me]),
        (O::Session, A::Read, [All, Me, Me, Co, Me, Me]),
        (O::Session, A::Revoke, [All, Me, Me, Co, Me, Me]),
        (O::ServiceToken, A::IssueOwn, [No, No, No, No, No, Me]),
        (O::ServiceToken, A::IssueFor, [All, No, No, Co, No, No]),
        (O::SessionToken, A::Issue, [Me, No, Me, Me, Me, Me]),
        (O::Folder, A::Create, [All, No, Own, Own, Own, Own]),
        (O::Folder, A::Read, [All, All, Own, Co, Co, Co]),
        (O::Folder, A::Update, [All, No, Own, Co, Co, Own]),
        (O::Folder, A::OperatorDecision, [All, All, No, Co, Co, Co]),
        (O::Folder, A::ChangeOwner, [All, No, No, Co, Co, No]),
        (O::Folder, A::Delete, [All, No, No, Co, No, No]),
        (O::Folder, A::ErasePi, [All, No, No, Co, No, No]),
        (O::Media, A::Create, [All, No, Own, Co, Co, Co]),
        (O::Media, A::Read, [All, All, Own, Co, Co, Co]),
        (O::Media, A::Download, [All, All, Own, Co, Co, Co]),
        (O::Media, A::UpdateTags, [All, No, Own, Co, Co, Own]),
        (O::Media, A::Snapshot, [All, No, Own, Co, Co, Own]),
        (O::Media, A::Delete, [All, No, No, Co, No, No]),
        (O::Analysis, A::Start, [All, No, Own, Co, Co, Co]),
        (O::Analysis, A::Read, [All, All, Own, Co, Co, Co]),
        (O::Analysis, A::ReadDetails, [All, All, No, Co, Co, No]),
        (O::Analysis, A::Decide, [No, All, No, Co, Co, No]),
        (O::Analysis, A::Delete, [All, No, No, Co, No, No]),
        (O::Report, A::Create, [All, No, Own, Co, Co, No]),
        (O::Report, A::Read, [All, All, Own, Co, Co, Co]),
        (O::Report, A::Delete, [All, No, No, Co, No, No]),
        (O::ReportTemplate, A::Create, [All, No, No, Co, No, No]),
        (O::ReportTemplate, A::Read, [All, All, Co, Co, Co, Co]),
        (O::ReportTemplate, A::Update, [All, No, No, Co, No, No]),
        (O::ReportTemplate, A::Delete, [All, No, No, Co, No, No]),
        (O::Collection, A::Create, [All, No, No, Co, No, No]),
        (O::Collection, A::Read, [All, All, Co, Co, Co, Co]),
        (O::Collection, A::Update, [All, No, No, Co, No, No]),
        (O::Collection, A::Delete, [All, No, No, Co, No, No]),
        (O::Person, A::Create, [All, No, No, Co, No, Co]),
        (O::Person, A::Read, [All, All, No, Co, Co, Co]),
        (O::Person, A::Update, [All, No, No, Co, No, No]),
        (O::Person, A::Delete, [All, No, No, Co, No, No]),
        (O::Person, A::ImagesAdd, [All, No, No, Co, No, Co]),
        (O::Person, A::ImagesDelete, [All, No, No, Co, No, No]),
        (O::EventSession, A::Create, [All, No, Own, Own, Own, Own]),
        (O::EventSession, A::Read, [All, All, No, Co, Co, No]),
        (O::Statistics, A::Read, [All, All, No, Co, Co, No]),
        (O::Audit, A::Read, [All, No, No, Co, No, No]),
        (O::Subject, A::Export, [All, No, No, Co, No, No]),
        (O::Subject, A::Erase, [All, No, No, Co, No, No]),
        (O::License, A::Read, [All, All, No, No, No, No]),
        (O::Config, A::Read, [All, All, All, All, All, All]),
    ]
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cell_is_as_the_specification_says() {
        let csv = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/spec/permissions.csv"));
        let mut lines = csv.lines();
        let header: Vec<&str> = lines.next().unwrap().split(',').collect();
        let mut seen = 0;
        for line in lines.filter(|l| !l.is_empty()) {
            let cells: Vec<&str> = line.split(',').collect();
            for (name, cell) in header.iter().zip(&cells).skip(2).take(6) {
                let role: Role = name.parse().unwrap();
                let scope = allowed(role, cells[0].parse().unwrap(), cells[1].parse().unwrap());
                assert_eq!(scope.as_str(), *cell, "{name} {} {}", cells[0], cells[1]);
                seen += 1;
            }
        }
        assert_eq!(seen, TABLE.len() * 6, "a row of the table is not in the specification");
    }

    #[test]
    fn the_page_is_the_table() {
        let page = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/PERMISSIONS.md"));
        assert!(page == permissions_page(), "docs/PERMISSIONS.md differs from the table: run `cargo xtask bless`");
    }

    #[test]
    fn what_is_not_in_the_table_is_denied() {
        for role in Role::ALL {
            assert_eq!(allowed(*role, Object::Config, Action::Delete), Scope::None);
        }
    }
}
