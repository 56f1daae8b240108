//! Multipart forms as a stream of parts, with limits, an idle time-out and a slowest pace. Nothing is buffered here.

use crate::error::ApiError;
use bytes::Bytes;
use futures_util::StreamExt as _;
use multer::{Constraints, Multipart, SizeLimit};
use oz_wire::Code;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use warp::Filter;
use warp::filters::BoxedFilter;

/// Most parts of a form.
const PARTS: u32 = 200;
/// Slowest pace of an upload, bytes a second: whoever drips keeps a place that others wait for.
const SLOWEST: u64 = 1024;
/// Most bytes that may come while the head of a part is awaited. multer would keep, and search anew, whatever comes.
const HEAD_BYTES: u64 = 64 << 10;

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
    pace: Arc<Pace>,
    seen: u32,
}

/// One part of a form. Must be read to its end before the next.
pub struct Part {
    field: multer::Field<'static>,
    pace: Arc<Pace>,
    /// The part's name; empty when it has none.
    pub name: String,
    /// The file name the client gave: text to store, never a path.
    pub file_name: Option<String>,
}

/// The form of a request.
///
/// Refuses other content types with code 3, and `application/octet-stream` (an OzCapsula container) with code 2.
pub fn form(limits: UploadLimits) -> BoxedFilter<(Form,)> {
    crate::header("content-type")
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
    let pace = Arc::new(Pace::new(limits.idle));
    let counted = Arc::clone(&pace);
    let bytes = body.map(move |chunk| {
        let mut chunk = chunk.map_err(Broken::Off)?;
        counted.came(chunk.remaining())?;
        Ok::<_, Broken>(chunk.copy_to_bytes(chunk.remaining()))
    });
    let rules = Constraints::new().size_limit(sizes);
    Ok(Form { parts: Multipart::with_constraints(bytes, boundary, rules), pace, seen: 0 })
}

impl Form {
    /// The next part, or `None` at the end.
    ///
    /// # Errors
    /// Broken form (code 3), a part or the whole too big or too many parts (1511), too slow (code 3).
    pub async fn next(&mut self) -> Result<Option<Part>, ApiError> {
        self.pace.head_left.store(HEAD_BYTES, Ordering::Relaxed);
        let Some(field) = self.pace.wait(self.parts.next_field()).await? else { return Ok(None) };
        self.seen += 1;
        if self.seen > PARTS {
            return Err(ApiError::new(Code::MediaOverLimit, format!("the form has more than {PARTS} parts")));
        }
        let name = field.name().unwrap_or_default().to_owned();
        let file_name = field.file_name().map(str::to_owned);
        Ok(Some(Part { name, file_name, pace: Arc::clone(&self.pace), field }))
    }
}

impl Part {
    /// The next chunk, or `None` at the end of the part.
    ///
    /// # Errors
    /// As [`Form::next`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, ApiError> {
        self.pace.head_left.store(u64::MAX, Ordering::Relaxed);
        self.pace.wait(self.field.chunk()).await
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

/// How an upload comes along.
struct Pace {
    idle: Duration,
    bytes: AtomicU64,
    waited_ms: AtomicU64,
    /// Bytes that may still come before the head of a part must be complete.
    head_left: AtomicU64,
}

/// Why the bytes of a form ended early.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the upload broke off")]
    Off(#[source] warp::Error),
    #[error("the head of a part is longer than {HEAD_BYTES} bytes")]
    LongHead,
}

impl Pace {
    fn new(idle: Duration) -> Self {
        let [bytes, waited_ms, head_left] = [0, 0, HEAD_BYTES].map(AtomicU64::new);
        Self { idle, bytes, waited_ms, head_left }
    }

    /// Counts a chunk. Only one that comes after the budget is used up is refused: chunks have any size.
    fn came(&self, size: usize) -> Result<(), Broken> {
        let size = size as u64;
        self.bytes.fetch_add(size, Ordering::Relaxed);
        let left = self.head_left.load(Ordering::Relaxed);
        if left == 0 {
            return Err(Broken::LongHead);
        }
        self.head_left.store(left.saturating_sub(size), Ordering::Relaxed);
        Ok(())
    }

    async fn wait<T>(&self, read: impl Future<Output = multer::Result<T>>) -> Result<T, ApiError> {
        let start = tokio::time::Instant::now();
        let result = tokio::time::timeout(self.idle, read).await;
        let took = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        // Only our waiting for the client counts, not the disk that the chunks go to.
        let waited = took.saturating_add(self.waited_ms.fetch_add(took, Ordering::Relaxed));
        let Ok(result) = result else {
            let text = format!("nothing was sent for {} s: the upload was given up", self.idle.as_secs());
            return Err(ApiError::new(Code::InvalidStructure, text));
        };
        let slow = self.bytes.load(Ordering::Relaxed) < waited / 1000 * SLOWEST;
        if slow && Duration::from_millis(waited) > self.idle {
            let text = format!("less than {SLOWEST} bytes a second came: the upload was given up");
            return Err(ApiError::new(Code::InvalidStructure, text));
        }
        result.map_err(|e| explain(&e))
    }
}

fn explain(error: &multer::Error) -> ApiError {
    match error {
        multer::Error::FieldSizeExceeded { limit, field_name } => {
            let name = field_name.as_deref().unwrap_or("a part");
            over(name, *limit)
        }
        multer::Error::StreamSizeExceeded { limit } => over("the body", *limit),
        multer::Error::StreamReadFailed(why) => match why.downcast_ref() {
            Some(Broken::LongHead) => over("the head of a part", HEAD_BYTES),
            _ => ApiError::new(Code::InvalidStructure, "the upload broke off"),
        },
        other => ApiError::new(Code::InvalidStructure, format!("not a form: {other}")),
    }
}

fn over(name: &str, limit: u64) -> ApiError {
    let name: String = name.chars().take(64).collect();
    ApiError::new(Code::MediaOverLimit, format!("{name} is longer than {limit} bytes"))
        .with_details(json!({"field": name, "expected": format!("at most {limit} bytes")}))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream::{iter, unfold};

    const KIND: &str = "multipart/form-data; boundary=b";
    const LIMITS: UploadLimits =
        UploadLimits { file_bytes: 1 << 20, payload_bytes: 100, total_bytes: 64 << 20, idle: Duration::from_secs(20) };
    const HEAD: &str = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";

    fn whole(text: String) -> Form {
        open(KIND, LIMITS, iter([Ok::<_, warp::Error>(Bytes::from(text))])).ok().unwrap()
    }

    /// Reads all parts to their ends.
    async fn read(mut form: Form) -> Result<Vec<usize>, ApiError> {
        let mut sizes = Vec::new();
        while let Some(part) = form.next().await? {
            sizes.push(part.bytes().await?.len());
        }
        Ok(sizes)
    }

    /// A form that sends its part in small pieces, one every `every`.
    fn dripping(piece: usize, every: Duration) -> Form {
        let pieces = unfold(0_u32, move |n| async move {
            if n == 0 {
                return Some((Ok::<_, warp::Error>(Bytes::from(HEAD)), 1));
            }
            tokio::time::interval_at(tokio::time::Instant::now() + every, every).tick().await;
            let piece = if n > 300 { "\r\n--b--\r\n".to_owned() } else { "x".repeat(piece) };
            (n <= 301).then(|| (Ok(Bytes::from(piece)), n + 1))
        });
        open(KIND, LIMITS, pieces).ok().unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn silence_and_dripping_are_given_up_but_a_slow_line_is_not() {
        let silent = read(dripping(1, Duration::from_secs(21))).await.unwrap_err();
        assert!(silent.message().starts_with("nothing was sent for 20 s"), "{}", silent.message());
        let start = tokio::time::Instant::now();
        let drip = read(dripping(10, Duration::from_secs(2))).await.unwrap_err();
        assert!(drip.message().contains("bytes a second"), "{}", drip.message());
        assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
        assert_eq!(read(dripping(2048, Duration::from_secs(1))).await.ok(), Some(vec![300 * 2048]));
    }

    #[tokio::test]
    async fn too_many_parts_are_refused() {
        let parts = |n: usize| whole(format!("{HEAD}x\r\n").repeat(n) + "--b--\r\n");
        assert_eq!(read(parts(200)).await.map(|p| p.len()).ok(), Some(200));
        assert_eq!(read(parts(201)).await.unwrap_err().code(), Code::MediaOverLimit);
    }

    #[tokio::test]
    async fn a_head_without_an_end_is_refused_long_before_the_form_is_too_big() {
        let mut sent = 0;
        let endless = std::iter::once(Bytes::from("--b\r\nX: ")).chain(std::iter::repeat_with(move || {
            sent += 1;
            assert!(sent < 20, "read on and on");
            Bytes::from("x".repeat(16 << 10))
        }));
        let form = open(KIND, LIMITS, iter(endless.map(Ok::<_, warp::Error>))).ok().unwrap();
        let error = read(form).await.unwrap_err();
        assert_eq!(error.code(), Code::MediaOverLimit, "{}", error.message());
        assert!(error.message().contains("head of a part"), "{}", error.message());
    }

    #[tokio::test]
    async fn broken_forms_are_the_clients_fault() {
        for text in ["", "--b\r\n", "no form", &format!("{HEAD}x"), "--b\r\nno colon\r\n\r\nx\r\n--b--"] {
            assert_eq!(read(whole(text.to_owned())).await.unwrap_err().code(), Code::InvalidStructure, "{text:?}");
        }
        assert_eq!(read(whole("--b--\r\n".to_owned())).await.ok(), Some(vec![]));
    }
}
