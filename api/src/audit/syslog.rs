//! The log, told to a syslog server while it is written (RFC 5424; over TCP with counted octets, RFC 6587).
//!
//! At least once: a batch counts as told when it was handed over, and is sent again otherwise. Syslog itself confirms
//! nothing; over UDP whatever the network loses is lost. Values are not sent: ids, words, addresses and hashes only.

use crate::app::App;
use oz_domain::Millis;
use oz_store::audit::{Record, head, sealed, set_told, told};
use serde_json::json;
use std::fmt;
use std::io::{Error, ErrorKind, Result};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpStream, UdpSocket, UnixDatagram, lookup_host};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

/// From one look for new records to the next.
const EVERY: Duration = Duration::from_secs(1);
/// Longest pause after failures.
const PAUSE: Duration = Duration::from_secs(60);
/// For one batch to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Records of one batch.
const BATCH: u32 = 200;
/// Facility 13 (log audit), severity 6 (informational).
const PRIORITY: u8 = 13 * 8 + 6;

/// Where the log is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Sink {
    Unix(PathBuf),
    Udp(String),
    Tcp(String),
}

impl FromStr for Sink {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        let with_port = |address: &str| {
            address.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
        };
        match text.split_once("://") {
            Some(("unix", path)) if path.starts_with('/') => Ok(Self::Unix(path.into())),
            Some(("udp", address)) if with_port(address) => Ok(Self::Udp(address.to_owned())),
            Some(("tcp", address)) if with_port(address) => Ok(Self::Tcp(address.to_owned())),
            _ => Err("unix:///path, udp://host:port or tcp://host:port"),
        }
    }
}

impl fmt::Display for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Udp(address) => write!(f, "udp://{address}"),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
        }
    }
}

/// An open way to the sink.
enum Line {
    Unix(UnixDatagram),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Line {
    async fn open(sink: &Sink) -> Result<Self> {
        match sink {
            Sink::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Ok(Self::Unix(socket))
            }
            Sink::Udp(address) => {
                let nowhere = || Error::new(ErrorKind::NotFound, "the host has no address");
                let to = lookup_host(address).await?.next().ok_or_else(nowhere)?;
                let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }).await?;
                socket.connect(to).await?;
                Ok(Self::Udp(socket))
            }
            Sink::Tcp(address) => Ok(Self::Tcp(TcpStream::connect(address).await?)),
        }
    }

    async fn send(&mut self, messages: &[String]) -> Result<()> {
        for message in messages {
            match self {
                Self::Unix(socket) => drop(socket.send(message.as_bytes()).await?),
                Self::Udp(socket) => drop(socket.send(message.as_bytes()).await?),
                Self::Tcp(stream) => stream.write_all(format!("{} {message}", message.len()).as_bytes()).await?,
            }
        }
        match self {
            // A server that has gone says so by the end of what it would send; it never sends anything else.
            Self::Tcp(stream) => match stream.try_read(&mut [0; 64]) {
                Ok(0) => Err(Error::new(ErrorKind::ConnectionAborted, "the server closed the connection")),
                Err(error) if error.kind() != ErrorKind::WouldBlock => Err(error),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Tells sealed records until dropped, from where it ended before. Nothing waits for it.
pub(super) async fn tell_for_ever(app: App, sink: Sink) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let sender = Sender::of_this_process();
    let (mut line, mut failures, mut again, mut ahead) = (None, 0u32, Instant::now(), false);
    loop {
        ticks.tick().await;
        if Instant::now() < again {
            continue;
        }
        match tell(&app, &sink, &sender, &mut line).await {
            Ok(beyond) => {
                failures = 0;
                if let (Some(told), false) = (beyond, ahead) {
                    ahead = true;
                    // Once, under the target that no filter silences. What fills these places later is never sent: what
                    // they held is known out there only.
                    tracing::error!(target: "audit_head", told, %sink, "the audit log ends before the last record that its syslog server was told: its tail was cut off");
                }
            }
            Err(error) => {
                line = None;
                if failures == 0 {
                    tracing::warn!(%error, %sink, "the audit log does not reach its syslog server; it goes on from here later");
                }
                failures += 1;
                again = Instant::now() + EVERY.saturating_mul(1 << failures.min(6)).min(PAUSE);
            }
        }
    }
}

/// Tells all that was sealed since. Gives how far the sink was told when the log ends before.
async fn tell(app: &App, sink: &Sink, sender: &Sender, line: &mut Option<Line>) -> anyhow::Result<Option<i64>> {
    let name = sink.to_string();
    loop {
        let which = name.clone();
        let (after, end, records) = app
            .db
            .read(move |conn| {
                let after = told(conn, &which)?;
                Ok::<_, oz_store::Error>((after, head(conn)?.seq, sealed(conn, after, BATCH)?))
            })
            .await?;
        let Some(last) = records.last().and_then(|record| record.seq) else {
            return Ok(Some(after).filter(|after| *after > end));
        };
        let messages: Vec<String> = records.iter().map(|record| sender.message(record)).collect();
        let sent = async {
            let open = match line.take() {
                Some(open) => open,
                None => Line::open(sink).await?,
            };
            line.insert(open).send(&messages).await
        };
        timeout(PATIENCE, sent).await??;
        let which = name.clone();
        app.db.write(move |conn| set_told(conn, &which, last)).await?;
    }
}

/// Who speaks, as every message says.
struct Sender {
    host: String,
    process: u32,
}

impl Sender {
    fn of_this_process() -> Self {
        let host = fs_err::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let host: String = host.trim().chars().filter(char::is_ascii_graphic).take(255).collect();
        Self { host: if host.is_empty() { "-".to_owned() } else { host }, process: std::process::id() }
    }

    fn message(&self, record: &Record) -> String {
        let body = json!({
            "seq": record.seq,
            "hash": record.hash.as_ref().map(hex::encode),
            "audit_id": record.id,
            "time": record.time.as_seconds(),
            "company_id": record.company_id,
            "user_id": record.user_id,
            "request_id": record.request_id,
            "address": record.address,
            "object": record.object,
            "object_id": record.object_id,
            "action": record.action,
        });
        format!("<{PRIORITY}>1 {} {} oz-api {} audit - {body}", timestamp(record.time), self.host, self.process)
    }
}

/// RFC 3339 in UTC. Days to dates as in Howard Hinnant's `civil_from_days`.
fn timestamp(time: Millis) -> String {
    let (days, ms) = (time.get().div_euclid(86_400_000), time.get().rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let (day, month) = (day_of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z", ms % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sinks_are_read_and_written() {
        for good in ["unix:///dev/log", "udp://127.0.0.1:514", "tcp://[::1]:6514", "tcp://siem.example.com:601"] {
            assert_eq!(good.parse::<Sink>().unwrap().to_string(), good);
        }
        for bad in ["", "/dev/log", "unix://log", "udp://host", "udp://:514", "tcp://host:port", "http://host:80"] {
            assert!(bad.parse::<Sink>().is_err(), "{bad}");
        }
    }

    #[tokio::test]
    async fn messages_reach_a_unix_socket_one_by_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let server = UnixDatagram::bind(&path).unwrap();
        let mut line = Line::open(&Sink::Unix(path)).await.unwrap();
        line.send(&["first".to_owned(), "second".to_owned()]).await.unwrap();
        let mut buffer = [0; 64];
        for expected in ["first", "second"] {
            let length = server.recv(&mut buffer).await.unwrap();
            assert_eq!(&buffer[..length], expected.as_bytes());
        }
        drop(server);
        assert!(line.send(&["third".to_owned()]).await.is_err());
    }

    #[test]
    fn times_are_those_of_the_calendar() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_700_000_000_123, "2023-11-14T22:13:20.123Z"),
            (4_107_542_399_999, "2100-02-28T23:59:59.999Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(timestamp(Millis::new(ms)), text);
        }
    }
}
