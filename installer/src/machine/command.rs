//! Running a program of the system, for a limited time.

use super::Said;
use std::io::{self, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// For one program: some ask a bus that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest output that is read.
const LONGEST: u64 = 1 << 20;
/// Where programs are looked for: the administrator's own `PATH` may lack `sbin`, or name a folder of somebody else.
const FOLDERS: &str = "/usr/sbin:/usr/bin:/sbin:/bin";

/// Runs a program with nothing to read and in no language.
///
/// # Errors
/// There is no such program, or it does not end in time.
pub(super) fn run(program: &str, arguments: &[&str]) -> io::Result<Said> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", FOLDERS)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let read = output(&mut child);
    if read.is_err() {
        let _ = child.kill();
    }
    let status = child.wait()?;
    Ok(Said { ok: status.success(), text: String::from_utf8_lossy(&read?).into_owned() })
}

/// What it writes until it closes its output.
fn output(child: &mut Child) -> io::Result<Vec<u8>> {
    let Some(pipe) = child.stdout.take() else { return Ok(Vec::new()) };
    let (tell, told) = mpsc::channel();
    // A thread of its own: reading has no time limit.
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = tell.send(pipe.take(LONGEST).read_to_end(&mut bytes).map(|_| bytes));
    });
    let late = || io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", PATIENCE.as_secs()));
    told.recv_timeout(PATIENCE).map_err(|_| late())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_what_it_writes_and_how_it_ends() {
        let said = run("sh", &["-c", "echo hello; exit 3"]).unwrap();
        assert_eq!((said.ok, said.text.as_str()), (false, "hello\n"));
        assert_eq!(run("no-such-program", &[]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
}
