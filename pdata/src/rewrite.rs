//! Makes a canonical copy of a request that the walk accepted but found odd.
//!
//! Protobuf defines what odd input means: the last scalar wins, singular messages are merged, which is the same as
//! reading their bodies one after the other, and the last member of a oneof wins. So a message is rewritten from a
//! list of *parts*, the bodies of all its occurrences; nothing is copied before it is written. On the way strings
//! are repaired, values nested too deeply are cut and items with bad ids are left out. Unknown fields stay.
//!
//! Memory: the copy, at most three times the input if all of it is invalid UTF-8, and one slice for each part.
//! Recursion ends at the depth that the walk has checked.

#[cfg(test)]
pub(crate) mod tests;

use smallvec::SmallVec;

use crate::limits::Repairs;
use crate::otlp::common::v1::*;
use crate::otlp::logs::v1::*;
use crate::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
use crate::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
use crate::otlp::metrics::v1::*;
use crate::otlp::resource::v1::Resource;
use crate::otlp::trace::v1::span::{Event, Link};
use crate::otlp::trace::v1::*;
use crate::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use crate::schema::schema;
use crate::signal::Signal;
use crate::wire::{Field, Value, Write, fields};

/// The canonical form of `request` and what had to be repaired.
pub(crate) fn rewrite(signal: Signal, request: &[u8], max_depth: u32) -> (Vec<u8>, Repairs) {
    let table = match signal {
        Signal::Traces => ExportTraceServiceRequest::table(),
        Signal::Metrics => ExportMetricsServiceRequest::table(),
        Signal::Logs => ExportLogsServiceRequest::table(),
    };
    let mut rewrite = Rewrite { max_depth, repairs: Repairs::default() };
    let mut out = Vec::with_capacity(request.len());
    // Whatever could be cut was caught further down.
    let _whole: Result<(), Cut> = rewrite.message(table, &[request], 0, &mut out);
    (out, rewrite.repairs)
}

/// One message of the schema, as data.
struct Table {
    role: Role,
    fields: &'static [Entry],
}

#[derive(PartialEq)]
enum Role {
    Envelope,
    Item,
    Part,
    Level,
}

struct Entry {
    number: u32,
    shape: Shape,
    oneof: bool,
}

/// See `schema` for what each means.
#[derive(Clone, Copy)]
enum Shape {
    Scalar,
    String,
    Strings,
    Id(usize),
    Packed(Scalar),
    One(fn() -> &'static Table),
    Leading(fn() -> &'static Table),
    Many(fn() -> &'static Table),
    Attributes,
    Body,
}

#[derive(Clone, Copy)]
enum Scalar {
    Varint,
    Fixed64,
}

trait Tabled {
    fn table() -> &'static Table;
}

macro_rules! role {
    (envelope) => {
        Role::Envelope
    };
    (item) => {
        Role::Item
    };
    (part) => {
        Role::Part
    };
    (pair) => {
        Role::Part
    };
    (level) => {
        Role::Level
    };
}

macro_rules! scalar {
    (varint) => {
        Scalar::Varint
    };
    (fixed64) => {
        Scalar::Fixed64
    };
}

macro_rules! shape {
    (string) => {
        Shape::String
    };
    (strings) => {
        Shape::Strings
    };
    (attributes) => {
        Shape::Attributes
    };
    (body) => {
        Shape::Body
    };
    (id($len:literal)) => {
        Shape::Id($len)
    };
    (packed($of:tt)) => {
        Shape::Packed(scalar!($of))
    };
    (unpacked($of:tt)) => {
        Shape::Packed(scalar!($of))
    };
    (one($message:ty)) => {
        Shape::One(<$message>::table)
    };
    (leading($message:ty)) => {
        Shape::Leading(<$message>::table)
    };
    (many($message:ty)) => {
        Shape::Many(<$message>::table)
    };
    (oneof($($shape:tt)+)) => {
        shape!($($shape)+)
    };
    ($scalar:ident) => {
        Shape::Scalar
    };
}

macro_rules! is_oneof {
    (oneof $($rest:tt)+) => {
        true
    };
    ($($rest:tt)+) => {
        false
    };
}

macro_rules! tabled {
    ($($role:ident $message:ident { $($name:ident = $number:literal: $($shape:ident)+ $(($($of:tt)+))?;)+ })+) => {$(
        impl Tabled for $message {
            fn table() -> &'static Table {
                static TABLE: Table = Table {
                    role: role!($role),
                    fields: &[$(Entry {
                        number: $number,
                        shape: shape!($($shape)+ $(($($of)+))?),
                        oneof: is_oneof!($($shape)+ $(($($of)+))?),
                    }),+],
                };
                &TABLE
            }
        }
    )+};
}

schema!(tabled);

impl Table {
    fn entry(&self, number: u32) -> Option<&'static Entry> {
        self.fields.iter().find(|entry| entry.number == number)
    }
}

/// Why something must be left out. It ends at the nearest thing that can be: an attribute, a body, an item.
enum Cut {
    TooDeep,
    BadId,
}

struct Rewrite {
    max_depth: u32,
    repairs: Repairs,
}

impl Rewrite {
    /// Writes the fields of one message, given the bodies of all its occurrences.
    fn message(&mut self, table: &Table, parts: &[&[u8]], depth: u32, out: &mut Vec<u8>) -> Result<(), Cut> {
        let depth = depth + u32::from(table.role == Role::Level);
        if depth > self.max_depth {
            return Err(Cut::TooDeep);
        }
        let all = || parts.iter().flat_map(|part| fields(part));
        let meaning = Meaning::of(table, all());
        if let Some(entry) = table.fields.iter().find(|entry| matches!(entry.shape, Shape::Leading(_)))
            && meaning.has(entry.number)
        {
            self.merged(entry, all(), depth, out)?;
        }
        for (index, field) in all().enumerate() {
            let Some(entry) = table.entry(field.number) else {
                out.extend_from_slice(field.raw);
                continue;
            };
            if entry.oneof && index < meaning.oneof_starts {
                continue;
            }
            let (first, last) = (meaning.is_first(field.number, index), meaning.is_last(field.number, index));
            let rest = || all().skip(index);
            match (entry.shape, field.value) {
                (Shape::Scalar, _) if last => out.extend_from_slice(field.raw),
                (Shape::String, Value::Len(string)) if last => self.string(field.number, string, out),
                (Shape::Strings, Value::Len(string)) => self.string(field.number, string, out),
                (Shape::Id(len), Value::Len(id)) if last => {
                    if !id.is_empty() && id.len() != len {
                        return Err(Cut::BadId);
                    }
                    out.extend_from_slice(field.raw);
                }
                (Shape::Packed(scalar), _) if first => pack(entry.number, scalar, rest(), out),
                (Shape::One(_), _) if first => self.merged(entry, rest(), depth, out)?,
                (Shape::Body, _) if first => {
                    self.attribute(out, |this, out| this.merged(entry, rest(), depth, out))?
                }
                (Shape::Attributes, Value::Len(body)) => self.attribute(out, |this, out| {
                    this.child(entry.number, KeyValue::table(), &[body], depth, out)
                })?,
                (Shape::Many(table), Value::Len(body)) => {
                    let table = table();
                    let write =
                        |this: &mut Self, out: &mut _| this.child(entry.number, table, &[body], depth, out);
                    if table.role == Role::Item { self.item(out, write)? } else { write(self, out)? }
                }
                // Another occurrence than the one that was written.
                _ => {}
            }
        }
        Ok(())
    }

    /// Writes the message field `entry`, merged from all its occurrences in `all`.
    fn merged<'a>(
        &mut self,
        entry: &Entry,
        all: impl Iterator<Item = Field<'a>>,
        depth: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Cut> {
        let table = match entry.shape {
            Shape::One(table) | Shape::Leading(table) => table(),
            _ => AnyValue::table(),
        };
        let own = all.filter(|field| field.number == entry.number);
        let parts: SmallVec<[&[u8]; 4]> = own.filter_map(|field| field.len_value()).collect();
        self.child(entry.number, table, &parts, depth, out)
    }

    fn child(
        &mut self,
        number: u32,
        table: &Table,
        parts: &[&[u8]],
        depth: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), Cut> {
        let len = parts.iter().map(|part| part.len()).sum();
        out.put_message_field(number, len, |out| self.message(table, parts, depth, out))
    }

    /// Writes a string; what is not UTF-8 in it becomes U+FFFD.
    fn string(&mut self, number: u32, string: &[u8], out: &mut Vec<u8>) {
        if simdutf8::basic::from_utf8(string).is_ok() {
            return out.put_bytes_field(number, string);
        }
        self.repairs.repaired_strings += 1;
        self.reason("string is not UTF-8");
        out.put_message_field(number, string.len(), |out| {
            for chunk in string.utf8_chunks() {
                out.extend_from_slice(chunk.valid().as_bytes());
                if !chunk.invalid().is_empty() {
                    out.extend_from_slice("\u{FFFD}".as_bytes());
                }
            }
        });
    }

    /// Writes an attribute or a log body, or leaves it out if it is nested too deeply.
    fn attribute(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Cut>,
    ) -> Result<(), Cut> {
        let (end, repairs) = (out.len(), self.repairs.clone());
        let result = write(self, out);
        if matches!(result, Err(Cut::TooDeep)) {
            out.truncate(end);
            self.repairs = repairs;
            self.repairs.cut_attributes += 1;
            self.reason("attribute is nested too deeply");
            return Ok(());
        }
        result
    }

    /// Writes an item, or leaves it out if one of its ids is bad.
    fn item(
        &mut self,
        out: &mut Vec<u8>,
        write: impl FnOnce(&mut Self, &mut Vec<u8>) -> Result<(), Cut>,
    ) -> Result<(), Cut> {
        let (end, repairs) = (out.len(), self.repairs.clone());
        let result = write(self, out);
        if matches!(result, Err(Cut::BadId)) {
            out.truncate(end);
            self.repairs = repairs;
            self.repairs.rejected_items += 1;
            self.reason("trace id is not 16 bytes, or span id not 8");
            return Ok(());
        }
        result
    }

    fn reason(&mut self, reason: &'static str) {
        self.repairs.first_reason.get_or_insert(reason);
    }
}

/// Writes a repeated scalar in one packed field, whichever way its values in `all` were encoded.
fn pack<'a>(number: u32, scalar: Scalar, all: impl Iterator<Item = Field<'a>>, out: &mut Vec<u8>) {
    out.put_message_field(number, 0, |out| {
        for field in all.filter(|field| field.number == number) {
            match (scalar, field.value) {
                (_, Value::Len(packed)) => out.extend_from_slice(packed),
                (Scalar::Varint, Value::Varint(value)) => out.put_varint(value),
                (Scalar::Fixed64, Value::Fixed64(value)) => out.extend_from_slice(&value.to_le_bytes()),
                _ => {}
            }
        }
    });
}

/// Which occurrences of a message's fields count, by their index among all its fields.
struct Meaning {
    /// First and last occurrence by field number.
    span: [Option<(usize, usize)>; Self::FIELDS],
    /// Members of the oneof before this one are overruled.
    oneof_starts: usize,
}

impl Meaning {
    /// One more than the largest field number of the schema.
    const FIELDS: usize = 17;

    fn of<'a>(table: &Table, all: impl Iterator<Item = Field<'a>>) -> Self {
        let mut meaning = Self { span: [None; Self::FIELDS], oneof_starts: 0 };
        let mut member = 0;
        for (index, field) in all.enumerate() {
            let (Some(entry), Some(span)) =
                (table.entry(field.number), meaning.span.get_mut(field.number as usize))
            else {
                continue;
            };
            if entry.oneof && entry.number != member {
                member = entry.number;
                meaning.oneof_starts = index;
                *span = None;
            }
            span.get_or_insert((index, index)).1 = index;
        }
        meaning
    }

    fn get(&self, number: u32) -> Option<(usize, usize)> {
        self.span.get(number as usize).copied().flatten()
    }

    fn has(&self, number: u32) -> bool {
        self.get(number).is_some()
    }

    fn is_first(&self, number: u32, index: usize) -> bool {
        self.get(number).is_some_and(|(first, _)| first == index)
    }

    fn is_last(&self, number: u32, index: usize) -> bool {
        self.get(number).is_some_and(|(_, last)| last == index)
    }
}
