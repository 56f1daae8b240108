//! Files as answers: streamed, whole or one range of them (RFC 9110, 14).

use crate::error::ApiError;
use crate::range::ByteRange;
use crate::route::Response;
use bytes::Bytes;
use futures_util::Stream;
use oz_wire::Code;
use warp::Reply as _;
use warp::http::{HeaderValue, StatusCode, header};

/// A file of `size` bytes, or the `range` of it: 200 or 206 with the headers that a video player asks for.
///
/// `body` gives exactly the bytes of the range (or of the file); an error in it cuts the connection, so that the client
/// sees a broken download and never a short file that looks whole.
pub fn ranged<S, E>(size: u64, range: Option<ByteRange>, mime: &str, body: S) -> Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let mut response = warp::reply::stream(body).into_response();
    let length = range.map_or(size, |r| r.len());
    if let Some(ByteRange { first, last }) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        set(&mut response, header::CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"));
    }
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    set(&mut response, header::CONTENT_TYPE, mime);
    response
}

/// A file of unknown size, made while it is sent; browsers save it under `name`. An error in `body` cuts the connection.
pub fn download<S, E>(mime: &str, name: &str, body: S) -> Response
where
    S: Stream<Item = Result<Bytes, E>> + Send + Sync + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>> + Send + 'static,
{
    let mut response = warp::reply::stream(body).into_response();
    set(&mut response, header::CONTENT_TYPE, mime);
    set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"{name}\""));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    response
}

/// 416: the range lies outside of a file of `size` bytes.
pub fn unsatisfiable(size: u64) -> Response {
    let text = format!("Range: lies outside of the file, which has {size} bytes");
    let mut response = ApiError::new(Code::InvalidValue, text).into_response();
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(&mut response, header::CONTENT_RANGE, &format!("bytes */{size}"));
    response
}

fn set(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::iter;
    use std::convert::Infallible;

    fn header<'a>(response: &'a Response, name: &str) -> &'a str {
        response.headers().get(name).map_or("", |v| v.to_str().unwrap())
    }

    #[test]
    fn parts_and_wholes_say_what_they_are() {
        let bytes = || iter([Ok::<_, Infallible>(Bytes::from_static(b"0123"))]);
        let whole = ranged(4, None, "video/mp4", bytes());
        assert_eq!((whole.status().as_u16(), header(&whole, "content-length")), (200, "4"));
        assert_eq!((header(&whole, "content-range"), header(&whole, "accept-ranges")), ("", "bytes"));
        let part = ranged(100, Some(ByteRange { first: 96, last: 99 }), "video/mp4", bytes());
        assert_eq!((part.status().as_u16(), header(&part, "content-length")), (206, "4"));
        assert_eq!(header(&part, "content-range"), "bytes 96-99/100");
        let none = unsatisfiable(100);
        assert_eq!((none.status().as_u16(), header(&none, "content-range")), (416, "bytes */100"));
    }
}
