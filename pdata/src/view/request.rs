//! A whole batch: the resources of all its chunks.

use super::fields::{Field, Fields};
use super::{ResourceLogsView, ResourceMetricsView, ResourceSpansView, View};
use crate::decoded::Structs;
use crate::pdata::Form;
use crate::{Pdata, Signal};
use bytes::Bytes;
use std::fmt;

/// The spans of a batch, by resource.
pub type TracesView<'a> = RequestView<'a, ResourceSpansView<'a>>;
/// The metrics of a batch, by resource.
pub type MetricsView<'a> = RequestView<'a, ResourceMetricsView<'a>>;
/// The log records of a batch, by resource.
pub type LogsView<'a> = RequestView<'a, ResourceLogsView<'a>>;

impl Pdata {
    /// The spans, by resource; empty if the signal is another. Costs nothing: records are read as they are visited.
    #[must_use]
    pub fn traces(&self) -> TracesView<'_> {
        match self.form() {
            Form::Decoded(Structs::Traces(request)) => RequestView::decoded(&request.resource_spans),
            Form::Wire(chunks) if self.signal() == Signal::Traces => RequestView::chunks(chunks),
            _ => RequestView::default(),
        }
    }

    /// The metrics, by resource; see [`traces`](Self::traces).
    #[must_use]
    pub fn metrics(&self) -> MetricsView<'_> {
        match self.form() {
            Form::Decoded(Structs::Metrics(request)) => RequestView::decoded(&request.resource_metrics),
            Form::Wire(chunks) if self.signal() == Signal::Metrics => RequestView::chunks(chunks),
            _ => RequestView::default(),
        }
    }

    /// The log records, by resource; see [`traces`](Self::traces).
    #[must_use]
    pub fn logs(&self) -> LogsView<'_> {
        match self.form() {
            Form::Decoded(Structs::Logs(request)) => RequestView::decoded(&request.resource_logs),
            Form::Wire(chunks) if self.signal() == Signal::Logs => RequestView::chunks(chunks),
            _ => RequestView::default(),
        }
    }
}

/// The resources of a batch, over its wire chunks or its structs.
pub struct RequestView<'a, V: View<'a>> {
    source: Source<'a, V::Struct>,
}

enum Source<'a, S> {
    /// Each chunk is a whole export request.
    Chunks(&'a [Bytes]),
    Decoded(&'a [S]),
}

impl<'a, V: View<'a>> RequestView<'a, V> {
    pub(crate) const fn chunks(chunks: &'a [Bytes]) -> Self {
        Self { source: Source::Chunks(chunks) }
    }

    pub(crate) const fn decoded(resources: &'a [V::Struct]) -> Self {
        Self { source: Source::Decoded(resources) }
    }

    /// Visits the resources in order. Nothing is allocated.
    pub fn iter(&self) -> RequestIter<'a, V> {
        let source = match self.source {
            Source::Chunks(chunks) => IterSource::Chunks { chunks: chunks.iter(), fields: Fields::new(&[]) },
            Source::Decoded(resources) => IterSource::Decoded(resources.iter()),
        };
        RequestIter { source }
    }

    /// Whether there is no resource.
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

impl<'a, V: View<'a>> Clone for RequestView<'a, V> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<'a, V: View<'a>> Copy for RequestView<'a, V> {}

impl<S> Clone for Source<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S> Copy for Source<'_, S> {}

impl<'a, V: View<'a>> Default for RequestView<'a, V> {
    fn default() -> Self {
        Self::decoded(&[])
    }
}

impl<'a, V: View<'a> + PartialEq> PartialEq for RequestView<'a, V> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<'a, V: View<'a> + fmt::Debug> fmt::Debug for RequestView<'a, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl<'a, V: View<'a>> IntoIterator for RequestView<'a, V> {
    type Item = V;
    type IntoIter = RequestIter<'a, V>;

    fn into_iter(self) -> RequestIter<'a, V> {
        self.iter()
    }
}

/// The resources of a batch, in order.
pub struct RequestIter<'a, V: View<'a>> {
    source: IterSource<'a, V::Struct>,
}

enum IterSource<'a, S> {
    Chunks { chunks: std::slice::Iter<'a, Bytes>, fields: Fields<'a> },
    Decoded(std::slice::Iter<'a, S>),
}

impl<'a, V: View<'a>> Iterator for RequestIter<'a, V> {
    type Item = V;

    fn next(&mut self) -> Option<V> {
        match &mut self.source {
            IterSource::Decoded(resources) => resources.next().map(V::from_struct),
            IterSource::Chunks { chunks, fields } => loop {
                match fields.find(|field: &Field<'_>| field.number == 1) {
                    Some(resource) => return Some(resource.message()),
                    None => *fields = Fields::new(chunks.next()?),
                }
            },
        }
    }
}

impl<'a, V: View<'a>> fmt::Debug for RequestIter<'a, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestIter").finish_non_exhaustive()
    }
}
