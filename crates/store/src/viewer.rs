//! Whose eyes a query has. An object one may not see is not found (decision 17).

use oz_domain::{CompanyId, Scope, UserId};

/// What a caller may see, applied inside the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Viewer {
    /// Everything.
    All,
    /// What belongs to a company.
    Company(CompanyId),
    /// What a user of a company owns.
    Own {
        /// The user's company.
        company: CompanyId,
        /// The user.
        user: UserId,
    },
    /// Nothing.
    Nobody,
}

impl Viewer {
    /// The viewer that a permission's reach makes of a user.
    pub const fn of(scope: Scope, company: CompanyId, user: UserId) -> Self {
        match scope {
            Scope::All => Self::All,
            Scope::Company => Self::Company(company),
            Scope::Own | Scope::Myself => Self::Own { company, user },
            Scope::None => Self::Nobody,
        }
    }
}

/// Narrows a boxed query to what `$viewer` may see.
macro_rules! visible {
    ($query:expr, $viewer:expr, $company:expr, $user:expr) => {{
        let query = $query;
        match $viewer {
            $crate::Viewer::All => query,
            $crate::Viewer::Company(company) => query.filter($company.eq($crate::types::Sql(company))),
            $crate::Viewer::Own { company, user } => {
                query.filter($company.eq($crate::types::Sql(company))).filter($user.eq($crate::types::Sql(user)))
            }
            // The column is never null.
            $crate::Viewer::Nobody => query.filter($company.is_null()),
        }
    }};
}
pub(crate) use visible;
