//! Where the data are to lie.

use super::{Asked, Found};
use crate::machine::Machine;
use crate::profile::Profile;
use crate::text::gigabytes;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// From here on uploads queue up behind the disk.
pub(super) const SLOW: Duration = Duration::from_millis(30);
/// From here on requests run into their time limits.
const TOO_SLOW: Duration = Duration::from_millis(300);

/// File systems on which the product is meant to work.
const GOOD: &[&str] = &["ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "bcachefs"];
/// Over a network: slow, and gone when the network is.
const NETWORK: &[&str] = &[
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "ceph",
    "lustre",
    "glusterfs",
    "fuse.glusterfs",
    "fuse.sshfs",
    "afs",
    "ocfs2",
    "gfs2",
    "virtiofs",
    "fuse.s3fs",
    "fuse.rclone",
    "beegfs",
    "vboxsf",
    "fuse.vmhgfs-fuse",
];
/// Gone at the next start of the machine or the container.
const FLEETING: &[&str] = &["tmpfs", "ramfs", "overlay", "aufs", "squashfs"];
/// Without owners and modes, on which the safety of keys rests.
const OWNERLESS: &[&str] = &["vfat", "msdos", "exfat", "ntfs", "ntfs3", "fuseblk"];

pub(super) fn free(asked: &Asked<'_>) -> Found {
    let space = place(asked).and_then(|(_, lies)| asked.machine.world().space(&lies));
    let space = match space {
        Ok(space) => space,
        Err(error) => return Found::unknown(format!("{}: {error}", asked.target.display())),
    };
    let needed = asked.profile.needs().disk.saturating_mul(1_000_000_000);
    let text = format!("{} of {} at {}", gigabytes(space.free), gigabytes(space.total), asked.target.display());
    let found = if space.free < needed {
        Found::fail(text)
    } else if space.free < space.total / 10 {
        Found::warn(text)
    } else {
        Found::pass(text)
    };
    found.measured(space.free, "B")
}

fn place(asked: &Asked<'_>) -> io::Result<(PathBuf, PathBuf)> {
    asked.machine.existing(&asked.target)
}

/// A line of `/proc/self/mountinfo`.
struct Mount {
    at: PathBuf,
    kind: String,
    read_only: bool,
}

pub(super) fn file_system(asked: &Asked<'_>) -> Found {
    let mount = match place(asked) {
        Ok((named, _)) => mounted(asked.machine, &named),
        Err(error) => return Found::unknown(format!("{}: {error}", asked.target.display())),
    };
    let Some(Mount { at, kind, read_only }) = mount else {
        return Found::unknown("/proc/self/mountinfo does not tell it").advise("Run it on Linux, with /proc mounted.");
    };
    let text = format!("{kind} at {}", at.display());
    let is = |kinds: &[&str]| kinds.contains(&kind.as_str());
    // A worker's folder holds only what is being worked on.
    let keeps = asked.profile != Profile::Worker;
    if read_only {
        return Found::fail(format!("{text}, read-only")).advise("Mount it for writing; see dmesg for why it is not.");
    }
    if is(GOOD) {
        return Found::pass(text);
    }
    if is(FLEETING) {
        let found = if keeps { Found::fail(text) } else { Found::warn(text) };
        return found.advise(
            "What lies there is gone when the machine, or the container, starts anew. Put the \
                data on a disk or a volume.",
        );
    }
    if is(OWNERLESS) {
        return Found::fail(text)
            .advise("It knows no owners and modes: everybody could read the keys. Use ext4 or xfs.");
    }
    if is(NETWORK) {
        let embedded = keeps && !asked.settings.get("database_url").is_some_and(|url| url.starts_with("postgres"));
        return if embedded {
            Found::fail(text).advise(
                "The embedded database loses data on a network file system (SQLite: no shared memory, no sound locks there). \
                 Put the data on a local disk, or set database_url to a PostgreSQL.",
            )
        } else {
            Found::warn(text)
                .advise("Files of people then lie elsewhere, and nothing works while the network does not.")
        };
    }
    Found::warn(format!("{text}, not known to work"))
}

/// The mount on which a path lies: the longest above it, of several at one place the last.
fn mounted(machine: &Machine, path: &Path) -> Option<Mount> {
    let text = machine.read("/proc/self/mountinfo").ok()?;
    let mounts = text.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(4);
        let (at, options) = (PathBuf::from(unescaped(left.next()?)), left.next()?);
        let mut right = right.split(' ');
        let (kind, superblock) = (right.next()?.to_owned(), right.nth(1).unwrap_or_default());
        let read_only = [options, superblock].iter().any(|list| list.split(',').any(|option| option == "ro"));
        Some(Mount { at, kind, read_only })
    });
    mounts.filter(|mount| path.starts_with(&mount.at)).max_by_key(|mount| mount.at.components().count())
}

/// A path as mountinfo writes it: blanks and backslashes are octal.
fn unescaped(text: &str) -> String {
    [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")]
        .iter()
        .fold(text.to_owned(), |text, (octal, plain)| text.replace(octal, plain))
}

pub(super) fn fsync(asked: &Asked<'_>) -> Found {
    let took = match place(asked).and_then(|(_, lies)| asked.machine.world().write_p99(&lies)) {
        Ok(took) => took,
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Found::unknown(format!("{}: may not be written", asked.target.display()))
                .advise("Run it as root: it writes one file without a name.");
        }
        Err(error) => return Found::unknown(format!("{}: {error}", asked.target.display())),
    };
    let text = format!("{}.{} ms", took.as_millis(), took.subsec_micros() / 100 % 10);
    let found = if took >= TOO_SLOW {
        Found::fail(text)
    } else if took >= SLOW {
        Found::warn(text)
    } else {
        Found::pass(text)
    };
    found.measured(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), "us")
}
