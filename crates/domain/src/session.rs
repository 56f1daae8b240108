//! How somebody is known to us.

use crate::words;

words! {
    /// What a session is for (decision 9).
    SessionKind {
        /// Somebody logged in with a password.
        Person = "person",
        /// A machine account's long-lived token.
        Service = "service",
        /// A token for one capture (`oz-api.md` 3.4).
        Capture = "capture",
    }
}

words! {
    /// Who keeps a user's password (decision 16). An address never crosses from one to the other.
    AuthSource {
        /// This database.
        Local = "local",
        /// A directory server.
        Ldap = "ldap",
    }
}
