//! Every row of the status table, on both transports and in both encodings.

use std::io::Write;

use sluice_net::grpc::{Code, Status, retry_delay};

use super::*;
use crate::testing::client::{Answer, frame, grpc_call, grpc_frame, http_call, post};

/// `google.rpc.Status`, read independently of how it was written.
#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    message: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Response {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

/// The code and message of a failure, whose body must be in the encoding `media_type`.
fn failure(answer: &Answer, media_type: &str) -> (i32, String) {
    assert_eq!(answer.header("content-type"), media_type);
    if media_type == JSON {
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        let code = i32::try_from(json["code"].as_i64().unwrap()).unwrap();
        return (code, json["message"].as_str().unwrap().to_owned());
    }
    let status = <RpcStatus as Message>::decode(&answer.body[..]).unwrap();
    (status.code, status.message)
}

const ONE_SPAN: &str = r#"{"resourceSpans":[{"scopeSpans":[{"spans":[
    {"traceId":"01010101010101010101010101010101","spanId":"0202020202020202","name":"GET /"}]}]}]}"#;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn accepted_is_ok_for_every_signal_and_encoding() {
    let stand = Stand::new().await;
    for signal in Signal::ALL {
        let body = request(signal, 3);
        assert!(grpc_call(stand.grpc, routes_path(signal), &[], &body).await.unwrap().is_empty());
        let (_, data) = stand.sink.last();
        assert_eq!((data.signal(), data.items()), (signal, 3));
        assert_eq!(data.wire()[0], body, "bytes stay bytes");

        let answer = post(stand.http, http_path(signal), PROTOBUF, &body).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, PROTOBUF));
        assert!(answer.body.is_empty());
        assert_eq!(stand.sink.last().1.wire()[0], body);
    }
    for media_type in [JSON, "application/json; charset=utf-8", "Application/JSON"] {
        let answer = post(stand.http, "/v1/traces", media_type, ONE_SPAN.as_bytes()).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, JSON));
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(json, serde_json::json!({ "partialSuccess": {} }));
        assert_eq!(stand.sink.last().1.wire()[0], spans(vec![span()]));
    }
    stand.stop().await;
}

#[tokio::test]
async fn compressed_requests_are_accepted_on_each_path() {
    let stand = Stand::new().await;
    for signal in Signal::ALL {
        let body = gzip(&request(signal, 3));
        let head = format!(
            "POST {} HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Encoding: gzip\r\n",
            http_path(signal)
        );
        assert_eq!(http_call(stand.http, &head, &body).await.status, 200);
        let headers = [("grpc-encoding", "gzip")];
        grpc_frame(stand.grpc, routes_path(signal), &headers, &frame(true, &body)).await.unwrap();
    }
    assert_eq!(stand.sink.items(), 18);
    stand.stop().await;
}

#[tokio::test]
async fn empty_requests_are_ok_and_go_no_further() {
    let stand = Stand::new().await;
    let empty_envelopes = spans(Vec::new());
    for body in [&[][..], &empty_envelopes] {
        assert!(grpc_call(stand.grpc, TRACES, &[], body).await.unwrap().is_empty());
        assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, body).await.status, 200);
    }
    assert_eq!(post(stand.http, "/v1/traces", JSON, b"{}").await.status, 200);
    let no_json = post(stand.http, "/v1/traces", JSON, b"").await;
    assert_eq!((no_json.status, failure(&no_json, JSON).0), (400, 3));
    assert!(stand.sink.taken.lock().unwrap().is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn i7_items_with_bad_ids_are_rejected_alone() {
    let stand = Stand::new().await;
    let bad = Span { trace_id: vec![1; 3], ..span() };
    let body = spans(vec![span(), bad.clone(), span(), bad]);
    let message = grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap();
    let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
    assert_eq!(answer.status, 200);
    for response in [&message[..], &answer.body] {
        let partial = <Response as Message>::decode(response).unwrap().partial_success.unwrap();
        assert_eq!(partial.rejected, 2);
        assert!(partial.message.contains("2 items rejected"), "{}", partial.message);
    }
    assert_eq!(stand.sink.items(), 4, "two times two spans pass");

    let json = ONE_SPAN.replace("0202020202020202", "02");
    let answer = post(stand.http, "/v1/traces", JSON, json.as_bytes()).await;
    let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &json["partialSuccess"]["rejectedSpans"]), (200, &serde_json::json!("1")));
    assert_eq!(stand.sink.items(), 4, "nothing is left of that one");
    let text = prometheus_text(&stand);
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="otlp",signal="traces"} 5"#;
    assert!(text.contains(line), "{text}");
    stand.stop().await;
}

fn prometheus_text(stand: &Stand) -> String {
    let families = stand.process.telemetry.registry().gather();
    prometheus::TextEncoder::new().encode_to_string(&families).unwrap()
}

#[tokio::test]
async fn undecodable_is_invalid_argument_in_the_encoding_of_the_request() {
    let stand = Stand::new().await;
    let whole = request(Signal::Traces, 1);
    let bodies: [&[u8]; 4] = [
        &whole[..whole.len() - 1], // truncated
        &[0x0a, 0x7f, 0x00],       // a length past the end
        &[0x02, 0x00],             // field number 0
        b"no protobuf at all",
    ];
    for body in bodies {
        let status = grpc_call(stand.grpc, TRACES, &[], body).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        let answer = post(stand.http, "/v1/traces", PROTOBUF, body).await;
        let (code, message) = failure(&answer, PROTOBUF);
        assert_eq!((answer.status, code), (400, 3));
        assert!(message.contains("at byte"), "{message}");
    }
    for body in ["[", "{\"resourceSpans\": 1}", "{} trailing", "\u{feff}{}"] {
        let answer = post(stand.http, "/v1/traces", JSON, body.as_bytes()).await;
        let (code, message) = failure(&answer, JSON);
        assert_eq!((answer.status, code), (400, 3), "{body}");
        assert!(message.contains("line 1"), "{message}");
    }
    assert!(stand.sink.taken.lock().unwrap().is_empty());
    stand.stop().await;
}

#[tokio::test]
async fn unknown_media_types_and_encodings_are_415_and_unimplemented() {
    let stand = Stand::new().await;
    let body = request(Signal::Traces, 1);
    for media_type in ["text/plain", "application/grpc", "application/octet-stream"] {
        let answer = post(stand.http, "/v1/traces", media_type, &body).await;
        assert_eq!((answer.status, answer.header("content-type")), (415, "text/plain"));
        let expected = "415 unsupported media type, supported: [application/json, application/x-protobuf]";
        assert_eq!(answer.text(), expected);
    }
    let head = format!("POST /v1/traces HTTP/1.1\r\nContent-Type: {PROTOBUF}\r\nContent-Encoding: br\r\n");
    let answer = http_call(stand.http, &head, &body).await;
    assert_eq!(answer.status, 415);
    assert!(failure(&answer, PROTOBUF).1.contains("unsupported Content-Encoding: br"));
    let headers = [("grpc-encoding", "br")];
    let status = grpc_frame(stand.grpc, TRACES, &headers, &frame(true, &body)).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    stand.stop().await;
}

#[tokio::test]
async fn wrong_paths_and_methods_are_404_405_and_unimplemented() {
    let stand = Stand::with(settings(), &[Signal::Traces]).await;
    let body = request(Signal::Logs, 1);
    for path in ["/", "/v1/logs", "/v1/traces/"] {
        assert_eq!(post(stand.http, path, PROTOBUF, &body).await.status, 404, "{path}");
    }
    for method in ["GET", "PUT", "DELETE"] {
        let answer = http_call(stand.http, &format!("{method} /v1/traces HTTP/1.1\r\n"), b"").await;
        assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
        assert_eq!(answer.text(), "405 method not allowed, supported: [POST]");
    }
    for path in [routes_path(Signal::Logs), "/no.Such/Method"] {
        let status = grpc_call(stand.grpc, path, &[], &body).await.unwrap_err();
        assert_eq!(status.code(), Code::Unimplemented);
    }
    stand.stop().await;
}

/// What both transports answer when the pipeline refuses so.
async fn refused(stand: &Stand, class: Class, reason: Reason) -> (Status, Answer) {
    stand.sink.set(Mood::Refuse(class, reason));
    let body = request(Signal::Traces, 2);
    let status = grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap_err();
    let json = post(stand.http, "/v1/traces", JSON, ONE_SPAN.as_bytes()).await;
    let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
    assert_eq!(json.status, answer.status);
    assert_eq!(failure(&json, JSON).0, failure(&answer, PROTOBUF).0);
    assert_eq!(failure(&answer, PROTOBUF).1, status.message());
    (status, answer)
}

#[tokio::test]
async fn refusals_are_answered_by_the_table() {
    use Class::{Permanent, Retryable, ThrottleFor};
    let stand = Stand::new().await;
    let seven = ThrottleFor(Duration::from_millis(6500));
    let rows = [
        // (class, reason) -> gRPC code, HTTP status, seconds to wait
        (Retryable, Reason::QueueFull, Code::Unavailable, 503, Some(1)),
        (Retryable, Reason::MemoryLimit, Code::Unavailable, 503, Some(1)),
        (Retryable, Reason::Stopping, Code::Unavailable, 503, Some(1)),
        (seven, Reason::Throttled, Code::Unavailable, 503, Some(7)),
        (Retryable, Reason::RateLimited, Code::ResourceExhausted, 429, Some(1)),
        (seven, Reason::RateLimited, Code::ResourceExhausted, 429, Some(7)),
        (Permanent, Reason::Unauthenticated, Code::Unauthenticated, 401, None),
        (Permanent, Reason::PermissionDenied, Code::PermissionDenied, 403, None),
        (Permanent, Reason::Permanent, Code::Internal, 500, None),
        (Permanent, Reason::TooLarge, Code::Internal, 500, None),
        (Retryable, Reason::Unavailable, Code::Unavailable, 503, None),
        (Retryable, Reason::Timeout, Code::DeadlineExceeded, 504, None),
    ];
    for (class, reason, code, http, wait) in rows {
        let (status, answer) = refused(&stand, class, reason).await;
        assert_eq!((status.code(), answer.status), (code, http), "{reason:?}");
        assert_eq!(failure(&answer, PROTOBUF).0, code as i32, "{reason:?}");
        let seconds = wait.map(|seconds: u64| seconds.to_string()).unwrap_or_default();
        assert_eq!(answer.header("retry-after"), seconds, "{reason:?}");
        let delay = retry_delay(&status).map(|delay| delay.as_secs_f64().ceil());
        assert_eq!(delay, wait.map(|seconds| seconds as f64), "{reason:?}");
        assert!(
            status.message().starts_with("exporters.otlp/backend refused 2 spans"),
            "{}",
            status.message()
        );
    }
    stand.stop().await;
}

#[tokio::test]
async fn a_process_without_room_refuses_with_retry() {
    let stand = Stand::new().await;
    let budget = &stand.process.budget;
    let held = budget.reserve(budget.limit()).unwrap();
    let body = request(Signal::Traces, 2);
    let status = grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap_err();
    assert_eq!((status.code(), retry_delay(&status)), (Code::Unavailable, Some(Duration::from_secs(1))));
    let answer = post(stand.http, "/v1/traces", PROTOBUF, &body).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"));
    assert_eq!(failure(&answer, PROTOBUF).0, 14);
    drop(held);
    assert!(grpc_call(stand.grpc, TRACES, &[], &body).await.is_ok());
    stand.stop().await;
}

#[tokio::test]
async fn json_is_decoded_within_the_budget_and_leaves_what_the_data_takes() {
    let stand = Stand::new().await;
    let budget = &stand.process.budget;
    // Room for the text, also while it is read in pieces, but not for decoding it.
    let spans: Vec<_> = (0..50_000).map(|_| "{}").collect();
    let text = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{}]}}]}}]}}"#, spans.join(","));
    let held = budget.reserve(budget.limit() - 4 * text.len()).unwrap();
    let answer = post(stand.http, "/v1/traces", JSON, text.as_bytes()).await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{}", answer.text());
    assert_eq!(failure(&answer, JSON).0, 14);
    assert_eq!(budget.used(), held.bytes());
    drop(held);
    assert_eq!(post(stand.http, "/v1/traces", JSON, ONE_SPAN.as_bytes()).await.status, 200);
    assert_eq!(budget.used(), stand.sink.last().1.size());
    stand.stop().await;
}

#[tokio::test]
async fn json_that_the_whole_budget_could_not_decode_is_too_large() {
    let stand = Stand::new().await;
    let text = format!("{{{}}}", " ".repeat(100_000));
    stand.process.budget.tighten(300_000);
    let answer = post(stand.http, "/v1/traces", JSON, text.as_bytes()).await;
    assert_eq!((answer.status, failure(&answer, JSON).0), (413, 8));
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn i5_what_repair_adds_is_in_the_budget() {
    let stand = Stand::new().await;
    let name = "x".repeat(100_000);
    let mut body = spans(vec![Span { name, ..span() }]);
    body.iter_mut().filter(|byte| **byte == b'x').for_each(|byte| *byte = 0xff);
    grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap();
    let size = stand.sink.last().1.size();
    assert!(size > 300_000, "each bad byte became three");
    assert_eq!(stand.process.budget.used(), size);
    stand.stop().await;
}

#[tokio::test]
async fn items_of_a_request_that_has_to_come_again_are_rejected_once() {
    let stand = Stand::new().await;
    let body = spans(vec![span(), Span { trace_id: vec![1; 3], ..span() }]);
    stand.sink.set(Mood::Refuse(Class::Retryable, Reason::QueueFull));
    assert!(grpc_call(stand.grpc, TRACES, &[], &body).await.is_err());
    assert!(!prometheus_text(&stand).contains("sluice_receiver_rejected_items{"));
    stand.sink.set(Mood::Take);
    assert!(grpc_call(stand.grpc, TRACES, &[], &body).await.is_ok());
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="otlp",signal="traces"} 1"#;
    assert!(prometheus_text(&stand).contains(line), "{}", prometheus_text(&stand));
    stand.stop().await;
}

#[tokio::test]
async fn a_deadline_that_passes_is_deadline_exceeded() {
    let stand = Stand::new().await;
    stand.sink.set(Mood::Hang);
    let headers = [("grpc-timeout", "50m")];
    let status = grpc_call(stand.grpc, TRACES, &headers, &request(Signal::Traces, 1)).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    stand.stop().await;
}

#[tokio::test]
async fn a_panic_costs_its_request_alone() {
    let stand = Stand::new().await;
    stand.sink.set(Mood::Panic);
    let body = request(Signal::Traces, 1);
    let status = grpc_call(stand.grpc, TRACES, &[], &body).await.unwrap_err();
    assert_eq!(status.code(), Code::Internal);
    assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, &body).await.status, 500);
    stand.sink.set(Mood::Take);
    assert!(grpc_call(stand.grpc, TRACES, &[], &body).await.is_ok());
    assert_eq!(post(stand.http, "/v1/traces", PROTOBUF, &body).await.status, 200);
    stand.stop().await;
}
