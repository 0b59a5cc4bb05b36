use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use clap::Parser;
use sluice_pdata::otlp::{
    ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest, Message,
    common::v1::KeyValue, logs::v1::LogRecord, metrics::v1::metric::Data, resource::v1::Resource,
    trace::v1::Span,
};

use super::*;
use crate::cli::{
    args::{Args, Command},
    generate::story::find,
};

pub(in crate::cli::generate) const NOW: u64 = 1_800_000_000_000_000_000;

pub(in crate::cli::generate) fn options(line: &str) -> Generate {
    let args = Args::try_parse_from(["sluice", "generate"].into_iter().chain(line.split(' '))).unwrap();
    let Some(Command::Generate(options)) = args.command else { panic!() };
    options
}

pub(in crate::cli::generate) fn source(line: &str, worker: usize) -> Source {
    let options = options(line);
    Source::new(&options, options.seed.unwrap_or(1), worker, Share::of(&options, worker))
}

fn structs<T: Message + Default>(data: &Pdata) -> T {
    T::decode(data.wire().concat().as_slice()).unwrap()
}

fn spans(data: &Pdata) -> Vec<Span> {
    let request: ExportTraceServiceRequest = structs(data);
    request.resource_spans.into_iter().flat_map(|r| r.scope_spans).flat_map(|s| s.spans).collect()
}

fn records(data: &Pdata) -> Vec<LogRecord> {
    let request: ExportLogsServiceRequest = structs(data);
    request.resource_logs.into_iter().flat_map(|r| r.scope_logs).flat_map(|s| s.log_records).collect()
}

fn service(resource: Option<&Resource>) -> String {
    find(&resource.unwrap().attributes, "service.name").unwrap().to_owned()
}

#[test]
fn a_request_has_the_items_asked_for() {
    for signal in ["traces", "metrics", "logs"] {
        let mut source = source(signal, 0);
        for items in [1, 7, 100, 1000, 3] {
            assert_eq!(source.next(items, NOW).items(), items, "{signal}");
        }
    }
}

#[test]
fn a_seed_makes_the_same_again_and_another_worker_something_else() {
    for signal in ["traces", "metrics", "logs"] {
        let line = format!("{signal} --seed 5 --attributes 2");
        let three = |worker| {
            let mut source = source(&line, worker);
            [source.next(50, NOW), source.next(50, NOW + 1), source.next(9, NOW + 2)].map(|data| data.wire())
        };
        assert_eq!(three(0), three(0), "{signal}");
        assert_ne!(three(0), three(1), "{signal}");
    }
}

#[test]
fn traces_are_whole_trees_also_the_last_one() {
    let mut source = source("traces --count 1003 --services 7", 0);
    let all: Vec<Span> = (0..10).map(|_| 100).chain([3]).flat_map(|n| spans(&source.next(n, NOW))).collect();
    assert_eq!(all.len(), 1003);
    let ids: HashMap<_, _> = all.iter().map(|span| ((&span.trace_id, &span.span_id), span)).collect();
    assert_eq!(ids.len(), all.len());
    let traces: HashSet<_> = all.iter().map(|span| &span.trace_id).collect();
    let roots = all.iter().filter(|span| span.parent_span_id.is_empty()).count();
    assert_eq!(roots, traces.len());
    for span in all.iter().filter(|span| !span.parent_span_id.is_empty()) {
        let parent = ids[&(&span.trace_id, &span.parent_span_id)];
        assert!(parent.start_time_unix_nano <= span.start_time_unix_nano, "{span:?}");
        assert!(span.start_time_unix_nano < span.end_time_unix_nano, "{span:?}");
        assert!(span.end_time_unix_nano <= parent.end_time_unix_nano, "{span:?}");
    }
    assert!(all.iter().all(|span| span.end_time_unix_nano <= NOW));
}

#[test]
fn spans_tell_of_services_that_call_each_other_and_of_failures() {
    let data = source("traces", 0).next(5000, NOW);
    let request: ExportTraceServiceRequest = structs(&data);
    let services: BTreeSet<_> = request.resource_spans.iter().map(|r| service(r.resource.as_ref())).collect();
    assert_eq!(
        services.into_iter().collect::<Vec<_>>(),
        ["cart", "catalog", "checkout", "frontend", "payment"]
    );
    let spans = spans(&data);
    let with = |key: &str| spans.iter().filter(|span| find(&span.attributes, key).is_some()).count();
    assert!(with("http.route") > 1000 && with("url.full") > 500 && with("db.query.text") > 500);
    let failed =
        spans.iter().filter(|span| span.status.as_ref().is_some_and(|status| status.code == 2)).count();
    let exceptions =
        spans.iter().flat_map(|span| &span.events).filter(|event| event.name == "exception").count();
    assert!(exceptions > 5 && failed > exceptions && failed < 1000, "{exceptions} of {failed}");
}

#[test]
fn log_records_and_exemplars_name_the_spans_of_the_same_seed() {
    let of_spans: HashSet<_> = {
        let mut source = source("traces --seed 9", 0);
        (0..50)
            .flat_map(|_| spans(&source.next(100, NOW)))
            .map(|span| (span.trace_id, span.span_id))
            .collect()
    };
    let records = records(&source("logs --seed 9", 0).next(500, NOW));
    assert!(records.iter().all(|r| of_spans.contains(&(r.trace_id.clone(), r.span_id.clone()))));
    let levels: BTreeSet<_> = records.iter().map(|record| record.severity_text.as_str()).collect();
    assert!(levels.is_superset(&BTreeSet::from(["DEBUG", "INFO", "ERROR"])), "{levels:?}");

    let request: ExportMetricsServiceRequest = structs(&source("metrics --seed 9", 0).next(500, NOW));
    let metrics = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
    let mut exemplars = 0;
    for metric in metrics {
        if let Some(Data::Histogram(histogram)) = &metric.data {
            for exemplar in histogram.data_points.iter().flat_map(|point| &point.exemplars) {
                assert!(of_spans.contains(&(exemplar.trace_id.clone(), exemplar.span_id.clone())));
                exemplars += 1;
            }
        }
    }
    assert!(exemplars > 20, "{exemplars}");
}

/// Each point: its series, its time, and what of it never falls.
fn points(data: &Pdata) -> Vec<(String, u64, f64)> {
    let request: ExportMetricsServiceRequest = structs(data);
    let mut points = Vec::new();
    for resource in &request.resource_metrics {
        for metric in resource.scope_metrics.iter().flat_map(|scope| &scope.metrics) {
            let mut point = |attributes: &dyn std::fmt::Debug, time, value| {
                points.push((format!("{:?} {} {attributes:?}", resource.resource, metric.name), time, value));
            };
            match metric.data.as_ref().unwrap() {
                Data::Histogram(histogram) => histogram.data_points.iter().for_each(|p| {
                    assert_eq!(p.bucket_counts.len(), p.explicit_bounds.len() + 1);
                    assert_eq!(p.bucket_counts.iter().sum::<u64>(), p.count);
                    point(&p.attributes, p.time_unix_nano, p.sum.unwrap());
                }),
                Data::Sum(sum) => sum.data_points.iter().for_each(|p| {
                    use sluice_pdata::otlp::metrics::v1::number_data_point::Value;
                    let value = match p.value {
                        Some(Value::AsInt(value)) => value as f64,
                        Some(Value::AsDouble(value)) => value,
                        None => panic!(),
                    };
                    point(&p.attributes, p.time_unix_nano, if sum.is_monotonic { value } else { 0.0 });
                }),
                Data::Gauge(gauge) => {
                    gauge.data_points.iter().for_each(|p| point(&p.attributes, p.time_unix_nano, 0.0));
                }
                other => panic!("{other:?}"),
            }
        }
    }
    points
}

#[test]
fn no_request_has_a_series_twice_and_none_goes_back() {
    for line in [
        "metrics --series 100 --batch 100",
        "metrics --series 1 --batch 33 --services 2",
        "metrics --series 100 --batch 100 --attributes 2 --attribute http.route=x",
    ] {
        let options = options(line);
        let mut source = source(line, 0);
        let mut last: BTreeMap<String, (u64, f64)> = BTreeMap::new();
        for _ in 0..50 {
            // The clock stands still.
            let data = source.next(options.batch as usize, NOW);
            let points = points(&data);
            let series: HashSet<_> = points.iter().map(|(series, ..)| series).collect();
            assert_eq!(series.len(), data.items(), "{line}");
            for (series, time, value) in points {
                if let Some((before, old)) = last.insert(series.clone(), (time, value)) {
                    assert!(before < time && old <= value, "{line}: {series}");
                }
            }
        }
        let series = options.series as usize..200;
        assert!(series.contains(&last.len()), "{line}: {}", last.len());
    }
}

#[test]
fn no_attribute_is_there_twice_and_the_last_one_given_counts() {
    let given = "--attribute a=1 --attribute a=2 --attribute server.address=x --attribute http.route=x";
    let given = format!("{given} --attribute attribute.1=x --attributes 2");
    let check = |attributes: &[KeyValue]| {
        let keys: HashSet<_> = attributes.iter().map(|attribute| &attribute.key).collect();
        assert_eq!(keys.len(), attributes.len(), "{attributes:?}");
        for (key, value) in [("a", "2"), ("server.address", "x"), ("http.route", "x"), ("attribute.1", "x")] {
            assert_eq!(find(attributes, key), Some(value), "{attributes:?}");
        }
    };
    let of = |signal: &str| source(&format!("{signal} {given}"), 0).next(100, NOW);
    spans(&of("traces")).iter().for_each(|span| check(&span.attributes));
    records(&of("logs")).iter().for_each(|record| check(&record.attributes));
    let request: ExportMetricsServiceRequest = structs(&of("metrics"));
    let metrics = request.resource_metrics.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| &s.metrics);
    for metric in metrics {
        match metric.data.as_ref().unwrap() {
            Data::Histogram(histogram) => histogram.data_points.iter().for_each(|p| check(&p.attributes)),
            Data::Sum(sum) => sum.data_points.iter().for_each(|p| check(&p.attributes)),
            Data::Gauge(gauge) => gauge.data_points.iter().for_each(|p| check(&p.attributes)),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_tells_series_apart_is_not_replaced() {
    for key in ["cpu.mode", "http.response.status_code"] {
        let of = |signal| check(&options(&format!("{signal} --attribute {key}=x"))).err();
        let text = format!("Error: --attribute: {key} tells time series apart, so metrics keep their own\n");
        assert_eq!(of("metrics").unwrap().to_string(), text);
        assert!(of("traces").is_none() && of("logs").is_none());
    }
}

#[test]
fn attributes_of_the_command_line_are_on_each_item_and_resource() {
    let line = "traces --attributes 2 --attribute team=blue --resource-attribute service.namespace=mine";
    let data = source(line, 0).next(100, NOW);
    for span in spans(&data) {
        for (key, value) in [("team", Some("blue")), ("attribute.1", None), ("attribute.2", None)] {
            let found = find(&span.attributes, key).unwrap();
            assert!(value.is_none_or(|value| value == found), "{found}");
        }
    }
    let request: ExportTraceServiceRequest = structs(&data);
    for resource in request.resource_spans.into_iter().filter_map(|r| r.resource) {
        let named = resource.attributes.iter().filter(|a| a.key == "service.namespace").count();
        assert_eq!((named, find(&resource.attributes, "service.namespace")), (1, Some("mine")));
    }
}
