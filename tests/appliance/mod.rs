//! The appliance as an administrator has it: packages on a booted Debian without a network.

mod life;
mod monitoring;
mod site;
