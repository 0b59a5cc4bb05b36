//! What is written is read by `exposition` as it was meant, whatever names and values are.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::prometheus::{
    escaping::Escaping,
    exposition::{self, Entry, ParseOptions, Parser},
    labels::LabelsBuilder,
    model::{MetricType, Value},
};

/// A family as it is made up: name, kind, help and series.
type Made = (String, u8, String, Vec<Series>);

#[derive(Debug, Clone)]
struct Series {
    labels: BTreeMap<String, String>,
    value: f64,
    seconds: Option<i64>,
    counts: Vec<u8>,
}

fn series() -> impl Strategy<Value = Series> {
    let name = ".{1,3}".prop_filter("reserved", |name| name != "le");
    let labels = prop::collection::btree_map(name, r#"[a",=\\\n{}#é]{1,6}"#, 0..4);
    let value = prop::num::f64::ANY.prop_map(|value| if value.is_nan() { f64::NAN } else { value });
    let rest = (value, prop::option::of(0..4_000_000_000_i64), prop::collection::vec(any::<u8>(), 0..4));
    (labels, rest).prop_map(|(labels, (value, seconds, counts))| Series { labels, value, seconds, counts })
}

fn families() -> impl Strategy<Value = Vec<Made>> {
    // Blanks at its ends are not told.
    let help = r#"(x[a"\\\n #]{0,5}y)?"#;
    prop::collection::vec((".{1,4}", 0..5_u8, help, prop::collection::vec(series(), 1..4)), 0..4)
}

fn kind(number: u8) -> MetricType {
    match number {
        0 => MetricType::Counter,
        1 => MetricType::Gauge,
        2 => MetricType::Histogram,
        3 => MetricType::Summary,
        _ => MetricType::Unknown,
    }
}

const BOUNDS: [f64; 4] = [0.0, 0.005, 1.0, 1e6];

fn written(families: &[Made], format: Format) -> Vec<u8> {
    let mut writer = Writer::new(Negotiated { format, escaping: Escaping::AllowUtf8 });
    for (index, (name, number, help, series)) in families.iter().enumerate() {
        // Names do not meet, and that of a counter ends as OpenMetrics wants it.
        let suffix = if *number == 0 { "_total" } else { "" };
        let name = format!("{name}.{index}{suffix}");
        assert!(writer.family(Family { name: &name, kind: kind(*number), help, unit: "" }));
        for each in series {
            let mut labels = [String::new(), String::new()];
            for (index, (name, value)) in each.labels.iter().enumerate() {
                push_label(&mut labels[index % 2], name, value);
            }
            let counts: Vec<u64> = each.counts.iter().map(|count| u64::from(*count)).collect();
            let count = counts.iter().sum();
            let bounds = &BOUNDS[..counts.len()];
            let quantiles: Vec<_> = bounds.iter().map(|bound| (bound.min(1.0), each.value)).collect();
            let data = match kind(*number) {
                MetricType::Histogram => {
                    Data::Histogram { count, sum: Some(each.value), bounds, counts: &counts, exemplars: &[] }
                }
                MetricType::Summary => Data::Summary { count, sum: each.value, quantiles: &quantiles },
                _ => Data::Number { value: each.value, exemplar: None },
            };
            let [one, other] = &labels;
            let timestamp_ms = each.seconds.map(|seconds| seconds * 1000);
            writer.series(Point { labels: [one, other], timestamp_ms, start_ms: None, data });
        }
    }
    writer.finish();
    writer.take()
}

/// Samples by their labels, and help texts.
fn read(body: &[u8], format: exposition::Format) -> Vec<String> {
    let mut parser = Parser::new(format, body, ParseOptions::default());
    let mut labels = LabelsBuilder::default();
    let mut found = Vec::new();
    loop {
        match parser.next() {
            Ok(None) => break,
            Ok(Some(Entry::Sample(sample))) => {
                sample.labels(&mut labels).unwrap();
                let Value::Float(value) = sample.value else { panic!("a histogram") };
                found.push(format!("{:?} {:x} {:?}", labels.build(), value.to_bits(), sample.timestamp_ms));
            }
            Ok(Some(Entry::Help { help, .. })) => found.push(help.into_owned()),
            Ok(Some(_)) => {}
            Err(error) => panic!("{error}\n{}", String::from_utf8_lossy(body)),
        }
    }
    found.sort();
    found
}

proptest! {
    #[test]
    fn every_form_says_the_same(families in families()) {
        let text = read(&written(&families, Format::Text1_0_0), exposition::Format::Text);
        let open = read(&written(&families, Format::OpenMetrics1_0_0), exposition::Format::OpenMetrics);
        let protobuf = read(&written(&families, Format::Protobuf), exposition::Format::Protobuf);
        prop_assert_eq!(&text, &open);
        prop_assert_eq!(&text, &protobuf);
        let samples: usize = families.iter().map(|(_, number, help, series)| {
            let extra = match kind(*number) {
                MetricType::Histogram => 2 + 1,
                MetricType::Summary => 2,
                _ => 1,
            };
            let buckets = |each: &Series| if matches!(number, 2 | 3) { each.counts.len() } else { 0 };
            series.iter().map(|each| extra + buckets(each)).sum::<usize>() + usize::from(!help.is_empty())
        }).sum();
        prop_assert_eq!(text.len(), samples);
    }
}
