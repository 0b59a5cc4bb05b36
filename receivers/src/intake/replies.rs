//! What HTTP requests are answered without a look at their body.

use sluice_net::http::{HeaderValue, Incoming, Method, Response, StatusCode, header, text_response};

/// The answer to a request for a path that is not there.
pub(crate) fn not_found() -> Response {
    text_response(StatusCode::NOT_FOUND, "404 page not found", None)
}

/// The answer to a request that is no POST.
pub(crate) fn not_a_post(request: &Incoming) -> Option<Response> {
    if request.method == Method::POST {
        return None;
    }
    let text = "405 method not allowed, supported: [POST]";
    let mut response = text_response(StatusCode::METHOD_NOT_ALLOWED, text, None);
    response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST"));
    Some(response)
}
