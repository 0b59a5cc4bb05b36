//! What detectors find.

use sluice_pdata::{
    EncodedAttribute,
    otlp::common::v1::{AnyValue, ArrayValue, any_value},
};

/// An attribute's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Texts(Vec<String>),
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Attributes in the order in which they are added.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Attributes(Vec<(String, Value)>);

impl Attributes {
    /// Adds an attribute, unless an earlier one has its key.
    pub(super) fn add(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        let key = key.into();
        if !self.0.iter().any(|(known, _)| *known == key) {
            self.0.push((key, value.into()));
        }
    }

    /// Adds an attribute that may have no value.
    pub(super) fn add_if(&mut self, key: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.add(key, value);
        }
    }

    /// Adds those of a detector that comes later.
    pub(super) fn merge(&mut self, later: Self) {
        later.0.into_iter().for_each(|(key, value)| self.add(key, value));
    }

    pub(super) fn keep(&mut self, keep: impl Fn(&str) -> bool) {
        self.0.retain(|(key, _)| keep(key));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(key, _)| key.as_str())
    }

    #[cfg(test)]
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Encoded once, for all resources to come.
    pub(super) fn encode(&self) -> Vec<(String, EncodedAttribute)> {
        self.0.iter().map(|(key, value)| (key.clone(), encoded(key, value))).collect()
    }
}

fn encoded(key: &str, value: &Value) -> EncodedAttribute {
    let any = |value| AnyValue { value: Some(value) };
    match value {
        Value::Text(text) => EncodedAttribute::new(key, text.as_str()),
        Value::Int(number) => EncodedAttribute::new(key, *number),
        Value::Texts(texts) => {
            let values = texts.iter().map(|text| any(any_value::Value::StringValue(text.clone()))).collect();
            EncodedAttribute::new(key, &any(any_value::Value::ArrayValue(ArrayValue { values })))
        }
    }
}
