//! The answers of the machine that this runs on.

use super::{Database, Said, Space, World, command, database};
use oz_domain::{Clock as _, SystemClock};
use oz_license::Timestamp;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::path::Path;
use std::time::{Duration, Instant};

/// For one connection.
const PATIENCE: Duration = Duration::from_secs(3);
/// Writes that are measured, and how long that may take.
const WRITES: usize = 200;
const MEASURING: Duration = Duration::from_secs(2);
/// Bytes of one: a page of a database.
const PAGE: [u8; 4096] = [0x5a; 4096];

/// This machine.
#[derive(Debug)]
pub(super) struct Real;

impl World for Real {
    fn space(&self, folder: &Path) -> io::Result<Space> {
        let found = rustix::fs::statvfs(folder)?;
        let bytes = |blocks: u64| blocks.saturating_mul(found.f_frsize);
        Ok(Space { total: bytes(found.f_blocks), free: bytes(found.f_bavail) })
    }

    fn write_p99(&self, folder: &Path) -> io::Result<Duration> {
        // Without a name: nothing is left behind, however this ends.
        let mut file = tempfile::tempfile_in(folder)?;
        let begin = Instant::now();
        let mut took = Vec::with_capacity(WRITES);
        while took.len() < WRITES && (took.is_empty() || begin.elapsed() < MEASURING) {
            let start = Instant::now();
            file.write_all(&PAGE)?;
            file.sync_data()?;
            took.push(start.elapsed());
        }
        took.sort_unstable();
        Ok(percentile(&took))
    }

    fn bind(&self, port: u16) -> io::Result<()> {
        // All addresses: whoever holds the port on one of them is found.
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).map(drop)
    }

    fn connect(&self, host: &str, port: u16) -> io::Result<()> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for address in (host, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(_) => return Ok(()),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    fn resolve(&self, name: &str) -> io::Result<()> {
        let found = (name, 0).to_socket_addrs()?.next();
        found.map(drop).ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the name has no address"))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> io::Result<Said> {
        command::run(program, arguments)
    }

    fn postgres(&self, url: &str) -> Result<Database, String> {
        database::ask(url)
    }

    fn now(&self) -> Timestamp {
        oz_site::timestamp(SystemClock.now())
    }
}

/// The value that 99 of 100 do not exceed, of sorted ones.
fn percentile(sorted: &[Duration]) -> Duration {
    let rank = (sorted.len() * 99).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_that_of_the_nearest_rank() {
        let sorted: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!(percentile(&sorted), Duration::from_millis(198));
        assert_eq!((percentile(&sorted[..1]), percentile(&[])), (Duration::from_millis(1), Duration::ZERO));
    }

    #[test]
    fn a_disk_is_measured_and_nothing_stays_on_it() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Real.write_p99(folder.path()).unwrap() > Duration::ZERO);
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0);
        let space = Real.space(folder.path()).unwrap();
        assert!(space.total >= space.free && space.total > 0);
    }

    #[test]
    fn a_port_that_is_held_cannot_be_bound() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        assert_eq!(Real.bind(port).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        Real.connect("127.0.0.1", port).unwrap();
        drop(held);
        Real.bind(port).unwrap();
        assert!(Real.connect("127.0.0.1", port).is_err());
    }
}
