//! Ports, and who holds them.

use super::{Asked, Found};
use crate::machine::Machine;
use crate::profile::Profile;
use std::io;
use std::net::SocketAddr;

/// Our own services, as the kernel names them: 15 letters at most.
const OURS: [&str; 3] = ["oz-api", "oz-license-serv", "oz-web-adapter"];

/// Who listens on a port.
struct Holder {
    pid: u32,
    name: String,
}

/// The ports of a profile: the usual one, and the one that the settings name instead.
pub(super) fn wanted(asked: &Asked<'_>) -> Vec<(u16, u16)> {
    let now = |usual: u16| {
        let key = match (asked.profile, usual) {
            (Profile::License, 8090) | (Profile::AllInOne | Profile::Api, 8000) => "listen",
            (Profile::AllInOne | Profile::Api, 9464) => "metrics_listen",
            _ => return usual,
        };
        let set = asked.settings.get(key).and_then(|text| text.parse::<SocketAddr>().ok());
        set.map_or(usual, |address| address.port())
    };
    asked.profile.needs().ports.iter().map(|usual| (*usual, now(*usual))).collect()
}

/// The ports of a profile as the settings are now.
pub(super) fn all(asked: &Asked<'_>) -> Vec<u16> {
    wanted(asked).into_iter().map(|(_, now)| now).collect()
}

/// Ports as a list.
pub(super) fn list(ports: &[u16]) -> String {
    ports.iter().map(u16::to_string).collect::<Vec<_>>().join(" ")
}

pub(super) fn free(asked: &Asked<'_>) -> Found {
    let (mut ours, mut held, mut unclear) = (Vec::new(), Vec::new(), Vec::new());
    for port in all(asked) {
        match asked.machine.world().bind(port) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => match holder(asked.machine, port) {
                Some(Holder { pid, name }) if OURS.contains(&name.as_str()) => {
                    ours.push(format!("{port} held by {name} (pid {pid}), our own"));
                }
                Some(Holder { pid, name }) => held.push(format!("{port} held by {name} (pid {pid})")),
                None => held.push(format!("{port} held by a process that cannot be seen (run it as root)")),
            },
            Err(error) => unclear.push(format!("{port}: {error}")),
        }
    }
    if !held.is_empty() {
        Found::fail(held.join(", "))
    } else if !unclear.is_empty() {
        Found::unknown(unclear.join(", "))
    } else if ours.is_empty() {
        Found::pass("all free")
    } else {
        Found::pass(ours.join(", "))
    }
}

/// Who listens on a port, as far as this process may see.
fn holder(machine: &Machine, port: u16) -> Option<Holder> {
    let sockets = sockets(machine, port);
    let pids = machine.names("/proc").into_iter().filter_map(|name| name.parse::<u32>().ok());
    let mut holders = pids.filter(|pid| {
        let folder = format!("/proc/{pid}/fd");
        machine.names(&folder).iter().any(|fd| {
            let link = fs_err::read_link(machine.path(format!("{folder}/{fd}")));
            link.is_ok_and(|link| sockets.iter().any(|socket| link.as_os_str() == socket.as_str()))
        })
    });
    let pid = holders.next()?;
    let name = machine.text(format!("/proc/{pid}/comm")).unwrap_or_else(|| "a process that ended".to_owned());
    Some(Holder { pid, name })
}

/// What links of open files of a port's listeners say: `socket:[4711]`.
fn sockets(machine: &Machine, port: u16) -> Vec<String> {
    const LISTENS: &str = "0A";
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| machine.text(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let wanted = format!(":{port:04X}");
    let listeners = lines.filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, local, _, state, ..] = words.as_slice() else { return None };
        (*state == LISTENS && local.ends_with(&wanted))
            .then(|| words.get(9).map(|inode| format!("socket:[{inode}]")))?
    });
    listeners.collect()
}
