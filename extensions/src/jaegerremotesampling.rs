//! Serves sampling strategies to Jaeger's clients, over HTTP and gRPC, as agents and collectors did.
//!
//! `settings` -> `extension` (factory, start, reload, shutdown) -> `answers` (both transports) -> `source`, which asks
//! the `strategies` of a file, or another server through `remote`.

mod answers;
mod extension;
mod messages;
mod remote;
mod settings;
mod source;
mod strategies;

pub use extension::Factory;
pub use settings::{Servers, Settings, Source};
