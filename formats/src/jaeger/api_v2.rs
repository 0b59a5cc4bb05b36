//! The messages of `jaeger.api_v2` as structs: batches of spans, and the sampling API.
//!
//! Spans are translated without them; these are for the services around, and for tests.
#![allow(missing_docs, clippy::all, clippy::pedantic, reason = "generated")]

include!("gen/jaeger.api_v2.rs");
