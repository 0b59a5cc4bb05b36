//! The path and the versions, and every status code.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sluice_component::{Permit, async_trait, quiet::Quiet, telemetry::UnconvertedMetrics};
use sluice_formats::prometheus::{
    remote_write::{Known, Translated, Version, Written, to_otlp},
    to_otlp::RejectedSamples,
};
use sluice_net::http::{
    Handler, HeaderName, HeaderValue, Incoming, Response, StatusCode, header, text_response,
};
use sluice_pdata::Limits;

use crate::intake::{
    Admitted, Answer, Failure, Intake,
    replies::{not_a_post, not_found},
};

const PATH: &str = "/api/v1/write";
/// otelcol's label of metrics.
const TRANSPORT: &str = "http";
/// The scope of samples that have none.
const SCOPE: (&str, &str) = ("sluice/receivers/prometheus_remote_write", env!("CARGO_PKG_VERSION"));
/// What a request may grow when it becomes OTLP: the labels of a series are a few bytes each in version 2.0, and their
/// text in OTLP.
const GROWTH: usize = 16;
/// What every request may become.
const FREE: usize = 64 << 10;
/// Most reasons in an answer.
const MAX_REASONS: usize = 5;

const SAMPLES_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-samples-written");
const HISTOGRAMS_WRITTEN: HeaderName =
    HeaderName::from_static("x-prometheus-remote-write-histograms-written");
const EXEMPLARS_WRITTEN: HeaderName = HeaderName::from_static("x-prometheus-remote-write-exemplars-written");

/// Takes write requests.
pub(super) struct Writes {
    intake: Arc<Intake>,
    known: Known,
    unconverted: UnconvertedMetrics,
    rejections: Mutex<Quiet>,
}

impl Writes {
    pub(super) fn new(intake: Arc<Intake>, unconverted: UnconvertedMetrics) -> Self {
        Self { intake, known: Known::default(), unconverted, rejections: Mutex::default() }
    }

    /// Makes OTLP of a request, hands it over and waits for the verdict. Tells what was written, and what was not.
    async fn take(
        &self,
        version: Version,
        request: &mut Incoming,
    ) -> Result<(Written, RejectedSamples), Answer> {
        let (body, permit) = request.read().await?;
        let (written, rejected, admitted) = self.translate(version, body, permit)?;
        let cx = request.context(self.intake.receiver(), TRANSPORT);
        self.intake.hand_on(cx, admitted).await?;
        Ok((written, rejected))
    }

    fn translate(
        &self,
        version: Version,
        body: Bytes,
        mut permit: Permit,
    ) -> Result<(Written, RejectedSamples, Admitted), Failure> {
        let room = body.len().saturating_mul(GROWTH).max(FREE).min(self.intake.limits().max_decoded_bytes);
        self.intake.reserve(&mut permit, room)?;
        let limits = Limits { max_decoded_bytes: room, ..*self.intake.limits() };
        let Translated { request, written } = to_otlp(version, &body, &self.known, SCOPE, &limits)?;
        drop(body);
        permit.shrink_to(request.wire.len());
        let (admitted, _) = self.intake.admit(request.wire, permit)?;
        let rejected = admitted.rejected + request.rejected.samples();
        Ok((written, request.rejected, Admitted { rejected, ..admitted }))
    }

    /// Counts what is rejected by name and reason; one line for many of them.
    fn tell(&self, rejected: &RejectedSamples) {
        for (metric, reason, samples) in rejected.iter() {
            self.unconverted.add(metric, reason, samples);
        }
        let mut quiet = self.rejections.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((requests, samples)) = quiet.note(rejected.samples())
            && let Some((metric, reason, _)) = rejected.iter().next()
        {
            let component = self.intake.receiver();
            tracing::warn!(%component, requests, samples, metric, reason, "rejected samples that have no form in OTLP");
        }
    }
}

#[async_trait]
impl Handler for Writes {
    async fn handle(&self, mut request: Incoming) -> Response {
        if request.path() != PATH {
            return not_found();
        }
        if let Some(response) = not_a_post(&request) {
            return response;
        }
        let version =
            match version(&request).and_then(|version| check_encoding(&mut request).map(|()| version)) {
                Ok(version) => version,
                Err(text) => return text_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &text, None),
            };
        let (mut response, written) = match self.take(version, &mut request).await {
            Ok((written, rejected)) if rejected.is_empty() => (no_content(), written),
            Ok((written, rejected)) => {
                self.tell(&rejected);
                (text_response(StatusCode::BAD_REQUEST, &message(&rejected), None), written)
            }
            Err(answer) => (answer.to_text_response(), Written::default()),
        };
        let Written { samples, histograms, exemplars } = written;
        for (name, count) in
            [(SAMPLES_WRITTEN, samples), (HISTOGRAMS_WRITTEN, histograms), (EXEMPLARS_WRITTEN, exemplars)]
        {
            response.headers_mut().insert(name, HeaderValue::from(count));
        }
        response
    }
}

/// The version of a request by its media type. Old senders of 1.0 say nothing.
fn version(request: &Incoming) -> Result<Version, String> {
    let content_type = header_text(request, &header::CONTENT_TYPE)?;
    let mut parts = content_type.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    if !media_type.is_empty() && !media_type.eq_ignore_ascii_case("application/x-protobuf") {
        return Err(format!("415 unsupported media type: {media_type}, supported: [application/x-protobuf]"));
    }
    let message = parts.filter_map(|parameter| parameter.split_once('=')).find_map(|(name, value)| {
        name.trim().eq_ignore_ascii_case("proto").then(|| value.trim().trim_matches('"'))
    });
    match message {
        None | Some("prometheus.WriteRequest") => Ok(Version::V1),
        Some("io.prometheus.write.v2.Request") => Ok(Version::V2),
        Some(other) => Err(format!(
            "415 unsupported message: {other}, supported: [prometheus.WriteRequest, io.prometheus.write.v2.Request]"
        )),
    }
}

/// Bodies are snappy blocks, whether the sender says so or not.
fn check_encoding(request: &mut Incoming) -> Result<(), String> {
    match header_text(request, &header::CONTENT_ENCODING)?.trim() {
        "" => {
            request.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("snappy"));
            Ok(())
        }
        encoding if encoding.eq_ignore_ascii_case("snappy") => Ok(()),
        encoding => Err(format!("415 unsupported encoding: {encoding}, supported: [snappy]")),
    }
}

fn header_text<'r>(request: &'r Incoming, name: &HeaderName) -> Result<&'r str, String> {
    match request.headers.get(name).map(HeaderValue::to_str) {
        None => Ok(""),
        Some(text) => text.map_err(|_| format!("415 the header {name} is not text")),
    }
}

fn no_content() -> Response {
    let mut response = Response::new(Bytes::new().into());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}

/// For people: what was not written and why.
fn message(rejected: &RejectedSamples) -> String {
    let mut text = format!("{} samples rejected, the others were written", rejected.samples());
    for (metric, reason, samples) in rejected.iter().take(MAX_REASONS) {
        text.push_str(&format!("\n{metric}: {samples}, {reason}"));
    }
    if rejected.iter().count() > MAX_REASONS {
        text.push_str("\n...");
    }
    text
}
