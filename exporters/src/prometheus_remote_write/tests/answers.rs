//! B3 and the fault rows: what becomes of each answer.

use std::time::Duration;

use sluice_component::Reason;

use super::*;
use crate::stand::{Rows, gauges, http::answer};

fn rows() -> Rows<Factory> {
    Rows { signal: Signal::Metrics, path: PATH, settings: |address| settings(address, "") }
}

#[tokio::test]
async fn e1_e2_a_backend_that_comes_later_gets_everything() {
    rows().comes_later::<Response>().await;
}

#[tokio::test]
async fn e5_retry_after_is_the_least_wait() {
    for status in [429, 503, 500] {
        rows().waits_as_told(answer(status, &[("retry-after", "1")], b""), Duration::from_secs(1)).await;
    }
}

#[tokio::test]
async fn e5_retry_after_may_be_a_date() {
    let at = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(3));
    rows().waits_as_told(answer(429, &[("retry-after", &at)], b""), Duration::from_secs(1)).await;
}

#[tokio::test]
async fn e6_every_5xx_is_retried_with_the_same_bytes() {
    for status in [500, 501, 502, 503, 504, 599] {
        rows().tries_again([answer(status, &[], b""), answer(429, &[], b"")]).await;
    }
}

#[tokio::test]
async fn e7_e17_no_other_status_is_retried() {
    for status in [400, 404, 409, 422, 418] {
        rows().gives_up(answer(status, &[], b"out of order sample")).await;
    }
}

#[tokio::test]
async fn e7_credentials_and_size_have_reasons_of_their_own() {
    for status in [401, 403, 413] {
        let pair = Pair::new("", [answer(status, &[], b"")]).await;
        pair.exporter.offer(gauges(1, 5)).await;
        let Pair { backend, exporter, .. } = pair;
        let balance = exporter.drained().await;
        assert_eq!((balance.sent, balance.dropped.values().sum::<u64>()), (0, 5), "{status}");
        assert_eq!(balance.dropped.contains_key(&Reason::TooLarge), status == 413);
        assert_eq!(backend.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_retry_says_the_how_manieth_it_is() {
    let pair = Pair::new("", [answer(503, &[], b""), answer(503, &[], b"")]).await;
    pair.exporter.offer(gauges(1, 1)).await;
    let Pair { backend, exporter, .. } = pair;
    exporter.drained().await;
    let attempts: Vec<String> =
        backend.seen().iter().map(|seen| seen.header("retry-attempt").to_owned()).collect();
    assert_eq!(attempts, ["", "1", "2"]);
}

#[tokio::test]
async fn a_server_that_knows_1_0_only_gets_it_from_then_on() {
    let pair = Pair::new(V2, [answer(415, &[], b"what is this")]).await;
    for at in 1..4 {
        pair.exporter.offer(gauges(at, 2)).await;
    }
    let Pair { backend, exporter, .. } = pair;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected), (6, 0));
    let seen = backend.seen();
    let versions: Vec<Version> = seen.iter().map(version).collect();
    assert_eq!(versions, [Version::V2, Version::V1, Version::V1, Version::V1]);
    assert_eq!(lines(&seen[0]), lines(&seen[1]), "nothing is lost");
}

/// What such a server does not know either.
#[tokio::test]
async fn after_the_fall_names_are_escaped_and_histograms_are_classic() {
    // Without a queue, the second batch comes when the first one's verdict is there.
    let more = format!(
        "{V2}, translation_strategy: NoTranslation, convert_histograms_to_nhcb: true, remote_write_queue: {{enabled: false}}"
    );
    let pair = Pair::new(&more, [answer(415, &[], b"what is this")]).await;
    for at in [1, 2] {
        pair.exporter.offer(requests::of("my.histogram", "s", requests::histogram(at))).await;
    }
    let Pair { backend, exporter, .. } = pair;
    let balance = exporter.drained().await;
    let seen = backend.seen();
    assert_eq!(lines(&seen[0]), [r#"{__name__="my.histogram"} -53/Int(3)@1"#]);
    assert_eq!((balance.sent, balance.rejected), (1, 1), "of the batch at hand, nothing can be said");
    assert_eq!(
        lines(&seen[1]),
        [
            r#"{__name__="my_histogram_count"} 3@2"#,
            r#"{__name__="my_histogram_bucket", le="1"} 1@2"#,
            r#"{__name__="my_histogram_bucket", le="+Inf"} 3@2"#,
        ]
    );
}

#[tokio::test]
async fn a_request_that_waits_while_the_server_falls_back_has_escaped_names_and_what_1_0_can_say() {
    let more = format!("{V2}, translation_strategy: NoTranslation, convert_histograms_to_nhcb: true");
    let pair = Pair::new(&more, [answer(415, &[], b"what is this")]).await;
    pair.exporter.offer(requests::mixed("my.metric")).await;
    let process = pair.process.clone();
    let Pair { backend, exporter, .. } = pair;
    let balance = exporter.drained().await;
    assert_eq!((balance.sent, balance.rejected), (1, 1));
    let seen = backend.seen();
    assert_eq!(
        lines(&seen[0]),
        [r#"{__name__="my.metric.a", a.b="1", a_b="2"} 1@1"#, r#"{__name__="my.metric.b"} -53/Int(3)@1"#]
    );
    assert_eq!(lines(&seen[1]), [r#"{__name__="my_metric_a", a_b="1;2"} 1@1"#]);
    let families = process.telemetry.registry().gather();
    let family =
        families.iter().find(|family| family.name() == "sluice_exporter_unconverted_points").unwrap();
    let labels: Vec<String> = family
        .get_metric()
        .iter()
        .filter(|metric| metric.get_counter().get_value() > 0.0)
        .flat_map(|metric| metric.get_label().iter().map(|label| label.value().to_owned()))
        .collect();
    assert!(
        labels.contains(&"my.metric.b".into()) && labels.contains(&"custom_buckets".into()),
        "{labels:?}"
    );
}

#[tokio::test]
async fn a_415_to_1_0_and_a_400_to_2_0_are_final() {
    for (more, status) in [("", 415), (V2, 400)] {
        let pair = Pair::new(more, [answer(status, &[], b"no")]).await;
        pair.exporter.offer(gauges(1, 5)).await;
        let Pair { backend, exporter, .. } = pair;
        assert_eq!(exporter.drained().await.dropped[&Reason::Permanent], 5);
        assert_eq!(backend.seen().len(), 1);
    }
}

const SAMPLES: &str = "x-prometheus-remote-write-samples-written";
const HISTOGRAMS: &str = "x-prometheus-remote-write-histograms-written";

#[tokio::test]
async fn e9_what_a_server_of_2_0_did_not_write_is_rejected() {
    for (status, written, rejected) in [
        (200, Some("5"), 0),
        (204, Some("5"), 0),
        (200, Some("3"), 2),
        (200, Some("0"), 5),
        // It does not say: an old server took a body that it cannot read.
        (200, None, 5),
        // It kept the good part.
        (400, Some("4"), 1),
    ] {
        let headers: Vec<(&str, &str)> = written.iter().map(|&n| (SAMPLES, n)).collect();
        let pair = Pair::new(V2, [answer(status, &headers, b"one is bad")]).await;
        pair.exporter.offer(gauges(1, 5)).await;
        let Pair { backend, exporter, .. } = pair;
        let balance = exporter.drained().await;
        assert_eq!((balance.sent, balance.rejected), (5 - rejected, rejected), "{status} {written:?}");
        assert_eq!(backend.seen().len(), 1, "it is never sent again");
    }
}

#[tokio::test]
async fn e9_a_400_after_which_nothing_was_written_drops_everything() {
    let script = [answer(400, &[(SAMPLES, "0"), (HISTOGRAMS, "0")], b"no")];
    let pair = Pair::new(V2, script).await;
    pair.exporter.offer(gauges(1, 5)).await;
    let Pair { exporter, .. } = pair;
    assert_eq!(exporter.drained().await.dropped[&Reason::Permanent], 5);
}

#[tokio::test]
async fn e9_written_counts_of_1_0_are_not_looked_at() {
    let pair = Pair::new("", [answer(200, &[(SAMPLES, "0")], b"")]).await;
    pair.exporter.offer(gauges(1, 5)).await;
    let Pair { exporter, .. } = pair;
    assert_eq!(exporter.drained().await.sent, 5);
}

#[tokio::test]
async fn without_a_queue_the_caller_hears_the_verdict() {
    let off = "remote_write_queue: {enabled: false}, retry_on_failure: {enabled: false}";
    let process = testkit::process();
    let backend = Backend::new(PATH, [answer(503, &[], b"")]);
    let (_server, address) = backend.serve(&process, "127.0.0.1:0").await;
    let yaml = format!("{{endpoint: 'http://{address}{PATH}', {off}}}");
    let exporter = Stand::<Factory>::new(&process, Signal::Metrics, &parse(&yaml).unwrap()).await;
    assert!(exporter.refuses(gauges(1, 1)).await.is_retryable());
    exporter.offer(gauges(1, 1)).await;
    assert_eq!(exporter.drained().await.sent, 1);
}

/// A server that lets the first connection hang, drops the second one in the middle of its answer, and then answers.
async fn unreliable() -> (SocketAddr, Arc<std::sync::atomic::AtomicUsize>) {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let seen = connections.clone();
    let serve = async move {
        let mut hanging = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut head = [0; 64];
            stream.read_exact(&mut head).await.unwrap();
            assert!(head.starts_with(b"POST /api/v1/write HTTP/1.1"));
            match seen.fetch_add(1, Ordering::SeqCst) {
                0 => hanging.push(stream),
                1 => stream.write_all(b"HTTP/1.1 200 O").await.unwrap(),
                _ => stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap(),
            }
        }
    };
    #[expect(clippy::disallowed_methods, reason = "a server of a test")]
    drop(tokio::spawn(serve));
    (address, connections)
}

#[tokio::test]
async fn e3_e10_a_timeout_and_a_connection_that_breaks_are_retried() {
    let process = testkit::process();
    let (address, connections) = unreliable().await;
    let settings = settings(address, "timeout: 300ms");
    let exporter = Stand::<Factory>::new(&process, Signal::Metrics, &settings).await;
    exporter.offer(gauges(1, 5)).await;
    assert_eq!(exporter.drained().await.sent, 5);
    assert_eq!(connections.load(std::sync::atomic::Ordering::SeqCst), 3);
}
