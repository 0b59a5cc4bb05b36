//! The requests.

use async_trait::async_trait;
use sluice_component::{Context, Host, StartError};
use sluice_config::ByteSize;
use sluice_formats::zipkin::{Encoding, otlp_to_json_v2, otlp_to_proto};
use sluice_pdata::Pdata;

use super::settings::{Format, Settings};
use crate::{
    call::{self, Payload},
    sending::{Encoded, Options, Outcome, Unconvertible, Wire},
};

/// Zipkin's API.
pub(super) struct Zipkin {
    post: call::Http,
    format: Format,
    encoding: Encoding,
}

impl Zipkin {
    pub(super) fn new(settings: &Settings) -> Self {
        let content_type = match settings.format {
            Format::Json => "application/json",
            Format::Proto => "application/x-protobuf",
        };
        let encoding = Encoding {
            default_service_name: settings.default_service_name.clone(),
            max_request_bytes: usize::try_from(Options::MAX_REQUEST.bytes()).unwrap_or(usize::MAX),
            ..Encoding::default()
        };
        let url = settings.client.endpoint.clone();
        Self {
            post: call::Http::new(settings.client.clone(), url, content_type),
            format: settings.format,
            encoding,
        }
    }
}

#[async_trait]
impl Wire for Zipkin {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.post.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Payload> {
        let encode = match self.format {
            Format::Json => otlp_to_json_v2,
            Format::Proto => otlp_to_proto,
        };
        let encoded = encode(data.traces(), &self.encoding);
        let payload = |request: sluice_formats::zipkin::Request| Payload::of(request.body, request.spans);
        let dropped = |(why, items): (&str, usize)| Unconvertible { items, why: why.to_owned() };
        Encoded {
            requests: encoded.requests.into_iter().map(payload).collect(),
            unconvertible: encoded.dropped.iter().map(dropped).collect(),
        }
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, _cx: &Context) -> Outcome {
        match self.post.post(request).await {
            Ok(_) => Outcome::accepted(),
            Err(outcome) => outcome,
        }
    }
}
