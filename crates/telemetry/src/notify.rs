//! What systemd is told over `NOTIFY_SOCKET` (sd_notify(3)); nothing when the process does not run under it.

use systemd::daemon;

/// Ready to serve.
pub fn ready() {
    send(&[(daemon::STATE_READY, "1")]);
}

/// Stopping.
pub fn stopping() {
    send(&[(daemon::STATE_STOPPING, "1")]);
}

/// One line for `systemctl status`.
pub fn status(text: &str) {
    send(&[(daemon::STATE_STATUS, text)]);
}

/// Still making progress.
pub fn watchdog() {
    send(&[(daemon::STATE_WATCHDOG, "1")]);
}

/// How often [`watchdog`] is expected: half of what the unit says; `None` without a watchdog.
pub fn watchdog_interval() -> Option<std::time::Duration> {
    let micros = daemon::watchdog_enabled().ok().filter(|m| *m > 0)?;
    Some(std::time::Duration::from_micros(micros / 2))
}

fn send(state: &[(&str, &str)]) {
    if let Err(error) = daemon::notify(state.iter()) {
        tracing::debug!(%error, "systemd was not told");
    }
}
