//! From hostile bytes to pictures: sniffing, limits, sandboxed decoding.
