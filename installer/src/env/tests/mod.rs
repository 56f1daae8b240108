//! Settings of machines made for tests.

mod changing;
mod reading;
mod refusing;
mod showing;
mod writing;

use super::{Refused, command};
use crate::cli::{Cli, Command};
use crate::machine::fake::Fake;
use clap::Parser as _;
use std::path::PathBuf;

/// A secret that must be in no output and in no error.
pub(super) const SECRET: &str = "hunter2";

/// A machine with both programs and nothing set.
pub(super) fn installed() -> Fake {
    let mut fake = Fake::good();
    fake.file("/etc/oz/oz.toml", "");
    fake.file("/etc/oz-license/oz-license.toml", "");
    fake
}

/// Where a file of the machine lies.
pub(super) fn path(fake: &Fake, path: &str) -> PathBuf {
    fake.machine().path(path)
}

/// The text of a file; empty where there is none.
pub(super) fn text(fake: &Fake, file: &str) -> String {
    fs_err::read_to_string(path(fake, file)).unwrap_or_default()
}

/// What `ozctl env` prints, or its exit code and error. That no secret is in it is looked at each time.
pub(super) fn env(fake: &Fake, arguments: &[&str], input: &str) -> Result<String, (u8, String)> {
    let all = ["ozctl", "env"].iter().chain(arguments);
    let Command::Env(parsed) = Cli::try_parse_from(all).unwrap().command else { panic!("not env") };
    let mut out = Vec::new();
    let done = command(&fake.machine(), &parsed, &mut input.as_bytes(), &mut out);
    let out = String::from_utf8(out).unwrap();
    assert!(!out.contains(SECRET), "{out}");
    done.map(|code| assert_eq!(code, 0)).map(|()| out).map_err(|error| {
        let told = format!("{error:#}");
        assert!(!told.contains(SECRET) && !format!("{error:?}").contains(SECRET), "{told}");
        let code = if error.is::<Refused>() {
            assert_eq!(told.lines().count(), 1, "{told}");
            1
        } else {
            if error.is::<clap::Error>() { 2 } else { 3 }
        };
        (code, told)
    })
}
