//! Multipart forms as a stream of parts, with limits and an idle time-out. Nothing is buffered here.

use crate::error::ApiError;
use bytes::Bytes;
use futures_util::StreamExt as _;
use multer::{Constraints, Multipart, SizeLimit};
use oz_wire::Code;
use serde_json::json;
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Limits of one form.
#[derive(Debug, Clone, Copy)]
pub struct UploadLimits {
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of the part `payload`.
    pub payload_bytes: u64,
    /// Bytes of the whole body.
    pub total_bytes: u64,
    /// Longest silence between two chunks.
    pub idle: Duration,
}

/// A form, read part by part.
pub struct Form {
    parts: Multipart<'static>,
    limits: UploadLimits,
}

/// One part of a form. Must be read to its end before the next.
pub struct Part {
    field: multer::Field<'static>,
    idle: Duration,
    /// The part's name; empty when it has none.
    pub name: String,
    /// The file name the client gave: text to store, never a path.
    pub file_name: Option<String>,
}

/// The form of a request.
///
/// Refuses other content types with code 3, and `application/octet-stream` (an OzCapsula container) with code 2.
pub fn form(limits: UploadLimits) -> BoxedFilter<(Form,)> {
    warp::header::optional::<String>("content-type")
        .and(warp::body::stream())
        .and_then(move |kind: Option<String>, body| {
            let form = open(kind.as_deref().unwrap_or_default(), limits, body).map_err(warp::Rejection::from);
            async move { form }
        })
        .boxed()
}

fn open<B: bytes::Buf>(
    kind: &str,
    limits: UploadLimits,
    body: impl futures_util::Stream<Item = Result<B, warp::Error>> + Send + 'static,
) -> Result<Form, ApiError> {
    if kind.starts_with("application/octet-stream") {
        return Err(ApiError::new(Code::NotRealized, "OzCapsula containers are not supported by this server"));
    }
    let boundary = multer::parse_boundary(kind).map_err(|_| {
        let text = "expected multipart/form-data with a boundary in Content-Type";
        ApiError::new(Code::InvalidStructure, text).with_details(json!({"field": "Content-Type"}))
    })?;
    let sizes = SizeLimit::new()
        .whole_stream(limits.total_bytes)
        .per_field(limits.file_bytes)
        .for_field("payload", limits.payload_bytes);
    let bytes = body.map(|chunk| chunk.map(|mut chunk| chunk.copy_to_bytes(chunk.remaining())));
    let rules = Constraints::new().size_limit(sizes);
    Ok(Form { parts: Multipart::with_constraints(bytes, boundary, rules), limits })
}

impl Form {
    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// Broken form (code 3), a part or the whole too big (1511), silence for too long (code 3).
    pub async fn next(&mut self) -> Result<Option<Part>, ApiError> {
        let field = waited(self.limits.idle, self.parts.next_field()).await?;
        Ok(field.map(|field| Part {
            name: field.name().unwrap_or_default().to_owned(),
            file_name: field.file_name().map(str::to_owned),
            idle: self.limits.idle,
            field,
        }))
    }
}

impl Part {
    /// The next chunk, or `None` at the end of the part.
    ///
    /// # Errors
    /// As [`Form::next`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        waited(self.idle, self.field.chunk()).await
    }

    /// The whole part, for `payload`; the form's limit bounds it.
    ///
    /// # Errors
    /// As [`Form::next`].
    pub async fn bytes(mut self) -> Result<Bytes, ApiError> {
        let mut all = bytes::BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }
}

async fn waited<T>(idle: Duration, read: impl Future<Output = multer::Result<T>>) -> Result<T, ApiError> {
    match tokio::time::timeout(idle, read).await {
        Ok(result) => result.map_err(|e| explain(&e)),
        Err(_) => {
            let text = format!("nothing was sent for {} s: the upload was given up", idle.as_secs());
            Err(ApiError::new(Code::InvalidStructure, text))
        }
    }
}

fn explain(error: &multer::Error) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { limit, field_name } => {
            let name = field_name.as_deref().unwrap_or("a part");
            over(name, *limit)
        }
        multer::Error::StreamSizeExceeded { limit } => over("the body", *limit),
        multer::Error::StreamReadFailed(_) => ApiError::new(Code::InvalidStructure, "the upload broke off"),
        other => ApiError::new(Code::InvalidStructure, format!("not a form: {other}")),
    }
}

fn over(name: &str, limit: u64) -> ApiError {
    let name: String = name.chars().take(64).collect();
    ApiError::new(Code::MediaOverLimit, format!("{name} is longer than {limit} bytes"))
        .with_details(json!({"field": name, "expected": format!("at most {limit} bytes")}))
}
