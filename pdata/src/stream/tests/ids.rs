use crate::arbitrary::Arbitrary;
use crate::otlp::common::v1::any_value::Value;
use crate::otlp::common::v1::{AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList};
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::metrics::v1::{Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary};
use crate::otlp::resource::v1::Resource;
use crate::otlp::{ExportMetricsServiceRequest, Message};
use crate::stream::{ResourceId, StreamId};
use crate::testing::admit;
use crate::view::MetricDataView;
use crate::{Pdata, Signal};
use proptest::prelude::*;
use std::collections::HashSet;

/// The streams of all points, in order.
fn streams(data: &Pdata) -> Vec<StreamId> {
    let mut ids = Vec::new();
    for resource in data.metrics() {
        let resource_id = ResourceId::of(&resource.resource);
        for scope in resource.scope_metrics {
            let scope_id = resource_id.scope(&scope);
            for metric in scope.metrics {
                let id = scope_id.metric(&metric);
                match metric.data {
                    MetricDataView::Empty => {}
                    MetricDataView::Gauge(points) => {
                        ids.extend(points.iter().map(|p| id.stream(&p.attributes)))
                    }
                    MetricDataView::Sum(sum) => {
                        ids.extend(sum.data_points.iter().map(|p| id.stream(&p.attributes)));
                    }
                    MetricDataView::Histogram(h) => {
                        ids.extend(h.data_points.iter().map(|p| id.stream(&p.attributes)));
                    }
                    MetricDataView::ExponentialHistogram(h) => {
                        ids.extend(h.data_points.iter().map(|p| id.stream(&p.attributes)));
                    }
                    MetricDataView::Summary(points) => {
                        ids.extend(points.iter().map(|p| id.stream(&p.attributes)));
                    }
                }
            }
        }
    }
    ids
}

proptest! {
    #[test]
    fn wire_and_structs_have_the_same_ids(seed: u64) {
        let request = Arbitrary::new(seed).metrics();
        let wire = admit(Signal::Metrics, request.encode_to_vec().into());
        prop_assert_eq!(streams(&wire), streams(&Pdata::from_metrics(request)));
    }

    #[test]
    fn the_order_of_attributes_does_not_matter_at_any_depth(seed: u64) {
        let request = Arbitrary::new(seed).metrics();
        let mut turned = request.clone();
        for resource in &mut turned.resource_metrics {
            turn(&mut resource.resource.get_or_insert_default().attributes);
            for scope in &mut resource.scope_metrics {
                turn(&mut scope.scope.get_or_insert_default().attributes);
                for metric in &mut scope.metrics {
                    if let Some(Data::Sum(sum)) = &mut metric.data {
                        sum.data_points.iter_mut().for_each(|point| turn(&mut point.attributes));
                    }
                }
            }
        }
        prop_assert_eq!(streams(&Pdata::from_metrics(request)), streams(&Pdata::from_metrics(turned)));
    }
}

fn turn(attributes: &mut [KeyValue]) {
    attributes.reverse();
    attributes.iter_mut().filter_map(|attribute| attribute.value.as_mut()).for_each(turn_value);
}

fn turn_value(value: &mut AnyValue) {
    match &mut value.value {
        Some(Value::KvlistValue(list)) => turn(&mut list.values),
        Some(Value::ArrayValue(array)) => array.values.iter_mut().for_each(turn_value),
        _ => {}
    }
}

fn value(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn attribute(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue { key: key.into(), value, ..KeyValue::default() }
}

fn point(attributes: Vec<KeyValue>) -> NumberDataPoint {
    NumberDataPoint { attributes, ..NumberDataPoint::default() }
}

fn sum(points: Vec<NumberDataPoint>, temporality: i32, is_monotonic: bool) -> Data {
    Data::Sum(Sum { data_points: points, aggregation_temporality: temporality, is_monotonic })
}

fn request(
    resource: Vec<KeyValue>,
    scope: InstrumentationScope,
    schema_url: &str,
    metric: Metric,
) -> ExportMetricsServiceRequest {
    let scope = ScopeMetrics { scope: Some(scope), metrics: vec![metric], schema_url: schema_url.into() };
    let resource = Resource { attributes: resource, ..Resource::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    }
}

#[test]
fn whatever_identifies_a_stream_tells_it_from_others() {
    let named = |name: &str| InstrumentationScope { name: name.into(), ..InstrumentationScope::default() };
    let metric = |name: &str, unit: &str, data| Metric {
        name: name.into(),
        unit: unit.into(),
        data: Some(data),
        ..Metric::default()
    };
    let of = |attributes| metric("m", "s", sum(vec![point(attributes)], 2, true));
    let text = |key: &str, text: &str| attribute(key, Some(value(Value::StringValue(text.into()))));
    let one = |value_: Value| vec![attribute("k", Some(value(value_)))];
    let requests = [
        request(vec![], named(""), "", of(vec![])),
        request(vec![text("a", "b")], named(""), "", of(vec![])),
        request(vec![text("ab", "")], named(""), "", of(vec![])),
        request(vec![text("", "ab")], named(""), "", of(vec![])),
        request(vec![], named("a"), "", of(vec![])),
        request(vec![], InstrumentationScope { version: "a".into(), ..named("") }, "", of(vec![])),
        request(
            vec![],
            InstrumentationScope { attributes: vec![text("a", "b")], ..named("") },
            "",
            of(vec![]),
        ),
        request(vec![], named(""), "a", of(vec![])),
        request(vec![], named(""), "", metric("n", "s", sum(vec![point(vec![])], 2, true))),
        request(vec![], named(""), "", metric("m", "ms", sum(vec![point(vec![])], 2, true))),
        request(vec![], named(""), "", metric("m", "s", sum(vec![point(vec![])], 1, true))),
        request(vec![], named(""), "", metric("m", "s", sum(vec![point(vec![])], 2, false))),
        request(
            vec![],
            named(""),
            "",
            metric("m", "s", Data::Gauge(Gauge { data_points: vec![point(vec![])] })),
        ),
        request(
            vec![],
            named(""),
            "",
            metric("m", "s", Data::Summary(Summary { data_points: vec![Default::default()] })),
        ),
        request(vec![], named(""), "", of(vec![text("a", "b")])),
        request(vec![], named(""), "", of(vec![text("a", "b"), text("a", "b")])),
        request(vec![], named(""), "", of(vec![attribute("k", None)])),
        request(vec![], named(""), "", of(one(Value::BoolValue(true)))),
        request(vec![], named(""), "", of(one(Value::IntValue(1)))),
        request(vec![], named(""), "", of(one(Value::DoubleValue(1.0)))),
        request(vec![], named(""), "", of(one(Value::StringValue("1".into())))),
        request(vec![], named(""), "", of(one(Value::BytesValue(b"1".to_vec())))),
        request(vec![], named(""), "", of(one(Value::ArrayValue(ArrayValue::default())))),
        request(vec![], named(""), "", of(one(Value::KvlistValue(KeyValueList::default())))),
        request(
            vec![],
            named(""),
            "",
            of(one(Value::ArrayValue(ArrayValue { values: vec![value(Value::IntValue(1))] }))),
        ),
    ];
    let ids: HashSet<_> = requests.iter().flat_map(|r| streams(&Pdata::from_metrics(r.clone()))).collect();
    assert_eq!(ids.len(), requests.len());
}

#[test]
fn what_only_describes_does_not_count() {
    let base = request(
        vec![],
        InstrumentationScope::default(),
        "",
        Metric { name: "m".into(), data: Some(sum(vec![point(vec![])], 2, true)), ..Metric::default() },
    );
    let mut other = base.clone();
    let resource = &mut other.resource_metrics[0];
    resource.schema_url = "x".into();
    resource.resource.as_mut().unwrap().dropped_attributes_count = 3;
    let metric = &mut resource.scope_metrics[0].metrics[0];
    metric.description = "x".into();
    metric.metadata = vec![attribute("x", None)];
    assert_eq!(streams(&Pdata::from_metrics(base)), streams(&Pdata::from_metrics(other)));
}
