//! The serde `Serializer` that builds [`Node`]s.

use std::fmt;

use serde::ser::{self, Serialize};

use crate::node::{Entry, Node, Value};
use crate::ours;

/// Builds one node.
pub(super) struct Ser;

/// What a type said instead of serializing.
#[derive(Debug)]
pub(super) struct Error(String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

impl ser::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

fn node(value: Value) -> Result<Node, Error> {
    Ok(Node::new(value))
}

/// `{variant: value}`
fn variant(name: &str, value: Node) -> Node {
    Node::new(Value::Map(vec![entry(name, value)]))
}

fn entry(key: &str, value: Node) -> Entry {
    Entry { key: key.into(), key_span: None, value }
}

impl ser::Serializer for Ser {
    type Ok = Node;
    type Error = Error;
    type SerializeSeq = Seq;
    type SerializeTuple = Seq;
    type SerializeTupleStruct = Seq;
    type SerializeTupleVariant = Seq;
    type SerializeMap = Map;
    type SerializeStruct = Map;
    type SerializeStructVariant = Map;

    fn serialize_bool(self, v: bool) -> Result<Node, Error> {
        node(Value::Bool(v))
    }

    fn serialize_i8(self, v: i8) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_i16(self, v: i16) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_i32(self, v: i32) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_i64(self, v: i64) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_i128(self, v: i128) -> Result<Node, Error> {
        node(Value::Int(v))
    }

    fn serialize_u8(self, v: u8) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_u16(self, v: u16) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_u32(self, v: u32) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_u64(self, v: u64) -> Result<Node, Error> {
        node(Value::Int(v.into()))
    }

    fn serialize_f32(self, v: f32) -> Result<Node, Error> {
        node(Value::Float(v.into()))
    }

    fn serialize_f64(self, v: f64) -> Result<Node, Error> {
        node(Value::Float(v))
    }

    fn serialize_char(self, v: char) -> Result<Node, Error> {
        node(Value::String(v.to_string().into()))
    }

    fn serialize_str(self, v: &str) -> Result<Node, Error> {
        Ok(Node::from(v))
    }

    fn serialize_bytes(self, v: &[u8]) -> Result<Node, Error> {
        Ok(Node::from(&*String::from_utf8_lossy(v)))
    }

    fn serialize_none(self) -> Result<Node, Error> {
        node(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, v: &T) -> Result<Node, Error> {
        v.serialize(self)
    }

    fn serialize_unit(self) -> Result<Node, Error> {
        node(Value::Null)
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Node, Error> {
        node(Value::Null)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, name: &'static str) -> Result<Node, Error> {
        Ok(Node::from(name))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        v: &T,
    ) -> Result<Node, Error> {
        let written = v.serialize(Ser)?;
        match (name, written.value) {
            (ours::NODE, _) => Ok(ours::take_node().unwrap_or_default()),
            // A section says whether it is on, then its value.
            (ours::SECTION, Value::Seq(parts)) => {
                let mut parts = parts.into_iter();
                let on = parts.next() == Some(Node::new(Value::Bool(true)));
                let mut value = parts.next().unwrap_or_default();
                value.off = !on;
                Ok(value)
            }
            (_, value) => Ok(Node { value, ..written }),
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        v: &T,
    ) -> Result<Node, Error> {
        Ok(variant(name, v.serialize(Ser)?))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Seq, Error> {
        Ok(Seq::default())
    }

    fn serialize_tuple(self, _: usize) -> Result<Seq, Error> {
        Ok(Seq::default())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Seq, Error> {
        Ok(Seq::default())
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Seq, Error> {
        Ok(Seq { variant: Some(name), ..Seq::default() })
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Map, Error> {
        Ok(Map::default())
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Map, Error> {
        Ok(Map::default())
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        name: &'static str,
        _: usize,
    ) -> Result<Map, Error> {
        Ok(Map { variant: Some(name), ..Map::default() })
    }
}

/// A list under construction.
#[derive(Default)]
pub(super) struct Seq {
    items: Vec<Node>,
    variant: Option<&'static str>,
}

impl Seq {
    fn push<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), Error> {
        self.items.push(v.serialize(Ser)?);
        Ok(())
    }

    fn finish(self) -> Node {
        let list = Node::new(Value::Seq(self.items));
        match self.variant {
            Some(name) => variant(name, list),
            None => list,
        }
    }
}

/// A section under construction.
#[derive(Default)]
pub(super) struct Map {
    entries: Vec<Entry>,
    key: Option<String>,
    variant: Option<&'static str>,
}

impl Map {
    fn field<T: Serialize + ?Sized>(&mut self, key: &str, v: &T) -> Result<(), Error> {
        let value = v.serialize(Ser)?;
        match value.value {
            // A squashed field: its keys are those of the section around it.
            Value::Map(entries) if key.starts_with("..") => self.entries.extend(entries),
            Value::Null if key.starts_with("..") => {}
            _ => self.entries.push(entry(key, value)),
        }
        Ok(())
    }

    fn finish(self) -> Node {
        let map = Node::new(Value::Map(self.entries));
        match self.variant {
            Some(name) => variant(name, map),
            None => map,
        }
    }
}

impl ser::SerializeMap for Map {
    type Ok = Node;
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Error> {
        self.key = Some(match key.serialize(Ser)?.value {
            Value::String(text) => text.into(),
            Value::Int(n) => n.to_string(),
            Value::Bool(b) => b.to_string(),
            _ => return Err(Error("a key must be a scalar".to_owned())),
        });
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Error> {
        let key = self.key.take().unwrap_or_default();
        self.entries.push(entry(&key, value.serialize(Ser)?));
        Ok(())
    }

    fn end(self) -> Result<Node, Error> {
        Ok(self.finish())
    }
}

macro_rules! structs {
    ($($trait:ident)*) => {$(
        impl ser::$trait for Map {
            type Ok = Node;
            type Error = Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, v: &T) -> Result<(), Error> {
                self.field(key, v)
            }

            fn end(self) -> Result<Node, Error> {
                Ok(self.finish())
            }
        }
    )*};
}

structs! { SerializeStruct SerializeStructVariant }

macro_rules! lists {
    ($($trait:ident $method:ident)*) => {$(
        impl ser::$trait for Seq {
            type Ok = Node;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, v: &T) -> Result<(), Error> {
                self.push(v)
            }

            fn end(self) -> Result<Node, Error> {
                Ok(self.finish())
            }
        }
    )*};
}

lists! {
    SerializeSeq serialize_element
    SerializeTuple serialize_element
    SerializeTupleStruct serialize_field
    SerializeTupleVariant serialize_field
}
