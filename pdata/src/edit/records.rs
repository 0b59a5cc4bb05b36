//! The attributes of records: spans, data points and log records.

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use super::splice::Splice;
use super::{AttributesEdit, NoRoom, Room};
use crate::view::{ResourceView, ScopeView, Text, View};
use crate::wire::{Field, OpenMessage, WireType, Write, fields};
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
    /// nothing is allocated per record. Gives the bytes by which the data takes more memory.
    ///
    /// # Errors
    /// When what is added finds no `room`. The data is as it was then.
    pub fn edit_records(&mut self, room: Room<'_>, editor: &mut impl RecordEditor) -> Result<usize, NoRoom> {
        let signal = self.signal();
        self.edit_chunks(|chunk| {
            let mut pass = Pass {
                editor: &mut *editor,
                attributes: AttributesEdit::within(room),
                splice: Splice::new(chunk, room),
                around: SmallVec::new(),
            };
            pass.request(signal, chunk)?;
            Ok(pass.splice.finish())
        })
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
/// More than a key and a length.
const HEADERS: usize = 16;

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
    splice: Splice<'c>,
    /// The messages around the record, outermost first.
    around: SmallVec<[Around<'c>; 4]>,
}

/// A message that is written anew once something in it was changed, for its length changes.
struct Around<'c> {
    field: Field<'c>,
    body: &'c [u8],
    open: Option<OpenMessage>,
}

impl<'c, E: RecordEditor> Pass<'_, 'c, E> {
    fn request(&mut self, signal: Signal, chunk: &'c [u8]) -> Result<(), NoRoom> {
        fields(chunk).filter(|field| field.number == RESOURCES).try_for_each(|resource| {
            if !self.editor.resource(&head(&resource)) {
                return Ok(());
            }
            self.message(resource, CHILDREN, |pass, scope| {
                if !pass.editor.scope(&head(&scope)) {
                    return Ok(());
                }
                pass.message(scope, CHILDREN, |pass, child| match signal {
                    Signal::Traces => pass.record(child, OF_SPAN),
                    Signal::Logs => pass.record(child, OF_LOG_RECORD),
                    Signal::Metrics => pass.metric(child),
                })
            })
        })
    }

    fn metric(&mut self, metric: Field<'c>) -> Result<(), NoRoom> {
        if !self.editor.metric(Text::new(first(&metric, NAME))) {
            return Ok(());
        }
        // Canonical form: a metric has data of one kind.
        let mut all =
            fields(metric.len_value().unwrap_or_default()).filter(|field| field.len_value().is_some());
        let Some((data, attributes)) =
            all.find_map(|field| Some((field.number, of_data_point(field.number)?)))
        else {
            return Ok(());
        };
        self.message(metric, data, |pass, data| {
            pass.message(data, DATA_POINTS, |pass, point| pass.record(point, attributes))
        })
    }

    /// A message, of whose fields `each` looks at those with the number `children`.
    fn message(
        &mut self,
        field: Field<'c>,
        children: u32,
        each: impl Fn(&mut Self, Field<'c>) -> Result<(), NoRoom>,
    ) -> Result<(), NoRoom> {
        let Some(body) = field.len_value() else { return Ok(()) };
        self.around.push(Around { field, body, open: None });
        fields(body).filter(|field| field.number == children).try_for_each(|field| each(self, field))?;
        if let Some(Around { body, open: Some(open), .. }) = self.around.pop() {
            self.splice.copy_to(self.splice.offset_of(body) + body.len());
            self.splice.out.close_message(open);
        }
        Ok(())
    }

    fn record(&mut self, field: Field<'c>, attributes: u32) -> Result<(), NoRoom> {
        let Some(message) = field.len_value() else { return Ok(()) };
        self.attributes.read(message, attributes);
        self.editor.record(message, &mut self.attributes);
        if !self.attributes.is_edited()? {
            return Ok(());
        }
        let (splice, len) = (&mut self.splice, self.attributes.len());
        splice.reserve(len + HEADERS)?;
        for around in self.around.iter_mut().filter(|around| around.open.is_none()) {
            splice.copy_to(splice.offset_of(around.field.raw));
            around.open = Some(splice.out.open_message(around.field.number, around.body.len()));
            splice.skip_to(splice.offset_of(around.body));
        }
        let start = splice.offset_of(field.raw);
        splice.copy_to(start);
        splice.skip_to(start + field.raw.len());
        splice.out.put_key(field.number, WireType::Len);
        splice.out.put_varint(len as u64);
        self.attributes.put_message(&mut splice.out);
        Ok(())
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
