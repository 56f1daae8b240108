//! The site key: made once, for its owner's eyes.

use oz_site::{KeyError, load_or_create};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Barrier;

#[test]
fn a_key_is_made_once_and_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    let none = load_or_create(&path, false);
    assert!(matches!(&none, Err(KeyError::Io(e)) if e.kind() == std::io::ErrorKind::NotFound), "{none:?}");
    let made = load_or_create(&path, true).unwrap();
    assert_eq!(fs_err::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for may_make in [true, false] {
        assert_eq!(load_or_create(&path, may_make).unwrap().to_bytes(), made.to_bytes());
    }
    let other = load_or_create(&folder.path().join("other.key"), true).unwrap();
    assert_ne!(other.to_bytes(), made.to_bytes());
    // Nothing else stays.
    assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn what_is_no_key_is_told_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    let write = |text: &str, mode: u32| {
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let good = "07".repeat(32);
    for text in ["", "xyz", &good[1..], &format!("{good}00"), &"g".repeat(64)] {
        write(text, 0o600);
        assert!(matches!(load_or_create(&path, true), Err(KeyError::Damaged(_))), "{text}");
        assert_eq!(fs_err::read_to_string(&path).unwrap(), text);
    }
    for mode in [0o640, 0o604, 0o666, 0o610] {
        write(&good, mode);
        assert!(matches!(load_or_create(&path, true), Err(KeyError::Open(_))), "{mode:o}");
    }
    write(&format!("{good}\n"), 0o400);
    assert_eq!(load_or_create(&path, true).unwrap().to_bytes(), [7; 32]);
}

#[test]
fn a_crash_in_the_middle_leaves_nothing_in_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    fs_err::write(folder.path().join("site.new"), "half").unwrap();
    load_or_create(&path, true).unwrap();
    load_or_create(&path, false).unwrap();
}

#[test]
fn programs_that_start_at_once_have_one_key() {
    for _ in 0..40 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("site.key");
        let barrier = Barrier::new(8);
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let start = || {
                barrier.wait();
                load_or_create(&path, true).unwrap().to_bytes()
            };
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(start)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let kept = load_or_create(&path, false).unwrap().to_bytes();
        assert!(keys.iter().all(|key| *key == kept));
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 1);
    }
}
