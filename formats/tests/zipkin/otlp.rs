//! OTLP, read by prost, in a form that is easy to compare.

use std::collections::BTreeMap;

use sluice_formats::zipkin::Options;
use sluice_formats::{Malformed, Translated};
use sluice_pdata::otlp::common::v1::any_value::Value;
use sluice_pdata::otlp::common::v1::{AnyValue, KeyValue};
use sluice_pdata::otlp::trace::v1::Span;
use sluice_pdata::otlp::{ExportTraceServiceRequest, Message};
use sluice_pdata::{Limits, Pdata, Signal};

/// One span and what it belongs to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Flat {
    pub(crate) resource: BTreeMap<String, String>,
    pub(crate) scope: (String, String),
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) span: Span,
}

/// Every span of the request, in order. The request must be one that needs no repair.
pub(crate) fn flat(translated: &Translated) -> Vec<Flat> {
    let (data, repairs) =
        Pdata::from_wire(Signal::Traces, translated.wire.clone(), &Limits::default()).unwrap();
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(data.items(), translated.items);
    let request = ExportTraceServiceRequest::decode(&translated.wire[..]).unwrap();
    let mut flat = Vec::new();
    for resource in request.resource_spans {
        let attributes = texts(&resource.resource.unwrap_or_default().attributes);
        for scope in resource.scope_spans {
            let info = scope.scope.unwrap_or_default();
            for span in scope.spans {
                flat.push(Flat {
                    resource: attributes.clone(),
                    scope: (info.name.clone(), info.version.clone()),
                    attributes: texts(&span.attributes),
                    span,
                });
            }
        }
    }
    flat
}

/// Attributes with the type of each value in front of it. Panics if a key is there twice.
pub(crate) fn texts(attributes: &[KeyValue]) -> BTreeMap<String, String> {
    let map: BTreeMap<_, _> =
        attributes.iter().map(|attribute| (attribute.key.clone(), text(attribute.value.as_ref()))).collect();
    assert_eq!(map.len(), attributes.len(), "a key is there twice: {attributes:?}");
    map
}

fn text(value: Option<&AnyValue>) -> String {
    match value.unwrap().value.as_ref().unwrap() {
        Value::StringValue(text) => text.clone(),
        Value::BoolValue(v) => format!("bool:{v}"),
        Value::IntValue(v) => format!("int:{v}"),
        Value::DoubleValue(v) => format!("double:{v}"),
        other => panic!("Zipkin has no {other:?}"),
    }
}

/// Attributes as [`texts`] shows them.
pub(crate) fn map<const N: usize>(pairs: [(&str, &str); N]) -> BTreeMap<String, String> {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

pub(crate) type Decode = fn(&[u8], &Options, &Limits) -> Result<Translated, Malformed>;

/// What `decode` makes of a body that has one span, which is good.
pub(crate) fn one(decode: Decode, body: &[u8], options: &Options) -> Flat {
    let translated = decode(body, options, &Limits::default())
        .unwrap_or_else(|error| panic!("{}: {error}", String::from_utf8_lossy(body)));
    assert!(translated.rejected.is_empty(), "{}: {:?}", String::from_utf8_lossy(body), translated.rejected);
    let mut flat = flat(&translated);
    assert_eq!(flat.len(), 1);
    flat.remove(0)
}
