//! The three paths over HTTP, and every status code.

use std::{collections::HashMap, sync::Arc};

use sluice_component::async_trait;
use sluice_net::http::{
    Encoding, Handler, HeaderValue, Incoming, Response, StatusCode, header, text_response,
};
use sluice_pdata::Signal;

use super::{
    intake::take,
    settings::{HttpSettings, with_slash},
};
use crate::intake::{
    Answer, Intake,
    replies::{not_a_post, not_found},
};

/// The paths of the signals that a pipeline takes.
pub(super) struct Paths(HashMap<String, Arc<Intake>>);

impl Paths {
    pub(super) fn new(settings: &HttpSettings, intakes: &[Arc<Intake>]) -> Self {
        let path = |signal| match signal {
            Signal::Traces => &settings.traces_url_path,
            Signal::Metrics => &settings.metrics_url_path,
            Signal::Logs => &settings.logs_url_path,
        };
        Self(intakes.iter().map(|intake| (with_slash(path(intake.signal())), intake.clone())).collect())
    }
}

#[async_trait]
impl Handler for Paths {
    async fn handle(&self, mut request: Incoming) -> Response {
        let Some(intake) = self.0.get(request.path()) else {
            return not_found();
        };
        if let Some(response) = not_a_post(&request) {
            return response;
        }
        let Some(encoding) = Encoding::of(&request.headers) else {
            let text = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
            return text_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, text, None);
        };
        let (body, permit) = match request.read().await {
            Ok(read) => read,
            Err(error) => return Answer::from(error).to_rpc_response(encoding),
        };
        let cx = request.context(intake.receiver(), "http");
        match take(intake, cx, encoding, body, permit).await {
            Ok(body) => {
                let mut response = Response::new(body.into());
                let value = HeaderValue::from_static(encoding.content_type());
                response.headers_mut().insert(header::CONTENT_TYPE, value);
                response
            }
            Err(failure) => Answer::from(failure).to_rpc_response(encoding),
        }
    }
}
