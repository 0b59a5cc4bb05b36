//! HTTP/1.1 and HTTP/2 servers and clients.
//!
//! - [`server`]: [`Server`] and what a service implements, [`Handler`]
//! - [`client`]: [`Client`], which posts bodies and reads bounded answers
//! - [`Body`]: of an answer, whole or in pieces
//! - [`fetch`]: [`Fetcher`], which gets what others expose, whole and bounded
//! - [`settings`]: the YAML of both
//! - [`status`]: answers for refusals, `google.rpc.Status` bodies

mod answer_body;
pub mod client;
mod cors;
pub mod fetch;
mod pool;
pub mod server;
pub mod settings;
pub mod status;

pub use ::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
pub use answer_body::Body;
pub use client::{Answer, Client, ClientError};
pub use fetch::{Ask, FetchError, FetchSettings, Fetched, Fetcher, Proxy};
pub use reqwest::Url;
pub use server::{Handler, Incoming, Response, Server};
pub use settings::{ClientSettings, Cors, ServerSettings};
pub use status::{Encoding, retry_after, retry_after_value, status_body, status_response, text_response};

pub use crate::body::BodyError;
