//! Which machine this is: reads the factors of `license.md`, fingerprint.

use oz_license::{Factor, Factors};
use std::path::Path;

/// Reads the machine's parts below `root` (`/`; another folder in tests). What cannot be read is left out.
pub fn factors(root: &Path) -> Factors {
    let mut found = Factors::default();
    let read = |path: &str| fs_err::read_to_string(root.join(path)).unwrap_or_default();
    found.add(Factor::MachineId, &read("etc/machine-id"));
    let mut dmi = |factor, path| {
        let value = read(path);
        if !is_filler(&value) {
            found.add(factor, &value);
        }
    };
    dmi(Factor::ProductUuid, "sys/class/dmi/id/product_uuid");
    dmi(Factor::BoardSerial, "sys/class/dmi/id/board_serial");
    if let Some(disk) = disk_serial(root).or_else(|| root_uuid(root)) {
        found.add(Factor::Disk, &disk);
    }
    for address in network_cards(root) {
        found.add(Factor::NetworkCard, &address);
    }
    found
}

/// What makers write when they write nothing: the same on many machines.
fn is_filler(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let digits = value.replace('-', "");
    value.is_empty()
        || ["default string", "to be filled by o.e.m.", "none", "not specified", "system serial number", "n/a"]
            .contains(&value.as_str())
        || digits.chars().all(|c| c == '0')
        || digits.chars().all(|c| c == 'f')
        // The UUID that many cheap boards share.
        || value == "03000200-0400-0500-0006-000700080009"
}

/// Names in a folder, in order.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs_err::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    names
}

/// The serial number of the first disk that is fixed and has one.
fn disk_serial(root: &Path) -> Option<String> {
    let block = root.join("sys/block");
    names(&block).into_iter().find_map(|name| {
        let disk = block.join(&name);
        // Loop devices, memory disks and mappings have no device behind them.
        if !is_hardware(&disk) || removable(&disk) {
            return None;
        }
        let read = |path: &str| fs_err::read_to_string(disk.join(path)).ok();
        let serial = read("device/serial").or_else(|| read("serial")).or_else(|| read("device/wwid"))?;
        (!is_filler(&serial)).then(|| serial.trim().to_owned())
    })
}

/// Whether a device stands behind the name.
fn is_hardware(path: &Path) -> bool {
    path.join("device").try_exists().unwrap_or(false)
}

fn removable(disk: &Path) -> bool {
    fs_err::read_to_string(disk.join("removable")).is_ok_and(|text| text.trim() == "1")
}

/// The UUID of the root file system: the device of `/` in the mount table, by its link under `/dev/disk/by-uuid`.
fn root_uuid(root: &Path) -> Option<String> {
    let table = fs_err::read_to_string(root.join("proc/self/mountinfo")).ok()?;
    let device = table.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        (before.split(' ').nth(4)? == "/").then(|| after.split(' ').nth(1)).flatten()
    })?;
    let wanted = Path::new(device).file_name()?.to_owned();
    let links = root.join("dev/disk/by-uuid");
    names(&links).into_iter().find(|uuid| {
        fs_err::read_link(links.join(uuid)).is_ok_and(|target| target.file_name() == Some(wanted.as_os_str()))
    })
}

/// Addresses of the network cards that are hardware: bridges, tunnels and containers' ends have no device behind them.
fn network_cards(root: &Path) -> Vec<String> {
    let net = root.join("sys/class/net");
    let hardware = names(&net).into_iter().filter(|name| is_hardware(&net.join(name)));
    let addresses = hardware.filter_map(|name| {
        // A card in a bond shows the bond's address; its own stands here.
        let own = fs_err::read_to_string(net.join(&name).join("bonding_slave/perm_hwaddr"));
        own.or_else(|_| fs_err::read_to_string(net.join(&name).join("address"))).ok()
    });
    addresses.map(|a| a.trim().to_owned()).filter(|a| a.chars().any(|c| !matches!(c, '0' | ':'))).collect()
}
