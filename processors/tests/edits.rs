//! `attributes` and `resource`, from YAML to edited data.
#![cfg(all(feature = "attributes-processor", feature = "resource-processor"))]
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "test code")]

#[path = "edits/actions.rs"]
mod actions;
#[path = "edits/selection.rs"]
mod selection;

use sluice_component::{
    Context, Kind, Processor, Registry,
    testkit::{Recorder, build_cx, process},
};
use sluice_config::{Node, Problems};
use sluice_pdata::{
    Pdata,
    otlp::common::v1::{AnyValue, ArrayValue, KeyValue, any_value::Value},
};
use sluice_processors::{attributes, resource};

/// Runs the processor `type_` with the settings `yaml` on `data`.
fn edited(type_: &str, yaml: &str, cx: &Context, mut data: Pdata) -> Pdata {
    let registry = Registry::empty().processor::<attributes::Factory>().processor::<resource::Factory>();
    let factory = registry.processors.get(type_).unwrap();
    let (node, mut problems) = (Node::from_yaml("test.yaml", yaml).unwrap(), Problems::new());
    let parsed = factory.parse(&node, type_, &mut problems);
    assert!(!problems.has_errors(), "{problems}");
    let cx_of_build = build_cx(&process(), Kind::Processor, type_, data.signal());
    let items = data.items();
    match factory.build(&parsed.unwrap(), cx_of_build, Recorder::new()).unwrap() {
        Processor::Transform(transform) => transform.apply(cx, &mut data).unwrap(),
        Processor::Stage(_) => panic!("a transform"),
    };
    assert_eq!(data.items(), items);
    data
}

fn attribute(key: &str, value: impl Into<Option<Value>>) -> KeyValue {
    KeyValue { key: key.into(), value: Some(AnyValue { value: value.into() }), ..KeyValue::default() }
}

fn text(text: &str) -> Value {
    Value::StringValue(text.into())
}

fn list(values: impl IntoIterator<Item = Value>) -> Value {
    let values = values.into_iter().map(|value| AnyValue { value: Some(value) }).collect();
    Value::ArrayValue(ArrayValue { values })
}
