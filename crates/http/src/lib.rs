//! The warp frame: routes, extractors, refusals, uploads, the server loop.
//!
//! Knows HTTP and the words of the wire; knows nothing of databases, files or models.

mod body;
mod connection;
mod download;
mod error;
mod extract;
mod gate;
mod head;
mod life;
mod limiter;
mod lines;
mod places;
mod range;
mod request;
mod route;
mod server;
mod tls;
mod upload;

pub use download::{download, ranged, unsatisfiable};
pub use error::ApiError;
pub use extract::{ClientAddr, RequestMeta, access_token, body_within, header, json, json_within, meta, query};
pub use gate::{UploadGate, UploadPermit};
pub use life::{raise_descriptors, told, until_stopped};
pub use limiter::{Limiter, neighbourhood, too_often};
pub use range::{ByteRange, parse_range};
pub use route::{Response, Route, any_of, endpoint, json_reply, reply_status, under};
pub use server::{Listener, Observer, ServeError, Server, ServerOptions};
pub use tls::{Tls, TlsError};
pub use upload::{Form, Part, UploadLimits, form};
