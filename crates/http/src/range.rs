//! `Range` requests (RFC 9110, 14): one range of bytes; several are answered whole, as the RFC allows.

/// A resolved range: first and last byte, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteRange {
    /// First byte.
    pub first: u64,
    /// Last byte.
    pub last: u64,
}

impl ByteRange {
    /// Bytes in the range.
    pub const fn len(&self) -> u64 {
        self.last - self.first + 1
    }

    /// Never: a range has at least one byte.
    pub const fn is_empty(&self) -> bool {
        false
    }
}

/// What a `Range` header means for a body of `size` bytes: `Ok(None)` to send it whole (no header, another unit, several
/// ranges, broken syntax), `Ok(Some)` for 206, `Err(())` for 416.
#[expect(clippy::result_unit_err, reason = "416 carries nothing but the size, which the caller has")]
pub fn parse_range(header: Option<&str>, size: u64) -> Result<Option<ByteRange>, ()> {
    let Some(spec) = header.and_then(|h| h.trim().strip_prefix("bytes=")) else { return Ok(None) };
    let Some((from, to)) = spec.split_once('-') else { return Ok(None) };
    let number = |text: &str| text.trim().parse::<u64>().ok();
    match (from.trim(), to.trim()) {
        ("", "") => Ok(None),
        ("", suffix) => match number(suffix) {
            None => Ok(None),
            Some(0) => Err(()),
            Some(_) if size == 0 => Err(()),
            Some(count) => Ok(Some(ByteRange { first: size.saturating_sub(count), last: size - 1 })),
        },
        (from, to) => {
            let Some(first) = number(from) else { return Ok(None) };
            let last = if to.is_empty() { u64::MAX } else { number(to).unwrap_or(u64::MAX) };
            if !to.is_empty() && (number(to).is_none() || last < first) {
                return Ok(None);
            }
            if first >= size {
                return Err(());
            }
            Ok(Some(ByteRange { first, last: last.min(size - 1) }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_resolve_as_the_rfc_says() {
        let some = |first, last| Ok(Some(ByteRange { first, last }));
        for (header, expected) in [
            (None, Ok(None)),
            (Some("bytes=0-9"), some(0, 9)),
            (Some("bytes=90-"), some(90, 99)),
            (Some("bytes=90-1000"), some(90, 99)),
            (Some("bytes=-10"), some(90, 99)),
            (Some("bytes=-1000"), some(0, 99)),
            (Some("bytes=100-"), Err(())),
            (Some("bytes=-0"), Err(())),
            (Some("bytes=5-4"), Ok(None)),
            (Some("bytes=a-b"), Ok(None)),
            (Some("bytes=0-1,5-6"), Ok(None)),
            (Some("lines=0-1"), Ok(None)),
        ] {
            assert_eq!(parse_range(header, 100), expected, "{header:?}");
        }
        assert_eq!(parse_range(Some("bytes=0-"), 0), Err(()));
    }
}
