//! What is scraped, or was written, leaves by remote write as the same series: names, labels, values to the bit, times.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeMap;

use proptest::prelude::*;

use sluice_formats::prometheus::exposition::{Entry, Format, ParseOptions, Parser};
use sluice_formats::prometheus::from_otlp::{self, SeriesSet};
use sluice_formats::prometheus::labels::{Labels, LabelsBuilder};
use sluice_formats::prometheus::model::{
    Buckets, Count, MetricType, NativeHistogram, STALE_NAN_BITS, Span, Value, stale_nan,
};
use sluice_formats::prometheus::names::{Namer, Strategy as Strategies};
use sluice_formats::prometheus::number::parse_float;
use sluice_formats::prometheus::remote_write::decode::Decoder;
use sluice_formats::prometheus::remote_write::{self, Known, Version, encode, to_otlp};
use sluice_formats::prometheus::to_otlp::{Catalog, Families, Options, Sample, Source, Transaction};
use sluice_pdata::{Limits, Pdata, Signal};

/// Labels, with bounds as numbers, and time; the bits of the value, how many exemplars.
type SeriesMap = BTreeMap<(String, i64), (u64, usize)>;

const NOW: i64 = 1_700_000_000_123;

/// A name for a series that does not depend on how its bounds are written.
fn name(labels: &Labels) -> String {
    let mut text = String::new();
    for (name, value) in labels.iter() {
        match parse_float(value) {
            Some(bound) if name == "le" || name == "quantile" => text.push_str(&format!("{name}={bound:?},")),
            _ => text.push_str(&format!("{name}={value:?},")),
        }
    }
    text
}

/// What a body says, and the OTLP that comes of it.
fn scrape(format: Format, body: &str, stale: bool) -> (SeriesMap, Pdata) {
    let source = Source::Scrape { job: "j".into(), instance: "i:1".into(), resource: Vec::new() };
    let mut catalog = Catalog::new(Options { source: source.clone(), ..Options::default() });
    let mut families = Families::default();
    let mut transaction = Transaction::new(source, &Limits::default());
    let mut parser = Parser::new(format, body.as_bytes(), ParseOptions::default());
    let (mut builder, mut wanted) = (LabelsBuilder::default(), SeriesMap::new());
    while let Some(entry) = parser.next().unwrap() {
        match entry {
            Entry::Type { family, kind } => families.set_type(&family, kind),
            Entry::Help { family, help } => families.set_help(&family, &help),
            Entry::Unit { family, unit } => families.set_unit(&family, &unit),
            Entry::Sample(sample) => {
                sample.labels(&mut builder).unwrap();
                builder.set("job", "j");
                builder.set("instance", "i:1");
                let labels = builder.build();
                let Value::Float(value) = sample.value else { panic!("a native histogram in text") };
                let value = if stale { stale_nan() } else { value };
                let timestamp_ms = sample.timestamp_ms.unwrap_or(NOW);
                wanted.insert((name(&labels), timestamp_ms), (value.to_bits(), sample.exemplars.len()));
                let series = catalog.series(&labels, &families).unwrap();
                let (start_ms, exemplars) = (sample.start_ms, sample.exemplars);
                let sample = Sample { timestamp_ms, start_ms, value: Value::Float(value), exemplars };
                transaction.push(&series, &sample).unwrap();
            }
        }
    }
    let request = transaction.finish().unwrap();
    assert!(request.rejected.is_empty(), "{:?}", request.rejected);
    (wanted, Pdata::from_wire(Signal::Metrics, request.wire, &Limits::default()).unwrap().0)
}

fn options(strategy: Strategies) -> from_otlp::Options {
    from_otlp::Options {
        namer: Namer::new(strategy, ""),
        scope_labels: false,
        ..from_otlp::Options::default()
    }
}

/// Requests of remote write.
fn written(data: &Pdata, version: Version, strategy: Strategies) -> Vec<Vec<u8>> {
    let mut set = SeriesSet::default();
    from_otlp::translate(data, &options(strategy), None, &mut set);
    assert!(set.is_complete(), "{:?}", set.lost().collect::<Vec<_>>());
    let limits = remote_write::Limits { max_bytes: usize::MAX, max_series: usize::MAX };
    let mut bodies = Vec::new();
    encode(&set, version, 1, limits, 0, |request| bodies.push(request.body.to_vec()));
    bodies
}

fn decoded(version: Version, bodies: &[Vec<u8>]) -> SeriesMap {
    let (mut found, mut builder) = (SeriesMap::new(), LabelsBuilder::default());
    for body in bodies {
        for series in Decoder::new(version, body).unwrap().series() {
            series.labels(&mut builder, usize::MAX).unwrap();
            let name = name(&builder.build());
            let [_, histograms, exemplars] = series.counts().unwrap();
            assert_eq!(histograms, 0);
            series
                .each_sample(|value, timestamp_ms, _| {
                    found.insert((name.clone(), timestamp_ms), (value.to_bits(), exemplars));
                })
                .unwrap();
        }
    }
    found.retain(|(name, _), _| !name.contains("__name__=\"target_info\""));
    found
}

const ODD: &str = "# TYPE a counter\n# UNIT a \na_total{z=\"1\",b=\"\\\"\\n\\\\é\"} 1e300 1.5\na_total{z=\"2\"} NaN\n\
    # TYPE foo_seconds gauge\n# UNIT foo_seconds seconds\nfoo_seconds -Inf\n\
    # TYPE share_ratio gauge\n# UNIT share_ratio ratio\nshare_ratio 0.1\nuntyped_thing 5e-324\n\
    # TYPE on stateset\non{on=\"x\"} 1\n# TYPE build info\nbuild_info{v=\"1\"} 1\n\
    # TYPE h histogram\nh_bucket{le=\"1e+06\"} 1 # {trace_id=\"0123456789abcdef0123456789abcdef\"} 5 1\nh_bucket{le=\"+Inf\"} 2\n\
    h_sum 3.5\nh_count 2\n# TYPE c counter\nc_total 1 # {k=\"v\"} 0.5\n# EOF\n";

fn bodies() -> [(Format, String); 4] {
    [
        (Format::OpenMetrics, ODD.into()),
        (Format::OpenMetrics, include_str!("../testdata/prometheus/text/1histogram.om.txt").into()),
        (Format::OpenMetrics, include_str!("../testdata/prometheus/text/alltypes.5mfs.om.txt").into()),
        (Format::Text, include_str!("../testdata/prometheus/text/alltypes.237mfs.prom.txt").into()),
    ]
}

fn compare(wanted: &SeriesMap, found: &SeriesMap) {
    for (series, value) in wanted {
        assert_eq!(found.get(series), Some(value), "{series:?}");
    }
    for series in found.keys() {
        assert!(wanted.contains_key(series), "{series:?} was not scraped");
    }
}

/// As the default strategy names metrics: `total` stands at the end of a counter and nowhere else.
fn with_suffixes(wanted: &SeriesMap) -> SeriesMap {
    let renamed = |name: &str| match name.split_once("_total\",") {
        Some((name, labels)) => format!("{}_total\",{labels}", name.replace("_total", "")),
        None => name.to_owned(),
    };
    wanted.iter().map(|((name, time), value)| ((renamed(name), *time), *value)).collect()
}

#[test]
fn what_is_scraped_is_written_as_it_was() {
    for (format, body) in bodies() {
        let (wanted, data) = scrape(format, &body, false);
        assert!(wanted.len() > 10);
        for version in [Version::V1, Version::V2] {
            compare(&wanted, &decoded(version, &written(&data, version, Strategies::NoTranslation)));
            let default = written(&data, version, Strategies::UnderscoreEscapingWithSuffixes);
            compare(&with_suffixes(&wanted), &decoded(version, &default));
        }
    }
}

/// Part D of the reference: what the default strategy does to a name that was scraped.
#[test]
fn the_default_strategy_adds_what_a_scraped_name_lacks() {
    for (format, body, name) in [
        (Format::Text, "# TYPE foo counter\nfoo 1\n", "foo_total"),
        (Format::OpenMetrics, "# TYPE foo counter\nfoo_total 1\n# EOF\n", "foo_total"),
        (
            Format::OpenMetrics,
            "# TYPE foo_seconds gauge\n# UNIT foo_seconds seconds\nfoo_seconds 1\n# EOF\n",
            "foo_seconds",
        ),
        (
            Format::OpenMetrics,
            "# TYPE foo_ratio gauge\n# UNIT foo_ratio ratio\nfoo_ratio 1\n# EOF\n",
            "foo_ratio",
        ),
        (Format::Text, "# TYPE foo untyped\nfoo 1\n", "foo"),
        (Format::Text, "foo_seconds 1\n", "foo_seconds"),
    ] {
        let (_, data) = scrape(format, body, false);
        for version in [Version::V1, Version::V2] {
            let found =
                decoded(version, &written(&data, version, Strategies::UnderscoreEscapingWithSuffixes));
            let wanted = format!("__name__={name:?},instance=\"i:1\",job=\"j\",");
            assert_eq!(found.keys().map(|(name, _)| name).collect::<Vec<_>>(), [&wanted], "{body:?}");
        }
    }
}

#[test]
fn stale_markers_are_written_with_their_bits() {
    for (format, body) in bodies() {
        let (mut wanted, data) = scrape(format, &body, true);
        for (bits, exemplars) in wanted.values_mut() {
            assert_eq!(*bits, STALE_NAN_BITS);
            *exemplars = 0;
        }
        let bodies = written(&data, Version::V2, Strategies::NoTranslation);
        let mut found = decoded(Version::V2, &bodies);
        for (_, exemplars) in found.values_mut() {
            *exemplars = 0;
        }
        compare(&wanted, &found);
    }
}

#[test]
fn what_is_written_is_written_on_as_it_was() {
    for (format, body) in bodies() {
        let (wanted, data) = scrape(format, &body, false);
        for version in [Version::V1, Version::V2] {
            let first = written(&data, version, Strategies::NoTranslation);
            let known = Known::default();
            if version == Version::V1 {
                // Types come apart in this version.
                let mut set = SeriesSet::default();
                from_otlp::translate(&data, &options(Strategies::NoTranslation), None, &mut set);
                let metadata = remote_write::encode::metadata(&set).unwrap();
                to_otlp(version, &metadata, &known, ("s", ""), &Limits::default()).unwrap();
            }
            let taken: Vec<_> = first
                .iter()
                .map(|body| to_otlp(version, body, &known, ("s", ""), &Limits::default()).unwrap())
                .collect();
            for taken in taken {
                assert!(taken.request.rejected.is_empty(), "{:?}", taken.request.rejected);
                assert_eq!(taken.written.samples, wanted.len() + 1, "those and `target_info`");
                let data =
                    Pdata::from_wire(Signal::Metrics, taken.request.wire, &Limits::default()).unwrap().0;
                compare(&wanted, &decoded(version, &written(&data, version, Strategies::NoTranslation)));
            }
        }
    }
}

#[test]
fn types_are_told_on() {
    let (_, data) = scrape(Format::OpenMetrics, ODD, false);
    let mut kinds = BTreeMap::new();
    for body in written(&data, Version::V2, Strategies::UnderscoreEscapingWithSuffixes) {
        for series in Decoder::new(Version::V2, &body).unwrap().series() {
            let mut labels = LabelsBuilder::default();
            series.labels(&mut labels, usize::MAX).unwrap();
            kinds.insert(
                labels.build().metric_name().to_owned(),
                series.metadata().unwrap().unwrap_or_default().kind,
            );
        }
    }
    for (name, kind) in [
        ("a_total", MetricType::Counter),
        ("foo_seconds", MetricType::Gauge),
        ("untyped_thing", MetricType::Unknown),
        ("on", MetricType::StateSet),
        ("build_info", MetricType::Info),
        ("h_bucket", MetricType::Histogram),
    ] {
        assert_eq!(kinds.get(name), Some(&kind), "{name}");
    }
}

/// Buckets from gaps and counts.
fn buckets(offset: i32, parts: &[(i32, Vec<u32>)]) -> Buckets {
    let mut buckets = Buckets::default();
    let mut before = 0;
    for (index, (gap, counts)) in parts.iter().enumerate() {
        let offset = if index == 0 { offset } else { *gap };
        buckets.spans.push(Span { offset, length: u32::try_from(counts.len()).unwrap() });
        for count in counts {
            buckets.deltas.push(i64::from(*count) - before);
            before = i64::from(*count);
        }
    }
    buckets
}

/// The counts that are not zero, by bucket: layouts differ and mean the same.
fn expanded(buckets: &Buckets) -> BTreeMap<i64, i64> {
    let (mut deltas, mut index, mut count, mut found) = (buckets.deltas.iter(), 0, 0, BTreeMap::new());
    for span in &buckets.spans {
        index += i64::from(span.offset);
        for _ in 0..span.length {
            count += deltas.next().unwrap();
            if count != 0 {
                found.insert(index, count);
            }
            index += 1;
        }
    }
    found
}

fn parts() -> impl Strategy<Value = Vec<(i32, Vec<u32>)>> {
    prop::collection::vec((0..6_i32, prop::collection::vec(0..9_u32, 0..6)), 0..4)
}

proptest! {
    #[test]
    fn native_histograms_are_written_as_they_were(
        schema in -4..=8_i32,
        offsets in (-30..30_i32, -30..30_i32),
        positive in parts(),
        negative in parts(),
        zero_count in 0..5_u64,
        sum in -1e9..1e9_f64,
        bounds in prop::collection::btree_set(-50..50_i32, 0..6),
        is_custom: bool,
    ) {
        let mut histogram = NativeHistogram { sum, ..NativeHistogram::default() };
        if is_custom {
            histogram.schema = -53;
            histogram.custom_values = bounds.iter().map(|bound| f64::from(*bound) / 2.0).collect();
            let counts: Vec<u32> = positive.iter().flat_map(|(_, counts)| counts.clone()).take(bounds.len() + 1).collect();
            histogram.positive = buckets(0, &[(0, counts)]);
        } else {
            histogram.schema = schema;
            histogram.zero_threshold = 0.001;
            histogram.zero_count = Count::Int(zero_count);
            histogram.positive = buckets(offsets.0, &positive);
            histogram.negative = buckets(offsets.1, &negative);
        }
        let zero = if is_custom { 0 } else { zero_count };
        let observed = expanded(&histogram.positive).values().chain(expanded(&histogram.negative).values()).sum::<i64>();
        histogram.count = Count::Int(observed.cast_unsigned() + zero);

        let mut catalog = Catalog::new(Options::default());
        let mut transaction = Transaction::new(Source::RemoteWrite, &Limits::default());
        let labels: Labels = [("__name__", "h"), ("job", "j"), ("x", "y")].into_iter().collect();
        let series = catalog.series(&labels, &Families::default()).unwrap();
        let value = Value::Histogram(&histogram);
        transaction.push(&series, &Sample { timestamp_ms: NOW, start_ms: Some(5), value, exemplars: &[] }).unwrap();
        let wire = transaction.finish().unwrap().wire;
        let data = Pdata::from_wire(Signal::Metrics, wire, &Limits::default()).unwrap().0;

        let options = from_otlp::Options { custom_buckets: true, ..options(Strategies::NoTranslation) };
        let mut set = SeriesSet::default();
        from_otlp::translate(&data, &options, None, &mut set);
        let limits = remote_write::Limits { max_bytes: usize::MAX, max_series: usize::MAX };
        let mut body = Vec::new();
        encode(&set, Version::V2, 1, limits, 0, |request| body.extend_from_slice(request.body));
        let (mut found, mut scratch) = (0, NativeHistogram::default());
        for series in Decoder::new(Version::V2, &body).unwrap().series() {
            series.each_histogram(&mut scratch, |written, timestamp_ms, start_ms| {
                let written = written.unwrap();
                assert_eq!((timestamp_ms, start_ms), (NOW, Some(5)));
                assert_eq!((written.schema, written.count, written.zero_count), (histogram.schema, histogram.count, histogram.zero_count));
                assert_eq!((written.sum, &written.custom_values), (sum, &histogram.custom_values));
                assert_eq!(expanded(&written.positive), expanded(&histogram.positive));
                assert_eq!(expanded(&written.negative), expanded(&histogram.negative));
                found += 1;
            }).unwrap();
        }
        prop_assert_eq!(found, 1);
    }
}
