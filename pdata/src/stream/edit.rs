//! Editing data points on the wire: headers of enclosing messages are written anew, what is not touched is copied.

use super::{MetricId, ResourceId, ScopeId, StreamId};
use crate::Pdata;
use crate::pdata::Chunks;
use crate::view::{
    BucketsView, DataPointView, ExponentialHistogramDataPointView, HistogramDataPointView, MetricDataView,
    MetricView, NumberDataPointView, NumberView, Numbers, ResourceMetricsView, ScopeMetricsView,
    SummaryDataPointView, View,
};
use crate::wire::{Field, Write, fields};

/// Decides what becomes of the points of each stream; see [`Pdata::edit_streams`].
pub trait StreamEditor {
    /// A resource begins. The metrics of all its scopes are there to look at.
    fn resource(&mut self, resource: &ResourceMetricsView<'_>) {
        let _ = resource;
    }

    /// A metric begins. Gives its temporality after the edit (1 delta, 2 cumulative; 0 where the kind has none), or
    /// none to leave the metric and all its points as they are.
    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32>;

    /// What becomes of one of its points.
    fn point(&mut self, stream: StreamId, point: &DataPointView<'_>) -> PointEdit<'_>;
}

/// What becomes of a point. Its attributes and exemplars, and fields that this version does not know, stay.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "it is borrowed and short-lived: a box would cost more")]
pub enum PointEdit<'a> {
    /// It stays as it is.
    Keep,
    /// It goes.
    Drop,
    /// It gets this start time; nanoseconds since the Unix epoch.
    Start(u64),
    /// It gets the times and the values of this point, which must be of the same kind, and no flags. A summary keeps
    /// its quantiles.
    Replace(DataPointView<'a>),
}

impl Pdata {
    /// Shows each metric, and each point of those that are to be edited, to `editor` once, in order, and does to it
    /// what `editor` says. Structs are encoded first. Metrics, scopes and resources that lose all their points go
    /// with them. Does nothing to other signals.
    pub fn edit_streams(&mut self, editor: &mut impl StreamEditor) {
        if self.signal() != crate::Signal::Metrics {
            return;
        }
        let mut pass = Pass { editor, items: 0 };
        let mut chunks = Chunks::new();
        for chunk in &self.wire() {
            // Most edits add a start time, which takes nine bytes.
            let mut out = Vec::with_capacity(chunk.len() + chunk.len() / 8);
            for field in fields(chunk) {
                if field.number == RESOURCES {
                    pass.resource(&field, &mut out);
                } else {
                    out.extend_from_slice(field.raw);
                }
            }
            if !out.is_empty() {
                chunks.push(out.into());
            }
        }
        let items = pass.items;
        self.replace_wire(chunks, items);
    }
}

/// The field of requests that holds resources.
const RESOURCES: u32 = 1;
/// The fields of resources that hold scopes, of scopes that hold metrics.
const CHILDREN: u32 = 2;
/// The fields of points: `start_time_unix_nano` and `time_unix_nano` have the same numbers in all of them.
const START: u32 = 2;
const TIME: u32 = 3;
/// The fields of sums and histograms.
const DATA_POINTS: u32 = 1;
const TEMPORALITY: u32 = 2;

struct Pass<'e, E> {
    editor: &'e mut E,
    /// Points that stayed.
    items: usize,
}

impl<E: StreamEditor> Pass<'_, E> {
    fn resource(&mut self, field: &Field<'_>, out: &mut Vec<u8>) {
        let Some(body) = field.len_value() else { return out.extend_from_slice(field.raw) };
        let resource = ResourceMetricsView::from_wire(body);
        self.editor.resource(&resource);
        let id = ResourceId::of(&resource.resource);
        self.envelope(field, out, |pass, child, out| pass.scope(id, child, out));
    }

    fn scope(&mut self, resource: ResourceId, field: &Field<'_>, out: &mut Vec<u8>) {
        let id = resource.scope(&ScopeMetricsView::from_wire(field.len_value().unwrap_or_default()));
        self.envelope(field, out, |pass, child, out| pass.metric(id, child, out));
    }

    /// Writes an envelope with the children that `child` leaves; none if it had points and lost them all.
    fn envelope(
        &mut self,
        field: &Field<'_>,
        out: &mut Vec<u8>,
        child: impl Fn(&mut Self, &Field<'_>, &mut Vec<u8>),
    ) {
        let Some(body) = field.len_value() else { return out.extend_from_slice(field.raw) };
        let (start, mut had, mut has) = (out.len(), 0, 0);
        out.put_message_field(field.number, body.len() + body.len() / 8, |out| {
            for field in fields(body) {
                if field.number == CHILDREN {
                    had += 1;
                    let before = out.len();
                    child(self, &field, out);
                    has += usize::from(out.len() > before);
                } else {
                    out.extend_from_slice(field.raw);
                }
            }
        });
        if had > 0 && has == 0 {
            out.truncate(start);
        }
    }

    fn metric(&mut self, scope: ScopeId, field: &Field<'_>, out: &mut Vec<u8>) {
        let Some(body) = field.len_value() else { return out.extend_from_slice(field.raw) };
        let metric = MetricView::from_wire(body);
        let points = metric.data.len();
        let Some(temporality) = self.editor.metric(&metric).filter(|_| points > 0) else {
            self.items += points;
            return out.extend_from_slice(field.raw);
        };
        let Some(kind) = Kind::of(&metric.data) else { return out.extend_from_slice(field.raw) };
        let (id, start, before) = (scope.metric(&metric), out.len(), self.items);
        out.put_message_field(field.number, body.len() + body.len() / 8, |out| {
            for field in fields(body) {
                match field.len_value() {
                    Some(data) if field.number == kind as u32 => {
                        out.put_message_field(field.number, data.len() + data.len() / 8, |out| {
                            self.points(id, kind, temporality, data, out);
                        });
                    }
                    _ => out.extend_from_slice(field.raw),
                }
            }
        });
        if self.items == before {
            out.truncate(start);
        }
    }

    fn points(&mut self, id: MetricId, kind: Kind, temporality: i32, data: &[u8], out: &mut Vec<u8>) {
        let has_temporality = kind.has_temporality();
        for field in fields(data) {
            match field.len_value() {
                Some(body) if field.number == DATA_POINTS => {
                    let point = kind.view(body);
                    let edit = self.editor.point(id.stream(&point.attributes()), &point);
                    self.items += usize::from(edit != PointEdit::Drop);
                    put_point(&field, body, edit, out);
                }
                _ if has_temporality && field.number == TEMPORALITY => {}
                _ => out.extend_from_slice(field.raw),
            }
        }
        if has_temporality {
            out.put_varint_field(TEMPORALITY, i64::from(temporality).cast_unsigned());
        }
    }
}

fn put_point(field: &Field<'_>, body: &[u8], edit: PointEdit<'_>, out: &mut Vec<u8>) {
    match edit {
        PointEdit::Keep => out.extend_from_slice(field.raw),
        PointEdit::Drop => {}
        PointEdit::Start(start) => out.put_message_field(DATA_POINTS, body.len() + 9, |out| {
            out.put_fixed64_field(START, start);
            put_without(body, &[START], out);
        }),
        PointEdit::Replace(point) => out.put_message_field(DATA_POINTS, body.len() + 9, |out| match point {
            DataPointView::Number(point) => put_number(&point, body, out),
            DataPointView::Histogram(point) => put_histogram(&point, body, out),
            DataPointView::ExponentialHistogram(point) => put_exponential(&point, body, out),
            DataPointView::Summary(point) => put_summary(&point, body, out),
        }),
    }
}

/// Copies runs of fields that are not in `numbers`.
fn put_without(body: &[u8], numbers: &[u32], out: &mut Vec<u8>) {
    let (mut at, mut from) = (0, 0);
    for field in fields(body) {
        if numbers.contains(&field.number) {
            out.extend_from_slice(body.get(from..at).unwrap_or_default());
            from = at + field.raw.len();
        }
        at += field.raw.len();
    }
    out.extend_from_slice(body.get(from..).unwrap_or_default());
}

fn put_times(start: u64, time: u64, out: &mut Vec<u8>) {
    out.put_fixed64_field(START, start);
    out.put_fixed64_field(TIME, time);
}

fn put_double(number: u32, value: Option<f64>, out: &mut Vec<u8>) {
    if let Some(value) = value {
        out.put_fixed64_field(number, value.to_bits());
    }
}

fn put_number(point: &NumberDataPointView<'_>, body: &[u8], out: &mut Vec<u8>) {
    put_times(point.start_time_unix_nano, point.time_unix_nano, out);
    match point.value {
        None => {}
        Some(NumberView::Double(value)) => out.put_fixed64_field(4, value.to_bits()),
        Some(NumberView::Int(value)) => out.put_fixed64_field(6, value.cast_unsigned()),
    }
    put_without(body, &[START, TIME, 4, 6, 8], out);
}

fn put_histogram(point: &HistogramDataPointView<'_>, body: &[u8], out: &mut Vec<u8>) {
    put_times(point.start_time_unix_nano, point.time_unix_nano, out);
    out.put_fixed64_field(4, point.count);
    put_double(5, point.sum, out);
    put_fixed64s(6, point.bucket_counts.len(), point.bucket_counts.into_iter(), out);
    put_fixed64s(7, point.explicit_bounds.len(), point.explicit_bounds.iter().map(f64::to_bits), out);
    put_double(11, point.min, out);
    put_double(12, point.max, out);
    put_without(body, &[START, TIME, 4, 5, 6, 7, 10, 11, 12], out);
}

fn put_exponential(point: &ExponentialHistogramDataPointView<'_>, body: &[u8], out: &mut Vec<u8>) {
    put_times(point.start_time_unix_nano, point.time_unix_nano, out);
    out.put_fixed64_field(4, point.count);
    put_double(5, point.sum, out);
    out.put_varint_field(6, zigzag(point.scale));
    out.put_fixed64_field(7, point.zero_count);
    put_buckets(8, &point.positive, out);
    put_buckets(9, &point.negative, out);
    put_double(12, point.min, out);
    put_double(13, point.max, out);
    out.put_fixed64_field(14, point.zero_threshold.to_bits());
    put_without(body, &[START, TIME, 4, 5, 6, 7, 8, 9, 10, 12, 13, 14], out);
}

fn put_summary(point: &SummaryDataPointView<'_>, body: &[u8], out: &mut Vec<u8>) {
    put_times(point.start_time_unix_nano, point.time_unix_nano, out);
    out.put_fixed64_field(4, point.count);
    out.put_fixed64_field(5, point.sum.to_bits());
    put_without(body, &[START, TIME, 4, 5, 8], out);
}

fn put_fixed64s(number: u32, count: usize, values: impl Iterator<Item = u64>, out: &mut Vec<u8>) {
    if count > 0 {
        out.put_message_field(number, 8 * count, |out| {
            values.for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
        });
    }
}

fn put_buckets(number: u32, buckets: &BucketsView<'_>, out: &mut Vec<u8>) {
    let counts: Numbers<'_, u64> = buckets.bucket_counts;
    if counts.is_empty() {
        return;
    }
    out.put_message_field(number, counts.len() + 8, |out| {
        out.put_varint_field(1, zigzag(buckets.offset));
        out.put_message_field(2, counts.len(), |out| counts.iter().for_each(|count| out.put_varint(count)));
    });
}

fn zigzag(value: i32) -> u64 {
    ((value << 1) ^ (value >> 31)).cast_unsigned().into()
}

/// The kinds of metrics, by the field that holds their data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Gauge = 5,
    Sum = 7,
    Histogram = 9,
    ExponentialHistogram = 10,
    Summary = 11,
}

impl Kind {
    fn of(data: &MetricDataView<'_>) -> Option<Self> {
        Some(match data {
            MetricDataView::Empty => return None,
            MetricDataView::Gauge(_) => Self::Gauge,
            MetricDataView::Sum(_) => Self::Sum,
            MetricDataView::Histogram(_) => Self::Histogram,
            MetricDataView::ExponentialHistogram(_) => Self::ExponentialHistogram,
            MetricDataView::Summary(_) => Self::Summary,
        })
    }

    fn has_temporality(self) -> bool {
        matches!(self, Self::Sum | Self::Histogram | Self::ExponentialHistogram)
    }

    /// A point of this kind.
    fn view(self, body: &[u8]) -> DataPointView<'_> {
        match self {
            Self::Gauge | Self::Sum => DataPointView::Number(NumberDataPointView::from_wire(body)),
            Self::Histogram => DataPointView::Histogram(HistogramDataPointView::from_wire(body)),
            Self::ExponentialHistogram => {
                DataPointView::ExponentialHistogram(ExponentialHistogramDataPointView::from_wire(body))
            }
            Self::Summary => DataPointView::Summary(SummaryDataPointView::from_wire(body)),
        }
    }
}
