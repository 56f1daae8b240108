//! The warp frame: routes, extractors, refusals, uploads, the server loop.
