//! Pictures out of ZIP, TAR, TAR.GZ and GZ. Entries are only ever bytes: their names order them and are then
//! forgotten, so none can become a path.

use crate::sniff::{Format, SNIFF_LEN, sniff};
use crate::{Error, Limit, Limits, Reason};
use oz_domain::MediaKind;
use std::io::{Cursor, Read};

/// Entries below this size may be compressed as well as they like: the ratio is there to stop bombs.
const SMALL: u64 = 64 << 10;

/// The pictures of an archive, ordered by name, numbers by their value.
pub(super) fn pictures(bytes: &[u8], format: Format, limits: &Limits) -> Result<Vec<(Format, Vec<u8>)>, Error> {
    let mut shelf = Shelf { limits, entries: 0, unpacked: 0, pictures: vec![] };
    match format {
        Format::Zip => unzip(bytes, &mut shelf)?,
        Format::Tar => untar(bytes, &mut shelf)?,
        Format::Gz => gunzip(bytes, &mut shelf)?,
        _ => return Err(Error::Unsupported { found: format.mime().into() }),
    }
    if shelf.pictures.is_empty() {
        return Err(Error::NoPictures);
    }
    shelf.pictures.sort_by(|a, b| natural(&a.0, &b.0));
    Ok(shelf.pictures.into_iter().map(|(_, format, bytes)| (format, bytes)).collect())
}

/// What has come out so far.
struct Shelf<'a> {
    limits: &'a Limits,
    entries: u64,
    unpacked: u64,
    pictures: Vec<(Vec<u8>, Format, Vec<u8>)>,
}

impl Shelf<'_> {
    fn count_entry(&mut self) -> Result<(), Error> {
        self.entries += 1;
        let allowed = u64::from(self.limits.archive_entries);
        if self.entries > allowed {
            return Err(Error::over(Limit::ArchiveEntries, self.entries, allowed));
        }
        Ok(())
    }

    /// Checks a stated size before it is believed.
    fn announce(&self, unpacked: u64, packed: u64) -> Result<(), Error> {
        let total = self.unpacked.saturating_add(unpacked);
        if total > self.limits.archive_bytes {
            return Err(Error::over(Limit::ArchiveBytes, total, self.limits.archive_bytes));
        }
        let allowed = u64::from(self.limits.archive_ratio);
        let ratio = unpacked / packed.max(1);
        if unpacked > SMALL && ratio > allowed {
            return Err(Error::over(Limit::ArchiveRatio, ratio, allowed));
        }
        Ok(())
    }

    /// Reads an entry to its end, keeps it if it is a picture, and gives its length.
    fn take(&mut self, name: Vec<u8>, mut entry: impl Read, packed: u64) -> Result<u64, Error> {
        let mut bytes = Vec::new();
        (&mut entry).take(SNIFF_LEN as u64).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
        let kind = match sniff(&bytes) {
            Ok(format) if format.kind() == MediaKind::ShotsSet => return Err(Error::NestedArchive),
            Ok(format) if format.kind() == MediaKind::Image && !is_hidden(&name) => Some(format),
            Err(Error::Unsupported { found }) if found.ends_with("archive") => return Err(Error::NestedArchive),
            _ => None,
        };
        let mut block = vec![0; 64 << 10];
        let mut read = bytes.len() as u64;
        loop {
            self.announce(read, packed)?;
            match entry.read(&mut block) {
                Ok(0) => break,
                Ok(n) => {
                    read += n as u64;
                    if kind.is_some() {
                        bytes.extend_from_slice(&block[..n]);
                    }
                }
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(broken(&e)),
            }
        }
        self.unpacked += read;
        if let Some(format) = kind {
            self.pictures.push((name, format, bytes));
        }
        Ok(read)
    }
}

fn unzip(bytes: &[u8], shelf: &mut Shelf<'_>) -> Result<(), Error> {
    // The directory's own count first: reading a directory of a million entries would be the first allocation.
    let stated = zip_entries(bytes).ok_or(Error::TRUNCATED)?;
    let allowed = u64::from(shelf.limits.archive_entries);
    if stated > allowed {
        return Err(Error::over(Limit::ArchiveEntries, stated, allowed));
    }
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|_| Error::DAMAGED)?;
    for index in 0..archive.len() {
        shelf.count_entry()?;
        let raw = archive.by_index_raw(index).map_err(|_| Error::DAMAGED)?;
        let (is_file, encrypted, packed, unpacked) =
            (raw.is_file(), raw.encrypted(), raw.compressed_size(), raw.size());
        drop(raw);
        if encrypted {
            return Err(Error::Undecodable { reason: Reason::Encrypted });
        }
        if !is_file {
            continue;
        }
        shelf.announce(unpacked, packed)?;
        let entry = archive.by_index(index).map_err(|e| match e {
            zip::result::ZipError::UnsupportedArchive(_) => {
                Error::Unsupported { found: "a ZIP archive with another compression than deflate".into() }
            }
            _ => Error::DAMAGED,
        })?;
        let name = entry.name_raw().to_vec();
        shelf.take(name, entry, packed)?;
    }
    Ok(())
}

/// Entries as the end of the directory states them; the largest number stands for "more than fit 16 bits".
fn zip_entries(bytes: &[u8]) -> Option<u64> {
    const END: &[u8] = b"PK\x05\x06";
    let from = bytes.len().saturating_sub(22 + usize::from(u16::MAX));
    let tail = &bytes[from..];
    let at = tail.windows(END.len()).rposition(|w| w == END)?;
    let count = tail.get(at + 10..at + 12)?;
    Some(u64::from(u16::from_le_bytes([count[0], count[1]])))
}

fn untar(bytes: impl Read, shelf: &mut Shelf<'_>) -> Result<(), Error> {
    let mut archive = tar::Archive::new(bytes);
    // Raw: the names of long-name extensions would be read into memory whole, before any check.
    for entry in archive.entries().map_err(|e| broken(&e))?.raw(true) {
        let entry = entry.map_err(|e| broken(&e))?;
        shelf.count_entry()?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let size = entry.size();
        // What lies in a TAR is not compressed: its ratio is one.
        shelf.announce(size, size)?;
        let name = entry.path_bytes().into_owned();
        if shelf.take(name, entry, size)? < size {
            return Err(Error::TRUNCATED);
        }
    }
    Ok(())
}

fn gunzip(bytes: &[u8], shelf: &mut Shelf<'_>) -> Result<(), Error> {
    let packed = bytes.len() as u64;
    let unpacked =
        Metered { inner: flate2::bufread::MultiGzDecoder::new(bytes), read: 0, packed, limits: shelf.limits };
    let mut unpacked = std::io::BufReader::with_capacity(32 << 10, unpacked);
    let head = std::io::BufRead::fill_buf(&mut unpacked).map_err(|e| broken(&e))?;
    match sniff(head) {
        Ok(Format::Tar) => untar(unpacked, shelf),
        _ => {
            shelf.count_entry()?;
            shelf.take(vec![], unpacked, packed).map(|_| ())
        }
    }
}

/// Stops inflating at the limits: a TAR's reader would inflate to the end to skip an entry.
struct Metered<'a, R> {
    inner: R,
    read: u64,
    packed: u64,
    limits: &'a Limits,
}

/// An error of ours on its way through `std::io`.
#[derive(Debug, thiserror::Error)]
#[error("limit")]
struct Stopped(Error);

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let n = self.inner.read(out)?;
        self.read += n as u64;
        // TAR rounds entries up to blocks: its frame may take as much again as 500 small entries.
        let frame = u64::from(self.limits.archive_entries) * 2048;
        let shelf = Shelf { limits: self.limits, entries: 0, unpacked: 0, pictures: vec![] };
        match shelf.announce(self.read.saturating_sub(frame), self.packed) {
            Ok(()) => Ok(n),
            Err(e) => Err(std::io::Error::other(Stopped(e))),
        }
    }
}

/// What an error while reading means.
fn broken(error: &std::io::Error) -> Error {
    let mut source: Option<&(dyn std::error::Error + 'static)> = error.get_ref().map(|e| e as _);
    while let Some(cause) = source {
        if let Some(Stopped(ours)) = cause.downcast_ref() {
            return ours.clone();
        }
        source = cause.downcast_ref::<std::io::Error>().and_then(|e| e.get_ref()).map(|e| e as _).or(cause.source());
    }
    if error.kind() == std::io::ErrorKind::UnexpectedEof { Error::TRUNCATED } else { Error::DAMAGED }
}

/// Files that operating systems put beside the ones that were meant: `.DS_Store`, `__MACOSX/._a.jpg`.
fn is_hidden(name: &[u8]) -> bool {
    name.starts_with(b"__MACOSX/") || name.rsplit(|b| *b == b'/').next().is_some_and(|base| base.starts_with(b"._"))
}

/// Orders names as people do: `shot_2` before `shot_10`.
fn natural(a: &[u8], b: &[u8]) -> std::cmp::Ordering {
    let (mut a, mut b) = (a, b);
    loop {
        let digits = |s: &[u8]| s.iter().take_while(|c| c.is_ascii_digit()).count();
        let order = match (digits(a), digits(b)) {
            (0, _) | (_, 0) => match (a.split_first(), b.split_first()) {
                (Some((x, rest_a)), Some((y, rest_b))) => {
                    (a, b) = (rest_a, rest_b);
                    x.cmp(y)
                }
                _ => return a.len().cmp(&b.len()),
            },
            (n, m) => {
                let value = |s: &[u8]| s.iter().skip_while(|c| **c == b'0').copied().collect::<Vec<u8>>();
                let (x, y) = (value(&a[..n]), value(&b[..m]));
                (a, b) = (&a[n..], &b[m..]);
                x.len().cmp(&y.len()).then(x.cmp(&y))
            }
        };
        if order.is_ne() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_ordered_as_people_do() {
        let mut names = ["b", "shot_10.jpg", "shot_2.jpg", "shot_002.jpg", "a", "shot_"].map(str::as_bytes).to_vec();
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "b", "shot_", "shot_2.jpg", "shot_002.jpg", "shot_10.jpg"].map(str::as_bytes));
    }

    #[test]
    fn errors_keep_their_meaning_through_readers() {
        let inner = std::io::Error::other(Stopped(Error::NestedArchive));
        assert_eq!(broken(&std::io::Error::new(std::io::ErrorKind::InvalidData, inner)), Error::NestedArchive);
    }
}
