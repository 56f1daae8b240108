//! The Debian root that booted tests begin with: made once, with the network; the tests have none.

use crate::command;
use crate::project::Project;
use crate::steps::Steps;
use anyhow::Result;
use fs_err as fs;
use std::path::PathBuf;

/// What is in it beside a minimal installation: systemd, and what our packages need. A test that installs them sees when one
/// is missing here.
const PACKAGES: &str = "ca-certificates,dbus,debconf,libavcodec59,libavformat59,libavutil57,libgcc-s1,libpq5,libstdc++6,\
    libswscale6,libsystemd0,libturbojpeg0,libpam-systemd,logrotate,systemd,systemd-sysv";

/// The root's folder.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn prepare(project: &Project, steps: &Steps) -> Result<PathBuf> {
    let root = project.target()?.join("debian-12");
    let done = root.join("made-of");
    if fs::read_to_string(&done).is_ok_and(|have| have == PACKAGES) {
        return Ok(root);
    }
    steps.say("Debian 12 for booted tests: making target/debian-12");
    if root.try_exists()? {
        fs::remove_dir_all(&root)?;
    }
    let mut command = command::as_root("debootstrap")?;
    command.args(["--variant=minbase", &format!("--include={PACKAGES}"), "bookworm"]).arg(&root);
    command::output(&mut command)?;
    // Each boot is another machine.
    fs::write(root.join("etc/machine-id"), "uninitialized\n")?;
    fs::write(&done, PACKAGES)?;
    Ok(root)
}
