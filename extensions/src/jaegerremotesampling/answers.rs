//! Both transports.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message;
use sluice_component::async_trait;
use sluice_net::{
    grpc::{Call, Status, Unary},
    http::{Handler, HeaderValue, Incoming, Method, Response, StatusCode, header, text_response},
};

use super::{
    messages::{Parameters, Strategy},
    source::Origin,
};

/// Answers `/sampling?service=x`, and the paths of older agents and of collectors.
pub(super) struct OverHttp(pub(super) Arc<Origin>);

#[async_trait]
impl Handler for OverHttp {
    async fn handle(&self, request: Incoming) -> Response {
        let to_json: fn(&Strategy) -> String = match request.path() {
            "/sampling" | "/api/sampling" => Strategy::to_json,
            "/" => Strategy::to_json_of_old,
            _ => return text_response(StatusCode::NOT_FOUND, "404 page not found", None),
        };
        if request.method != Method::GET {
            let text = "405 method not allowed, supported: [GET]";
            let mut response = text_response(StatusCode::METHOD_NOT_ALLOWED, text, None);
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET"));
            return response;
        }
        let Some(service) = service(request.query().unwrap_or_default()) else {
            let text = "'service' parameter must be provided once";
            return text_response(StatusCode::BAD_REQUEST, text, None);
        };
        match self.0.get(&service).await {
            Ok(strategy) => {
                let mut response = Response::new(to_json(&strategy).into());
                let json = HeaderValue::from_static("application/json");
                response.headers_mut().insert(header::CONTENT_TYPE, json);
                response
            }
            Err(status) => {
                let text = format!("collector error: {}", status.message());
                text_response(StatusCode::INTERNAL_SERVER_ERROR, &text, None)
            }
        }
    }
}

/// The one `service` of a query.
fn service(query: &str) -> Option<String> {
    let mut values = query.split('&').filter_map(|pair| pair.strip_prefix("service="));
    let value = values.next().filter(|value| !value.is_empty())?.replace('+', " ");
    let only = values.next().is_none();
    only.then(|| percent_encoding::percent_decode_str(&value).decode_utf8_lossy().into_owned())
}

/// Answers `GetSamplingStrategy`.
pub(super) struct OverGrpc(pub(super) Arc<Origin>);

#[async_trait]
impl Unary for OverGrpc {
    async fn call(&self, call: Call) -> Result<Bytes, Status> {
        let question = Parameters::decode(call.message)
            .map_err(|error| Status::invalid_argument(format!("malformed request: {error}")))?;
        Ok(self.0.get(&question.service_name).await?.encode_to_vec().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_service_is_the_one_of_the_query() {
        assert_eq!(service("service=a%2Fb+c&x=1").as_deref(), Some("a/b c"));
        for query in ["", "service=", "service=a&service=b", "services=a"] {
            assert_eq!(service(query), None, "{query}");
        }
    }
}
