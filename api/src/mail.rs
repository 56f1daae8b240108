//! Mail that the appliance sends: links for forgotten passwords.

use crate::settings::Mail;
use lettre::message::Mailbox;
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::Credentials;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use oz_jobs::Failure;
use std::time::Duration;
use zeroize::Zeroizing;

/// For one step of the conversation.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encryption {
    /// From the first byte.
    Tls,
    /// After a greeting in clear; refused when the server does not offer it.
    StartTls,
    /// Not at all: for a relay on the same machine.
    None,
}

/// Sends mail by one server.
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    restore_url: String,
}

impl Mailer {
    /// Connects to nothing yet.
    pub(crate) fn new(mail: &Mail) -> anyhow::Result<Self> {
        let mut builder = match mail.encryption {
            Encryption::Tls => AsyncSmtpTransport::<Tokio1Executor>::relay(&mail.host)?,
            Encryption::StartTls => AsyncSmtpTransport::<Tokio1Executor>::starttls_relay(&mail.host)?,
            Encryption::None => AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host),
        };
        if let Some(port) = mail.port {
            builder = builder.port(port);
        }
        if let Some((user, password)) = &mail.credentials {
            builder = builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()));
        }
        let transport = builder.timeout(Some(PATIENCE)).build();
        Ok(Self { transport, from: mail.from.clone(), restore_url: mail.restore_url.clone() })
    }

    /// Mails a link with this secret. Errors name neither.
    pub(crate) async fn restore(&self, to: &str, secret: &str) -> Result<(), Failure> {
        let unfit = |_| Failure::Fatal("the user's address cannot be mailed to".to_owned());
        let to = Mailbox::new(None, to.parse().map_err(unfit)?);
        let link = Zeroizing::new(link(&self.restore_url, secret));
        let text = format!(
            "Somebody, you we hope, asked for a new password. Open this link within 30 minutes to set one; it works \
             once:\n\n{}\n\nIf it was not you, nothing has changed, and there is nothing to do.\n",
            *link
        );
        let message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject("Your new password")
            .header(ContentType::TEXT_PLAIN)
            .body(text)
            .map_err(|_| Failure::Fatal("the mail cannot be written".to_owned()))?;
        match self.transport.send(message).await {
            Ok(_) => Ok(()),
            // What a server says may repeat the address: its class and code are enough.
            Err(error) if error.is_permanent() => Err(Failure::Fatal(format!("mail was refused{}", status(&error)))),
            Err(error) => Err(Failure::Retry(format!("mail could not be sent{}", status(&error)))),
        }
    }
}

fn status(error: &lettre::transport::smtp::Error) -> String {
    match error.status() {
        Some(code) => format!(" with {code}"),
        None if error.is_tls() => ": TLS failed".to_owned(),
        None if error.is_timeout() => ": no answer".to_owned(),
        None => String::new(),
    }
}

/// The page with the secret: where it says `{token}`, else behind `#`, which no server and no log on the way sees.
fn link(url: &str, secret: &str) -> String {
    if url.contains("{token}") { url.replace("{token}", secret) } else { format!("{url}#{secret}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_secret_stands_where_it_is_asked_for_or_where_no_server_sees_it() {
        assert_eq!(link("https://a/new?t={token}&l=kk", "s"), "https://a/new?t=s&l=kk");
        assert_eq!(link("https://a/restore", "s"), "https://a/restore#s");
    }
}
