//! What the wire costs against the structs. `items/s` is the throughput; its inverse times a million is the
//! figure to compare: seconds per million items.
//!
//! `cargo bench -p sluice-pdata --bench wire`

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a benchmark")]

#[path = "support/payload.rs"]
mod payload;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use payload::{ITEMS, encode};
use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
};
use sluice_pdata::{AttributesEdit, EncodedAttribute, Limits, Pdata, RecordEditor, Room, Signal};

fn main() {
    for signal in Signal::ALL {
        println!("{signal}: {} {} in {} bytes", ITEMS, signal.item_noun(), body(signal).len());
    }
    divan::main();
}

fn body(signal: Signal) -> Bytes {
    match signal {
        Signal::Traces => encode(&payload::traces()),
        Signal::Metrics => encode(&payload::metrics()),
        Signal::Logs => encode(&payload::logs()),
    }
}

fn pdata(signal: Signal) -> Pdata {
    Pdata::from_wire(signal, body(signal), &Limits::default()).unwrap().0
}

fn per_item<'a, 'b>(bencher: Bencher<'a, 'b>, signal: Signal) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(ITEMS)).counter(BytesCount::new(body(signal).len()))
}

#[divan::bench(args = Signal::ALL)]
fn walk(bencher: Bencher<'_, '_>, signal: Signal) {
    let body = body(signal);
    let limits = Limits::default();
    per_item(bencher, signal).bench(|| Pdata::from_wire(signal, black_box(body.clone()), &limits).unwrap());
}

#[divan::bench(args = Signal::ALL)]
fn prost_decode(bencher: Bencher<'_, '_>, signal: Signal) {
    let body = body(signal);
    let bencher = per_item(bencher, signal);
    match signal {
        Signal::Traces => bencher.bench(|| ExportTraceServiceRequest::decode(black_box(&body[..])).unwrap()),
        Signal::Metrics => {
            bencher.bench(|| ExportMetricsServiceRequest::decode(black_box(&body[..])).unwrap())
        }
        Signal::Logs => bencher.bench(|| ExportLogsServiceRequest::decode(black_box(&body[..])).unwrap()),
    }
}

#[divan::bench(args = Signal::ALL)]
fn prost_encode(bencher: Bencher<'_, '_>, signal: Signal) {
    let bencher = per_item(bencher, signal);
    match signal {
        Signal::Traces => encoding(bencher, &payload::traces()),
        Signal::Metrics => encoding(bencher, &payload::metrics()),
        Signal::Logs => encoding(bencher, &payload::logs()),
    }
}

fn encoding(bencher: Bencher<'_, '_>, request: &impl Message) {
    bencher.bench(|| black_box(request).encode_to_vec());
}

#[divan::bench(args = Signal::ALL)]
fn append_100_requests(bencher: Bencher<'_, '_>, signal: Signal) {
    let request = pdata(signal);
    bencher
        .counter(ItemsCount::new(100 * ITEMS))
        .with_inputs(|| vec![request.clone(); 100])
        .bench_values(batch);
}

#[divan::bench(args = Signal::ALL)]
fn split_10_000_items_at_5_050(bencher: Bencher<'_, '_>, signal: Signal) {
    let batch = batch(vec![pdata(signal); 100]);
    let half = 100 * ITEMS / 2 + ITEMS / 2;
    let bencher = bencher.counter(ItemsCount::new(100 * ITEMS)).with_inputs(|| batch.clone());
    bencher.bench_values(|mut batch| (batch.split_off_front(half), batch));
}

#[divan::bench(args = Signal::ALL)]
fn split_by_size_in_4(bencher: Bencher<'_, '_>, signal: Signal) {
    let batch = batch(vec![pdata(signal); 100]);
    let max = batch.size() / 4 + 4096;
    let bencher = bencher.counter(ItemsCount::new(100 * ITEMS)).with_inputs(|| batch.clone());
    bencher.bench_values(|batch| batch.split_by_size(max));
}

#[divan::bench(args = Signal::ALL)]
fn retain_every_other_item(bencher: Bencher<'_, '_>, signal: Signal) {
    let request = pdata(signal);
    per_item(bencher, signal).with_inputs(|| request.clone()).bench_values(|mut request| {
        let mut odd = false;
        request.retain_wire(|_| {
            odd = !odd;
            odd
        });
        request
    });
}

#[divan::bench(args = Signal::ALL)]
fn edit_resources(bencher: Bencher<'_, '_>, signal: Signal) {
    let request = pdata(signal);
    per_item(bencher, signal).with_inputs(|| request.clone()).bench_values(|mut request| {
        let edit =
            |resource: &mut AttributesEdit<'_>| resource.upsert("deployment.environment.name", "production");
        request.edit_resources(Room::unlimited(), edit).unwrap();
        request
    });
}

/// Two attributes more and one renamed in each record.
#[divan::bench(args = Signal::ALL)]
fn edit_records(bencher: Bencher<'_, '_>, signal: Signal) {
    let request = pdata(signal);
    let mut editor = TwoInsertsAndARename([
        EncodedAttribute::new("deployment.environment.name", "production"),
        EncodedAttribute::new("k8s.cluster.name", "eu-west-1"),
    ]);
    per_item(bencher, signal).with_inputs(|| request.clone()).bench_local_values(|mut request| {
        request.edit_records(Room::unlimited(), &mut editor).unwrap();
        request
    });
}

struct TwoInsertsAndARename([EncodedAttribute; 2]);

impl RecordEditor for TwoInsertsAndARename {
    fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
        for (key, new) in ["deployment.environment.name", "k8s.cluster.name"].into_iter().zip(&self.0) {
            if attributes.find(key).is_none() {
                attributes.put(new, None);
            }
        }
        if let Some(from) = attributes.find("http.request.method") {
            let to = attributes.find("http.method");
            attributes.copy(from, "http.method", to);
            attributes.remove(from);
        }
    }
}

fn batch(requests: Vec<Pdata>) -> Pdata {
    let mut requests = requests.into_iter();
    let mut batch = requests.next().unwrap();
    requests.for_each(|request| batch.append(request));
    batch
}
