//! What it costs to take 10,000 samples of a target that was scraped before, and of remote write, as OTLP.
//!
//! `cargo bench -p sluice-formats --bench prometheus_inward`
#![expect(clippy::unwrap_used, reason = "a benchmark stops at what it did not expect")]

use std::collections::HashMap;
use std::fmt::Write;

use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use foldhash::fast::RandomState;
use sluice_formats::prometheus::exposition::{Entry, Format, ParseOptions, Parser};
use sluice_formats::prometheus::from_otlp::{self, SeriesSet};
use sluice_formats::prometheus::labels::LabelsBuilder;
use sluice_formats::prometheus::remote_write::{self, Known, Version, encode, to_otlp};
use sluice_formats::prometheus::to_otlp::{
    Catalog, Families, Options, Request, Sample, Series, Source, Transaction,
};
use sluice_pdata::{Limits, Pdata, Signal};

fn main() {
    divan::main();
}

const SAMPLES: usize = 10_000;

/// 100 families of 100 series with five labels: counters, gauges, and histograms of ten samples.
fn body() -> String {
    let mut body = String::new();
    for family in 0..100 {
        let kind = match family % 3 {
            0 => "counter",
            1 => "gauge",
            _ => "histogram",
        };
        let name = format!("http_server_requests_{family}");
        writeln!(body, "# HELP {name} How many requests were answered.\n# TYPE {name} {kind}").unwrap();
        for series in 0..100 {
            let part = series % 10;
            let labels = |le: &str| {
                let pod = if family % 3 == 2 { series / 10 } else { series };
                format!(
                    "{{method=\"GET\",code=\"200\",handler=\"/api/v1/items\",namespace=\"production\",pod=\"frontend-{pod}\"{le}}}"
                )
            };
            let value = family * 1000 + series * 7;
            match (kind, part) {
                ("histogram", 8) => writeln!(body, "{name}_sum{} {value}.25", labels("")),
                ("histogram", 9) => writeln!(body, "{name}_count{} 90", labels("")),
                ("histogram", _) => {
                    writeln!(body, "{name}_bucket{} {}", labels(&format!(",le=\"{part}.5\"")), part * 10)
                }
                ("counter", _) => writeln!(body, "{name}_total{} {value}", labels("")),
                _ => writeln!(body, "{name}{} {value}.125", labels("")),
            }
            .unwrap();
        }
    }
    body.push_str("# EOF\n");
    body
}

fn source() -> Source {
    Source::Scrape { job: "job".into(), instance: "host:80".into(), resource: Vec::new() }
}

/// A target, with its series remembered.
struct Target {
    catalog: Catalog,
    families: Families,
    transaction: Transaction,
    series: HashMap<Vec<u8>, Series, RandomState>,
}

impl Target {
    fn new() -> Self {
        Self {
            catalog: Catalog::new(Options { source: source(), ..Options::default() }),
            families: Families::default(),
            transaction: Transaction::new(source(), &Limits::default()),
            series: HashMap::default(),
        }
    }

    fn scrape(&mut self, format: Format, body: &[u8]) -> Request {
        let mut parser = Parser::new(format, body, ParseOptions::default());
        let mut labels = LabelsBuilder::default();
        while let Some(entry) = parser.next().unwrap() {
            match entry {
                Entry::Type { family, kind } => self.families.set_type(&family, kind),
                Entry::Help { family, help } => self.families.set_help(&family, &help),
                Entry::Unit { family, unit } => self.families.set_unit(&family, &unit),
                Entry::Sample(sample) => {
                    if !self.series.contains_key(sample.series()) {
                        sample.labels(&mut labels).unwrap();
                        let series = self.catalog.series(&labels.build(), &self.families).unwrap();
                        self.series.insert(sample.series().to_vec(), series);
                    }
                    let series = self.series.get(sample.series()).unwrap();
                    let sample = Sample {
                        timestamp_ms: 1_700_000_000_000,
                        start_ms: sample.start_ms,
                        value: sample.value,
                        exemplars: sample.exemplars,
                    };
                    self.transaction.push(series, &sample).unwrap();
                }
            }
        }
        self.transaction.finish().unwrap()
    }
}

const TEXTS: [Format; 2] = [Format::Text, Format::OpenMetrics];

/// Reading alone.
#[divan::bench(args = TEXTS)]
fn parse(bencher: Bencher<'_, '_>, format: Format) {
    let body = body();
    let count = || {
        let mut parser = Parser::new(format, black_box(body.as_bytes()), ParseOptions::default());
        let mut samples = 0;
        while let Some(entry) = parser.next().unwrap() {
            samples += usize::from(matches!(entry, Entry::Sample(_)));
        }
        samples
    };
    assert_eq!(count(), SAMPLES);
    bencher.counter(ItemsCount::new(SAMPLES)).counter(BytesCount::of_str(&body)).bench(count);
}

/// From the body to the bytes of OTLP, for a target whose series are known.
#[divan::bench(args = TEXTS)]
fn scrape(bencher: Bencher<'_, '_>, format: Format) {
    let body = body();
    let mut target = Target::new();
    target.scrape(format, body.as_bytes());
    bencher
        .counter(ItemsCount::new(SAMPLES))
        .counter(BytesCount::of_str(&body))
        .bench_local(|| target.scrape(format, black_box(body.as_bytes())));
}

/// The first scrape of a target.
#[divan::bench]
fn first_scrape(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher
        .counter(ItemsCount::new(SAMPLES))
        .bench(|| Target::new().scrape(Format::OpenMetrics, black_box(body.as_bytes())));
}

/// From the bytes of a write request, without its compression, to the bytes of OTLP.
#[divan::bench(args = [Version::V1, Version::V2])]
fn write(bencher: Bencher<'_, '_>, version: Version) {
    let request = Target::new().scrape(Format::OpenMetrics, body().as_bytes());
    let data = Pdata::from_wire(Signal::Metrics, request.wire, &Limits::default()).unwrap().0;
    let mut set = SeriesSet::default();
    from_otlp::translate(&data, &from_otlp::Options::default(), None, &mut set);
    let whole = remote_write::Limits { max_bytes: usize::MAX, max_series: usize::MAX };
    let (mut body, mut samples) = (Vec::new(), 0);
    encode(&set, version, 1, whole, 0, |request| {
        body.extend_from_slice(request.body);
        samples += request.holds.samples;
    });
    let known = Known::default();
    bencher
        .counter(ItemsCount::new(samples))
        .counter(BytesCount::new(body.len()))
        .bench(|| to_otlp(version, black_box(&body), &known, ("s", "1"), &Limits::default()).unwrap());
}
