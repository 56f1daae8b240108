//! What a machine is for, and what that needs.

use clap::ValueEnum;
use serde::Serialize;

/// What is to run on a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Profile {
    /// Everything.
    AllInOne,
    /// The API, which may analyse too.
    Api,
    /// Analyses only.
    Worker,
    /// The license server.
    License,
    /// The web adapter.
    Web,
}

/// Everything.
pub(crate) const ALL: &[Profile] = &[Profile::AllInOne, Profile::Api, Profile::Worker, Profile::License, Profile::Web];
/// Where pictures are decoded and judged.
pub(crate) const ANALYSING: &[Profile] = &[Profile::AllInOne, Profile::Api, Profile::Worker];
/// Where something is kept.
pub(crate) const KEEPING: &[Profile] = &[Profile::AllInOne, Profile::Api, Profile::Worker, Profile::License];
/// Where somebody connects to.
pub(crate) const SERVING: &[Profile] = &[Profile::AllInOne, Profile::Api, Profile::License, Profile::Web];
/// Where users log in.
pub(crate) const ENTERING: &[Profile] = &[Profile::AllInOne, Profile::Api];

/// What a profile needs.
#[derive(Debug)]
pub(crate) struct Needs {
    /// Processors.
    pub(crate) cores: u64,
    /// Memory in GB of 10⁹ bytes, as machines are sold.
    pub(crate) memory: u64,
    /// Free space in GB.
    pub(crate) disk: u64,
    /// Ports that it listens on.
    pub(crate) ports: &'static [u16],
    /// Folder of its data unless somebody says otherwise.
    pub(crate) data: &'static str,
}

const APPLIANCE: &str = "/var/lib/oz";

impl Profile {
    /// What it needs. 2 cores and 4 GB are what the appliance is specified for; those of `license` and `web` are
    /// estimates.
    pub(crate) const fn needs(self) -> &'static Needs {
        match self {
            Self::AllInOne => &Needs {
                cores: 2,
                memory: 4,
                disk: 20,
                ports: &[8000, 8080, 8443, 8090, 9464, 9465, 9466],
                data: APPLIANCE,
            },
            Self::Api => &Needs { cores: 2, memory: 4, disk: 20, ports: &[8000, 9464], data: APPLIANCE },
            Self::Worker => &Needs { cores: 2, memory: 4, disk: 5, ports: &[], data: APPLIANCE },
            Self::License => &Needs { cores: 1, memory: 1, disk: 2, ports: &[8090, 9465], data: "/var/lib/oz-license" },
            Self::Web => &Needs { cores: 1, memory: 1, disk: 1, ports: &[8080, 8443, 9466], data: APPLIANCE },
        }
    }
}
