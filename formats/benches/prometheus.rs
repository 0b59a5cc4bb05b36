//! What remote write costs, from OTLP bytes to its own, before compression: 80 counters and 20 histograms with 15 buckets,
//! which are 421 series. `items/s` are series.
//!
//! `v2_by_structs` is what one would write without views: prost's decode of OTLP, time series that own their labels,
//! prost's encode. Both ways say the same, which is checked before anything is measured.
//!
//! `cargo bench -p sluice-formats --bench prometheus`
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "a benchmark stops at what it did not expect"
)]

#[expect(dead_code, reason = "shared with the benchmarks of pdata, which read all signals")]
#[path = "../../pdata/benches/support/payload.rs"]
mod payload;
#[path = "prometheus/structs.rs"]
mod structs;

use bytes::Bytes;
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use sluice_formats::prometheus::from_otlp::{Options, SeriesSet, translate};
use sluice_formats::prometheus::names::Namer;
use sluice_formats::prometheus::remote_write::{Limits, Version, encode};
use sluice_pdata::{Pdata, Signal};

/// 80 counters; a histogram has a series for its count and its sum, and 15 buckets; and `target_info`.
const SERIES: usize = 80 + 20 * 17 + 1;

fn main() {
    let ours = structs::said(&by_views(&body(), Version::V2, &mut SeriesSet::default()));
    let theirs = structs::said(&structs::remote_write(&body(), &Namer::default()));
    assert_eq!(ours.len(), SERIES);
    assert_eq!(ours, theirs, "both ways say the same");
    divan::main();
}

fn body() -> Bytes {
    payload::encode(&payload::metrics())
}

fn by_views(body: &Bytes, version: Version, set: &mut SeriesSet) -> Vec<u8> {
    let limits = sluice_pdata::Limits::default();
    let data = Pdata::from_wire(Signal::Metrics, body.clone(), &limits).unwrap().0;
    translate(&data, &Options::default(), None, set);
    let limits = Limits { max_bytes: usize::MAX, max_series: usize::MAX };
    let mut body = Vec::new();
    encode(set, version, 1, limits, 0, |request| body.extend_from_slice(request.body));
    body
}

fn per_series<'a, 'b>(bencher: Bencher<'a, 'b>) -> Bencher<'a, 'b> {
    bencher.counter(ItemsCount::new(SERIES))
}

#[divan::bench]
fn v2(bencher: Bencher<'_, '_>) {
    let (body, mut set) = (body(), SeriesSet::default());
    per_series(bencher).bench_local(|| by_views(black_box(&body), Version::V2, &mut set));
}

#[divan::bench]
fn v2_by_structs(bencher: Bencher<'_, '_>) {
    let (body, namer) = (body(), Namer::default());
    per_series(bencher).bench_local(|| structs::remote_write(black_box(&body), &namer));
}

#[divan::bench]
fn v1(bencher: Bencher<'_, '_>) {
    let (body, mut set) = (body(), SeriesSet::default());
    per_series(bencher).bench_local(|| by_views(black_box(&body), Version::V1, &mut set));
}

/// Of five lanes, as many as the exporter has by default.
#[divan::bench]
fn v2_in_lanes(bencher: Bencher<'_, '_>) {
    let (body, mut set) = (body(), SeriesSet::default());
    let data = Pdata::from_wire(Signal::Metrics, body, &sluice_pdata::Limits::default()).unwrap().0;
    let limits = Limits { max_bytes: usize::MAX, max_series: usize::MAX };
    per_series(bencher).bench_local(|| {
        translate(black_box(&data), &Options::default(), None, &mut set);
        encode(&set, Version::V2, 5, limits, 0, |request| {
            black_box(request.body);
        });
    });
}
