//! §Status: which tags make an OTLP status, in which order.

use sluice_formats::jaeger::api_v2::{KeyValue, Span};

use crate::support::{decode_span, rows, span, tag};

const UNSET: i32 = 0;
const OK: i32 = 1;
const ERROR: i32 = 2;

fn status(tags: &[KeyValue], code: i32, message: &str, left: &[&str]) {
    let span = decode_span(Span { tags: tags.to_vec(), ..span() });
    let status = span.status.unwrap_or_default();
    assert_eq!((status.code, status.message.as_str()), (code, message));
    let keys: Vec<_> = span.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, left);
}

rows! { status {
    no_tags: &[], UNSET, "", &[];
    error_true: &[tag("error", true)], ERROR, "", &[];
    error_true_with_description_and_code: &[tag("error", true), tag("otel.status_description", "Error: Invalid argument"), tag("otel.status_code", "ERROR")],
        ERROR, "Error: Invalid argument", &[];
    http_404_as_text: &[tag("http.status_code", "404")], ERROR, "", &["http.status_code"];
    error_true_with_http_message: &[tag("error", true), tag("http.status_code", 404), tag("http.status_message", "HTTP 404: Not Found")],
        ERROR, "HTTP 404: Not Found", &["http.status_code", "http.status_message"];
    otel_ok_beats_http_500: &[tag("otel.status_code", "OK"), tag("http.status_code", 500), tag("http.status_message", "Server Error")],
        OK, "", &["http.status_code", "http.status_message"];
    error_true_beats_http_200: &[tag("error", true), tag("http.status_code", 200)], ERROR, "", &["http.status_code"];
    server_404_with_error_false: &[tag("span.kind", "server"), tag("error", false), tag("http.status_code", 404)],
        UNSET, "", &["error", "http.status_code"];

    error_true_beats_otel_ok: &[tag("error", true), tag("otel.status_code", "OK")], ERROR, "", &[];
    error_as_text_is_not_honoured: &[tag("error", "true")], UNSET, "", &["error"];
    error_as_number_is_not_honoured: &[tag("error", 1)], UNSET, "", &["error"];
    description_wins_over_http_message: &[tag("error", true), tag("http.status_message", "a"), tag("otel.status_description", "b")],
        ERROR, "b", &["http.status_message"];
    description_alone_stays: &[tag("otel.status_description", "b")], UNSET, "", &["otel.status_description"];
    code_in_lower_case: &[tag("otel.status_code", "error")], ERROR, "", &[];
    code_ok_with_description: &[tag("otel.status_code", "Ok"), tag("otel.status_description", "fine")], OK, "fine", &[];
    code_unset_switches_http_off: &[tag("otel.status_code", "UNSET"), tag("http.status_code", 500)], UNSET, "", &["http.status_code"];
    code_garbage_switches_http_off_and_takes_the_description: &[tag("otel.status_code", "?"), tag("otel.status_description", "b"), tag("http.status_code", 500)],
        UNSET, "b", &["http.status_code"];
    code_as_number_is_garbage: &[tag("otel.status_code", 2)], UNSET, "", &[];
    http_500_with_message: &[tag("http.status_code", 500), tag("http.status_message", "down")],
        ERROR, "down", &["http.status_code", "http.status_message"];
    http_399_is_no_error: &[tag("http.status_code", 399)], UNSET, "", &["http.status_code"];
    http_100_is_no_error: &[tag("http.status_code", 100)], UNSET, "", &["http.status_code"];
    http_200_takes_no_message: &[tag("http.status_code", 200), tag("http.status_message", "OK")],
        UNSET, "", &["http.status_code", "http.status_message"];
    http_10_is_an_error: &[tag("http.status_code", 10)], ERROR, "", &["http.status_code"];
    http_client_404: &[tag("span.kind", "client"), tag("http.status_code", 404)], ERROR, "", &["http.status_code"];
    http_server_500: &[tag("span.kind", "server"), tag("http.status_code", 500)], ERROR, "", &["http.status_code"];
    http_newer_name: &[tag("http.response.status_code", 503)], ERROR, "", &["http.response.status_code"];
    http_code_that_is_no_number: &[tag("http.status_code", "teapot")], UNSET, "", &["http.status_code"];
    http_code_as_double_is_ignored: &[tag("http.status_code", 500.0)], UNSET, "", &["http.status_code"];
} }
