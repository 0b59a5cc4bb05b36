//! Every key of every message, once: the text is what the `.proto` files say, the structs are prost's.

use super::*;
use crate::otlp::common::v1::{
    AnyValue, ArrayValue, EntityRef, InstrumentationScope, KeyValue, KeyValueList,
};
use crate::otlp::logs::v1::{ResourceLogs, ScopeLogs};
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::{
    Exemplar, ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
    ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint, exemplar, number_data_point,
};
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::span::{Event, Link};
use crate::otlp::trace::v1::{ResourceSpans, ScopeSpans, Status};

fn any(value: Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn kv(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.into(), value: Some(any(value)), key_strindex: 0 }
}

const K: &str = r#"[{"key":"k","value":{"boolValue":true}}]"#;

fn k() -> Vec<KeyValue> {
    vec![kv("k", Value::BoolValue(true))]
}

const RESOURCE: &str = concat!(
    r#"{"attributes":[{"key":"k","value":{"boolValue":true}}],"droppedAttributesCount":1,"#,
    r#""entityRefs":[{"schemaUrl":"s","type":"t","idKeys":["a","b"],"descriptionKeys":["c"]}]}"#
);

fn resource() -> Option<Resource> {
    let entity = EntityRef {
        schema_url: "s".into(),
        r#type: "t".into(),
        id_keys: vec!["a".into(), "b".into()],
        description_keys: vec!["c".into()],
    };
    Some(Resource { attributes: k(), dropped_attributes_count: 1, entity_refs: vec![entity] })
}

const SCOPE: &str = concat!(
    r#"{"name":"n","version":"v","attributes":[{"key":"k","value":{"boolValue":true}}],"#,
    r#""droppedAttributesCount":2}"#
);

fn scope() -> Option<InstrumentationScope> {
    Some(InstrumentationScope {
        name: "n".into(),
        version: "v".into(),
        attributes: k(),
        dropped_attributes_count: 2,
    })
}

const T: &str = "000102030405060708090a0b0c0d0e0f";

fn t() -> Vec<u8> {
    (0..16).collect()
}

#[test]
fn traces_have_every_key() {
    let json = format!(
        concat!(
            r#"{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{{"scope":{scope},"spans":[{{"#,
            r#""traceId":"{t}","spanId":"0101010101010101","traceState":"a=b","parentSpanId":"0202020202020202","#,
            r#""flags":3,"name":"n","kind":4,"startTimeUnixNano":"5","endTimeUnixNano":"6","attributes":{k},"#,
            r#""droppedAttributesCount":7,"events":[{{"timeUnixNano":"8","name":"e","attributes":{k},"#,
            r#""droppedAttributesCount":9}}],"droppedEventsCount":10,"links":[{{"traceId":"{t}","#,
            r#""spanId":"0303030303030303","traceState":"c=d","attributes":{k},"droppedAttributesCount":11,"#,
            r#""flags":12}}],"droppedLinksCount":13,"status":{{"message":"m","code":2}}}}],"#,
            r#""schemaUrl":"s2"}}],"schemaUrl":"s1"}}]}}"#
        ),
        resource = RESOURCE,
        scope = SCOPE,
        t = T,
        k = K
    );
    let span = Span {
        trace_id: t(),
        span_id: vec![1; 8],
        trace_state: "a=b".into(),
        parent_span_id: vec![2; 8],
        flags: 3,
        name: "n".into(),
        kind: 4,
        start_time_unix_nano: 5,
        end_time_unix_nano: 6,
        attributes: k(),
        dropped_attributes_count: 7,
        events: vec![Event {
            time_unix_nano: 8,
            name: "e".into(),
            attributes: k(),
            dropped_attributes_count: 9,
        }],
        dropped_events_count: 10,
        links: vec![Link {
            trace_id: t(),
            span_id: vec![3; 8],
            trace_state: "c=d".into(),
            attributes: k(),
            dropped_attributes_count: 11,
            flags: 12,
        }],
        dropped_links_count: 13,
        status: Some(Status { message: "m".into(), code: 2 }),
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: resource(),
            scope_spans: vec![ScopeSpans { scope: scope(), spans: vec![span], schema_url: "s2".into() }],
            schema_url: "s1".into(),
        }],
    };
    assert_eq!(traces(&json), request);
    assert_eq!(encode(&Pdata::from_traces(request)), json);
}

#[test]
fn logs_have_every_key_and_values_every_kind() {
    let json = format!(
        concat!(
            r#"{{"resourceLogs":[{{"resource":{resource},"scopeLogs":[{{"scope":{scope},"logRecords":[{{"#,
            r#""timeUnixNano":"1","observedTimeUnixNano":"2","severityNumber":9,"severityText":"Info","#,
            r#""body":{{"kvlistValue":{{"values":[{{"key":"s","value":{{"stringValue":"x"}}}},"#,
            r#"{{"key":"b","value":{{"boolValue":false}}}},{{"key":"i","value":{{"intValue":"-3"}}}},"#,
            r#"{{"key":"d","value":{{"doubleValue":1.5}}}},"#,
            r#"{{"key":"a","value":{{"arrayValue":{{"values":[{{}},{{"stringValue":""}}]}}}}}},"#,
            r#"{{"key":"y","value":{{"bytesValue":"AQID"}}}}]}}}},"#,
            r#""attributes":{k},"droppedAttributesCount":4,"flags":5,"traceId":"{t}","#,
            r#""spanId":"0101010101010101","eventName":"ev"}}],"schemaUrl":"s2"}}],"schemaUrl":"s1"}}]}}"#
        ),
        resource = RESOURCE,
        scope = SCOPE,
        t = T,
        k = K
    );
    let body = Value::KvlistValue(KeyValueList {
        values: vec![
            kv("s", Value::StringValue("x".into())),
            kv("b", Value::BoolValue(false)),
            kv("i", Value::IntValue(-3)),
            kv("d", Value::DoubleValue(1.5)),
            kv(
                "a",
                Value::ArrayValue(ArrayValue {
                    values: vec![AnyValue::default(), any(Value::StringValue(String::new()))],
                }),
            ),
            kv("y", Value::BytesValue(vec![1, 2, 3])),
        ],
    });
    let record = LogRecord {
        time_unix_nano: 1,
        observed_time_unix_nano: 2,
        severity_number: 9,
        severity_text: "Info".into(),
        body: Some(any(body)),
        attributes: k(),
        dropped_attributes_count: 4,
        flags: 5,
        trace_id: t(),
        span_id: vec![1; 8],
        event_name: "ev".into(),
    };
    let request = ExportLogsServiceRequest {
        resource_logs: vec![ResourceLogs {
            resource: resource(),
            scope_logs: vec![ScopeLogs {
                scope: scope(),
                log_records: vec![record],
                schema_url: "s2".into(),
            }],
            schema_url: "s1".into(),
        }],
    };
    assert_eq!(logs(&json), request);
    assert_eq!(encode(&Pdata::from_logs(request)), json);
}

#[test]
fn metrics_have_every_key() {
    let number = concat!(
        r#"{"attributes":[{"key":"k","value":{"boolValue":true}}],"startTimeUnixNano":"1","timeUnixNano":"2","#,
        r#""asDouble":3.5,"exemplars":[{"filteredAttributes":[{"key":"k","value":{"boolValue":true}}],"#,
        r#""timeUnixNano":"4","asInt":"-5","spanId":"0101010101010101","#,
        r#""traceId":"000102030405060708090a0b0c0d0e0f"}],"flags":1}"#
    );
    let number_struct = || NumberDataPoint {
        attributes: k(),
        start_time_unix_nano: 1,
        time_unix_nano: 2,
        exemplars: vec![Exemplar {
            filtered_attributes: k(),
            time_unix_nano: 4,
            span_id: vec![1; 8],
            trace_id: t(),
            value: Some(exemplar::Value::AsInt(-5)),
        }],
        flags: 1,
        value: Some(number_data_point::Value::AsDouble(3.5)),
    };
    let kinds = [
        (
            format!(r#""gauge":{{"dataPoints":[{number}]}}"#),
            metric::Data::Gauge(Gauge { data_points: vec![number_struct()] }),
        ),
        (
            format!(r#""sum":{{"dataPoints":[{number}],"aggregationTemporality":1,"isMonotonic":true}}"#),
            metric::Data::Sum(Sum {
                data_points: vec![number_struct()],
                aggregation_temporality: 1,
                is_monotonic: true,
            }),
        ),
        (
            format!(
                concat!(
                    r#""histogram":{{"dataPoints":[{{"attributes":{k},"startTimeUnixNano":"1","timeUnixNano":"2","#,
                    r#""count":"3","sum":4.5,"bucketCounts":["5","6"],"explicitBounds":[7.5],"#,
                    r#""exemplars":[{{"asDouble":8.5}}],"flags":9,"min":10.5,"max":11.5}}],"#,
                    r#""aggregationTemporality":2}}"#
                ),
                k = K
            ),
            metric::Data::Histogram(Histogram {
                data_points: vec![HistogramDataPoint {
                    attributes: k(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: Some(4.5),
                    bucket_counts: vec![5, 6],
                    explicit_bounds: vec![7.5],
                    exemplars: vec![Exemplar {
                        value: Some(exemplar::Value::AsDouble(8.5)),
                        ..Default::default()
                    }],
                    flags: 9,
                    min: Some(10.5),
                    max: Some(11.5),
                }],
                aggregation_temporality: 2,
            }),
        ),
        (
            format!(
                concat!(
                    r#""exponentialHistogram":{{"dataPoints":[{{"attributes":{k},"startTimeUnixNano":"1","#,
                    r#""timeUnixNano":"2","count":"3","sum":4.5,"scale":-5,"zeroCount":"6","#,
                    r#""positive":{{"offset":7,"bucketCounts":["8","300"]}},"#,
                    r#""negative":{{"offset":-9,"bucketCounts":["10"]}},"flags":11,"#,
                    r#""exemplars":[{{"asInt":"12"}}],"min":13.5,"max":14.5,"zeroThreshold":15.5}}],"#,
                    r#""aggregationTemporality":1}}"#
                ),
                k = K
            ),
            metric::Data::ExponentialHistogram(ExponentialHistogram {
                data_points: vec![ExponentialHistogramDataPoint {
                    attributes: k(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: Some(4.5),
                    scale: -5,
                    zero_count: 6,
                    positive: Some(Buckets { offset: 7, bucket_counts: vec![8, 300] }),
                    negative: Some(Buckets { offset: -9, bucket_counts: vec![10] }),
                    flags: 11,
                    exemplars: vec![Exemplar {
                        value: Some(exemplar::Value::AsInt(12)),
                        ..Default::default()
                    }],
                    min: Some(13.5),
                    max: Some(14.5),
                    zero_threshold: 15.5,
                }],
                aggregation_temporality: 1,
            }),
        ),
        (
            format!(
                concat!(
                    r#""summary":{{"dataPoints":[{{"attributes":{k},"startTimeUnixNano":"1","timeUnixNano":"2","#,
                    r#""count":"3","sum":4.5,"quantileValues":[{{"quantile":0.5,"value":6.5}}],"flags":7}}]}}"#
                ),
                k = K
            ),
            metric::Data::Summary(Summary {
                data_points: vec![SummaryDataPoint {
                    attributes: k(),
                    start_time_unix_nano: 1,
                    time_unix_nano: 2,
                    count: 3,
                    sum: 4.5,
                    quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 6.5 }],
                    flags: 7,
                }],
            }),
        ),
    ];
    for (data_json, data) in kinds {
        let json = format!(
            concat!(
                r#"{{"resourceMetrics":[{{"resource":{resource},"scopeMetrics":[{{"scope":{scope},"metrics":[{{"#,
                r#""name":"n","description":"d","unit":"u",{data},"metadata":{k}}}],"schemaUrl":"s2"}}],"#,
                r#""schemaUrl":"s1"}}]}}"#
            ),
            resource = RESOURCE,
            scope = SCOPE,
            data = data_json,
            k = K
        );
        let metric = Metric {
            name: "n".into(),
            description: "d".into(),
            unit: "u".into(),
            metadata: k(),
            data: Some(data),
        };
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: resource(),
                scope_metrics: vec![ScopeMetrics {
                    scope: scope(),
                    metrics: vec![metric],
                    schema_url: "s2".into(),
                }],
                schema_url: "s1".into(),
            }],
        };
        assert_eq!(metrics(&json), request);
        assert_eq!(encode(&Pdata::from_metrics(request)), json);
    }
}
