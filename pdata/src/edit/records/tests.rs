use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::decoded::Structs;
use crate::edit::tests::{Op, apply, apply_to_list, is_edited, ops};
use crate::otlp::Message;
use crate::otlp::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value::Value};
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::resource::v1::Resource;
use crate::testing::{as_structs, decode, pdata};
use crate::view::SpanView;
use crate::walk::walk;

/// Applies the operations to every record.
struct Ops<'a>(&'a [Op]);

impl RecordEditor for Ops<'_> {
    fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
        apply(self.0, attributes);
    }
}

/// The attributes of all records of a request.
fn lists(structs: &mut Structs) -> Vec<&mut Vec<KeyValue>> {
    match structs {
        Structs::Traces(request) => {
            let scopes = request.resource_spans.iter_mut().flat_map(|resource| &mut resource.scope_spans);
            scopes.flat_map(|scope| &mut scope.spans).map(|span| &mut span.attributes).collect()
        }
        Structs::Logs(request) => {
            let scopes = request.resource_logs.iter_mut().flat_map(|resource| &mut resource.scope_logs);
            scopes.flat_map(|scope| &mut scope.log_records).map(|record| &mut record.attributes).collect()
        }
        Structs::Metrics(request) => {
            let scopes = request.resource_metrics.iter_mut().flat_map(|resource| &mut resource.scope_metrics);
            let data = scopes.flat_map(|scope| &mut scope.metrics).filter_map(|metric| metric.data.as_mut());
            data.flat_map(points).collect()
        }
    }
}

fn points(data: &mut Data) -> Vec<&mut Vec<KeyValue>> {
    match data {
        Data::Gauge(data) => data.data_points.iter_mut().map(|point| &mut point.attributes).collect(),
        Data::Sum(data) => data.data_points.iter_mut().map(|point| &mut point.attributes).collect(),
        Data::Histogram(data) => data.data_points.iter_mut().map(|point| &mut point.attributes).collect(),
        Data::ExponentialHistogram(data) => {
            data.data_points.iter_mut().map(|point| &mut point.attributes).collect()
        }
        Data::Summary(data) => data.data_points.iter_mut().map(|point| &mut point.attributes).collect(),
    }
}

proptest! {
    #[test]
    fn edits_on_the_wire_equal_edits_on_structs(
        signal in proptest::sample::select(&Signal::ALL[..]),
        seeds in vec(any::<u64>(), 1..4),
        ops in ops(),
    ) {
        let whole = pdata(signal, &seeds);
        let mut expected = decode(signal, &whole.wire().concat()).unwrap();
        lists(&mut expected).into_iter().for_each(|list| { apply_to_list(&ops, list); });

        for mut data in [whole.clone(), as_structs(&whole)] {
            data.edit_records(Room::unlimited(), &mut Ops(&ops)).unwrap();
            is_edited(&data, &expected, whole.items())?;
        }
    }
}

#[test]
fn bytes_are_not_touched_where_nothing_is_edited() {
    let whole = pdata(Signal::Logs, &[7, 8]);
    let mut same = whole.clone();
    same.edit_records(Room::unlimited(), &mut Ops(&[Op::Update("absent".into(), 1)])).unwrap();
    assert!(same.wire().iter().zip(whole.wire()).all(|(one, other)| one.as_ptr() == other.as_ptr()));
}

/// A message as field `number`, with a field that nobody knows before and behind its own.
fn strange(number: u32, message: &impl Message, children: &[u8]) -> Vec<u8> {
    let body = message.encode_to_vec();
    let mut out = Vec::new();
    out.put_message_field(number, 0, |out| {
        out.put_varint_field(900, number.into());
        out.extend_from_slice(&body);
        out.extend_from_slice(children);
        out.put_bytes_field(901, b"unknown");
    });
    out
}

#[test]
fn fields_that_nobody_knows_stay_where_they_are() {
    use crate::otlp::trace::v1::Span;
    let old = KeyValue { key: "old".into(), value: Some(AnyValue::default()), ..KeyValue::default() };
    let span = Span { name: "span".into(), ..Span::default() };
    let pair = strange(9, &old, &[]);
    let span = strange(2, &span, &pair);
    let scope = strange(1, &InstrumentationScope::default(), &[]);
    let spans = strange(2, &Resource::default(), &[scope, span].concat());
    let resource = strange(1, &Resource::default(), &[]);
    let request = strange(1, &Resource::default(), &[resource, spans].concat());
    assert!(!walk(Signal::Traces, &request, 64).unwrap().odd);

    let mut data = crate::testing::admit(Signal::Traces, request.clone().into());
    data.edit_records(Room::unlimited(), &mut Ops(&[Op::Insert("new".into(), 5)])).unwrap();
    let edited = data.wire().concat();
    let count = |bytes: &[u8]| bytes.windows(7).filter(|window| *window == b"unknown").count();
    assert_eq!((count(&request), count(&edited)), (6, 6));
    data.edit_records(Room::unlimited(), &mut Ops(&[Op::Delete("new".into())])).unwrap();
    assert_eq!(data.wire().concat(), request, "the edit and its undoing leave every byte");
}

#[test]
fn what_is_not_looked_at_stays() {
    struct Nth<'a>(&'a str, usize);
    impl Nth<'_> {
        fn next(&mut self, level: &str) -> bool {
            self.1 += usize::from(self.0 == level);
            self.0 != level || self.1 % 2 == 1
        }
    }
    impl RecordEditor for Nth<'_> {
        fn resource(&mut self, _: &ResourceView<'_>) -> bool {
            self.next("resource")
        }
        fn scope(&mut self, _: &ScopeView<'_>) -> bool {
            self.next("scope")
        }
        fn metric(&mut self, _: Text<'_>) -> bool {
            self.next("metric")
        }
        fn record(&mut self, _: &[u8], attributes: &mut AttributesEdit<'_>) {
            attributes.insert("edited", true);
        }
    }
    let all = pdata(Signal::Metrics, &[1, 2, 3, 4, 5]);
    let edited = |level| {
        let mut data = all.clone();
        data.edit_records(Room::unlimited(), &mut Nth(level, 0)).unwrap();
        let mut structs = decode(Signal::Metrics, &data.wire().concat()).unwrap();
        lists(&mut structs).iter().filter(|list| list.iter().any(|each| each.key == "edited")).count()
    };
    assert_eq!(edited(""), all.items());
    for level in ["resource", "scope", "metric"] {
        assert!((1..all.items()).contains(&edited(level)), "{level}");
    }
}

#[test]
fn the_editor_sees_the_record_and_an_attribute_encoded_before_is_put_in_each() {
    struct Named(crate::EncodedAttribute);
    impl RecordEditor for Named {
        fn record(&mut self, message: &[u8], attributes: &mut AttributesEdit<'_>) {
            if !SpanView::from_wire(message).name.is_empty() {
                attributes.put(&self.0, attributes.find("named"));
                attributes.put(&self.0, attributes.find("named"));
            }
        }
    }
    let mut data = pdata(Signal::Traces, &[3, 4, 5, 6]);
    data.edit_records(Room::unlimited(), &mut Named(crate::EncodedAttribute::new("named", "yes"))).unwrap();
    let yes = Some(AnyValue { value: Some(Value::StringValue("yes".into())) });
    let spans = data.traces_mut().resource_spans.iter().flat_map(|r| &r.scope_spans).flat_map(|s| &s.spans);
    let mut named = 0;
    for span in spans {
        let is_named = span.attributes.iter().any(|each| each.key == "named" && each.value == yes);
        assert_eq!(is_named, !span.name.is_empty());
        named += usize::from(is_named);
    }
    assert!(named > 0);
}

#[test]
fn very_many_attributes_take_time_in_proportion() {
    use crate::otlp::ExportLogsServiceRequest;
    use crate::otlp::logs::v1::{LogRecord, ResourceLogs, ScopeLogs};
    let many = 200_000;
    let attributes = vec![KeyValue { key: "same".into(), ..KeyValue::default() }; many];
    let log_records = vec![LogRecord { attributes, ..LogRecord::default() }];
    let scope_logs = vec![ScopeLogs { log_records, ..ScopeLogs::default() }];
    let resource_logs = vec![ResourceLogs { scope_logs, ..ResourceLogs::default() }];
    let all = Pdata::from_logs(ExportLogsServiceRequest { resource_logs });
    // Quadratic time would be minutes.
    for (ops, left) in [
        (vec![Op::SetWhere(4, 1), Op::DeleteWhere(5)], many),
        (vec![Op::DeleteWhere(4)], 0),
        (vec![Op::Upsert("same".into(), 1), Op::Copy("same".into(), "other".into())], 2),
        (vec![Op::Delete("same".into())], 0),
    ] {
        let mut data = all.clone();
        data.edit_records(Room::unlimited(), &mut Ops(&ops)).unwrap();
        assert_eq!(data.logs_mut().resource_logs[0].scope_logs[0].log_records[0].attributes.len(), left);
    }
}
