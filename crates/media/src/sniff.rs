//! What bytes are, by their magic numbers. A file's name and the type a client states are never asked.

use crate::error::Error;
use oz_domain::MediaKind;
use serde::{Deserialize, Serialize};

/// Bytes of a file's beginning that [`sniff`] looks at, at most.
pub const SNIFF_LEN: usize = 600;

/// A format that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Format {
    /// JPEG, baseline or progressive.
    Jpeg,
    /// PNG.
    Png,
    /// WebP; of an animated one the first frame.
    WebP,
    /// ISO base media: MP4, 3GP.
    Mp4,
    /// QuickTime.
    Mov,
    /// WebM.
    WebM,
    /// Matroska that does not call itself WebM.
    Matroska,
    /// AVI.
    Avi,
    /// MPEG program stream.
    MpegPs,
    /// MPEG transport stream.
    MpegTs,
    /// ZIP archive of pictures.
    Zip,
    /// TAR archive of pictures.
    Tar,
    /// GZ of a TAR archive or of one picture.
    Gz,
}

impl Format {
    /// Picture, video or shot set.
    pub const fn kind(self) -> MediaKind {
        match self {
            Self::Jpeg | Self::Png | Self::WebP => MediaKind::Image,
            Self::Mp4 | Self::Mov | Self::WebM | Self::Matroska | Self::Avi | Self::MpegPs | Self::MpegTs => {
                MediaKind::Video
            }
            Self::Zip | Self::Tar | Self::Gz => MediaKind::ShotsSet,
        }
    }

    /// The MIME type the bytes are served with.
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::Mp4 => "video/mp4",
            Self::Mov => "video/quicktime",
            Self::WebM => "video/webm",
            Self::Matroska => "video/x-matroska",
            Self::Avi => "video/x-msvideo",
            Self::MpegPs => "video/mpeg",
            Self::MpegTs => "video/mp2t",
            Self::Zip => "application/zip",
            Self::Tar => "application/x-tar",
            Self::Gz => "application/gzip",
        }
    }
}

/// Tells the format from the first bytes; [`SNIFF_LEN`] are enough.
///
/// # Errors
/// [`Error::Undecodable`] for no bytes at all, [`Error::Unsupported`] with the name of what was found otherwise.
pub fn sniff(head: &[u8]) -> Result<Format, Error> {
    if head.is_empty() {
        return Err(Error::Undecodable { reason: crate::Reason::Empty });
    }
    accepted(head).ok_or_else(|| Error::Unsupported { found: refused(head).to_owned() })
}

fn accepted(head: &[u8]) -> Option<Format> {
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    Some(match head {
        _ if at(0, b"\xFF\xD8\xFF") => Format::Jpeg,
        _ if at(0, b"\x89PNG\r\n\x1a\n") => Format::Png,
        _ if at(0, b"RIFF") && at(8, b"WEBP") => Format::WebP,
        _ if at(0, b"RIFF") && (at(8, b"AVI ") || at(8, b"AVIX")) => Format::Avi,
        _ if at(4, b"ftyp") => iso_media(head)?,
        // QuickTime files from before `ftyp`. The four letters alone are weak, the size in front must fit too.
        _ if [&b"moov"[..], b"mdat", b"wide", b"free", b"skip"].iter().any(|kind| at(4, kind)) && at(0, b"\0") => {
            Format::Mov
        }
        _ if at(0, b"\x1A\x45\xDF\xA3") => match head.iter().take(64).collect::<Vec<_>>() {
            start if start.windows(4).any(|w| w.iter().map(|b| **b).eq(*b"webm")) => Format::WebM,
            _ => Format::Matroska,
        },
        _ if at(0, b"\0\0\x01\xBA") => Format::MpegPs,
        _ if at(0, b"G") && at(188, b"G") && (head.len() <= 376 || at(376, b"G")) => Format::MpegTs,
        _ if at(4, b"G") && at(196, b"G") && at(388, b"G") => Format::MpegTs,
        _ if at(0, b"PK\x03\x04") || at(0, b"PK\x05\x06") => Format::Zip,
        _ if at(257, b"ustar") => Format::Tar,
        _ if at(0, b"\x1F\x8B\x08") => Format::Gz,
        _ => return None,
    })
}

/// Brands of ISO base media: pictures and sound have the same box as videos.
fn iso_media(head: &[u8]) -> Option<Format> {
    let brand = head.get(8..12)?;
    match brand {
        b"qt  " => Some(Format::Mov),
        _ if iso_refused(brand).is_some() => None,
        _ => Some(Format::Mp4),
    }
}

fn iso_refused(brand: &[u8]) -> Option<&'static str> {
    Some(match brand {
        b"heic" | b"heix" | b"heim" | b"heis" | b"hevc" | b"hevx" | b"mif1" | b"msf1" => "a HEIC picture",
        b"avif" | b"avis" => "an AVIF picture",
        b"M4A " | b"M4B " | b"M4P " => "a sound file",
        b"crx " => "a camera raw picture",
        _ => return None,
    })
}

/// The name of what is not taken, so that the client is told more than "no".
fn refused(head: &[u8]) -> &'static str {
    let at = |from: usize, magic: &[u8]| head.get(from..).is_some_and(|rest| rest.starts_with(magic));
    let text = || {
        // The last character may be cut.
        let whole =
            std::str::from_utf8(head).unwrap_or_else(|e| match (e.error_len(), head.split_at(e.valid_up_to())) {
                (None, (whole, _)) => std::str::from_utf8(whole).unwrap_or_default(),
                _ => "",
            });
        !whole.is_empty() && whole.chars().all(|c| !c.is_control() || matches!(c, '\t' | '\n' | '\r'))
    };
    match head {
        _ if at(4, b"ftyp") => head.get(8..12).and_then(iso_refused).unwrap_or("a damaged MP4 file"),
        _ if at(0, b"Rar!\x1A\x07") => "a RAR archive",
        _ if at(0, b"7z\xBC\xAF\x27\x1C") => "a 7z archive",
        _ if at(0, b"BZh") => "a BZIP2 archive",
        _ if at(0, b"\xFD7zXZ\0") => "an XZ archive",
        _ if at(0, b"\x28\xB5\x2F\xFD") => "a Zstandard archive",
        _ if at(0, b"GIF8") => "a GIF picture",
        _ if at(0, b"BM") => "a BMP picture",
        _ if at(0, b"II*\0") || at(0, b"MM\0*") => "a TIFF picture",
        _ if at(0, b"\0\0\x01\0") => "an icon",
        _ if at(0, b"\xFF\x0A") || at(0, b"\0\0\0\x0CJXL ") => "a JPEG XL picture",
        _ if at(0, b"\0\0\0\x0CjP  ") => "a JPEG 2000 picture",
        _ if at(0, b"8BPS") => "a Photoshop picture",
        _ if at(0, b"ID3") || at(0, b"fLaC") || at(0, b"OggS") => "a sound file",
        _ if at(0, b"RIFF") && at(8, b"WAVE") => "a sound file",
        _ if head.len() > 2 && head[0] == 0xFF && matches!(head[1], 0xF1 | 0xF9 | 0xFA | 0xFB | 0xF2 | 0xF3) => {
            "a sound file"
        }
        _ if at(0, b"FLV\x01") => "a Flash video",
        _ if at(0, b"\x30\x26\xB2\x75\x8E\x66\xCF\x11") => "a Windows Media file",
        _ if at(0, b"\0\0\x01\xB3") => "a bare MPEG stream",
        _ if at(0, b"%PDF") => "a PDF document",
        _ if at(0, b"\x7FELF") || at(0, b"MZ") => "a program",
        _ if text() => "text",
        _ => "an unknown kind of file",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8]) -> String {
        match sniff(head) {
            Err(Error::Unsupported { found }) => found,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn bytes_decide() {
        assert_eq!(sniff(b"\xFF\xD8\xFF\xE0"), Ok(Format::Jpeg));
        assert_eq!(sniff(b"\0\0\0\x20ftypisom\0\0"), Ok(Format::Mp4));
        assert_eq!(sniff(b"\0\0\0\x14ftypqt  \0\0"), Ok(Format::Mov));
        assert_eq!(sniff(b"\x1A\x45\xDF\xA3\x9F\x42\x82\x84webm"), Ok(Format::WebM));
        assert_eq!(sniff(b"\x1A\x45\xDF\xA3\x9F\x42\x82\x88matroska"), Ok(Format::Matroska));
        let mut tar = vec![b'a'; 512];
        tar[257..262].copy_from_slice(b"ustar");
        assert_eq!(sniff(&tar), Ok(Format::Tar));
    }

    #[test]
    fn what_is_refused_has_a_name() {
        assert_eq!(found(b"Rar!\x1A\x07\x01\0"), "a RAR archive");
        assert_eq!(found(b"\0\0\0\x18ftypheic"), "a HEIC picture");
        assert_eq!(found(b"\0\0\0\x18ftypM4A "), "a sound file");
        assert_eq!(found(b"GIF89a"), "a GIF picture");
        assert_eq!(found(b"#EXTM3U\nfile:///etc/passwd"), "text");
        assert_eq!(found("вид".as_bytes()), "text");
        assert_eq!(found(&"вид".as_bytes()[..5]), "text");
        assert_eq!(found(&[0xFF]), "an unknown kind of file");
        assert_eq!(found(b"\0\0"), "an unknown kind of file");
        assert_eq!(sniff(b""), Err(Error::Undecodable { reason: crate::Reason::Empty }));
    }
}
