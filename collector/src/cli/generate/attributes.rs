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

/// Adds an attribute, in place of the one that has its key.
pub(super) fn set(attributes: &mut Vec<KeyValue>, attribute: KeyValue) {
    attributes.retain(|own| own.key != attribute.key);
    attributes.push(attribute);
}

/// `--attribute` and `--attributes`.
#[derive(Debug, Clone)]
pub(super) struct Extra {
    given: Vec<KeyValue>,
    made_up: Vec<String>,
}

impl Extra {
    pub(super) fn new(options: &Generate) -> Self {
        let mut given = Vec::new();
        options.attribute.iter().for_each(|(key, value)| set(&mut given, text(key, value)));
        let made_up = (1..=options.attributes).map(|n| format!("attribute.{n}"));
        let made_up = made_up.filter(|key| given.iter().all(|given| given.key != *key)).collect();
        Self { given, made_up }
    }

    /// Adds them to one item's. The same random numbers make the same values.
    pub(super) fn add(&self, rng: &mut StdRng, to: &mut Vec<KeyValue>) {
        self.given.iter().for_each(|given| set(to, given.clone()));
        let made_up = self.made_up.iter();
        to.extend(made_up.map(|key| text(key, format!("value {}", rng.random_range(0..VALUES)))));
    }
}
