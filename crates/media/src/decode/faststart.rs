//! Moves the index (`moov`) of an MP4 or MOV file in front of its media data, so that a browser can play while it loads.
//!
//! Nothing is encoded anew and no byte is lost: boxes change places, and the chunk offsets in the index grow by its size.
//! ISO/IEC 14496-12, 8.7.5 (`stco`, `co64`).

use crate::Error;
use std::ops::Range;

/// The file with its index in front; `None` when it stands there already.
pub(super) fn faststart(bytes: &[u8]) -> Result<Option<Vec<u8>>, Error> {
    let mut data = None;
    let mut at = 0;
    let (index, data) = loop {
        let Some((kind, range)) = next_box(bytes, at)? else { return Err(Error::DAMAGED) };
        at = range.end;
        match (&kind, data) {
            // What comes behind it is not looked at: a file that is cut there still plays.
            (b"moov", None) => return Ok(None),
            (b"moov", Some(data)) => break (range, data),
            (b"mdat", None) => data = Some(range.start),
            _ => {}
        }
    };
    // Everything between the first media data and the index moves back by the size of the index.
    let mut moved = bytes[index.clone()].to_vec();
    let shift = Shift { from: data as u64, to: index.start as u64, by: index.len() as u64 };
    shift.walk(&mut moved, 0)?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend_from_slice(&bytes[..data]);
    out.extend_from_slice(&moved);
    out.extend_from_slice(&bytes[data..index.start]);
    out.extend_from_slice(&bytes[index.end..]);
    Ok(Some(out))
}

/// A box's kind and place, header included.
type Found = ([u8; 4], Range<usize>);

/// The box that begins at a place. `None` at the end of the file.
fn next_box(bytes: &[u8], at: usize) -> Result<Option<Found>, Error> {
    let rest = bytes.get(at..).unwrap_or_default();
    let Some((header, _)) = rest.split_first_chunk::<8>() else { return Ok(None) };
    let kind = [header[4], header[5], header[6], header[7]];
    let size = match u32::from_be_bytes([header[0], header[1], header[2], header[3]]) {
        0 => rest.len() as u64,
        1 => rest.get(8..16).and_then(|s| s.first_chunk()).map_or(0, |s| u64::from_be_bytes(*s)),
        size => size.into(),
    };
    let size = usize::try_from(size).map_err(|_| Error::DAMAGED)?;
    if size < 8 || size > rest.len() {
        return Err(Error::TRUNCATED);
    }
    Ok(Some((kind, at..at + size)))
}

/// Offsets in `from..to` grow by `by`.
struct Shift {
    from: u64,
    to: u64,
    by: u64,
}

impl Shift {
    /// Deepest nesting of boxes that lead to offsets: moov, trak, mdia, minf, stbl.
    const DEPTH: u32 = 5;

    /// Corrects the offsets in one box and the boxes inside it.
    fn walk(&self, whole: &mut [u8], depth: u32) -> Result<(), Error> {
        if depth > Self::DEPTH {
            return Ok(());
        }
        let mut at = 8;
        while let Some((kind, range)) = next_box(whole, at)? {
            let inner = &mut whole[range.clone()];
            match &kind {
                b"trak" | b"mdia" | b"minf" | b"stbl" => self.walk(inner, depth + 1)?,
                b"stco" => {
                    for offset in entries(inner)?.as_chunks_mut::<4>().0 {
                        let new = self.apply(u32::from_be_bytes(*offset).into());
                        *offset = u32::try_from(new).map_err(|_| Error::DAMAGED)?.to_be_bytes();
                    }
                }
                b"co64" => {
                    for offset in entries(inner)?.as_chunks_mut::<8>().0 {
                        *offset = self.apply(u64::from_be_bytes(*offset)).to_be_bytes();
                    }
                }
                // A compressed index hides its offsets.
                b"cmov" => return Err(Error::Unsupported { found: "a MOV file with a compressed index".into() }),
                _ => {}
            }
            at = range.end;
        }
        Ok(())
    }

    fn apply(&self, offset: u64) -> u64 {
        if (self.from..self.to).contains(&offset) { offset.saturating_add(self.by) } else { offset }
    }
}

/// The offsets of a `stco` or `co64` box: behind the header, version, flags and count. The count is not needed: what is behind
/// the last offset that counts is not read by players either.
fn entries(whole: &mut [u8]) -> Result<&mut [u8], Error> {
    whole.get_mut(16..).ok_or(Error::DAMAGED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn boxed(kind: &[u8; 4], inside: &[u8]) -> Vec<u8> {
        let size = u32::try_from(inside.len() + 8).unwrap();
        [&size.to_be_bytes()[..], kind, inside].concat()
    }

    fn file(index_first: bool, offset: u32) -> Vec<u8> {
        let table = [&[0; 4][..], &1u32.to_be_bytes(), &offset.to_be_bytes()].concat();
        let moov = [b"stco", b"stbl", b"minf", b"mdia", b"trak", b"moov"]
            .iter()
            .fold(table, |inside, kind| boxed(kind, &inside));
        let (ftyp, mdat) = (boxed(b"ftyp", b"isom"), boxed(b"mdat", b"frame"));
        if index_first { [ftyp, moov, mdat].concat() } else { [ftyp, mdat, moov].concat() }
    }

    #[test]
    fn the_index_moves_and_offsets_still_point_at_the_data() {
        let moved = faststart(&file(false, 20)).unwrap().unwrap();
        let at = u32::try_from(moved.windows(5).position(|w| w == b"frame").unwrap()).unwrap();
        assert_eq!(moved, file(true, at));
        assert_eq!(faststart(&moved), Ok(None));
    }

    #[test]
    fn damaged_boxes_are_refused() {
        assert_eq!(faststart(&file(false, 20)[..40]), Err(Error::TRUNCATED));
        assert_eq!(faststart(b"\0\0\0\x08free"), Err(Error::DAMAGED));
    }
}
