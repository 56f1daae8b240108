//! What handlers take out of a request. Each extractor refuses with an error that names what came.

use crate::error::ApiError;
use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _};
use oz_domain::RequestId;
use oz_wire::Code;
use serde::de::DeserializeOwned;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderName, HeaderValue};

/// Longest JSON body in bytes.
const JSON_BYTES: usize = 1 << 20;
/// For a JSON body to arrive.
const JSON_TIME: Duration = Duration::from_secs(30);
/// Where the access token is (`oz-api.md` 1).
const TOKEN: &str = "x-forensic-access-token";
/// One page of the documentation spells it so.
const TOKEN_ALIAS: &str = "x-forensics-access-token";

/// Who sent the request: the peer, or what a trusted proxy said (the server decides).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddr(pub IpAddr);

/// What the server knows of a request before it is read.
#[derive(Debug, Clone)]
pub struct RequestMeta {
    /// Its id.
    pub id: RequestId,
    /// Who sent it.
    pub client: ClientAddr,
    /// Whom it asks, as `host` or `host:port`: HTTP/2 says it in the target, HTTP/1.1 mostly in `Host`.
    pub authority: Option<String>,
    /// Whether only the head of the answer is wanted: `HEAD` is handled as `GET`, and its body is thrown away.
    pub is_head: bool,
    told: Arc<Mutex<Vec<(HeaderName, HeaderValue)>>>,
}

impl RequestMeta {
    pub(crate) fn new(id: RequestId, client: ClientAddr, authority: Option<String>, is_head: bool) -> Self {
        Self { id, client, authority, is_head, told: Arc::default() }
    }

    /// Adds a header to the answer, whatever the handler makes of it.
    pub fn tell(&self, name: HeaderName, value: HeaderValue) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push((name, value));
    }

    pub(crate) fn told(&self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The request's id and sender, put there by the server loop.
pub fn meta() -> BoxedFilter<(RequestMeta,)> {
    warp::ext::get::<RequestMeta>().boxed()
}

/// One header as text; `None` when it is absent or not text.
pub fn header(name: &'static str) -> BoxedFilter<(Option<String>,)> {
    warp::header::headers_cloned()
        .map(move |headers: HeaderMap| headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned))
        .boxed()
}

/// The access token, under either spelling; `None` when there is none or it is not text.
pub fn access_token() -> BoxedFilter<(Option<String>,)> {
    warp::header::headers_cloned()
        .map(|headers: HeaderMap| {
            let token = headers.get(TOKEN).or_else(|| headers.get(TOKEN_ALIAS))?;
            token.to_str().ok().map(str::to_owned)
        })
        .boxed()
}

/// The pairs of the query string, percent-decoded, in order; `+` is a space.
pub fn query() -> BoxedFilter<(Vec<(String, String)>,)> {
    warp::query::raw().or(warp::any().map(String::new)).unify().map(|raw: String| pairs(&raw)).boxed()
}

fn pairs(raw: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    raw.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}

/// A JSON body of at most 1 MiB, within 30 s. The content type is not asked for: old clients send none.
pub fn json<T: DeserializeOwned + Send + 'static>() -> BoxedFilter<(T,)> {
    json_within(JSON_BYTES)
}

/// As [`json`], of at most `limit` bytes: for what strangers send, whose bodies should not fill the memory.
pub fn json_within<T: DeserializeOwned + Send + 'static>(limit: usize) -> BoxedFilter<(T,)> {
    body_within(limit)
        .and_then(
            |bytes: Bytes| async move { oz_wire::parse(&bytes).map_err(|e| warp::Rejection::from(ApiError::from(e))) },
        )
        .boxed()
}

/// A body of whatever form, of at most `limit` bytes, within 30 s.
pub fn body_within(limit: usize) -> BoxedFilter<(Bytes,)> {
    warp::body::stream()
        .and_then(move |body| async move {
            let late = |_| ApiError::new(Code::InvalidStructure, "the body took too long");
            tokio::time::timeout(JSON_TIME, collect(body, limit)).await.map_err(late)?
        })
        .boxed()
}

async fn collect<B: bytes::Buf>(
    body: impl Stream<Item = Result<B, warp::Error>>,
    limit: usize,
) -> Result<Bytes, warp::Rejection> {
    let mut bytes = BytesMut::new();
    let mut body = std::pin::pin!(body);
    while let Some(chunk) = body.next().await {
        let mut chunk = chunk.map_err(|_| ApiError::new(Code::InvalidStructure, "the body broke off"))?;
        if bytes.len() + chunk.remaining() > limit {
            let text = format!("the body is longer than {limit} bytes");
            return Err(ApiError::new(Code::MediaOverLimit, text).into());
        }
        bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_strings_are_decoded_in_order() {
        let read = pairs("meta_data=a%3D%3Db+c&limit=5&&x");
        let expected = [("meta_data", "a==b c"), ("limit", "5"), ("x", "")];
        assert_eq!(read.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>(), expected);
    }
}
