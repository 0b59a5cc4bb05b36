//! Nothing is allocated for a point: the number of allocations does not grow with the points of a batch.

use std::hint::black_box;

use allocation_counter::measure;
use sluice_formats::prometheus::from_otlp::{Options, ResourceAttributes, SeriesSet, translate};
use sluice_formats::prometheus::remote_write::{Version, encode};
use sluice_pdata::otlp::{ExportMetricsServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal};

use crate::foreign::ALL;
use crate::otlp::{
    CUMULATIVE, attributes, buckets, counter, exemplar, exponential, gauge, histogram, number, resource,
};

fn data(points: usize) -> Pdata {
    let labels = |n: usize| {
        let n = n.to_string();
        let own = [("http.method", "GET"), ("http.route", "/a/b"), ("n", n.as_str()), ("z", "é")];
        attributes(&own)
    };
    let number = |n: usize| {
        let mut point = number(&[], 1, 1.0);
        point.attributes = labels(n);
        point.exemplars = vec![exemplar(1, 1.0, &[]); 2];
        point
    };
    let classic = |n: usize| {
        let mut point = buckets(1, Some(1.0), &[0.1, 1.0, 10.0], &[1, 2, 3, 4]);
        point.attributes = labels(n);
        point.exemplars = vec![exemplar(1, 1.0, &[])];
        point
    };
    let native = |n: usize| sluice_pdata::otlp::metrics::v1::ExponentialHistogramDataPoint {
        attributes: labels(n),
        count: 3,
        positive: Some(sluice_pdata::otlp::metrics::v1::exponential_histogram_data_point::Buckets {
            offset: 3,
            bucket_counts: vec![1, 0, 0, 0, 2],
        }),
        ..Default::default()
    };
    let metrics = vec![
        gauge("g", (0..points).map(number).collect()),
        counter("c", (0..points).map(number).collect()),
        histogram("h", CUMULATIVE, (0..points).map(classic).collect()),
        exponential("n", CUMULATIVE, (0..points).map(native).collect()),
    ];
    let resource_metrics = vec![resource(&[("service.name", "s"), ("host.name", "h")], metrics)];
    let wire = ExportMetricsServiceRequest { resource_metrics }.encode_to_vec();
    Pdata::from_wire(Signal::Metrics, wire.into(), &Limits::default()).unwrap().0
}

fn allocations(data: &Pdata, version: Version) -> u64 {
    let options = Options {
        external_labels: vec![("cluster".to_owned(), "eu".to_owned()), ("n".to_owned(), "x".to_owned())],
        resource_attributes: ResourceAttributes::All,
        ..Options::default()
    };
    let mut set = SeriesSet::default();
    let mut work = || {
        translate(data, &options, None, &mut set);
        encode(&set, version, 5, ALL, 0, |request| {
            black_box(request);
        });
    };
    // What is kept from batch to batch grows once.
    work();
    measure(work).count_total
}

#[test]
fn nothing_is_allocated_per_point() {
    for version in [Version::V1, Version::V2] {
        let (few, many) = (allocations(&data(10), version), allocations(&data(1000), version));
        // Doubling the requests of five lanes, and what is kept of symbols.
        assert!(many < few + 150, "{version:?}: {few} for 40 points, {many} for 4000");
    }
}
