//! The paths and formats, and every status code.

use std::{
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use sluice_component::async_trait;
use sluice_formats::{
    Malformed, Translated,
    zipkin::{self, Options},
};
use sluice_net::http::{Handler, Incoming, Response};
use sluice_pdata::Limits;

use super::Settings;
use crate::intake::{
    Answer, Intake,
    foreign::{accepted, media_type, unknown_media_type},
    replies::{not_a_post, not_found},
};

/// The handler of both versions.
pub(super) struct Spans {
    pub(super) intake: Arc<Intake>,
    options: Options,
}

/// What a body is.
#[derive(Debug, Clone, Copy)]
struct Format {
    /// otelcol's label of metrics.
    transport: &'static str,
    decode: fn(&[u8], &Options, &Limits) -> Result<Translated, Malformed>,
}

const V1_JSON: Format = Format { transport: "http_v1_json", decode: zipkin::json_v1_to_otlp };
const V1_THRIFT: Format = Format { transport: "http_v1_thrift", decode: zipkin::thrift_v1_to_otlp };
const V2_JSON: Format = Format { transport: "http_v2_json", decode: zipkin::json_v2_to_otlp };
const V2_PROTO: Format = Format { transport: "http_v2_proto", decode: zipkin::proto_to_otlp };

#[derive(Debug, Clone, Copy)]
enum Version {
    V1,
    V2,
}

impl Version {
    /// Zipkin's own server takes version 2 at the root as well.
    fn of(path: &str) -> Option<Self> {
        match path {
            "/api/v1/spans" => Some(Self::V1),
            "/api/v2/spans" | "/" => Some(Self::V2),
            _ => None,
        }
    }

    /// JSON where nothing is said.
    fn format(self, media_type: Option<&str>) -> Option<Format> {
        match (self, media_type) {
            (Self::V1, None | Some("application/json")) => Some(V1_JSON),
            (Self::V1, Some("application/x-thrift")) => Some(V1_THRIFT),
            (Self::V2, None | Some("application/json")) => Some(V2_JSON),
            (Self::V2, Some("application/x-protobuf")) => Some(V2_PROTO),
            _ => None,
        }
    }

    fn supported(self) -> &'static str {
        match self {
            Self::V1 => "application/json, application/x-thrift",
            Self::V2 => "application/json, application/x-protobuf",
        }
    }
}

impl Spans {
    pub(super) fn new(settings: &Settings, intake: Arc<Intake>) -> Self {
        let options = Options {
            parse_string_tags: settings.parse_string_tags,
            names: settings.attribute_names.into(),
            error_tag_is_message: settings.error_tag_is_message,
            now_unix_nano: 0,
        };
        Self { intake, options }
    }
}

#[async_trait]
impl Handler for Spans {
    async fn handle(&self, mut request: Incoming) -> Response {
        let Some(version) = Version::of(request.path()) else {
            return not_found();
        };
        if let Some(response) = not_a_post(&request) {
            return response;
        }
        let media_type = media_type(&request);
        let Some(format) = version.format(media_type.as_deref()) else {
            return unknown_media_type(media_type.as_deref(), version.supported());
        };
        let (body, permit) = match request.read().await {
            Ok(read) => read,
            Err(error) => return Answer::from(error).to_text_response(),
        };
        let cx = request.context(self.intake.receiver(), format.transport);
        let options = Options { now_unix_nano: now(), ..self.options };
        let decode = |body: &[u8], limits: &Limits| (format.decode)(body, &options, limits);
        match self.intake.take(cx, body, permit, decode).await {
            Ok(()) => accepted(),
            Err(failure) => Answer::from(failure).to_text_response(),
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
