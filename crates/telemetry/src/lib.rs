//! Logs, metrics, systemd notifications.
