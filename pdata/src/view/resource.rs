//! What a record belongs to: its resource and its instrumentation scope.

use super::fields::Fields;
use super::{Attributes, List, Text, View};
use crate::otlp::common::v1 as common;
use crate::otlp::resource::v1 as resource;

/// Who produced the telemetry. An absent resource reads as an empty one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ResourceView<'a> {
    /// What identifies and describes the producer.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
    /// The entities that the attributes speak of.
    pub entity_refs: List<'a, EntityRefView<'a>>,
}

impl<'a> View<'a> for ResourceView<'a> {
    type Struct = resource::Resource;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.attributes.push(field),
                2 => view.dropped_attributes_count = field.u32(),
                3 => view.entity_refs.push(field),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a resource::Resource) -> Self {
        Self {
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
            entity_refs: List::decoded(&message.entity_refs),
        }
    }
}

/// One entity: which of the resource's attributes identify it and which describe it.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct EntityRefView<'a> {
    /// Schema of the entity's type.
    pub schema_url: Text<'a>,
    /// For example `service` or `host`.
    pub r#type: Text<'a>,
    /// Attribute keys that identify the entity.
    pub id_keys: List<'a, Text<'a>>,
    /// Attribute keys that describe it.
    pub description_keys: List<'a, Text<'a>>,
}

impl<'a> View<'a> for EntityRefView<'a> {
    type Struct = common::EntityRef;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.schema_url = field.text(),
                2 => view.r#type = field.text(),
                3 => view.id_keys.push(field),
                4 => view.description_keys.push(field),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a common::EntityRef) -> Self {
        Self {
            schema_url: message.schema_url.as_str().into(),
            r#type: message.r#type.as_str().into(),
            id_keys: List::decoded(&message.id_keys),
            description_keys: List::decoded(&message.description_keys),
        }
    }
}

/// The instrumentation that produced a record. An absent scope reads as an empty one.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ScopeView<'a> {
    /// Name of the library or module.
    pub name: Text<'a>,
    /// Its version.
    pub version: Text<'a>,
    /// Its attributes.
    pub attributes: Attributes<'a>,
    /// How many attributes the producer left out.
    pub dropped_attributes_count: u32,
}

impl<'a> View<'a> for ScopeView<'a> {
    type Struct = common::InstrumentationScope;

    fn from_wire(message: &'a [u8]) -> Self {
        let mut view = Self::default();
        for field in Fields::new(message) {
            match field.number {
                1 => view.name = field.text(),
                2 => view.version = field.text(),
                3 => view.attributes.push(field),
                4 => view.dropped_attributes_count = field.u32(),
                _ => {}
            }
        }
        view
    }

    fn from_struct(message: &'a common::InstrumentationScope) -> Self {
        Self {
            name: message.name.as_str().into(),
            version: message.version.as_str().into(),
            attributes: Attributes::decoded(&message.attributes),
            dropped_attributes_count: message.dropped_attributes_count,
        }
    }
}
