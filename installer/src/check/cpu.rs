//! The processor.

use super::{Asked, Found};
use crate::machine::Machine;
use std::collections::BTreeSet;

/// What every processor must have. `oz-models` and ONNX Runtime are compiled for them.
pub(super) const FLAGS: [&str; 5] = ["avx", "avx2", "fma", "sse4_1", "sse4_2"];
/// What makes it faster.
const EXTRAS: [&str; 4] = ["avx512f", "avx512_vnni", "avx_vnni", "amx_int8"];

/// What all processors have in common; none where the kernel tells no flags.
fn common(machine: &Machine) -> Option<BTreeSet<String>> {
    let text = machine.read("/proc/cpuinfo").ok()?;
    let lines = text.lines().filter_map(|line| line.split_once(':')).filter(|(key, _)| key.trim() == "flags");
    let sets = lines.map(|(_, flags)| flags.split_whitespace().map(str::to_owned).collect::<BTreeSet<_>>());
    sets.reduce(|all, more| &all & &more)
}

pub(super) fn flags(asked: &Asked<'_>) -> Found {
    let Some(has) = common(asked.machine) else {
        return Found::unknown("/proc/cpuinfo tells no x86 flags").advise("The models need an x86-64 processor.");
    };
    let missing: Vec<&str> = FLAGS.into_iter().filter(|flag| !has.contains(*flag)).collect();
    if missing.is_empty() {
        return Found::pass("all");
    }
    let found = Found::fail(format!("missing: {}", missing.join(" ")));
    match hypervisor(asked.machine) {
        Some(how) => found.advise(how),
        None => found,
    }
}

/// How flags are given to a virtual machine, by who made it.
fn hypervisor(machine: &Machine) -> Option<String> {
    const KVM: &str = "KVM or Proxmox: give the virtual machine the processor type `host` (Hardware > Processors > Type, or \
        -cpu host, or <cpu mode='host-passthrough'/>), and stop and start it.";
    const VMWARE: &str = "VMware: set the cluster's EVC mode to Intel Haswell, AMD Zen or later, or take EVC away; upgrade \
        the virtual hardware to version 11 or later; power the virtual machine off and on.";
    const HYPERV: &str = "Hyper-V: turn `Migrate to a physical computer with a different processor version` off \
        (Set-VMProcessor NAME -CompatibilityForMigrationEnabled $false) with the virtual machine off.";
    let maker = machine.text("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
    let product = machine.text("/sys/class/dmi/id/product_name").unwrap_or_default();
    let any = |names: &[&str]| names.iter().any(|name| maker.contains(name) || product.contains(name));
    if any(&["QEMU", "KVM", "Red Hat", "oVirt", "OpenStack"]) {
        Some(KVM.to_owned())
    } else if any(&["VMware"]) {
        Some(VMWARE.to_owned())
    } else if any(&["Microsoft"]) {
        Some(HYPERV.to_owned())
    } else {
        let guest = common(machine).is_some_and(|has| has.contains("hypervisor"));
        guest.then(|| format!("{KVM} {VMWARE} {HYPERV}"))
    }
}

pub(super) fn extras(asked: &Asked<'_>) -> Found {
    let has = common(asked.machine).unwrap_or_default();
    let extra: Vec<&str> = EXTRAS.into_iter().filter(|flag| has.contains(*flag)).collect();
    Found::pass(if extra.is_empty() { "none".to_owned() } else { extra.join(" ") })
}

pub(super) fn cores(asked: &Asked<'_>) -> Found {
    let Ok(text) = asked.machine.read("/proc/cpuinfo") else {
        return Found::unknown("/proc/cpuinfo cannot be read").advise("Run it on Linux, with /proc mounted.");
    };
    let counted = text.lines().filter(|line| line.split(':').next().is_some_and(|key| key.trim() == "processor"));
    let there = u64::try_from(counted.count()).unwrap_or(u64::MAX);
    let needed = asked.profile.needs().cores;
    let judge = |count: u64, text: String| if count < needed { Found::fail(text) } else { Found::pass(text) };
    match quota(asked.machine) {
        // In hundredths: a limit of 1.5 processors is less than 2.
        Some(limit) if limit < there * 100 => {
            judge(limit / 100, format!("{}.{:02} of {there}, by cpu.max", limit / 100, limit % 100))
        }
        _ => judge(there, there.to_string()),
    }
}

/// The tightest limit of processors in hundredths.
fn quota(machine: &Machine) -> Option<u64> {
    let hundredths = |text: &str| {
        let (quota, period) = text.split_once(' ')?;
        let (quota, period): (u64, u64) = (quota.parse().ok()?, period.trim().parse().ok()?);
        quota.checked_mul(100)?.checked_div(period)
    };
    cgroups(machine, "cpu.max").iter().filter_map(|text| hundredths(text)).min()
}

/// What stands in a file of this process's cgroup (version 2) and of each above it. In a container the topmost that
/// can be seen is the container's own.
pub(super) fn cgroups(machine: &Machine, file: &str) -> Vec<String> {
    let own = machine.text("/proc/self/cgroup").unwrap_or_default();
    let own = own.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    let above = std::path::Path::new(own).ancestors();
    above.filter_map(|group| machine.text(std::path::Path::new("/sys/fs/cgroup").join(group).join(file))).collect()
}
