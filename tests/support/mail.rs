//! A mail server that keeps what it is given.

use crate::support::server::Options;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

/// A mail as it was handed over.
#[derive(Debug)]
pub(crate) struct Mail {
    /// The address it is for.
    pub(crate) to: String,
    /// Header and body, with soft line breaks undone.
    pub(crate) text: String,
}

/// The server.
pub(crate) struct Sink {
    port: u16,
    mails: Receiver<Mail>,
}

impl Sink {
    /// Listens on a free port; ends with the test.
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let (tell, mails) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let _ = converse(stream, &tell); // a client that hangs up is its own business
            }
        });
        Self { port, mails }
    }

    /// Options of a server that mails here.
    pub(crate) fn options(&self, options: Options) -> Options {
        options
            .with("OZ_SMTP_HOST", "127.0.0.1")
            .with("OZ_SMTP_PORT", &self.port.to_string())
            .with("OZ_SMTP_TLS", "none")
            .with("OZ_SMTP_FROM", "Oz <oz@bank.example>")
            .with("OZ_RESTORE_URL", "https://bank.example/restore?token={token}")
    }

    /// The next mail.
    pub(crate) fn next(&self) -> Mail {
        self.mails.recv_timeout(Duration::from_secs(20)).expect("a mail")
    }

    /// Whether nothing more has come.
    pub(crate) fn is_empty(&self) -> bool {
        self.mails.try_recv().is_err()
    }
}

fn converse(stream: TcpStream, tell: &Sender<Mail>) -> std::io::Result<()> {
    let mut out = stream.try_clone()?;
    let mut lines = BufReader::new(stream).lines();
    let mut to = String::new();
    write!(out, "220 sink\r\n")?;
    while let Some(line) = lines.next().transpose()? {
        let word = line.split([' ', ':']).next().unwrap_or_default().to_uppercase();
        match word.as_str() {
            "EHLO" => write!(out, "250-sink\r\n250 8BITMIME\r\n")?,
            "RCPT" => {
                to = line.trim_start_matches("RCPT TO:").trim_matches(['<', '>']).to_owned();
                write!(out, "250 ok\r\n")?;
            }
            "DATA" => {
                write!(out, "354 go on\r\n")?;
                let mut text = String::new();
                while let Some(line) = lines.next().transpose()?.filter(|line| line != ".") {
                    text.push_str(&line);
                    text.push('\n');
                }
                write!(out, "250 kept\r\n")?;
                let text = text.replace("=\n", "").replace("=3D", "=");
                let _ = tell.send(Mail { to: to.clone(), text });
            }
            "QUIT" => return write!(out, "221 bye\r\n"),
            _ => write!(out, "250 ok\r\n")?,
        }
    }
    Ok(())
}
