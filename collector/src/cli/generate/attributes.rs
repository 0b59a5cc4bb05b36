//! Attributes, and those that the command line adds to each item.

use rand::{Rng, rngs::StdRng};
use sluice_pdata::otlp::common::v1::{AnyValue, KeyValue, any_value::Value};

use crate::cli::args::Generate;

/// Different values of each made-up attribute.
const VALUES: u32 = 100;

pub(super) fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, Value::StringValue(value.into()))
}

pub(super) fn int(key: &str, value: i64) -> KeyValue {
    attribute(key, Value::IntValue(value))
}

pub(super) fn any(value: impl Into<String>) -> Option<AnyValue> {
    Some(AnyValue { value: Some(Value::StringValue(value.into())) })
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue { key: key.to_owned(), value: Some(AnyValue { value: Some(value) }), ..KeyValue::default() }
}

/// `--attribute` and `--attributes`.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    given: Vec<KeyValue>,
    made_up: Vec<String>,
}

impl Extra {
    pub(super) fn new(options: &Generate) -> Self {
        let given = options.attribute.iter().map(|(key, value)| text(key, value)).collect();
        let made_up = (1..=options.attributes).map(|n| format!("attribute.{n}")).collect();
        Self { given, made_up }
    }

    /// Adds them to one item's.
    pub(super) fn add(&self, rng: &mut StdRng, to: &mut Vec<KeyValue>) {
        to.extend(self.given.iter().cloned());
        let made_up = self.made_up.iter();
        to.extend(made_up.map(|key| text(key, format!("value {}", rng.random_range(0..VALUES)))));
    }
}
