//! A license site (`license.md`): its key, its license, its leases, its ledger.
//!
//! The license server is one, and so is an API without a license server, in its own database. Everything here is a function
//! over a connection inside [`oz_store::Db::write`] or [`oz_store::Db::read`]; the time is a parameter. It knows no HTTP.

mod blocks;
mod devices;
mod error;
mod files;
mod key;
mod leases;
mod ledger;
mod lived;
mod machine;
mod period;
mod report;
mod row;
mod schema;
mod site;
mod standing;
mod trial;
mod usage;
pub mod uses;
mod walk;
mod warning;

pub use devices::note_device;
pub use error::{Refused, Result};
pub use files::{Installed, install, installed, restored, sdk_files};
pub use key::{KeyError, load_or_create};
pub use leases::{Ask, Beat, Given, Holder, acquire, beat, holders, release, valid};
pub use ledger::{Broken, Entry, Head, has, head, verify};
pub use lived::{Lived, STEP};
pub use machine::factors;
pub use report::{Report, report};
pub use row::{Row, licensed, open, open_anew, row};
pub use site::{Site, TABLES, timestamp};
pub use standing::{Basis, Standing, TRIAL_A_DAY, TRIAL_DAYS, days_until, standing};
pub use trial::begin_trial;
pub use usage::{Batch, Totals, counts_of, totals, use_up};
pub use walk::Walk;
pub use warning::{Telling, Warning};
