//! What is being waited for, on a terminal only.

use std::io::{IsTerminal as _, Write as _};

/// A line on standard error that is wiped when it is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    shown: bool,
}

impl Progress {
    /// Says something only where a person looks.
    pub(crate) fn on_terminal() -> Self {
        Self { shown: std::io::stderr().is_terminal() }
    }

    /// Takes the place of what was said before.
    pub(crate) fn say(&self, what: &str) {
        self.write(&format!("\r\x1b[K{what}"));
    }

    fn write(&self, text: &str) {
        if self.shown {
            // Whoever cannot see it misses nothing.
            let mut terminal = std::io::stderr();
            let _ = terminal.write_all(text.as_bytes()).and_then(|()| terminal.flush());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.write("\r\x1b[K");
    }
}
