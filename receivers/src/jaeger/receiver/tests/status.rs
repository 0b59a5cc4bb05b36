//! The columns "Jaeger Thrift HTTP" and "Jaeger gRPC" of the status table, row by row.

use sluice_net::grpc::{Code, retry_delay};

use super::{
    wire::{Span, nameless},
    *,
};
use crate::testing::{REFUSALS, client::http_call, gzip};

#[tokio::test]
async fn accepted_also_without_spans_is_202_and_ok() {
    let stand = Stand::new().await;
    for media_type in [THRIFT, "application/vnd.apache.thrift.binary", "Application/X-Thrift; charset=utf-8"]
    {
        let answer = post(stand.http, PATH, media_type, &batch(&[span(), span()])).await;
        assert_eq!((answer.status, answer.body.len()), (202, 0));
    }
    assert_eq!(stand.sink.items(), 6);
    assert_eq!(post(stand.http, PATH, THRIFT, &batch(&[])).await.status, 202);
    let answer = grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span()])).await.unwrap();
    assert!(answer.is_empty());
    for empty in [post_spans(Vec::new()), Vec::new()] {
        grpc_call(stand.grpc, METHOD, &[], &empty).await.unwrap();
    }
    assert_eq!(stand.sink.items(), 7);
    stand.stop().await;
}

#[tokio::test]
async fn i10_a_bad_span_costs_itself_and_is_counted() {
    let stand = Stand::new().await;
    let answer = post(stand.http, PATH, THRIFT, &batch(&[span(), nameless(), span()])).await;
    assert_eq!(answer.status, 202);
    let bad = Span { trace_id: vec![1; 3], ..proto_span() };
    grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![bad, proto_span()])).await.unwrap();
    assert_eq!(stand.sink.items(), 3);
    let line = r#"sluice_receiver_rejected_items{reason="invalid",receiver="jaeger",signal="traces"} 2"#;
    assert!(metrics(&stand.process).contains(line), "{}", metrics(&stand.process));
    stand.stop().await;
}

#[tokio::test]
async fn undecodable_is_400_with_its_place_and_invalid_argument() {
    let stand = Stand::new().await;
    let whole = batch(&[span()]);
    for body in [&whole[..whole.len() - 1], &[0xff; 8], b"", COMPACT] {
        let answer = post(stand.http, PATH, THRIFT, body).await;
        assert_eq!(answer.status, 400, "{body:?}");
        assert!(answer.text().contains("at byte "), "{}", answer.text());
    }
    let whole = post_spans(vec![proto_span()]);
    for message in [&whole[..whole.len() - 1], &[0xff; 8]] {
        let status = grpc_call(stand.grpc, METHOD, &[], message).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status}");
        assert!(status.message().contains("at byte "), "{status}");
    }
    assert_eq!(stand.sink.items(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn too_large_is_413_and_resource_exhausted_without_a_delay() {
    let mut settings = settings();
    let limit = sluice_config::ByteSize::mib(1);
    let at = "127.0.0.1:0";
    let http = http::ServerSettings { max_request_body_size: limit, ..http::ServerSettings::at(at) };
    let grpc = grpc::ServerSettings { max_recv_msg_size_mib: limit, ..grpc::ServerSettings::at(at) };
    settings.protocols.thrift_http = Section::on(http);
    settings.protocols.grpc = Section::on(grpc);
    let stand = Stand::with(settings, process()).await;
    let large = batch(&vec![span(); 10_000]);
    assert_eq!(post(stand.http, PATH, THRIFT, &large).await.status, 413);
    let head = format!("POST {PATH} HTTP/1.1\r\nContent-Type: {THRIFT}\r\nContent-Encoding: gzip\r\n");
    assert_eq!(http_call(stand.http, &head, &gzip(&large)).await.status, 413);
    let status =
        grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span(); 20_000])).await.unwrap_err();
    assert_eq!((status.code(), retry_delay(&status)), (Code::ResourceExhausted, None));
    stand.stop().await;

    // More to decode than the process has memory for.
    let small = sluice_component::host::Process::new(
        sluice_component::Budget::new(300 << 10),
        sluice_component::Telemetry::new(sluice_component::Level::Detailed),
    );
    let stand = Stand::with(super::settings(), small).await;
    assert_eq!(post(stand.http, PATH, THRIFT, &batch(&vec![span(); 1000])).await.status, 413);
    let status = grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span(); 1500])).await.unwrap_err();
    assert_eq!((status.code(), retry_delay(&status)), (Code::ResourceExhausted, None));
    assert_eq!(stand.process.budget.used(), 0);
    stand.stop().await;
}

#[tokio::test]
async fn unknown_media_types_and_encodings_are_415() {
    let stand = Stand::new().await;
    for media_type in ["application/json", "text/plain", ""] {
        let answer = post(stand.http, PATH, media_type, &batch(&[span()])).await;
        assert_eq!(answer.status, 415, "{media_type}");
        assert!(answer.text().contains("application/x-thrift"), "{}", answer.text());
    }
    let head = format!("POST {PATH} HTTP/1.1\r\nContent-Type: {THRIFT}\r\nContent-Encoding: br\r\n");
    assert_eq!(http_call(stand.http, &head, &batch(&[span()])).await.status, 415);
    let headers = [("grpc-encoding", "br")];
    let body = crate::testing::client::frame(true, &post_spans(vec![proto_span()]));
    let status = crate::testing::client::grpc_frame(stand.grpc, METHOD, &headers, &body).await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    stand.stop().await;
}

#[tokio::test]
async fn what_the_pipelines_refuse_is_answered_as_the_table_says() {
    let stand = Stand::new().await;
    for (class, reason, code, status, waits) in REFUSALS {
        stand.sink.set(Mood::Refuse(class, reason));
        let answer = post(stand.http, PATH, THRIFT, &batch(&[span()])).await;
        assert_eq!(answer.status, status, "{reason:?}");
        assert_eq!(!answer.header("retry-after").is_empty(), waits, "{reason:?}");
        assert!(answer.text().starts_with("exporters.otlp/backend refused 1 spans"), "{}", answer.text());
        let refused = grpc_call(stand.grpc, METHOD, &[], &post_spans(vec![proto_span()])).await.unwrap_err();
        assert_eq!(i32::from(refused.code()), code, "{reason:?}");
        assert_eq!(retry_delay(&refused).is_some(), waits, "{reason:?}");
    }
    stand.stop().await;
}

#[tokio::test]
async fn wrong_paths_and_methods_are_404_405_and_unimplemented() {
    let stand = Stand::new().await;
    assert_eq!(post(stand.http, "/", THRIFT, b"").await.status, 404);
    assert_eq!(post(stand.http, "/api/traces/x", THRIFT, b"").await.status, 404);
    assert_eq!(
        post(stand.http, "/api/traces?format=jaeger.thrift", THRIFT, &batch(&[span()])).await.status,
        202
    );
    let answer = http_call(stand.http, "GET /api/traces HTTP/1.1\r\n", b"").await;
    assert_eq!((answer.status, answer.header("allow")), (405, "POST"));
    let status = grpc_call(stand.grpc, "/jaeger.api_v2.CollectorService/Other", &[], b"").await.unwrap_err();
    assert_eq!(status.code(), Code::Unimplemented);
    stand.stop().await;
}
