//! The license server: leases, usage, licenses, grants, its page; the real binary over HTTP.

mod doors;
mod grants;
mod kills;
mod leases;
mod licenses;
mod page;
mod usage;
