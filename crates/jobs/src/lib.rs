//! Durable jobs with leases and fencing.
