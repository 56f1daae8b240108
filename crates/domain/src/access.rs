//! Who somebody is. What a role may do is in [`crate::permission`].

use crate::words;

/// The text is not a role.
pub type ParseRoleError = crate::UnknownWord;

words! {
    /// A user's role; `user_type` on the wire (`oz-api.md` 6).
    Role {
        /// Everything on every object, but no analysis decision.
        Admin = "ADMIN",
        /// Sees every object and decides analyses.
        Operator = "OPERATOR",
        /// Works in own folders.
        Client = "CLIENT",
        /// Manages the own company.
        ClientAdmin = "CLIENT_ADMIN",
        /// An operator inside the own company.
        ClientOperator = "CLIENT_OPERATOR",
        /// A machine account.
        ClientService = "CLIENT_SERVICE",
    }
}

impl Role {
    /// Whether users of this role belong to no company (ADMIN and OPERATOR, `oz-api.md` 4).
    pub const fn is_system(self) -> bool {
        matches!(self, Self::Admin | Self::Operator)
    }
}
