//! One call to the license server: a connection of its own, everything limited.

use bytes::Bytes;
use http::{Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde::Serialize;
use serde_json::Value;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// For a whole call: the keeper's next look must not wait for long.
const PATIENCE: Duration = Duration::from_secs(5);
/// Longest answer, bytes: a lease carries its license, and both have at most 64 KiB.
const LONGEST: usize = 512 * 1024;

/// Where the license server is, and how one is let in.
pub(crate) struct Caller {
    host: String,
    port: u16,
    tls: Option<TlsConnector>,
    secret: oz_settings::Secret,
}

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Caller {
    /// For `http://host:port` or `https://host:port`; `authority` is a PEM file of who signed the server's certificate, the
    /// system's own list without it.
    ///
    /// # Errors
    /// A text for the administrator.
    pub(crate) fn new(url: &str, authority: Option<&Path>, secret: oz_settings::Secret) -> anyhow::Result<Self> {
        let wrong = || anyhow::anyhow!("license_server_url: `{url}`, expected http://host:port or https://host:port");
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let https = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(wrong()),
        };
        // Somebody's password in it would be shown where settings are.
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        anyhow::ensure!(!has_user, "license_server_url: expected no user or password in it");
        anyhow::ensure!(matches!(uri.path(), "" | "/") && uri.query().is_none(), wrong());
        let host = uri.host().ok_or_else(wrong)?.trim_matches(['[', ']']).to_owned();
        let loopback =
            host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        anyhow::ensure!(
            https || loopback,
            "license_server_url: beyond this machine only https is spoken: the join secret travels"
        );
        let tls = https.then(|| connector(authority)).transpose()?;
        Ok(Self { host, port: uri.port_u16().unwrap_or(8090), tls, secret })
    }

    /// Sends a body and gives the answer, whatever its status.
    ///
    /// # Errors
    /// A text when there was no answer.
    pub(crate) async fn send(&self, method: Method, path: &str, body: &impl Serialize) -> Result<Answer, String> {
        let body = serde_json::to_vec(body).map_err(|e| e.to_string())?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", self.secret.expose()))
            .body(Full::new(Bytes::from(body)))
            .map_err(|e| e.to_string())?;
        match tokio::time::timeout(PATIENCE, self.exchange(request)).await {
            Ok(done) => done,
            Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
        }
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, String> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await.map_err(|e| e.to_string())?;
        let Some(tls) = &self.tls else { return http(stream, request).await };
        let name = ServerName::try_from(self.host.clone()).map_err(|e| e.to_string())?;
        http(tls.connect(name, stream).await.map_err(|e| e.to_string())?, request).await
    }
}

async fn http<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, String>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|e| e.to_string())?;
    let talk = async {
        let answer = sender.send_request(request).await.map_err(|e| e.to_string())?;
        let status = answer.status().as_u16();
        let body = Limited::new(answer.into_body(), LONGEST).collect().await.map_err(|e| e.to_string())?.to_bytes();
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    };
    let mut talk = std::pin::pin!(talk);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        answer = &mut talk => answer,
        // The connection may end just when the answer is complete.
        _ = &mut connection => talk.await,
    }
}

fn connector(authority: Option<&Path>) -> anyhow::Result<TlsConnector> {
    let mut roots = RootCertStore::empty();
    match authority {
        Some(path) => {
            for certificate in CertificateDer::pem_slice_iter(&fs_err::read(path)?) {
                roots.add(certificate?)?;
            }
            anyhow::ensure!(!roots.is_empty(), "license_server_ca: {} holds no certificate", path.display());
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
