//! One question over HTTP: a connection of its own, everything limited.

use super::{Health, Heard, Url};
use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, header};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For a whole question. The services answer within a second, whatever hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer, bytes.
const LONGEST: usize = 256 * 1024;

/// Asks one service.
pub(super) struct Caller {
    url: Url,
    tls: Option<TlsConnector>,
}

impl Caller {
    /// Trusts who is in the PEM file, or the system's own list.
    ///
    /// # Errors
    /// The file cannot be read or holds no certificate.
    pub(super) fn new(url: &Url, authority: Option<&Path>) -> anyhow::Result<Self> {
        let tls = url.https.then(|| connector(authority)).transpose()?;
        Ok(Self { url: url.clone(), tls })
    }

    /// Asks once.
    pub(super) async fn ask(&self) -> Heard {
        match tokio::time::timeout(PATIENCE, self.exchange()).await {
            Ok(Ok(heard)) => heard,
            Ok(Err(error)) => Heard::Nobody(format!("{error:#}")),
            Err(_) => Heard::Nobody(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn exchange(&self) -> anyhow::Result<Heard> {
        let stream = TcpStream::connect((self.url.host.as_str(), self.url.port)).await?;
        let request = Request::get(&self.url.path).header(header::HOST, self.url.authority());
        let request = request.header(header::ACCEPT, "application/json").body(Empty::new())?;
        let Some(tls) = &self.tls else { return talk(stream, request).await };
        let name = ServerName::try_from(self.url.host.clone())?;
        let stream = tls.connect(name, stream).await.context("TLS (--ca names who signed the certificate)")?;
        talk(stream, request).await
    }
}

async fn talk<S>(stream: S, request: Request<Empty<Bytes>>) -> anyhow::Result<Heard>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let talk = async {
        let answer = sender.send_request(request).await?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        // What fails is told with 503 and the same body.
        Ok(match serde_json::from_slice::<Health>(&body) {
            Ok(health) if matches!(status, 200 | 503) => Heard::Health(health),
            _ => Heard::Strange(format!("status {status}, and not the body of a health check")),
        })
    };
    let mut talk = std::pin::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        heard = &mut talk => heard,
        // The connection may end just when the answer is complete.
        _ = &mut connection => talk.await,
    }
}

fn connector(authority: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            let wrong = || format!("--ca: {}, expected certificates in PEM", path.display());
            for certificate in CertificateDer::pem_slice_iter(&fs_err::read(path).context("--ca")?) {
                roots.add(certificate.with_context(wrong)?).with_context(wrong)?;
            }
            anyhow::ensure!(!roots.is_empty(), wrong());
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(TlsConnector::from(Arc::new(config)))
}
