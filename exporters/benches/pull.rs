//! What the pull exporter costs: 100,000 series over 34 names, taken in and scraped over loopback.
//!
//! Client and server share one thread, so what is measured is one core's work, the client's reading included. The memory
//! of a series is printed first, and then how fast points are taken while another thread scrapes.
//!
//! `cargo bench -p sluice-exporters --features prometheus-exporter,http-client --bench pull`
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a benchmark, for people"
)]

use std::{
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::{Duration, Instant},
};

use divan::{
    Bencher,
    counter::{BytesCount, ItemsCount},
};
use sluice_component::{Context, Exporter, ExporterFactory, Kind, testkit};
use sluice_exporters::prometheus::{Factory, Settings};
use sluice_net::http::ServerSettings;
use sluice_pdata::{
    Limits, Pdata, Signal,
    otlp::{
        ExportMetricsServiceRequest, Message,
        common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value},
        metrics::v1::{
            Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics,
            Sum, metric::Data, number_data_point,
        },
        resource::v1::Resource,
    },
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    runtime::Runtime,
};

const COUNTERS: (usize, usize) = (20, 2500);
const GAUGES: (usize, usize) = (12, 2000);
/// With 10 bounds, each is 13 series for Prometheus.
const HISTOGRAMS: (usize, usize) = (2, 1000);
const SERIES: usize = COUNTERS.0 * COUNTERS.1 + GAUGES.0 * GAUGES.1 + HISTOGRAMS.0 * HISTOGRAMS.1 * 13;
const POINTS: usize = COUNTERS.0 * COUNTERS.1 + GAUGES.0 * GAUGES.1 + HISTOGRAMS.0 * HISTOGRAMS.1;
const START: u64 = 1_700_000_000_000_000_000;

const OPEN_METRICS: &str = "application/openmetrics-text;version=1.0.0";
const TEXT: &str = "text/plain;version=0.0.4";
const PROTOBUF: &str =
    "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

fn main() {
    memory();
    intake();
    divan::main();
}

fn attribute(key: &str, value: String) -> KeyValue {
    let value = Some(AnyValue { value: Some(Value::StringValue(value)) });
    KeyValue { key: key.to_owned(), value, ..KeyValue::default() }
}

fn attributes(n: usize) -> Vec<KeyValue> {
    vec![
        attribute("http.request.method", ["GET", "POST", "PUT", "DELETE"][n % 4].to_owned()),
        attribute("http.route", format!("/api/v1/things/{}/parts", n / 20)),
        attribute("http.response.status_code", (200 + n % 5).to_string()),
    ]
}

fn numbers(count: usize, time: u64) -> Vec<NumberDataPoint> {
    let point = |n: usize| NumberDataPoint {
        attributes: attributes(n),
        start_time_unix_nano: START,
        time_unix_nano: time,
        value: Some(number_data_point::Value::AsDouble(n as f64 * 1.25)),
        ..NumberDataPoint::default()
    };
    (0..count).map(point).collect()
}

fn histograms(count: usize, time: u64) -> Vec<HistogramDataPoint> {
    let point = |n: usize| HistogramDataPoint {
        attributes: attributes(n),
        start_time_unix_nano: START,
        time_unix_nano: time,
        count: 11 * n as u64,
        sum: Some(n as f64 * 0.75),
        bucket_counts: vec![n as u64; 11],
        explicit_bounds: vec![0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0],
        ..HistogramDataPoint::default()
    };
    (0..count).map(point).collect()
}

/// All series, with values of this time.
fn batch(time: u64) -> Pdata {
    let metric = |kind: &str, n: usize, data: Data| Metric {
        name: format!("http.server.{kind}.{n}"),
        description: "What was measured of the requests of this server.".to_owned(),
        data: Some(data),
        ..Metric::default()
    };
    let counters = (0..COUNTERS.0).map(|n| {
        let data_points = numbers(COUNTERS.1, time);
        metric("requests", n, Data::Sum(Sum { data_points, aggregation_temporality: 2, is_monotonic: true }))
    });
    let gauges = (0..GAUGES.0)
        .map(|n| metric("active", n, Data::Gauge(Gauge { data_points: numbers(GAUGES.1, time) })));
    let histograms = (0..HISTOGRAMS.0).map(|n| {
        let data_points = histograms(HISTOGRAMS.1, time);
        metric("duration", n, Data::Histogram(Histogram { data_points, aggregation_temporality: 2 }))
    });
    let metrics = counters.chain(gauges).chain(histograms).collect();
    let resource = Resource {
        attributes: vec![
            attribute("service.name", "checkout".to_owned()),
            attribute("service.namespace", "shop".to_owned()),
            attribute("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09".to_owned()),
        ],
        ..Resource::default()
    };
    let scope = Some(InstrumentationScope {
        name: "io.opentelemetry.http".to_owned(),
        version: "2.1.0".to_owned(),
        ..InstrumentationScope::default()
    });
    let scope_metrics = vec![ScopeMetrics { scope, metrics, ..ScopeMetrics::default() }];
    let resource_metrics =
        vec![ResourceMetrics { resource: Some(resource), scope_metrics, ..ResourceMetrics::default() }];
    let wire = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
    Pdata::from_wire(Signal::Metrics, wire.into(), &Limits::default()).unwrap().0
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// An exporter that listens, and where.
fn exporter(runtime: &Runtime) -> (Arc<dyn Exporter>, SocketAddr) {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let settings = Settings {
        server: ServerSettings::at(&address.to_string()),
        enable_open_metrics: true,
        ..Settings::default()
    };
    let process = testkit::process();
    let cx = testkit::build_cx(&process, Kind::Exporter, "prometheus", Signal::Metrics);
    let exporter = Factory::build(&settings, cx).unwrap();
    runtime.block_on(exporter.start(&testkit::host(&process, Kind::Exporter, "prometheus"))).unwrap();
    (exporter, address)
}

/// Bytes of an answer.
async fn scrape(address: SocketAddr, accept: &str, more: &str) -> usize {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET /metrics HTTP/1.0\r\naccept: {accept}\r\n{more}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut buffer = vec![0; 256 << 10];
    let mut length = 0;
    loop {
        match stream.read(&mut buffer).await.unwrap() {
            0 => return length,
            read => length += read,
        }
    }
}

fn memory() {
    let runtime = runtime();
    let (exporter, address) = exporter(&runtime);
    let data = batch(START);
    let taken = allocation_counter::measure(|| {
        runtime.block_on(exporter.consume(Context::default(), data.clone())).unwrap();
    });
    let length = runtime.block_on(scrape(address, OPEN_METRICS, ""));
    let scraped = allocation_counter::measure(|| {
        runtime.block_on(scrape(address, OPEN_METRICS, ""));
    });
    println!(
        "{POINTS} streams, {SERIES} series, {length} bytes of OpenMetrics: {} bytes a stream; a scrape has {} bytes at most",
        taken.bytes_current / POINTS as i64,
        scraped.bytes_max,
    );
}

/// Points of known series that are taken in a second: without a scraper, beside one that stopped reading in the midst of
/// its answer, beside one that scrapes again and again, and beside one that does so to another exporter, which costs the
/// machine the same. In turn, so that a machine that gets slower meets all four; the medians count.
fn intake() {
    const ROUNDS: usize = 15;
    let server = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let [(exporter, own), (other, others)] = [(); 2].map(|()| exporter(&server));
    let (here, data) = (runtime(), batch(START));
    let take = |exporter: &Arc<dyn Exporter>| {
        here.block_on(exporter.consume(Context::default(), data.clone())).unwrap();
    };
    take(&exporter);
    take(&other);
    let rate = || {
        let (started, mut points) = (Instant::now(), 0);
        while started.elapsed() < Duration::from_millis(400) {
            take(&exporter);
            points += POINTS;
        }
        points as f64 / started.elapsed().as_secs_f64() / 1e6
    };
    let beside_a_scraper_of = |address| {
        let scraper = server.spawn(async move {
            loop {
                scrape(address, OPEN_METRICS, "").await;
            }
        });
        let rate = rate();
        scraper.abort();
        rate
    };
    let beside_one_that_stopped = || {
        let _open = server.block_on(async {
            let mut stream = TcpStream::connect(own).await.unwrap();
            let request = format!("GET /metrics HTTP/1.0\r\naccept: {OPEN_METRICS}\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream.read_u8().await.unwrap();
            stream
        });
        rate()
    };
    let rounds = (0..ROUNDS)
        .map(|_| [rate(), beside_one_that_stopped(), beside_a_scraper_of(own), beside_a_scraper_of(others)]);
    let rounds: Vec<_> = rounds.collect();
    let median = |which: usize| {
        let mut rates: Vec<f64> = rounds.iter().map(|rates| rates[which]).collect();
        rates.sort_by(f64::total_cmp);
        rates[ROUNDS / 2]
    };
    println!(
        "million points a second: {:.2} alone, {:.2} beside a scraper that stopped reading, {:.2} beside one that never rests, {:.2} beside one of another exporter",
        median(0),
        median(1),
        median(2),
        median(3),
    );
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn take_new_series(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let data = batch(START);
    bencher.counter(ItemsCount::new(POINTS)).with_inputs(|| exporter(&runtime)).bench_values(
        |(exporter, address)| {
            runtime.block_on(exporter.consume(Context::default(), data.clone())).unwrap();
            (exporter, address)
        },
    );
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn take_known_series(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    let (exporter, _) = exporter(&runtime);
    let data = batch(START);
    runtime.block_on(exporter.consume(Context::default(), data.clone())).unwrap();
    bencher
        .counter(ItemsCount::new(POINTS))
        .bench_local(|| runtime.block_on(exporter.consume(Context::default(), data.clone())).unwrap());
}

#[divan::bench(args = [OPEN_METRICS, TEXT, PROTOBUF], sample_count = 20, sample_size = 1)]
fn scrape_plain(bencher: Bencher<'_, '_>, accept: &str) {
    scraping(bencher, accept, "");
}

#[divan::bench(args = [OPEN_METRICS], sample_count = 20, sample_size = 1)]
fn scrape_gzip(bencher: Bencher<'_, '_>, accept: &str) {
    scraping(bencher, accept, "accept-encoding: gzip\r\n");
}

/// Bytes are those of the exposition before it is compressed.
fn scraping(bencher: Bencher<'_, '_>, accept: &str, more: &str) {
    let runtime = runtime();
    let (exporter, address) = exporter(&runtime);
    runtime.block_on(exporter.consume(Context::default(), batch(START))).unwrap();
    let length = runtime.block_on(scrape(address, accept, ""));
    bencher.counter(BytesCount::new(length)).bench_local(|| runtime.block_on(scrape(address, accept, more)));
}
