//! The attributes of records: spans, data points and log records.

#[cfg(test)]
mod tests;

use super::AttributesEdit;
use crate::view::{ResourceView, ScopeView, Text, View};
use crate::wire::{Field, WireType, Write, fields};
use crate::{Pdata, Signal};

/// Edits the attributes of records; see [`Pdata::edit_records`].
pub trait RecordEditor {
    /// A resource begins. Whether its records are looked at; all of them stay as they are if not.
    fn resource(&mut self, resource: &ResourceView<'_>) -> bool {
        let _ = resource;
        true
    }

    /// An instrumentation scope begins. Whether its records are looked at.
    fn scope(&mut self, scope: &ScopeView<'_>) -> bool {
        let _ = scope;
        true
    }

    /// A metric begins. Whether its data points are looked at.
    fn metric(&mut self, name: Text<'_>) -> bool {
        let _ = name;
        true
    }

    /// Edits the attributes of one record. `message` is its encoded message: `Span`, one of the data points, `LogRecord`.
    fn record(&mut self, message: &[u8], attributes: &mut AttributesEdit<'_>);
}

impl Pdata {
    /// Shows each record to `editor`, in order, and makes its edits. Attributes of span events and links, of exemplars
    /// and of scopes are not touched. Structs are encoded first. Bytes are copied only where something was changed, and
    /// nothing is allocated per record.
    pub fn edit_records(&mut self, editor: &mut impl RecordEditor) {
        let mut chunks = self.wire();
        let mut edited = false;
        for chunk in &mut chunks {
            // Most edits add a few attributes, by which a message grows.
            let out = Vec::with_capacity(chunk.len() + chunk.len() / 4 + 64);
            let mut pass = Pass { editor, attributes: AttributesEdit::default(), out, edited: false };
            pass.request(self.signal(), chunk);
            if pass.edited {
                *chunk = pass.out.into();
                edited = true;
            }
        }
        if edited {
            self.replace_wire(chunks, self.items());
        }
    }
}

/// The field of requests that holds resources.
const RESOURCES: u32 = 1;
/// The fields of envelopes: what they are of, and what they hold.
const HEAD: u32 = 1;
const CHILDREN: u32 = 2;
/// The fields that hold the attributes of records.
const OF_SPAN: u32 = 9;
const OF_LOG_RECORD: u32 = 6;
/// The fields of metrics, and that of all kinds of data which holds the points.
const NAME: u32 = 1;
const DATA_POINTS: u32 = 1;

/// The field that holds the attributes of a data point, by the field of the metric that holds its kind of data.
const fn of_data_point(kind: u32) -> Option<u32> {
    Some(match kind {
        // Gauge, sum, summary.
        5 | 7 | 11 => 7,
        // Histogram.
        9 => 9,
        // Exponential histogram.
        10 => 1,
        _ => return None,
    })
}

struct Pass<'e, 'c, E> {
    editor: &'e mut E,
    attributes: AttributesEdit<'c>,
    out: Vec<u8>,
    edited: bool,
}

impl<'c, E: RecordEditor> Pass<'_, 'c, E> {
    fn request(&mut self, signal: Signal, chunk: &'c [u8]) {
        for resource in fields(chunk) {
            let looked_at = resource.number == RESOURCES && self.editor.resource(&head(&resource));
            self.message(looked_at, &resource, |pass, scope| {
                let looked_at = scope.number == CHILDREN && pass.editor.scope(&head(scope));
                pass.message(looked_at, scope, |pass, child| match (child.number, signal) {
                    (CHILDREN, Signal::Traces) => pass.record(child, OF_SPAN),
                    (CHILDREN, Signal::Logs) => pass.record(child, OF_LOG_RECORD),
                    (CHILDREN, Signal::Metrics) => pass.metric(child),
                    _ => pass.keep(child),
                });
            });
        }
    }

    fn metric(&mut self, metric: &Field<'c>) {
        let name = first(metric, NAME);
        let looked_at = self.editor.metric(Text::new(name));
        self.message(looked_at, metric, |pass, data| {
            let attributes = of_data_point(data.number);
            pass.message(attributes.is_some(), data, |pass, point| match attributes {
                Some(attributes) if point.number == DATA_POINTS => pass.record(point, attributes),
                _ => pass.keep(point),
            });
        });
    }

    /// A message whose fields `each` writes, or that stays as it is.
    fn message(&mut self, looked_at: bool, field: &Field<'c>, each: impl Fn(&mut Self, &Field<'c>)) {
        let Some(body) = field.len_value().filter(|_| looked_at) else { return self.keep(field) };
        let open = self.out.open_message(field.number, body.len());
        fields(body).for_each(|field| each(self, &field));
        self.out.close_message(open);
    }

    fn record(&mut self, field: &Field<'c>, attributes: u32) {
        let Some(message) = field.len_value() else { return self.keep(field) };
        self.attributes.read(message, attributes);
        self.editor.record(message, &mut self.attributes);
        if !self.attributes.is_edited() {
            return self.keep(field);
        }
        self.edited = true;
        let len = self.attributes.len();
        self.out.put_key(field.number, WireType::Len);
        self.out.put_varint(len as u64);
        self.attributes.put_message(&mut self.out);
    }

    fn keep(&mut self, field: &Field<'_>) {
        self.out.extend_from_slice(field.raw);
    }
}

/// What an envelope is of. Canonical form: it stands before the children.
fn head<'a, V: View<'a>>(envelope: &Field<'a>) -> V {
    V::from_wire(first(envelope, HEAD))
}

fn first<'a>(message: &Field<'a>, number: u32) -> &'a [u8] {
    let mut all = fields(message.len_value().unwrap_or_default());
    all.find(|field| field.number == number).and_then(|field| field.len_value()).unwrap_or_default()
}
