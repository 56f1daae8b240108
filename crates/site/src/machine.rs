//! Which machine this is: reads the factors of `license.md`, fingerprint.

use oz_license::{Factor, Factors};
use std::path::Path;

/// Reads the machine's parts below `root` (`/`; another folder in tests). What cannot be read is left out.
pub fn factors(root: &Path) -> Factors {
    let mut found = Factors::default();
    let read = |path: &str| fs_err::read_to_string(root.join(path)).unwrap_or_default();
    for (factor, path) in [
        (Factor::MachineId, "etc/machine-id"),
        (Factor::ProductUuid, "sys/class/dmi/id/product_uuid"),
        (Factor::BoardSerial, "sys/class/dmi/id/board_serial"),
    ] {
        let value = read(path);
        if !is_filler(&value) {
            found.add(factor, &value);
        }
    }
    if let Some(disk) = disk_serial(root).or_else(|| root_uuid(root)) {
        found.add(Factor::Disk, &disk);
    }
    for address in network_cards(root) {
        found.add(Factor::NetworkCard, &address);
    }
    found
}

/// What stands where makers write nothing.
const FILLERS: &[&str] = &[
    "",
    "default string",
    "to be filled by o.e.m.",
    "none",
    "not specified",
    "not applicable",
    "n/a",
    "unknown",
    "system serial number",
    "base board serial number",
    "chassis serial number",
    "0123456789",
    "123456789",
    // The UUID that many cheap boards share, in both orders of its bytes.
    "03000200-0400-0500-0006-000700080009",
    "00020003-0004-0005-0006-000700080009",
    // A machine id of an image that has not been started yet.
    "uninitialized",
];

/// Whether a value is the same on many machines.
fn is_filler(value: &str) -> bool {
    let value = value.trim().to_lowercase();
    let same = |c: char| value.chars().all(|other| other == c || other == '-');
    FILLERS.contains(&value.as_str()) || ['0', 'f', 'x', '.'].into_iter().any(same)
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
        let said = ["device/serial", "serial", "device/wwid"].into_iter();
        let said = said.filter_map(|path| fs_err::read_to_string(disk.join(path)).ok());
        said.map(|serial| serial.trim().to_owned()).find(|serial| !is_filler(serial))
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
    // The last one: what was mounted over another is what is seen.
    let device = table.lines().rev().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        (before.split(' ').nth(4)? == "/").then(|| after.split(' ').nth(1)).flatten()
    })?;
    // The name of a mapping is a link to the device itself.
    let device = fs_err::read_link(root.join(device.trim_start_matches('/'))).unwrap_or_else(|_| device.into());
    let wanted = device.file_name()?.to_owned();
    let links = root.join("dev/disk/by-uuid");
    names(&links).into_iter().find(|uuid| {
        fs_err::read_link(links.join(uuid)).is_ok_and(|target| target.file_name() == Some(wanted.as_os_str()))
    })
}

/// Addresses of the network cards that are hardware: bridges, tunnels and containers' ends have no device behind them.
fn network_cards(root: &Path) -> Vec<String> {
    let net = root.join("sys/class/net");
    // A virtual function has another address at every start (`NET_ADDR_RANDOM`).
    let read = |name: &String, path: &str| fs_err::read_to_string(net.join(name).join(path));
    let is_random = |name: &String| read(name, "addr_assign_type").is_ok_and(|text| text.trim() == "1");
    let hardware = names(&net).into_iter().filter(|name| is_hardware(&net.join(name)) && !is_random(name));
    let addresses = hardware.filter_map(|name| {
        // A card in a bond shows the bond's address; its own stands here.
        read(&name, "bonding_slave/perm_hwaddr").or_else(|_| read(&name, "address")).ok()
    });
    addresses.map(|a| a.trim().to_owned()).filter(|a| a.chars().any(|c| !matches!(c, '0' | ':'))).collect()
}
