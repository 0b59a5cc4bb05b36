//! Metric streams: which points belong together, and adding up those that are deltas.
//!
//! The words are those of the OpenTelemetry metrics data model. A *stream* is what a resource, a scope, a metric (name,
//! unit, kind, temporality, monotonicity) and a set of attributes name together.
//!
//! - `id`: [`ResourceId`] -> [`ScopeId`] -> [`MetricId`] -> [`StreamId`], 128 bits read from views
//! - `streams`: [`Streams`], a bounded map from streams to what is remembered of them, which forgets the silent
//! - `accumulated`: [`Accumulated`], the sum of a stream's deltas
//! - `cumulative`: [`Cumulative`], a point that is remembered, for resets and differences
//! - `value`: what both remember of a point; `histogram`, `exponential`: the two large kinds
//! - `edit`: changes and drops points on the wire, by what is known of their streams
//!
//! ```
//! # use sluice_pdata::{Pdata, view::{DataPointView, MetricDataView}};
//! # use sluice_pdata::stream::{Accumulated, Gaps, ResourceId, Streams};
//! # fn cumulative(data: &Pdata, sums: &mut Streams<Accumulated>, now: std::time::Instant) {
//! for resource in data.metrics() {
//!     let resource_id = ResourceId::of(&resource.resource);
//!     for scope in resource.scope_metrics {
//!         let scope_id = resource_id.scope(&scope);
//!         for metric in scope.metrics {
//!             let MetricDataView::Sum(sum) = metric.data else { continue };
//!             let metric_id = scope_id.metric(&metric);
//!             for point in sum.data_points {
//!                 let id = metric_id.stream(&point.attributes);
//!                 let delta = DataPointView::Number(point);
//!                 match sums.at(id, now).map(|sum| Accumulated::add_to(sum, &delta, Gaps::Continue)) {
//!                     Ok(Ok(total)) => println!("{:?}", total.view()),
//!                     Ok(Err(unfit)) => println!("not added: {unfit}"),
//!                     Err(full) => println!("not added: {full}"),
//!                 }
//!             }
//!         }
//!     }
//! }
//! # }
//! ```
mod accumulated;
mod cumulative;
mod edit;
mod exponential;
mod histogram;
mod id;
mod streams;
#[cfg(test)]
mod tests;
mod value;

pub use accumulated::{Accumulated, Gaps, Unfit};
pub use cumulative::Cumulative;
pub use edit::{PointEdit, StreamEditor};
pub use exponential::MAX_BUCKETS;
pub use id::{MetricId, ResourceId, ScopeId, StreamId};
pub use streams::{Full, Streams};
pub use value::without_value;
