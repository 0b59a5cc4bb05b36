//! Requests as Prometheus reads them, one line a series:
//!
//! `name{label="value"} 5@1000<500 # {trace_id="..."} 0.5@900 : counter "help" unit`

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage, Value};
use sluice_formats::prometheus::from_otlp::{Deltas, Options, SeriesSet, translate};
use sluice_formats::prometheus::model::{NORMAL_NAN_BITS, STALE_NAN_BITS};
use sluice_formats::prometheus::remote_write::{self, Holds, Limits, Version};
use sluice_pdata::Pdata;

pub(crate) const ALL: Limits = Limits { max_bytes: usize::MAX, max_series: usize::MAX };

static IDL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let protos = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto/prometheus");
    let files = ["remote.proto", "io/prometheus/write/v2/types.proto"].map(|file| protos.join(file));
    DescriptorPool::from_file_descriptor_set(protox::compile(files, [&protos]).unwrap()).unwrap()
});

fn decode(name: &str, body: &[u8]) -> DynamicMessage {
    let message = DynamicMessage::decode(IDL.get_message_by_name(name).unwrap(), body).unwrap();
    assert_eq!(message.unknown_fields().count(), 0, "every field is known");
    message
}

/// The series of a request of version 2.0.
pub(crate) fn v2(body: &[u8]) -> Vec<String> {
    let request = decode("io.prometheus.write.v2.Request", body);
    let symbols: Vec<String> = list(&request, "symbols").iter().map(|s| s.as_str().unwrap().into()).collect();
    assert_eq!(symbols[0], "", "the first symbol is empty");
    let unique: std::collections::BTreeSet<_> = symbols.iter().collect();
    assert_eq!(unique.len(), symbols.len(), "symbols are there once");
    let labels = |message: &DynamicMessage| {
        let refs = list(message, "labels_refs");
        assert_eq!(refs.len() % 2, 0);
        let text = |value: &Value| symbols[value.as_u32().unwrap() as usize].clone();
        refs.chunks(2).map(|pair| (text(&pair[0]), text(&pair[1]))).collect::<Vec<_>>()
    };
    let series = |series: &Value| {
        let series = series.as_message().unwrap();
        let mut line = line(series, &labels);
        let metadata = series.get_field_by_name("metadata").unwrap();
        let metadata = metadata.as_message().unwrap();
        let text = |field: &str| symbols[get(metadata, field).as_u32().unwrap() as usize].clone();
        write!(line, " : {}", kind(metadata)).unwrap();
        for (quote, field) in [("\"", "help_ref"), ("", "unit_ref")] {
            if !text(field).is_empty() {
                write!(line, " {quote}{}{quote}", text(field)).unwrap();
            }
        }
        line
    };
    list(&request, "timeseries").iter().map(series).collect()
}

/// The series and the metadata of a request of version 1.0.
pub(crate) fn v1(body: &[u8]) -> (Vec<String>, Vec<String>) {
    let request = decode("prometheus.WriteRequest", body);
    let labels = |message: &DynamicMessage| {
        let text =
            |label: &Value, field: &str| get(label.as_message().unwrap(), field).as_str().unwrap().to_owned();
        list(message, "labels").iter().map(|label| (text(label, "name"), text(label, "value"))).collect()
    };
    let series = list(&request, "timeseries");
    let series = series.iter().map(|series| line(series.as_message().unwrap(), &labels)).collect();
    let metadata = list(&request, "metadata");
    let metadata = metadata.iter().map(|metadata| {
        let metadata = metadata.as_message().unwrap();
        let text = |field: &str| get(metadata, field).as_str().unwrap().to_owned();
        format!("{} {} {:?} {}", text("metric_family_name"), kind(metadata), text("help"), text("unit"))
    });
    (series, metadata.collect())
}

/// What the data becomes in version 2.0.
pub(crate) fn sent(data: &Pdata) -> Vec<String> {
    sent_with(data, &Options::default())
}

pub(crate) fn sent_with(data: &Pdata, options: &Options) -> Vec<String> {
    let (lines, lost) = sent_and_lost(data, options, None);
    assert_eq!(lost, [""; 0]);
    lines
}

/// A request that was shown.
pub(crate) struct Request {
    pub(crate) body: Vec<u8>,
    pub(crate) lane: usize,
    pub(crate) holds: Holds,
}

/// The requests of a batch.
pub(crate) fn encode(set: &SeriesSet, version: Version, lanes: usize, limits: Limits) -> Vec<Request> {
    let mut requests = Vec::new();
    remote_write::encode(set, version, lanes, limits, 0, |request| {
        let remote_write::Request { body, lane, holds } = request;
        requests.push(Request { body: body.to_vec(), lane, holds });
    });
    requests
}

/// What it becomes, and what is lost: `metric: reason n`.
pub(crate) fn sent_and_lost(
    data: &Pdata,
    options: &Options,
    deltas: Option<&mut Deltas>,
) -> (Vec<String>, Vec<String>) {
    let mut set = SeriesSet::default();
    translate(data, options, deltas, &mut set);
    let requests = encode(&set, Version::V2, 1, ALL);
    let lines: Vec<String> = requests.iter().flat_map(|request| v2(&request.body)).collect();
    let lost = set.lost().map(|(metric, reason, points)| format!("{metric}: {} {points}", reason.as_str()));
    let lost: Vec<String> = lost.collect();
    let points: usize = requests.iter().map(|request| request.holds.points).sum();
    let lost_points: usize = set.lost().map(|(_, _, points)| points).sum();
    assert_eq!(points + lost_points, data.items(), "each point is sent or lost: {lines:?} {lost:?}");
    (lines, lost)
}

/// The lines without what follows ` : `.
pub(crate) fn without_metadata(lines: Vec<String>) -> Vec<String> {
    lines.into_iter().map(|line| line.split(" : ").next().unwrap().to_owned()).collect()
}

fn line(series: &DynamicMessage, labels: &impl Fn(&DynamicMessage) -> Vec<(String, String)>) -> String {
    let all = labels(series);
    assert!(all.is_sorted_by(|a, b| a.0 < b.0), "labels are sorted and unique: {all:?}");
    assert!(all.iter().all(|(name, value)| !name.is_empty() && !value.is_empty()), "{all:?}");
    let name = all.iter().find(|(name, _)| name == "__name__").map(|(_, value)| value.clone()).unwrap();
    let mut line = name + &braces(all.iter().filter(|(name, _)| name != "__name__"));
    let (samples, histograms) = (list(series, "samples"), list(series, "histograms"));
    assert!(samples.is_empty() != histograms.is_empty(), "samples or histograms");
    for sample in &samples {
        let sample = sample.as_message().unwrap();
        write!(line, " {}{}", float(get(sample, "value").as_f64().unwrap()), at(sample)).unwrap();
    }
    for histogram in &histograms {
        write!(line, " {}", native(histogram.as_message().unwrap())).unwrap();
    }
    for exemplar in list(series, "exemplars") {
        let exemplar = exemplar.as_message().unwrap();
        let all = labels(exemplar);
        assert!(all.is_sorted_by(|a, b| a.0 < b.0), "{all:?}");
        let value = float(get(exemplar, "value").as_f64().unwrap());
        write!(line, " # {} {value}{}", braces(all.iter()), at(exemplar)).unwrap();
    }
    line
}

fn braces<'a>(labels: impl Iterator<Item = &'a (String, String)>) -> String {
    let labels: Vec<String> = labels.map(|(name, value)| format!("{name}={value:?}")).collect();
    if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) }
}

/// `@1000`, and `<500` for the start.
fn at(message: &DynamicMessage) -> String {
    let start = message.get_field_by_name("start_timestamp").map_or(0, |start| start.as_i64().unwrap());
    let start = if start == 0 { String::new() } else { format!("<{start}") };
    format!("@{}{start}", get(message, "timestamp").as_i64().unwrap())
}

fn float(value: f64) -> String {
    match value.to_bits() {
        STALE_NAN_BITS => "stale".to_owned(),
        NORMAL_NAN_BITS => "NaN".to_owned(),
        bits if value.is_nan() => format!("NaN {bits:x}"),
        _ => value.to_string(),
    }
}

/// `[schema=0 count=5 sum=3 zero=1/0.001 +{1: 2} -{3: 2}]@1000`
fn native(histogram: &DynamicMessage) -> String {
    let number = |field: &str| get(histogram, field);
    let sparse = |spans: &str, deltas: &str| {
        let (mut index, mut count, mut buckets) = (0, 0, BTreeMap::new());
        let deltas = list(histogram, deltas);
        let mut deltas = deltas.iter().map(|delta| delta.as_i64().unwrap());
        for span in list(histogram, spans) {
            let span = span.as_message().unwrap();
            index += get(span, "offset").as_i32().unwrap();
            for _ in 0..get(span, "length").as_u32().unwrap() {
                count += deltas.next().unwrap();
                if count != 0 {
                    buckets.insert(index, count);
                }
                index += 1;
            }
        }
        assert_eq!(deltas.next(), None);
        buckets
    };
    let mut text = format!(
        "[schema={} count={} sum={} zero={}/{}",
        number("schema").as_i32().unwrap(),
        number("count_int").as_u64().unwrap(),
        float(number("sum").as_f64().unwrap()),
        number("zero_count_int").as_u64().unwrap(),
        number("zero_threshold").as_f64().unwrap(),
    );
    for (sign, spans, deltas) in
        [("+", "positive_spans", "positive_deltas"), ("-", "negative_spans", "negative_deltas")]
    {
        let buckets = sparse(spans, deltas);
        if !buckets.is_empty() {
            write!(text, " {sign}{buckets:?}").unwrap();
        }
    }
    let bounds: Vec<f64> = list(histogram, "custom_values").iter().map(|v| v.as_f64().unwrap()).collect();
    if !bounds.is_empty() {
        write!(text, " bounds={bounds:?}").unwrap();
    }
    text + "]" + &at(histogram)
}

fn kind(metadata: &DynamicMessage) -> String {
    let field = metadata.descriptor().get_field_by_name("type").unwrap();
    let kind = field.kind();
    let number = get(metadata, "type").as_enum_number().unwrap();
    let name = kind.as_enum().unwrap().get_value(number).unwrap().name().to_lowercase();
    name.trim_start_matches("metric_type_").to_owned()
}

fn get(message: &DynamicMessage, field: &str) -> Value {
    message.get_field_by_name(field).unwrap_or_else(|| panic!("{field}")).into_owned()
}

fn list(message: &DynamicMessage, field: &str) -> Vec<Value> {
    match get(message, field) {
        Value::List(values) => values,
        other => panic!("{field} is {other:?}"),
    }
}
