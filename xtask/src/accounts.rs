//! The two users of a development run: an administrator for its owner, a client that sends the demonstration.

use crate::command;
use anyhow::{Context as _, Result, bail};
use fs_err as fs;
use fs_err::os::unix::fs::OpenOptionsExt as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const ADMIN: &str = "admin@example.com";
const DEMO: &str = "demo@example.com";
const COMPANY: &str = "Demo";

/// Who logs in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    /// E-mail.
    pub(crate) email: String,
    /// Password.
    pub(crate) password: String,
}

/// The file of the demonstration client.
pub(crate) fn demo_file(data: &Path) -> PathBuf {
    data.join("demo-client")
}

/// The demonstration client of a data folder, made when it is not there yet.
///
/// # Errors
/// When the file is of another form, or a user cannot be made. `api` is `oz-api` with its settings.
pub(crate) fn ensure(data: &Path, api: impl Fn() -> Command) -> Result<()> {
    let file = demo_file(data);
    if file.try_exists()? {
        read(&file)?;
        return Ok(());
    }
    let admin = password()?;
    if create(api(), ADMIN, &admin, &["--role", "ADMIN"])? {
        println!("administrator  {ADMIN}  password  {admin}");
        println!("               (shown this once; only its hash is stored)");
    } else {
        println!("administrator  {ADMIN}  is there already; its password stays");
    }
    let demo = password()?;
    if !create(api(), DEMO, &demo, &["--role", "CLIENT", "--company", COMPANY])? {
        bail!("{DEMO} is in the database, its password is not in {}: use another --data-dir", file.display());
    }
    write(&file, &Credentials { email: DEMO.to_owned(), password: demo })?;
    println!("demo client    {DEMO}  of company {COMPANY}, password in {} (mode 0600)", file.display());
    Ok(())
}

/// `false`: there is one of that address.
fn create(mut api: Command, email: &str, password: &str, more: &[&str]) -> Result<bool> {
    api.args(["admin", "user", "create", "--email", email, "--password-stdin"]).args(more);
    let mut child = api
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start `{}`", command::shown(&api)))?;
    if let Some(mut input) = child.stdin.take() {
        // A program that ended already tells why below.
        let _ = writeln!(input, "{password}");
    }
    let done = child.wait_with_output()?;
    if done.status.success() {
        return Ok(true);
    }
    let said = String::from_utf8_lossy(&done.stderr);
    if is_there(&said) {
        return Ok(false);
    }
    bail!("`{}` ended with {}:\n{}", command::shown(&api), done.status, said.trim())
}

/// Whether a refusal says that the address is taken.
fn is_there(said: &str) -> bool {
    ["exist", "taken", "already", "conflict"].iter().any(|word| said.to_lowercase().contains(word))
}

/// 144 random bits as 36 hex digits: as good in a URL, a shell and JSON as in a prompt.
fn password() -> Result<String> {
    let mut bytes = [0; 18];
    getrandom::fill(&mut bytes).context("the system's random numbers")?;
    Ok(hex::encode(bytes))
}

/// Reads the file of the demonstration client.
///
/// # Errors
/// When it is not there or of another form.
pub(crate) fn read(file: &Path) -> Result<Credentials> {
    let text = fs::read_to_string(file)?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    match (lines.next(), lines.next(), lines.next()) {
        (Some(email), Some(password), None) => {
            Ok(Credentials { email: email.to_owned(), password: password.to_owned() })
        }
        _ => bail!("{}: expected two lines, an e-mail and a password", file.display()),
    }
}

fn write(file: &Path, who: &Credentials) -> Result<()> {
    let mut out = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(out, "{}\n{}", who.email, who.password)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn the_file_is_private_and_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = demo_file(folder.path());
        let who = Credentials { email: DEMO.to_owned(), password: password().unwrap() };
        write(&file, &who).unwrap();
        assert_eq!(read(&file).unwrap(), who);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&file, "only one line\n").unwrap();
        assert!(read(&file).unwrap_err().to_string().contains("two lines"));
    }

    #[test]
    fn passwords_are_long_and_differ() {
        let (one, other) = (password().unwrap(), password().unwrap());
        assert!(one.len() == 36 && one != other);
    }

    #[test]
    fn users_are_made_through_standard_input_only() {
        let folder = tempfile::tempdir().unwrap();
        let seen = folder.path().join("seen");
        let api = || {
            let mut sh = Command::new("sh");
            sh.args(["-c", "read -r p; printf '%s %s\\n' \"$p\" \"$*\" >> \"$0\""]).arg(&seen);
            sh
        };
        ensure(folder.path(), api).unwrap();
        ensure(folder.path(), || panic!("a second start makes nobody")).unwrap();
        let seen = fs::read_to_string(&seen).unwrap();
        let lines: Vec<_> = seen.lines().collect();
        assert_eq!(lines.len(), 2);
        let demo = read(&demo_file(folder.path())).unwrap();
        assert!(lines[1].starts_with(&demo.password) && lines[1].ends_with("--company Demo"), "{seen}");
    }
}
