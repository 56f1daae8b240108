//! Whatever happens, the file is the old one or the new one.

use super::{env, installed, path, text};
use crate::env::write::Folder;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

const FILE: &str = "/etc/oz/oz.env";

#[test]
fn interrupted_writes_leave_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("oz.env");
    fs_err::write(&file, "A=old\n").unwrap();
    let names = || fs_err::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect::<Vec<_>>();
    let lock = || Folder::lock(folder.path().to_owned()).unwrap();

    // It fails before the new file is put in its place.
    drop(lock().stage("oz.env", b"A=new\n", false).unwrap());
    assert_eq!((fs_err::read_to_string(&file).unwrap().as_str(), names().len()), ("A=old\n", 1));

    // It is killed there: nothing is tidied up.
    std::mem::forget(lock().stage("oz.env", b"A=new\n", false).unwrap());
    assert_eq!((fs_err::read_to_string(&file).unwrap().as_str(), names().len()), ("A=old\n", 2));

    // It is killed while versions move: there is a gap.
    fs_err::write(folder.path().join("oz.env.2"), "A=older\n").unwrap();
    let locked = lock();
    locked.stage("oz.env", b"A=new\n", false).unwrap().commit(true).unwrap();
    let mut left = names();
    left.sort();
    assert_eq!(left, ["oz.env", "oz.env.1", "oz.env.2"]);
    assert_eq!(fs_err::read_to_string(&file).unwrap(), "A=new\n");
    assert_eq!(fs_err::read_to_string(folder.path().join("oz.env.1")).unwrap(), "A=old\n");
    assert_eq!(fs_err::read_to_string(folder.path().join("oz.env.2")).unwrap(), "A=older\n");
}

#[test]
fn a_version_that_cannot_be_kept_leaves_the_old_file() {
    let mut fake = installed();
    fake.file(FILE, "OZ_WORKERS=1\n");
    fake.file("/etc/oz/oz.env.1/x", "");
    let (code, told) = env(&fake, &["set", "OZ_WORKERS=2"], "").unwrap_err();
    assert!(code == 1 && told.contains("oz.env.1: expected a regular file"), "{told}");
    assert_eq!(text(&fake, FILE), "OZ_WORKERS=1\n");
    assert!(fs_err::symlink_metadata(path(&fake, "/etc/oz/.oz.env.new")).is_err());
}

#[test]
fn ten_versions_are_kept() {
    let fake = installed();
    for workers in 0..=12 {
        env(&fake, &["set", &format!("OZ_WORKERS={workers}")], "").unwrap();
    }
    assert_eq!(text(&fake, FILE), "OZ_WORKERS=12\n");
    for version in 1..=10 {
        assert_eq!(text(&fake, &format!("{FILE}.{version}")), format!("OZ_WORKERS={}\n", 12 - version));
    }
    assert!(!fake.machine().has(format!("{FILE}.11")));
    // Nothing new: nothing is written, and no version is lost.
    let said = env(&fake, &["set", "OZ_WORKERS=12"], "").unwrap();
    assert!(said.contains("nothing changed") && !said.contains("systemctl"), "{said}");
    assert_eq!(text(&fake, &format!("{FILE}.1")), "OZ_WORKERS=11\n");
}

#[test]
fn modes_and_owners_are_kept() {
    let mut fake = installed();
    env(&fake, &["set", "OZ_WORKERS=1"], "").unwrap();
    let mode = |file: &str| fs_err::metadata(path(&fake, file)).unwrap().mode() & 0o7777;
    let group = |file: &str| fs_err::metadata(path(&fake, file)).unwrap().gid();
    assert_eq!((mode(FILE), group(FILE)), (0o640, group("/etc/oz")));
    fs_err::set_permissions(path(&fake, FILE), std::fs::Permissions::from_mode(0o604)).unwrap();
    // Only root may give a file away.
    let root = rustix::process::geteuid().is_root();
    if root {
        fs_err::os::unix::fs::chown(path(&fake, FILE), Some(12), Some(34)).unwrap();
        fs_err::os::unix::fs::chown(path(&fake, "/etc/oz"), None, Some(56)).unwrap();
    }
    env(&fake, &["set", "OZ_WORKERS=2"], "").unwrap();
    assert_eq!((mode(FILE), mode("/etc/oz/oz.env.1")), (0o604, 0o604));
    env(&fake, &["set", "OZ_SMTP_PASSWORD", "--stdin"], "x\n").unwrap();
    assert_eq!((mode("/etc/oz/secrets"), mode("/etc/oz/secrets/OZ_SMTP_PASSWORD")), (0o750, 0o640));
    if root {
        let owner = fs_err::metadata(path(&fake, FILE)).unwrap();
        assert_eq!((owner.uid(), owner.gid(), group("/etc/oz/oz.env.1")), (12, 34, 34));
        assert_eq!((group("/etc/oz/secrets"), group("/etc/oz/secrets/OZ_SMTP_PASSWORD")), (56, 56));
    }
    fake.without(FILE);
    env(&fake, &["set", "OZ_WORKERS=3"], "").unwrap();
    let metadata = fs_err::metadata(path(&fake, FILE)).unwrap();
    assert_eq!(metadata.mode() & 0o7777, 0o640);
}

#[test]
fn two_do_not_write_at_once() {
    let mut fake = installed();
    let other = Folder::lock(path(&fake, "/etc/oz")).unwrap();
    let (code, told) = env(&fake, &["set", "OZ_WORKERS=1"], "").unwrap_err();
    assert!(code == 1 && told.contains("another ozctl"), "{told}");
    drop(other);
    env(&fake, &["set", "OZ_WORKERS=1"], "").unwrap();
    // Replacing a link would leave what it leads to as it was.
    fake.without(FILE);
    fake.file("/etc/oz/real", "OZ_WORKERS=1\n");
    fake.link(FILE, "real");
    let (code, told) = env(&fake, &["set", "OZ_WORKERS=2"], "").unwrap_err();
    assert!(code == 1 && told.contains("not a link"), "{told}");
    assert_eq!(text(&fake, "/etc/oz/real"), "OZ_WORKERS=1\n");
}
