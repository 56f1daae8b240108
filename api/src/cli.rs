//! The command line: `oz-api serve | work | migrate | check-config | admin …`.

use crate::audit::SignedHead;
use clap::{Args, Parser, Subcommand};
use oz_domain::{CompanyId, Role, TokenId};
use std::path::PathBuf;

/// Oz Appliance: liveness, face matching and search on your own server.
#[derive(Debug, Parser)]
#[command(name = "oz-api", version, about, disable_help_subcommand = true)]
pub(crate) struct Cli {
    /// Settings file in TOML; `/etc/oz/oz.toml` when it is there and nothing is given.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve the API (and process analyses, unless OZ_PROCESSING=queue).
    Serve(Overrides),
    /// Process analyses only, beside servers that enqueue them (PostgreSQL).
    Work,
    /// Bring the database to the newest form, then stop.
    Migrate,
    /// Print every setting with its value and where it came from; fail on a wrong one.
    CheckConfig,
    /// Print the API's description (OpenAPI 3.1).
    Openapi,
    /// Users, sessions, companies, permissions, the audit log, the license: the same rules as the API's, on the machine itself.
    Admin(Admin),
    /// Decode media for a parent process; not for people.
    #[command(hide = true)]
    DecodeMedia,
}

/// Flags over every other layer of settings.
#[derive(Debug, Args, Default)]
pub(crate) struct Overrides {
    /// Address to listen on, over OZ_LISTEN.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) listen: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Admin {
    #[command(subcommand)]
    pub(crate) object: AdminObject,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AdminObject {
    /// Users.
    User {
        #[command(subcommand)]
        action: UserAction,
    },
    /// Sessions: who is logged in.
    Session {
        #[command(subcommand)]
        action: SessionAction,
    },
    /// Companies.
    Company {
        #[command(subcommand)]
        action: CompanyAction,
    },
    /// The audit log.
    Audit {
        #[command(subcommand)]
        action: AuditAction,
    },
    /// The license of an appliance without a license server.
    License {
        #[command(subcommand)]
        action: LicenseAction,
    },
    /// Print who may do what, as a table in Markdown.
    Permissions,
}

#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Check that no record was changed or removed; fails and says which one otherwise.
    Verify {
        /// A signed head from the system's journal, as `seq:hash:signature`; may be repeated.
        #[arg(long, value_name = "SEQ:HASH:SIGNATURE")]
        head: Vec<SignedHead>,
        /// A file with heads, such as a part of the journal: `journalctl -u oz-api | grep audit_head`.
        #[arg(long, value_name = "FILE")]
        heads_file: Option<PathBuf>,
        /// The public key of these heads in hex, when another data folder signed them.
        #[arg(long, value_name = "HEX")]
        key: Option<String>,
    },
    /// Write sealed records as lines of JSON, with the values that can still be read.
    Export {
        /// The first record.
        #[arg(long, default_value_t = 1, value_name = "N")]
        from_seq: i64,
        /// A new file; `-` for standard output.
        #[arg(long, default_value = "-", value_name = "FILE")]
        to: PathBuf,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum LicenseAction {
    /// Print what the license is worth and what is used of it.
    Status,
    /// Print the activation request, to be carried to the vendor.
    Request,
    /// Put a license file where OZ_LICENSE_FILE says; a running server takes it within seconds.
    Install {
        /// What the vendor sent.
        file: PathBuf,
    },
    /// Say that this appliance was restored on another machine: its license works there for 14 days.
    Restored,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SessionAction {
    /// List the sessions that count now, newest first.
    List {
        /// Only those of this user: its id or address.
        #[arg(long)]
        user: Option<String>,
    },
    /// End a session.
    Revoke {
        /// Its id.
        token_id: TokenId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum CompanyAction {
    /// Make a company; prints the new id.
    Create {
        /// Its name.
        name: String,
    },
    /// List companies, newest first.
    List {
        /// Only with this in the name.
        #[arg(long)]
        search: Option<String>,
    },
    /// Show one company as JSON.
    Show {
        /// Its id.
        company_id: CompanyId,
    },
    /// Give a company another name.
    Rename {
        /// Its id.
        company_id: CompanyId,
        /// The new name.
        name: String,
    },
    /// Close a company: its users are shut out at once, the running server removes all it has.
    Delete {
        /// Its id.
        company_id: CompanyId,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Make a user; prints the new id.
    Create {
        /// The address that logs in.
        #[arg(long)]
        email: String,
        /// ADMIN, OPERATOR, CLIENT, CLIENT_ADMIN, CLIENT_OPERATOR or CLIENT_SERVICE.
        #[arg(long)]
        role: Role,
        /// Read the password from standard input (one line); never from an argument, which other users can see.
        #[arg(long, required = true)]
        password_stdin: bool,
        /// Name of the company, made when there is none of that name; required for CLIENT roles.
        #[arg(long)]
        company: Option<String>,
        /// First name.
        #[arg(long, default_value = "")]
        first_name: String,
        /// Last name.
        #[arg(long, default_value = "")]
        last_name: String,
    },
    /// List users, newest first.
    List {
        /// Only of the company with this id.
        #[arg(long)]
        company: Option<CompanyId>,
        /// Only with this in the address or a name.
        #[arg(long)]
        search: Option<String>,
    },
    /// Show one user as JSON.
    Show {
        /// Its id or address.
        user: String,
    },
    /// Give a user another role. Running servers follow within 5 seconds.
    SetRole {
        /// Its id or address.
        user: String,
        /// The new role.
        role: Role,
        /// The company with this id, for a user that had none.
        #[arg(long)]
        company: Option<CompanyId>,
    },
    /// Set another password and end all sessions of the user.
    ResetPassword {
        /// Its id or address.
        user: String,
        /// Read the password from standard input (one line).
        #[arg(long, required = true)]
        password_stdin: bool,
    },
    /// Shut a user out; nothing is removed.
    Deactivate {
        /// Its id or address.
        user: String,
    },
    /// Let a user in again.
    Activate {
        /// Its id or address.
        user: String,
    },
    /// Remove a user; its folders stay.
    Delete {
        /// Its id or address.
        user: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory as _;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_password_is_never_an_argument() {
        let wrong = ["oz-api", "admin", "user", "create", "--email", "a@b.c", "--role", "ADMIN", "--password", "x"];
        assert!(Cli::try_parse_from(wrong).is_err());
    }
}
