//! Whatever the points are, what is sent can be read, and every point is sent or lost.

use std::collections::BTreeMap;

use proptest::prelude::*;
use sluice_formats::prometheus::from_otlp::{Options, SeriesSet, translate};
use sluice_formats::prometheus::names::{Namer, Strategy as Naming};
use sluice_formats::prometheus::remote_write::{Limits, Version, downgrade};
use sluice_pdata::otlp::metrics::v1::{HistogramDataPoint, Metric, NumberDataPoint};

use crate::foreign::{ALL, encode, sent_and_lost, v1, v2, without_metadata};
use crate::otlp::{MS, attributes, buckets, data, gauge, histogram, number, resource, sum};

fn pairs() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(("[a-c._é0]{0,4}", "[x-z;é ]{0,3}"), 0..5)
}

fn points() -> impl Strategy<Value = Vec<NumberDataPoint>> {
    let point = (pairs(), 0..4_u64, any::<f64>(), 0..2_u32, prop::bool::weighted(0.1));
    let point = point.prop_map(|(pairs, at, value, flags, empty)| {
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let mut point = number(&pairs, at, value);
        point.flags = flags;
        point.start_time_unix_nano = at * MS / 2;
        if empty {
            point.value = None;
        }
        point
    });
    prop::collection::vec(point, 0..6)
}

fn histogram_points() -> impl Strategy<Value = Vec<HistogramDataPoint>> {
    let point = (pairs(), 0..4_u64, prop::collection::vec(0..9_u64, 0..4), any::<bool>());
    let point = point.prop_map(|(pairs, at, counts, with_sum)| {
        let bounds = [0.5, 1.0, 2.0];
        let bounds = &bounds[..counts.len().saturating_sub(1)];
        let mut point = buckets(at, with_sum.then_some(1.0), bounds, &counts);
        let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        point.attributes = attributes(&pairs);
        point
    });
    prop::collection::vec(point, 0..4)
}

fn metric() -> impl Strategy<Value = Metric> {
    prop_oneof![
        ("[ab._]{0,3}", points()).prop_map(|(name, points)| gauge(&name, points)),
        ("[ab._]{0,3}", 0..4_i32, any::<bool>(), points())
            .prop_map(|(name, temporality, monotonic, points)| sum(&name, temporality, monotonic, points)),
        ("[ab._]{0,3}", 0..3_i32, histogram_points()).prop_map(|(name, temporality, points)| histogram(
            &name,
            temporality,
            points
        )),
    ]
}

proptest! {
    #[test]
    fn every_point_is_sent_or_lost_and_what_is_sent_can_be_read(
        resources in prop::collection::vec((pairs(), prop::collection::vec(metric(), 0..4)), 0..3),
        naming in prop::sample::select(&Naming::ALL[..]),
        lanes in 1..4_usize,
        max_bytes in 1..400_usize,
    ) {
        let resources = resources.into_iter().map(|(pairs, metrics)| {
            let pairs: Vec<(&str, &str)> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
            resource(&pairs, metrics)
        });
        let data = data(resources.collect());
        let options = Options { namer: Namer::new(naming, "ns"), ..Options::default() };
        // The reader checks order, uniqueness and symbols; the sum of points is checked as well.
        let (lines, _) = sent_and_lost(&data, &options, None);
        let lines = without_metadata(lines);
        let by_series = |lines: &[String]| -> BTreeMap<String, String> {
            let split = |line: &String| {
                let end = line.rfind("} ").map_or_else(|| line.find(' ').unwrap(), |at| at + 1);
                (line[..end].to_owned(), line[end..].to_owned())
            };
            lines.iter().map(split).collect()
        };
        prop_assert_eq!(by_series(&lines).len(), lines.len(), "a series is sent once");

        // However it is cut, and in either version, the same series are sent.
        let mut set = SeriesSet::default();
        translate(&data, &options, None, &mut set);
        let limits = Limits { max_bytes, ..ALL };
        let cut: Vec<String> =
            encode(&set, Version::V2, lanes, limits).iter().flat_map(|r| v2(&r.body)).collect();
        prop_assert_eq!(by_series(&without_metadata(cut)), by_series(&lines));
        translate(&data, &options.for_version_1(), None, &mut set);
        let first: Vec<String> =
            encode(&set, Version::V1, lanes, limits).iter().flat_map(|r| v1(&r.body).0).collect();
        let second: Vec<String> = encode(&set, Version::V2, lanes, limits)
            .iter()
            .flat_map(|r| v1(&downgrade(&r.body).unwrap().body).0)
            .collect();
        prop_assert_eq!(by_series(&first), by_series(&second));
    }
}
