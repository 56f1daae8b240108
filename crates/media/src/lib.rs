//! From hostile bytes to pictures: sniffing, limits, sandboxed decoding.
//!
//! Everything that parses what a stranger sent happens in a child process that can neither open a file nor a socket
//! ([`child_main`] is that process, [`Decoder`] the side that talks to it). Here, in the parent, nothing of it is read but
//! magic numbers ([`sniff`]). This crate knows no HTTP, no database and no model; it blocks and has no runtime.

mod child;
mod decode;
mod decoder;
mod error;
mod input;
mod jpeg_out;
mod limits;
mod message;
mod probe;
mod report;
mod sampling;
mod shrink;
mod sniff;

pub use child::child_main;
pub use decoder::Decoder;
pub use error::{Error, Limit, Reason};
pub use input::Input;
pub use jpeg_out::encode_jpeg;
pub use limits::Limits;
pub use probe::Probe;
pub use report::{Coverage, Layers, SandboxReport};
pub use sampling::Sampling;
pub use shrink::shrink;
pub use sniff::{Format, SNIFF_LEN, sniff};

#[doc(hidden)]
pub use decode::{faststart_in_process, in_process, in_process_as, picture_in_process};
#[doc(hidden)]
pub use message::SelfTest;
