//! What goes over the wire: request and answer bodies, error codes, paging.
