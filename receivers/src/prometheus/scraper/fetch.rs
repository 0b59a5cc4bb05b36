//! The request for a target's metrics.

use sluice_component::Permit;
use sluice_formats::prometheus::exposition::Format;
use sluice_net::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::prometheus::{job::Job, reach::Reach, shared::Shared, target::Target};

const TIMEOUT_SECONDS: HeaderName = HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
pub(in super::super) const LIMIT_KEY: &str = "body_size_limit";

/// What came of a request.
pub(super) struct Fetched {
    pub(super) answer: Result<Body, String>,
    /// Whether it failed because the body was too large.
    pub(super) is_too_large: bool,
}

/// A whole body.
pub(super) struct Body {
    pub(super) format: Format,
    pub(super) bytes: bytes::Bytes,
    pub(super) permit: Permit,
}

impl Fetched {
    pub(super) fn failed(error: String) -> Self {
        Self { answer: Err(error), is_too_large: false }
    }
}

/// `usual` is how large the last answer was.
pub(super) async fn fetch(
    shared: &Shared,
    job: &Job,
    target: &Target,
    reach: &Reach,
    usual: usize,
) -> Fetched {
    let asked = tokio::time::timeout(target.timeout, ask(shared, job, target, reach, usual)).await;
    asked.unwrap_or_else(|_| Fetched::failed(format!("no whole answer within {:?}", target.timeout)))
}

async fn ask(shared: &Shared, job: &Job, target: &Target, reach: &Reach, usual: usize) -> Fetched {
    let answer = match reach.fetch(&target.url, headers(job, target)).await {
        Ok(answer) => answer,
        Err(error) => return Fetched::failed(error),
    };
    if answer.status() != StatusCode::OK {
        return Fetched::failed(format!("server returned HTTP status {}", answer.status()));
    }
    let content_type = answer.headers().get(header::CONTENT_TYPE);
    let content_type = String::from_utf8_lossy(content_type.map(HeaderValue::as_bytes).unwrap_or_default());
    let format = match format(&content_type, job.fallback) {
        Ok(format) => format,
        Err(error) => return Fetched::failed(error),
    };
    let limit = job.limits.body_size.unwrap_or(shared.largest_body).min(shared.largest_body);
    match answer.read(usual, limit, LIMIT_KEY, shared.budget()).await {
        Ok((bytes, permit)) => Fetched { answer: Ok(Body { format, bytes, permit }), is_too_large: false },
        Err(error) => Fetched { is_too_large: error.is_too_large(), ..Fetched::failed(error.to_string()) },
    }
}

pub(in super::super) fn headers(job: &Job, target: &Target) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.extend(HeaderValue::try_from(&*job.accept).ok().map(|accept| (header::ACCEPT, accept)));
    let encoding = if job.accepts_gzip { "gzip" } else { "identity" };
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(encoding));
    let seconds = HeaderValue::try_from(target.timeout.as_secs_f64().to_string());
    headers.extend(seconds.ok().map(|seconds| (TIMEOUT_SECONDS, seconds)));
    headers
}

/// The format of a body, by what its server says or, if that is of no use, by the configuration.
pub(in super::super) fn format(content_type: &str, fallback: Option<Format>) -> Result<Format, String> {
    Format::from_content_type(content_type).or(fallback).ok_or_else(|| match content_type.trim() {
        "" => "non-compliant scrape target sending blank Content-Type and no fallback_scrape_protocol specified for target"
            .to_owned(),
        _ => format!(
            "received unsupported Content-Type {content_type:?} and no fallback_scrape_protocol specified for target"
        ),
    })
}
