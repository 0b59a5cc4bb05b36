//! Borrowed reading of a batch: no tree is built, nothing is allocated per record.
//!
//! [`Pdata::traces`](crate::Pdata::traces), `metrics` and `logs` start at the resources; everything below is a plain
//! struct with public fields, one per OTLP message, named as the message with `View` behind it. Its scalar fields are
//! read in one pass over the message, its repeated fields are [`List`]s that read their elements as they are visited.
//! The same views read the wire bytes and the decoded structs.
//!
//! Views cannot fail: the bytes were validated when they entered. An absent singular message reads as an empty one.
//!
//! ```
//! # fn count(data: &sluice_pdata::Pdata) -> usize {
//! let mut checkout = 0;
//! for resource in data.traces() {
//!     if resource.resource.attributes.get("service.name").is_some_and(|v| v.to_text().as_ref() == b"checkout") {
//!         checkout += resource.scope_spans.iter().map(|scope| scope.spans.len()).sum::<usize>();
//!     }
//! }
//! # checkout
//! # }
//! ```
//!
//! `fields` (the wire) -> `list`, `text` (what is built from fields) -> `value`, `resource`, `trace`, `metrics`,
//! `points`, `logs` (the messages), `data_point` (whatever its kind) -> `request` (a whole batch), `retain` (leaving items out).

mod data_point;
pub(crate) mod fields;
mod list;
mod logs;
mod metrics;
mod points;
mod request;
mod resource;
mod retain;
#[cfg(test)]
mod tests;
mod text;
mod trace;
mod value;
mod value_text;

pub use data_point::DataPointView;
pub use list::{Iter, List, Number, Numbers, NumbersIter};
pub use logs::{LogRecordView, LogRecords, ResourceLogsView, ScopeLogsView};
pub use metrics::{
    ExponentialHistogramView, HistogramView, MetricDataView, MetricView, ResourceMetricsView,
    ScopeMetricsView, SumView,
};
pub use points::{
    BucketsView, ExemplarView, Exemplars, ExponentialHistogramDataPointView, ExponentialHistogramDataPoints,
    HistogramDataPointView, HistogramDataPoints, NumberDataPointView, NumberDataPoints, NumberView,
    SummaryDataPointView, SummaryDataPoints, ValueAtQuantileView,
};
pub use request::{LogsView, MetricsView, RequestIter, RequestView, TracesView};
pub use resource::{EntityRefView, ResourceView, ScopeView};
pub use text::Text;
pub use trace::{
    EventView, Events, LinkView, Links, ResourceSpansView, ScopeSpansView, SpanView, Spans, StatusView,
};
pub use value::{AnyValueView, AttributeView, Attributes, Values};
pub use value_text::TextWriter;

/// One OTLP message (or string), read in place.
///
/// Not meant to be implemented elsewhere.
pub trait View<'a>: Copy + Default {
    /// The decoded form of the message.
    #[doc(hidden)]
    type Struct: 'a;

    /// Reads a message that was validated. Bytes that could not have passed validation read as if they ended there.
    fn from_wire(message: &'a [u8]) -> Self;

    #[doc(hidden)]
    fn from_struct(message: &'a Self::Struct) -> Self;
}

/// A singular message field: absent reads as empty.
fn decoded<'a, V: View<'a>>(message: Option<&'a V::Struct>) -> V {
    message.map(V::from_struct).unwrap_or_default()
}
