//! Edits of attributes do what they say, to every record and resource, and leave a canonical request. The first byte picks
//! the signal, the second the number of edits; each of them takes three bytes.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sluice_pdata::{
    AttributesEdit, Limits, Pdata, RecordEditor, Room, Signal,
    view::{Attributes, LogRecordView, MetricDataView, SpanView, View},
};

const KEYS: [&str; 8] = ["", "a", "b", "é", "service.name", "http.request.method", "http.response.status_code", "new"];

fuzz_target!(|input: &[u8]| {
    let [pick, count, rest @ ..] = input else { return };
    let signal = Signal::ALL[usize::from(*pick) % 3];
    let Some((edits, body)) = rest.split_at_checked(usize::from(*count) % 8 * 3) else { return };
    let Ok((whole, _)) = Pdata::from_wire(signal, Bytes::copy_from_slice(body), &Limits::default()) else {
        return;
    };
    let edits = edits.as_chunks().0;

    let mut records = Records { edits, after: Vec::new() };
    let mut data = whole.clone();
    data.edit_records(Room::unlimited(), &mut records).unwrap();
    check(&data, &whole);
    assert_eq!(of_records(&data), records.after);

    let mut data = whole.clone();
    data.edit_resources(Room::unlimited(), |attributes| {
        edit(edits, attributes);
    })
    .unwrap();
    check(&data, &whole);
});

struct Records<'a> {
    edits: &'a [[u8; 3]],
    /// What each record has afterwards.
    after: Vec<Vec<Pair>>,
}

type Pair = (Vec<u8>, String);

impl RecordEditor for Records<'_> {
    fn record(&mut self, message: &[u8], attributes: &mut AttributesEdit<'_>) {
        let _read = (SpanView::from_wire(message), LogRecordView::from_wire(message));
        self.after.push(edit(self.edits, attributes));
    }
}

/// Makes the edits, and the same on a list, which must come to the same.
fn edit(edits: &[[u8; 3]], attributes: &mut AttributesEdit<'_>) -> Vec<Pair> {
    let pairs = |attributes: &AttributesEdit<'_>| -> Vec<Pair> {
        attributes.iter().map(|one| (one.key.as_bytes().to_vec(), format!("{:?}", one.value))).collect()
    };
    let mut list = pairs(attributes);
    for &[what, key, value] in edits {
        let key = KEYS[usize::from(key) % KEYS.len()];
        let has = list.iter().any(|(other, _)| other == key.as_bytes());
        let new = format!("Int({value})");
        match what % 6 {
            0 => assert_eq!(attributes.insert(key, i64::from(value)), put(&mut list, key, new, !has)),
            1 => assert_eq!(attributes.update(key, i64::from(value)), put(&mut list, key, new, has)),
            2 => {
                attributes.upsert(key, i64::from(value));
                put(&mut list, key, new, true);
            }
            3 => {
                assert_eq!(attributes.delete(key), has);
                list.retain(|(other, _)| other != key.as_bytes());
            }
            4 => {
                let from = KEYS[usize::from(value) % KEYS.len()];
                if let Some(from) = attributes.find(from) {
                    let copied = format!("{:?}", attributes.value(from));
                    attributes.copy(from, key, attributes.find(key));
                    put(&mut list, key, copied, true);
                }
            }
            _ => {
                let is_short = |len: usize| len < usize::from(value) % 24;
                while let Some(place) = attributes.find_where(None, |key| is_short(key.len())) {
                    attributes.remove(place);
                }
                list.retain(|(key, _)| !is_short(key.len()));
            }
        }
        assert_eq!(pairs(attributes), list);
    }
    list
}

/// Puts a value in the place of the first with this key, if that is to be done.
fn put(list: &mut Vec<Pair>, key: &str, value: String, is_done: bool) -> bool {
    if is_done {
        let at = list.iter().position(|(other, _)| other == key.as_bytes()).unwrap_or(list.len());
        list.retain(|(other, _)| other != key.as_bytes());
        list.insert(at, (key.as_bytes().to_vec(), value));
    }
    is_done
}

/// What was edited is a canonical request with as many items as before.
fn check(data: &Pdata, before: &Pdata) {
    let limits = Limits { max_growth: usize::MAX, max_decoded_bytes: usize::MAX, ..Limits::default() };
    let wire = Bytes::from(data.wire().concat());
    let (again, repairs) = Pdata::from_wire(data.signal(), wire.clone(), &limits).expect("still a request");
    assert!(repairs.is_empty());
    assert_eq!(again.items(), before.items());
    assert_eq!(again.wire().concat(), wire, "still canonical");
}

/// The attributes of each record, read anew.
fn of_records(data: &Pdata) -> Vec<Vec<Pair>> {
    let list = |attributes: Attributes<'_>| -> Vec<Pair> {
        attributes.iter().map(|one| (one.key.as_bytes().to_vec(), format!("{:?}", one.value))).collect()
    };
    let mut all = Vec::new();
    for scope in data.traces().into_iter().flat_map(|resource| resource.scope_spans) {
        all.extend(scope.spans.iter().map(|span| list(span.attributes)));
    }
    for scope in data.logs().into_iter().flat_map(|resource| resource.scope_logs) {
        all.extend(scope.log_records.iter().map(|record| list(record.attributes)));
    }
    for scope in data.metrics().into_iter().flat_map(|resource| resource.scope_metrics) {
        for metric in scope.metrics {
            match metric.data {
                MetricDataView::Empty => {}
                MetricDataView::Gauge(points) => all.extend(points.iter().map(|point| list(point.attributes))),
                MetricDataView::Sum(sum) => {
                    all.extend(sum.data_points.iter().map(|point| list(point.attributes)));
                }
                MetricDataView::Histogram(data) => {
                    all.extend(data.data_points.iter().map(|point| list(point.attributes)));
                }
                MetricDataView::ExponentialHistogram(data) => {
                    all.extend(data.data_points.iter().map(|point| list(point.attributes)));
                }
                MetricDataView::Summary(points) => all.extend(points.iter().map(|point| list(point.attributes))),
            }
        }
    }
    all
}
