//! The requests.

use async_trait::async_trait;
use sluice_component::{Context, Host, StartError};
use sluice_config::ByteSize;
use sluice_formats::jaeger::{Protocol, encode_thrift_batch};
use sluice_pdata::Pdata;

use super::settings::Settings;
use crate::{
    call::{self, Payload},
    sending::{Encoded, Outcome, Wire},
};

/// Jaeger on HTTP.
pub(super) struct JaegerThrift(call::Http);

impl JaegerThrift {
    pub(super) fn new(settings: &Settings) -> Self {
        let url = settings.client.endpoint.clone();
        Self(call::Http::new(settings.client.clone(), url, "application/x-thrift"))
    }
}

#[async_trait]
impl Wire for JaegerThrift {
    type Request = Payload;

    async fn start(&self, host: &Host) -> Result<(), StartError> {
        self.0.start(host)
    }

    fn encode(&self, data: Pdata) -> Encoded<Payload> {
        Payload::per_process(&data, |process, out| encode_thrift_batch(process, Protocol::Binary, out))
    }

    fn items(request: &Payload) -> usize {
        request.items
    }

    fn size(request: &Payload) -> ByteSize {
        request.size()
    }

    async fn send(&self, request: &Payload, _cx: &Context) -> Outcome {
        match self.0.post(request).await {
            Ok(_) => Outcome::accepted(),
            Err(outcome) => outcome,
        }
    }
}
