//! The appliance: API server and worker.
