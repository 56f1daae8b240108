//! Logs: one line each, to standard output.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

/// How lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line: `timestamp`, `level`, `target`, `message`, fields, and the request's span.
    Json,
    /// For people.
    Pretty,
}

/// Starts logging for the whole process, once; a second call does nothing. `filter` is a list of directives as in
/// `info,oz_jobs=debug`. Heads of the audit log and of a license site's ledger
/// (targets `audit_head`, `ledger_head`) are logged whatever it says: they must leave the machine.
///
/// # Errors
/// When the filter cannot be read.
pub fn start(format: Format, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(format!("{filter},audit_head=info,ledger_head=info"))
        .map_err(|e| format!("log filter: {e}"))?;
    let builder = fmt().with_env_filter(filter);
    let _already_started = match format {
        Format::Json => builder.json().flatten_event(true).with_current_span(true).with_span_list(false).try_init(),
        Format::Pretty => builder.try_init(),
    };
    // A panic's own message may quote what was being worked on; the place is enough to find it.
    std::panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current();
        tracing::error!(place, thread = thread.name().unwrap_or_default(), "panicked");
    }));
    Ok(())
}
