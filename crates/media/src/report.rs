//! What the sandbox of the decoding processes is made of on this machine.

use serde::{Deserialize, Serialize};

/// What the sandbox refuses, as a child found out by trying, and what it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SandboxReport {
    /// What was tried ("socket", "openat", ...) and the error number it got; 0 when it was allowed.
    pub tried: Vec<(String, i32)>,
    /// Descriptors that are open in a child before it makes its memory file: 0, 1 and 2.
    pub descriptors: Vec<i32>,
    /// What comes on top of seccomp and the resource limits.
    pub layers: Layers,
}

impl SandboxReport {
    /// Whether everything that was tried was refused by the sandbox itself, and not for some other reason, and no descriptor
    /// leaked into the child. So it must be on every kernel.
    pub fn is_tight(&self) -> bool {
        let refused = |errno| errno == libc::EPERM || errno == libc::EMFILE;
        !self.tried.is_empty() && self.tried.iter().all(|(_, errno)| refused(*errno)) && self.descriptors == [0, 1, 2]
    }
}

/// Parts of the sandbox that not every kernel and service manager has. Without them seccomp and the resource limits, which
/// are always there, do the work alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layers {
    /// Landlock: no file, no TCP, no signal to outside, by the kernel's own path.
    pub landlock: Coverage,
    /// A network namespace without a network.
    pub network_namespace: bool,
    /// No capability is left, not even to root.
    pub no_capabilities: bool,
}

/// How far something is in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Coverage {
    /// Wholly.
    Full,
    /// An older kernel knows a part of it.
    Partial,
    /// Not at all.
    Absent,
}

impl Layers {
    /// What is missing, in words for a log and for health; empty when all is there.
    pub fn missing(&self) -> Vec<&'static str> {
        [
            (self.landlock == Coverage::Absent, "Landlock is not there: seccomp alone keeps decoders from files"),
            (self.landlock == Coverage::Partial, "Landlock is there in part: the kernel is older than Linux 6.12"),
            (!self.network_namespace, "no network namespace: seccomp alone keeps decoders from the network"),
            (!self.no_capabilities, "capabilities could not be given up"),
        ]
        .into_iter()
        .filter_map(|(applies, text)| applies.then_some(text))
        .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Layers = Layers { landlock: Coverage::Full, network_namespace: true, no_capabilities: true };

    #[test]
    fn one_hole_is_not_tight() {
        let report = |errno, descriptors: &[i32]| SandboxReport {
            tried: vec![("a".into(), libc::EPERM), ("b".into(), errno)],
            descriptors: descriptors.to_vec(),
            layers: ALL,
        };
        assert!(report(libc::EMFILE, &[0, 1, 2]).is_tight());
        assert!(!report(0, &[0, 1, 2]).is_tight());
        assert!(!report(libc::EFAULT, &[0, 1, 2]).is_tight());
        assert!(!report(libc::EPERM, &[0, 1, 2, 7]).is_tight());
    }

    #[test]
    fn what_is_missing_is_said() {
        assert!(ALL.missing().is_empty());
        let none = Layers { landlock: Coverage::Absent, network_namespace: false, no_capabilities: false };
        assert_eq!(none.missing().len(), 3);
        assert_eq!(Layers { landlock: Coverage::Partial, ..ALL }.missing().len(), 1);
    }
}
