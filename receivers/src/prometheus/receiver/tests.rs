//! The receiver between real targets, which answer as they are told, and a sink.

mod discovery;
mod reach;
mod target;

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc, time::Duration};

use sluice_component::{
    Kind, Outputs,
    host::Process,
    testkit::{build_cx, host, process},
};
use sluice_config::{Node, Problems, decode_over};
use sluice_pdata::otlp::{
    ExportMetricsServiceRequest, Message,
    common::v1::any_value,
    metrics::v1::{Metric, metric::Data, number_data_point},
};

use self::target::{Reply, Target};
use super::*;
use crate::testing::{Mood, Sink, metrics, until};

/// A receiver with this `config:` that runs.
struct Running {
    receiver: Arc<dyn Receiver>,
    sink: Arc<Sink>,
    process: Arc<Process>,
}

impl Running {
    async fn start(yaml: &str) -> Self {
        let node = Node::from_yaml("collector.yaml", yaml).unwrap();
        let mut problems = Problems::new();
        let settings = decode_over(&Settings::default(), &node, "receivers.prometheus", &mut problems);
        let settings: Settings = settings.unwrap_or_else(|| panic!("{problems}"));
        let (process, sink) = (process(), Sink::new());
        let outputs = Outputs::default().with(Signal::Metrics, sink.clone());
        let cx = build_cx(&process, Kind::Receiver, "prometheus", Signal::Metrics);
        let receiver = Factory::build(&settings, cx, outputs).unwrap();
        receiver.start(&host(&process, Kind::Receiver, "prometheus")).await.unwrap();
        Self { receiver, sink, process }
    }

    /// With one job for these targets, which is scraped every 100 ms.
    async fn job(keys: &str, targets: &[&Target]) -> Self {
        let addresses: Vec<String> = targets.iter().map(|target| format!("'{}'", target.address)).collect();
        let addresses = addresses.join(", ");
        Self::start(&format!(
            "config: {{scrape_configs: [{{job_name: test, scrape_interval: 100ms, static_configs: [{{targets: [{addresses}]}}], {keys}}}]}}"
        ))
        .await
    }

    /// What came, scrape by scrape.
    fn scrapes(&self) -> Vec<Scrape> {
        let taken = self.sink.taken.lock().unwrap();
        taken.iter().map(|(_, data)| Scrape::of(&data.wire().concat())).collect()
    }

    /// Waits for a scrape of which this holds, and gives it.
    async fn find(&self, what: &str, is_it: impl Fn(&Scrape) -> bool) -> Scrape {
        let mut found = None;
        until(what, || {
            found = self.scrapes().into_iter().find(|scrape| is_it(scrape));
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    async fn stop(self) {
        self.receiver.shutdown(Instant::now() + Duration::from_secs(10)).await.unwrap();
    }
}

/// One request: points as text, `name{attributes}`, and their values as text.
#[derive(Debug, Clone, Default)]
struct Scrape {
    resource: String,
    points: BTreeMap<String, String>,
    time: u64,
}

impl Scrape {
    fn of(wire: &[u8]) -> Self {
        let request = ExportMetricsServiceRequest::decode(wire).unwrap();
        let mut scrape = Self::default();
        for resource in request.resource_metrics {
            for attribute in resource.resource.unwrap_or_default().attributes {
                let Some(any_value::Value::StringValue(text)) = attribute.value.unwrap().value else {
                    panic!()
                };
                write!(scrape.resource, "{}={text} ", attribute.key).unwrap();
            }
            for metric in resource.scope_metrics.into_iter().flat_map(|scope| scope.metrics) {
                scrape.add(metric);
            }
        }
        scrape
    }

    fn add(&mut self, metric: Metric) {
        let numbers = match metric.data.unwrap() {
            Data::Gauge(gauge) => gauge.data_points,
            Data::Sum(sum) => sum.data_points,
            Data::Histogram(histogram) => {
                for point in histogram.data_points {
                    let value =
                        format!("{} {:?} {:?}", point.count, point.explicit_bounds, point.bucket_counts);
                    self.points.insert(metric.name.clone(), value);
                }
                return;
            }
            Data::ExponentialHistogram(histogram) => {
                for point in histogram.data_points {
                    let value = format!("{} scale {} {:?}", point.count, point.scale, point.positive);
                    self.points.insert(metric.name.clone(), value);
                }
                return;
            }
            other @ Data::Summary(_) => panic!("{other:?}"),
        };
        for point in numbers {
            let mut name = metric.name.clone();
            for attribute in &point.attributes {
                let Some(any_value::Value::StringValue(text)) = attribute.value.clone().unwrap().value else {
                    panic!()
                };
                write!(name, " {}={text}", attribute.key).unwrap();
            }
            let value = match point.value {
                _ if point.flags == 1 => "stale".to_owned(),
                Some(number_data_point::Value::AsDouble(value)) => value.to_string(),
                other => panic!("{other:?}"),
            };
            self.time = point.time_unix_nano;
            self.points.insert(name, value);
        }
    }

    fn get(&self, name: &str) -> &str {
        self.points.get(name).map_or("", String::as_str)
    }

    fn is_up(&self) -> bool {
        self.get("up") == "1"
    }

    fn is_down(&self) -> bool {
        self.get("up") == "0"
    }
}

#[tokio::test]
async fn a_target_is_scraped_and_becomes_otlp() {
    let target =
        Target::start("# HELP a_total Things.\n# TYPE a_total counter\na_total{x=\"1\"} 5\nb 2.5\n").await;
    let running = Running::job("", &[&target]).await;
    let scrape = running.find("a scrape", Scrape::is_up).await;
    assert_eq!((scrape.get("a_total x=1"), scrape.get("b")), ("5", "2.5"));
    assert_eq!(scrape.get("scrape_samples_scraped"), "2");
    assert_eq!(scrape.get("scrape_samples_post_metric_relabeling"), "2");
    assert_eq!(scrape.get("scrape_series_added"), "2");
    assert!(scrape.get("scrape_duration_seconds").parse::<f64>().unwrap() > 0.0);
    let resource = format!(
        "server.port={port} service.instance.id={address} service.name=test url.scheme=http ",
        port = target.address.port(),
        address = target.address
    );
    assert_eq!(scrape.resource, resource);
    until("the next scrapes", || running.scrapes().len() >= 3).await;
    let scrapes = running.scrapes();
    assert!(scrapes.iter().skip(1).all(|scrape| scrape.get("scrape_series_added") == "0"));
    assert!(scrapes.windows(2).all(|pair| pair[0].time < pair[1].time));
    assert_eq!(running.sink.transports()[0], "http");
    running.stop().await;
}

#[tokio::test]
async fn the_request_asks_as_prometheus_does() {
    let target = Target::start("a 1\n").await;
    let keys = "metrics_path: /m, params: {module: [x]}, scrape_timeout: 50ms, basic_auth: {username: u, password: p}, http_headers: {X-Mine: {values: [1, 2]}}";
    let running = Running::job(keys, &[&target]).await;
    running.find("a scrape", Scrape::is_up).await;
    let request = target.request(0);
    assert!(request.starts_with("GET /m?module=x HTTP/1.1\r\n"), "{request}");
    for line in [
        "accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.1",
        "accept-encoding: gzip",
        "x-prometheus-scrape-timeout-seconds: 0.05",
        "authorization: Basic dTpw",
        "x-mine: 1",
        "x-mine: 2",
    ] {
        assert!(request.contains(&format!("\r\n{line}\r\n")), "{line}: {request}");
    }
    assert!(request.contains("\r\nuser-agent: sluice/"), "{request}");
    running.stop().await;
    let target = Target::start("a 1\n").await;
    let keys = "enable_compression: false, scrape_native_histograms: true, authorization: {type: Own, credentials: abc}";
    let running = Running::job(keys, &[&target]).await;
    until("a request", || target.requests() > 0).await;
    let request = target.request(0);
    assert!(request.contains("\r\naccept: application/vnd.google.protobuf;"), "{request}");
    assert!(request.contains("\r\naccept-encoding: identity\r\n"), "{request}");
    assert!(request.contains("\r\nauthorization: Own abc\r\n"), "{request}");
    running.stop().await;
}

#[tokio::test]
async fn a_series_and_then_the_whole_target_go_stale() {
    let target = Target::start("a 1\nb 2\n").await;
    let running = Running::job("", &[&target]).await;
    running.find("both", |scrape| scrape.get("b") == "2").await;
    target.say("a 3\n");
    let scrape = running.find("the end of b", |scrape| scrape.get("b") == "stale").await;
    assert_eq!((scrape.get("a"), scrape.is_up()), ("3", true));
    target.reply(Reply::status(500));
    let scrape = running.find("the failure", Scrape::is_down).await;
    assert_eq!((scrape.get("a"), scrape.points.contains_key("b")), ("stale", false));
    assert_eq!(scrape.get("scrape_samples_scraped"), "0");
    target.say("a 4\n");
    let scrape = running.find("the return", |scrape| scrape.get("a") == "4").await;
    assert!(scrape.is_up());
    running.stop().await;
}

#[tokio::test]
async fn i16_hostile_targets_fail_their_scrape_and_cost_no_more() {
    use crate::testing::gzip;
    let bomb = gzip(&vec![b'\n'; 4 << 20]);
    let cases: Vec<(&str, Reply)> = vec![
        ("endless", Reply::Endless),
        ("silent", Reply::Silent),
        ("huge", Reply::body(200, "text/plain", "", &vec![b'#'; 3 << 20])),
        ("bomb", Reply::body(200, "text/plain", "gzip", &bomb)),
        ("a cut gzip", Reply::body(200, "text/plain", "gzip", &bomb[..100])),
        ("no format", Reply::body(200, "text/html", "", b"a 1\n")),
        ("a blank type", Reply::body(200, "", "", b"a 1\n")),
        ("a status", Reply::status(404)),
        ("no content", Reply::body(204, "text/plain", "", b"")),
        ("a redirect to itself", Reply::redirect("/metrics")),
        ("closed", Reply::Close),
        ("a bad line", Reply::body(200, "text/plain", "", b"a 1\nb{ 2\n")),
        ("OpenMetrics without its end", Reply::body(200, "application/openmetrics-text", "", b"a 1\n")),
    ];
    let each = cases.into_iter().map(|(what, reply)| async move {
        let target = Target::start("a 1\n").await;
        let running = Running::job("body_size_limit: 1MB", &[&target]).await;
        running.find("a good scrape", Scrape::is_up).await;
        target.reply(reply);
        // On a busy machine, one before the good one can have failed as well.
        running.find(what, |scrape| scrape.is_down() && scrape.get("a") == "stale").await;
        target.say("a 2\n");
        running.find("a good scrape again", |scrape| scrape.get("a") == "2").await;
        running.stop().await;
    });
    futures_util::future::join_all(each).await;
}

#[tokio::test]
async fn suffixes_are_cut_off_names_on_demand() {
    let target = Target::start("# TYPE a_seconds_total counter\na_seconds_total 5\n").await;
    let running = Running::start(&format!(
        "{{trim_metric_suffixes: true, config: {{scrape_configs: [{{job_name: test, scrape_interval: 100ms, static_configs: [{{targets: ['{}']}}]}}]}}}}",
        target.address
    ))
    .await;
    let scrape = running.find("a scrape", Scrape::is_up).await;
    assert!(!scrape.points.contains_key("a_seconds_total"), "{scrape:?}");
    assert!(scrape.points.iter().any(|(name, value)| name.starts_with('a') && value == "5"), "{scrape:?}");
    running.stop().await;
}

#[tokio::test]
async fn native_histograms_come_over_protobuf_and_can_be_made_coarser() {
    /// A message as the field of another.
    fn field(key: u8, message: &[u8]) -> Vec<u8> {
        [&[key, u8::try_from(message.len()).unwrap()][..], message].concat()
    }
    // Count 6, sum 9.0, schema 0, zero bucket, the positive span (0, 3) and its deltas 1, 1, 1.
    let sum = [&[0x11][..], &9.0_f64.to_le_bytes()].concat();
    let threshold = [&[0x31][..], &0.0_f64.to_le_bytes()].concat();
    let counts =
        [&[0x28, 0][..], &threshold, &[0x38, 0], &field(0x62, &[8, 0, 0x10, 3]), &field(0x6a, &[2, 2, 2])];
    let histogram = [&[8, 6][..], &sum, &counts.concat()].concat();
    // The name `h`, the type, one metric.
    let family = [field(0x0a, b"h"), vec![0x18, 4], field(0x22, &field(0x3a, &histogram))].concat();
    let message = [&[u8::try_from(family.len()).unwrap()][..], &family].concat();
    let content_type =
        "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited";
    let target = Target::start("").await;
    target.reply(Reply::body(200, content_type, "", &message));
    for (keys, scale) in [("", 0), (", native_histogram_bucket_limit: 2", -1)] {
        let running = Running::job(&format!("scrape_native_histograms: true{keys}"), &[&target]).await;
        let scrape = running.find("a scrape", |scrape| !scrape.get("up").is_empty()).await;
        assert!(scrape.is_up(), "{scrape:?}");
        assert!(scrape.get("h").starts_with(&format!("6 scale {scale} ")), "{scrape:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn failures_are_written_to_their_file() {
    let target = Target::start("").await;
    target.reply(Reply::status(404));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("failures.json");
    let running = Running::job(&format!("scrape_failure_log_file: '{}'", file.display()), &[&target]).await;
    until("two lines", || std::fs::read_to_string(&file).unwrap_or_default().lines().count() >= 2).await;
    running.stop().await;
    let text = std::fs::read_to_string(&file).unwrap();
    let line: serde_json::Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!((line["job_name"].as_str(), line["level"].as_str()), (Some("test"), Some("ERROR")));
    assert_eq!(line["msg"], "server returned HTTP status 404 Not Found");
    assert!(
        line["time"].as_str().unwrap().ends_with('Z')
            && line["target"].as_str().unwrap().ends_with("/metrics")
    );
}

#[tokio::test]
async fn only_the_status_200_is_a_good_scrape() {
    for status in [201, 204, 206, 404, 500] {
        let target = Target::start("").await;
        // An answer 204 has no body, whatever its head says.
        let body: &[u8] = if status == 204 { b"" } else { b"a 1\n" };
        target.reply(Reply::body(status, "text/plain", "", body));
        let running = Running::job("", &[&target]).await;
        let scrape = running.find("a failed scrape", Scrape::is_down).await;
        assert!(!scrape.points.contains_key("a"), "{status}: {scrape:?}");
        running.stop().await;
    }
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_read() {
    for (keys, content_type, body, expected) in [
        (
            "",
            "application/openmetrics-text; version=1.0.0",
            "# TYPE a counter\na_total 1.0 1.5\n# EOF\n",
            "a_total",
        ),
        ("", "text/plain; version=0.0.4", "a 1\n", "a"),
        ("fallback_scrape_protocol: PrometheusText0.0.4", "", "a 1\n", "a"),
        ("fallback_scrape_protocol: OpenMetricsText1.0.0", "text/html", "a 1\n# EOF\n", "a"),
    ] {
        let target = Target::start("").await;
        target.reply(Reply::body(200, content_type, "", body.as_bytes()));
        let running = Running::job(keys, &[&target]).await;
        running.find(content_type, |scrape| scrape.get(expected) == "1").await;
        running.stop().await;
    }
    let target = Target::start("").await;
    target.reply(Reply::body(200, "text/plain", "gzip", &crate::testing::gzip(b"a 7\n")));
    let running = Running::job("extra_scrape_metrics: true", &[&target]).await;
    let scrape = running.find("gzip", |scrape| scrape.get("a") == "7").await;
    assert_eq!((scrape.get("scrape_body_size_bytes"), scrape.get("scrape_timeout_seconds")), ("4", "0.1"));
    running.stop().await;
}

#[tokio::test]
async fn a_redirect_is_followed_unless_it_is_not_wanted_and_credentials_stay_with_their_host() {
    let other = Target::start("a 1\n").await;
    let target = Target::start("").await;
    target.reply(Reply::redirect(&format!("http://localhost:{}/there", other.address.port())));
    let running = Running::job("authorization: {credentials: secret}", &[&target]).await;
    running.find("the other's", |scrape| scrape.get("a") == "1").await;
    assert!(target.request(0).contains("authorization: Bearer secret"));
    assert!(
        other.request(0).starts_with("GET /there ") && !other.request(0).contains("secret"),
        "{}",
        other.request(0)
    );
    running.stop().await;
    let running = Running::job("follow_redirects: false", &[&target]).await;
    running.find("no", Scrape::is_down).await;
    running.stop().await;
}

#[tokio::test]
async fn limits_fail_the_scrape() {
    let targets = [Target::start("a 1\nb 2\nc{x=\"12345\"} 3\n").await, Target::start("").await];
    for keys in [
        "sample_limit: 2",
        "label_limit: 3",
        "label_value_length_limit: 4",
        "target_limit: 1",
        "body_size_limit: 5B",
    ] {
        let running = Running::job(keys, &[&targets[0], &targets[1]]).await;
        running
            .find(keys, |scrape| {
                scrape.is_down() && scrape.resource.contains(&targets[0].address.to_string())
            })
            .await;
        assert!(!running.scrapes().iter().any(|scrape| scrape.get("a") == "1"), "{keys}");
        running.stop().await;
    }
}

#[tokio::test]
async fn files_name_targets_that_come_and_go_with_stale_markers_after_two_intervals() {
    let (one, two) = (Target::start("a 1\n").await, Target::start("a 2\n").await);
    let folder = tempfile::tempdir().unwrap();
    let write = |targets: &[&Target]| {
        let list: Vec<String> = targets.iter().map(|target| format!("\"{}\"", target.address)).collect();
        let new = folder.path().join("new");
        std::fs::write(&new, format!("[{{\"targets\": [{}]}}]", list.join(", "))).unwrap();
        std::fs::rename(new, folder.path().join("targets.json")).unwrap();
    };
    write(&[&one]);
    let running = Running::start(&format!(
        "config: {{scrape_configs: [{{job_name: test, scrape_interval: 200ms, file_sd_configs: [{{files: ['{}/*.json']}}]}}]}}",
        folder.path().display()
    ))
    .await;
    running.find("the first", |scrape| scrape.get("a") == "1").await;
    write(&[&one, &two]);
    running.find("the second", |scrape| scrape.get("a") == "2").await;
    write(&[&two]);
    let end = running.find("the end of the first", |scrape| scrape.get("a") == "stale").await;
    assert_eq!((end.get("up"), end.get("scrape_duration_seconds")), ("stale", "stale"));
    assert!(end.resource.contains(&one.address.to_string()));
    let last =
        running.scrapes().into_iter().filter(|scrape| scrape.get("a") == "1").map(|scrape| scrape.time).max();
    assert!(end.time > last.unwrap());
    running.stop().await;
}

#[test]
fn the_examples_of_the_page_load() {
    let registry = sluice_component::Registry::empty().receiver::<Factory>();
    let page = include_str!("../../../../docs/components/receivers/prometheus.md");
    assert_eq!(sluice_component::testkit::load_examples(&registry, page), 4);
}

#[tokio::test]
async fn the_end_of_the_process_is_no_end_of_series() {
    let target = Target::start("a 1\n").await;
    let running = Running::job("", &[&target]).await;
    running.find("a scrape", Scrape::is_up).await;
    let sink = running.sink.clone();
    running.stop().await;
    let count = sink.taken.lock().unwrap().len();
    let stale = |(_, data): &(_, sluice_pdata::Pdata)| Scrape::of(&data.wire().concat()).get("a") == "stale";
    assert!(!sink.taken.lock().unwrap().iter().any(stale));
    let requests = target.requests();
    assert!(requests >= count);
}

#[tokio::test]
async fn a_scrape_in_flight_ends_before_the_process_does() {
    let target = Target::start("").await;
    let gate = Arc::new(tokio::sync::Notify::new());
    let Reply::Bytes(answer) = Reply::body(200, "text/plain", "", b"a 1\n") else { panic!() };
    target.reply(Reply::Held(answer, gate.clone()));
    let running = Running::start(&format!(
        "config: {{scrape_configs: [{{job_name: test, scrape_interval: 2s, static_configs: [{{targets: ['{}']}}]}}]}}",
        target.address
    ))
    .await;
    until("a request", || target.requests() > 0).await;
    let stop = running.receiver.shutdown(Instant::now() + Duration::from_secs(10));
    let (stopped, ()) = tokio::join!(stop, async {
        tokio::task::yield_now().await;
        assert!(running.scrapes().is_empty());
        gate.notify_one();
    });
    stopped.unwrap();
    assert!(running.scrapes()[0].is_up() && running.scrapes().len() == 1);
}

#[tokio::test]
async fn what_is_refused_is_offered_again_and_lost_only_when_the_next_scrape_is_due() {
    use sluice_component::{Class, Reason};
    let target = Target::start("a 1\n").await;
    let running = Running::job("", &[&target]).await;
    running.find("a scrape", Scrape::is_up).await;
    running.sink.set(Mood::Refuse(Class::Permanent, Reason::Permanent));
    until("the loss", || metrics(&running.process).contains("sluice_receiver_rejected_items{")).await;
    let text = metrics(&running.process);
    assert!(text.contains("reason=\"permanent\",receiver=\"prometheus\",signal=\"metrics\""), "{text}");
    target.say("b 1\n");
    until("a scrape that is lost", || target.said() >= 2).await;
    running.sink.set(Mood::Take);
    let scrape = running.find("the end, told again", |scrape| scrape.get("a") == "stale").await;
    assert_eq!(scrape.get("b"), "1");
    running.stop().await;
}

#[tokio::test]
async fn what_is_not_handed_on_is_counted_by_reason_and_name() {
    let target =
        Target::start("a 1\na 2\nb 1 99999999999999\n# TYPE h histogram\nh_bucket{le=\"1\"} 1\n").await;
    let running = Running::job("", &[&target]).await;
    let scrape = running.find("a scrape", Scrape::is_up).await;
    assert_eq!((scrape.get("a"), scrape.points.contains_key("b")), ("1", false));
    until("the counts", || {
        let text = metrics(&running.process);
        ["duplicate_timestamp", "too_far_in_future", "unconvertible"]
            .iter()
            .all(|reason| text.contains(&format!("sluice_receiver_rejected_items{{reason=\"{reason}\"")))
    })
    .await;
    let text = metrics(&running.process);
    for (metric, reason) in [
        ("a", "the series was in the scrape already"),
        ("b", "the timestamp is more than ten minutes ahead"),
        ("h", "a histogram has no count"),
    ] {
        let line = format!("sluice_receiver_unconverted_points{{metric=\"{metric}\",reason=\"{reason}\"");
        assert!(text.contains(&line), "{line}: {text}");
    }
    running.stop().await;
}
