//! The requests.

use async_trait::async_trait;
use sluice_component::{Context, Host, StartError};
use sluice_config::ByteSize;
use sluice_net::http::{Answer, ClientSettings, Encoding as MediaType};
use sluice_pdata::Pdata;

use super::settings::Encoding;
use crate::{
    call::{self, Payload, export_response, export_response_json},
    sending::{Encoded, Outcome, Wire},
};

/// OTLP on HTTP.
pub(super) struct Http {
    post: call::Http,
    encoding: Encoding,
}

impl Http {
    pub(super) fn new(settings: ClientSettings, encoding: Encoding, url: String) -> Self {
        let media_type = match encoding {
            Encoding::Proto => MediaType::Protobuf,
            Encoding::Json => MediaType::Json,
        };
        Self { post: call::Http::new(settings, url, media_type.content_type()), encoding }
    }
}

#[async_trait]
impl Wire for Http {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.post.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Payload> {
        match self.encoding {
            Encoding::Proto => Payload::protobuf(&data),
            Encoding::Json => Payload::json(&data),
        }
        .into()
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, _cx: &Context) -> Outcome {
        match self.post.post(request).await {
            Ok(answer) => success(&answer),
            Err(outcome) => outcome,
        }
    }
}

/// The status says that the backend has the data; a body that cannot be read does not change that.
fn success(answer: &Answer) -> Outcome {
    let answered = match MediaType::of(&answer.headers) {
        _ if answer.truncated => None,
        Some(MediaType::Json) => export_response_json(&answer.body),
        Some(MediaType::Protobuf) => export_response(&answer.body),
        None => None,
    };
    answered.unwrap_or_default().into()
}
