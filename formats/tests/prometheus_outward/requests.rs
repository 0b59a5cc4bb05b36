//! B1 and B2: requests, lanes and how batches are cut.

use std::collections::BTreeMap;

use sluice_formats::prometheus::from_otlp::{Options, SeriesSet, translate};
use sluice_formats::prometheus::remote_write::{Limits, Version, downgrade, metadata};
use sluice_pdata::Pdata;

use crate::foreign::{ALL, Request, encode, v1, v2, without_metadata};
use crate::otlp::{
    CUMULATIVE, MS, buckets, counter, data, exemplar, exponential, gauge, histogram, number, of, resource,
};

fn set_of(data: &Pdata) -> SeriesSet {
    let mut set = SeriesSet::default();
    translate(data, &Options::default(), None, &mut set);
    set
}

/// Something of everything.
fn mixed() -> Pdata {
    let mut point = number(&[("a", "é\"\n")], 2, 5.0);
    point.start_time_unix_nano = MS;
    point.exemplars = vec![exemplar(1, 0.5, &[])];
    let mut native = exponential("n", CUMULATIVE, vec![Default::default()]);
    native.description = "help".to_owned();
    data(vec![resource(
        &[("service.name", "s"), ("k", "v")],
        vec![
            counter("c", vec![point, number(&[("a", "é\"\n")], 3, 6.0)]),
            histogram("h", CUMULATIVE, vec![buckets(1, Some(1.0), &[1.0], &[1, 1])]),
            native,
        ],
    )])
}

#[test]
fn both_versions_say_the_same() {
    let set = set_of(&mixed());
    let [first, second] = [Version::V1, Version::V2].map(|version| encode(&set, version, 1, ALL));
    assert_eq!((first.len(), second.len(), first[0].holds), (1, 1, second[0].holds));
    // 1.0 has no starts.
    let without_starts = |line: String| line.replace("@2<1", "@2");
    let in_v2: Vec<String> = without_metadata(v2(&second[0].body)).into_iter().map(without_starts).collect();
    assert_eq!(v1(&first[0].body).0, in_v2);
    assert_eq!(first[0].holds.points, 4);
    assert_eq!((first[0].holds.samples, first[0].holds.histograms, first[0].holds.exemplars), (7, 1, 1));
}

#[test]
fn a_request_of_2_0_can_be_rewritten_for_1_0() {
    let set = set_of(&mixed());
    let [first, second] =
        [Version::V1, Version::V2].map(|version| encode(&set, version, 1, ALL).remove(0).body);
    assert_eq!(v1(&downgrade(&second).unwrap().body), v1(&first));
    assert_eq!(downgrade(b"\x2a\xff"), None);
    assert_eq!(downgrade(b"\x2a\x04\x0a\x02\x05\x05"), None, "a symbol that is not there");
}

#[test]
fn metadata_of_1_0_is_a_request_of_its_own() {
    let (series, families) = v1(&metadata(&set_of(&mixed())).unwrap());
    assert!(series.is_empty());
    assert_eq!(
        families,
        [
            r#"c_total counter "" "#,
            r#"h histogram "" "#,
            r#"n histogram "help" "#,
            r#"target_info gauge "Target metadata" "#,
        ]
    );
    assert_eq!(metadata(&SeriesSet::default()), None);
}

#[test]
fn nothing_is_no_request() {
    for version in [Version::V1, Version::V2] {
        assert!(encode(&SeriesSet::default(), version, 5, ALL).is_empty());
    }
}

fn many(series: usize, at: u64) -> Pdata {
    let point = |n: usize| number(&[("n", &n.to_string()), ("same", "everywhere")], at, 1.0);
    let classic = |n: usize| {
        let mut point = buckets(at, Some(1.0), &[1.0, 2.0, 3.0], &[1, 1, 1, 1]);
        point.attributes = crate::otlp::attributes(&[("n", &n.to_string())]);
        point
    };
    of(vec![
        gauge("g", (0..series).map(point).collect()),
        histogram("h", CUMULATIVE, (0..series).map(classic).collect()),
    ])
}

fn lines(request: &Request, version: Version) -> Vec<String> {
    match version {
        Version::V1 => v1(&request.body).0,
        Version::V2 => without_metadata(v2(&request.body)),
    }
}

#[test]
fn a_batch_is_cut_by_bytes_and_by_series_and_streams_stay_whole() {
    let set = set_of(&many(100, 1));
    for version in [Version::V1, Version::V2] {
        let whole = encode(&set, version, 1, ALL).remove(0);
        for limits in [
            Limits { max_bytes: whole.body.len() / 7, ..ALL },
            Limits { max_series: 20, ..ALL },
            Limits { max_bytes: 1, max_series: 1 },
        ] {
            let requests = encode(&set, version, 1, limits);
            assert!(requests.len() > 6);
            let cut: Vec<String> = requests.iter().flat_map(|request| lines(request, version)).collect();
            assert_eq!(cut, lines(&whole, version));
            let points: usize = requests.iter().map(|request| request.holds.points).sum();
            assert_eq!(points, 200);
            for request in &requests {
                let small =
                    request.body.len() <= limits.max_bytes && request.holds.series <= limits.max_series;
                assert!(small || request.holds.points == 1, "{limits:?} {:?}", request.holds);
            }
        }
    }
}

#[test]
fn a_stream_has_its_lane_in_every_batch() {
    let mut lane_of: BTreeMap<String, usize> = BTreeMap::new();
    let mut set = SeriesSet::default();
    for at in 1..4 {
        // Other things stand before it, and its symbols have other numbers.
        let batch = of(vec![gauge(&format!("other{at}"), vec![number(&[("n", "7")], at, 1.0)])]);
        translate(&batch, &Options::default(), None, &mut set);
        translate(&many(50, at), &Options::default(), None, &mut set);
        for request in encode(&set, Version::V2, 5, ALL) {
            for line in lines(&request, Version::V2) {
                // The stream: without the suffix, the bound and the sample.
                let series = line.split("} ").next().unwrap();
                let stream = series.replace("h_bucket", "h").replace("h_count", "h").replace("h_sum", "h");
                let stream = stream.split("le=").next().unwrap().to_owned();
                let number = series.split("n=\"").nth(1).unwrap().split('"').next().unwrap();
                let stream = if stream.starts_with('h') { format!("h{number}") } else { stream };
                assert_eq!(*lane_of.entry(stream).or_insert(request.lane), request.lane, "{line}");
            }
        }
    }
    assert_eq!(lane_of.len(), 100);
    let used: std::collections::BTreeSet<_> = lane_of.values().collect();
    assert_eq!(used.len(), 5);
}

#[test]
fn headers_tell_the_versions_apart() {
    assert_eq!((Version::V1.header(), Version::V2.header()), ("0.1.0", "2.0.0"));
    assert!(Version::V2.content_type().ends_with(";proto=io.prometheus.write.v2.Request"));
    assert_eq!(Version::V1.content_type(), "application/x-protobuf");
}
