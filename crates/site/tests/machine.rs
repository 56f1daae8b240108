//! Which parts of a machine are found below a root folder.

use oz_license::{Factor, Factors};
use oz_site::factors;
use std::os::unix::fs::symlink;
use std::path::Path;
use tempfile::TempDir;

struct Machine(TempDir);

impl Machine {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(self, path: &str, text: &str) -> Self {
        let path = self.0.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
        self
    }

    fn folder(self, path: &str) -> Self {
        fs_err::create_dir_all(self.0.path().join(path)).unwrap();
        self
    }

    fn link(self, path: &str, target: &str) -> Self {
        let path = self.0.path().join(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        symlink(Path::new(target), path).unwrap();
        self
    }

    fn has(&self, expected: &[(Factor, &str)]) {
        let mut factors_expected = Factors::default();
        for (factor, value) in expected {
            factors_expected.add(*factor, value);
        }
        assert_eq!(factors(self.0.path()), factors_expected);
    }
}

#[test]
fn a_whole_machine() {
    Machine::new()
        .file("etc/machine-id", "ABCDEF0123456789abcdef0123456789\n")
        .file("sys/class/dmi/id/product_uuid", "4C4C4544-0032\n")
        .file("sys/class/dmi/id/board_serial", " /7XK2/CN12/ \n")
        .file("sys/block/sda/device/serial", "S1\n")
        .file("sys/block/sda/removable", "0\n")
        .file("sys/block/sdb/device/serial", "S2\n")
        .file("sys/class/net/eth0/address", "52:54:00:aa:bb:cc\n")
        .folder("sys/class/net/eth0/device")
        .file("sys/class/net/eth1/address", "52:54:00:aa:bb:dd\n")
        .folder("sys/class/net/eth1/device")
        .has(&[
            (Factor::MachineId, "abcdef0123456789abcdef0123456789"),
            (Factor::ProductUuid, "4c4c4544-0032"),
            (Factor::BoardSerial, "/7xk2/cn12/"),
            (Factor::Disk, "s1"),
            (Factor::NetworkCard, "52:54:00:aa:bb:cc"),
            (Factor::NetworkCard, "52:54:00:aa:bb:dd"),
        ]);
}

#[test]
fn an_empty_root_has_nothing() {
    Machine::new().has(&[]);
    assert_eq!(factors(Path::new("/nowhere/at/all")), Factors::default());
}

#[test]
fn what_makers_leave_is_left_out() {
    for filler in [
        "",
        " \n",
        "None",
        "Default string",
        "To Be Filled By O.E.M.",
        "Not Specified",
        "Not Applicable",
        "System Serial Number",
        "N/A",
        "Unknown",
        "0",
        "00000000-0000-0000-0000-000000000000",
        "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
        "03000200-0400-0500-0006-000700080009",
        "00020003-0004-0005-0006-000700080009",
        "0123456789",
        "123456789",
        "uninitialized",
        "Base Board Serial Number",
        "Chassis Serial Number",
        "...",
        "xxxxxxxx",
    ] {
        Machine::new()
            .file("etc/machine-id", filler)
            .file("sys/class/dmi/id/product_uuid", filler)
            .file("sys/class/dmi/id/board_serial", &format!(" {filler}\n"))
            .file("sys/block/sda/device/serial", filler)
            .has(&[]);
    }
}

#[test]
fn the_first_fixed_disk_that_has_a_serial_number() {
    Machine::new()
        // A memory disk, a mapping and a loop have no device; a stick and a drive are removable; the next says nothing.
        .file("sys/block/dm-0/serial", "X1")
        .file("sys/block/loop0/serial", "X2")
        .file("sys/block/sda/device/serial", "X3")
        .file("sys/block/sda/removable", "1\n")
        .file("sys/block/sdb/device/serial", "\n")
        .file("sys/block/sdc/device/wwid", "naa.5000c500")
        .file("sys/block/sdd/device/serial", "X4")
        .has(&[(Factor::Disk, "naa.5000c500")]);
    Machine::new()
        .file("sys/block/nvme0n1/device/serial", "Default string")
        .file("sys/block/nvme0n1/device/wwid", "eui.0025")
        .has(&[(Factor::Disk, "eui.0025")]);
    Machine::new().folder("sys/block/vda/device").file("sys/block/vda/serial", "V1").has(&[(Factor::Disk, "v1")]);
}

#[test]
fn without_one_the_root_file_system_stands_in() {
    let mounts = "21 1 0:5 / /proc rw - proc proc rw\n\
        1 0 0:1 / / rw - rootfs rootfs rw\n\
        22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw\n\
        23 22 8:1 / /boot rw - vfat /dev/sda1 rw\n";
    let machine =
        || Machine::new().file("proc/self/mountinfo", mounts).link("dev/disk/by-uuid/AAAA-1111", "../../sda1");
    machine().has(&[]);
    machine().link("dev/disk/by-uuid/BBBB-2222", "../../sda2").has(&[(Factor::Disk, "bbbb-2222")]);
    machine()
        .link("dev/disk/by-uuid/BBBB-2222", "../../sda2")
        .file("sys/block/sda/device/serial", "S1")
        .has(&[(Factor::Disk, "s1")]);
    // A mapping: its name is a link itself.
    Machine::new()
        .file("proc/self/mountinfo", "22 1 253:0 / / rw - xfs /dev/mapper/vg-root rw\n")
        .link("dev/mapper/vg-root", "../dm-0")
        .link("dev/disk/by-uuid/CCCC-3333", "../../dm-0")
        .has(&[(Factor::Disk, "cccc-3333")]);
    // A container: its root is no device.
    Machine::new()
        .file("proc/self/mountinfo", "22 1 0:50 / / rw - overlay overlay rw\n")
        .link("dev/disk/by-uuid/AAAA-1111", "../../sda1")
        .has(&[]);
    Machine::new().file("proc/self/mountinfo", "nonsense\n - \n").has(&[]);
}

#[test]
fn network_cards_that_are_hardware() {
    Machine::new()
        .file("sys/class/net/lo/address", "00:00:00:00:00:00")
        .file("sys/class/net/docker0/address", "02:42:00:00:00:01")
        .file("sys/class/net/veth1/address", "02:42:00:00:00:02")
        .file("sys/class/net/bond0/address", "52:54:00:00:00:01")
        .folder("sys/class/net/eth0/device")
        .file("sys/class/net/eth0/address", "52:54:00:00:00:01\n")
        .file("sys/class/net/eth0/bonding_slave/perm_hwaddr", "52:54:00:00:00:03\n")
        .folder("sys/class/net/eth1/device")
        .file("sys/class/net/eth1/address", "00:00:00:00:00:00\n")
        // A virtual function: another address at every start.
        .folder("sys/class/net/eth2/device")
        .file("sys/class/net/eth2/address", "52:54:00:00:00:04\n")
        .file("sys/class/net/eth2/addr_assign_type", "1\n")
        .folder("sys/class/net/eth3/device")
        .file("sys/class/net/eth3/address", "52:54:00:00:00:05\n")
        .file("sys/class/net/eth3/addr_assign_type", "0\n")
        .has(&[(Factor::NetworkCard, "52:54:00:00:00:03"), (Factor::NetworkCard, "52:54:00:00:00:05")]);
}
