//! Leaving items out by what their views show.

use super::{
    ExponentialHistogramDataPointView, HistogramDataPointView, LogRecordView, MetricDataView, MetricView,
    NumberDataPointView, ResourceView, ScopeView, SpanView, SummaryDataPointView,
};
use crate::Pdata;

/// A data point of any kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DataPointView<'a> {
    /// Of a gauge or sum.
    Number(NumberDataPointView<'a>),
    /// Of a histogram with explicit bounds.
    Histogram(HistogramDataPointView<'a>),
    /// Of a histogram with exponential buckets.
    ExponentialHistogram(ExponentialHistogramDataPointView<'a>),
    /// Of a summary.
    Summary(SummaryDataPointView<'a>),
}

impl Pdata {
    /// Leaves out the spans for which `keep` says no. Visits every span once, in order; takes a byte of memory a
    /// span while it decides. The rest is copied only where something goes; scopes and resources that lose all
    /// their items go with them. Does nothing to other signals.
    pub fn retain_spans(
        &mut self,
        mut keep: impl FnMut(&ResourceView<'_>, &ScopeView<'_>, &SpanView<'_>) -> bool,
    ) {
        let mut verdicts = Vec::new();
        for resource in self.traces() {
            for scope in resource.scope_spans {
                let spans = scope.spans.iter();
                verdicts.extend(spans.map(|span| keep(&resource.resource, &scope.scope, &span)));
            }
        }
        self.retain_verdicts(&verdicts);
    }

    /// Leaves out the log records for which `keep` says no; see [`retain_spans`](Self::retain_spans).
    pub fn retain_log_records(
        &mut self,
        mut keep: impl FnMut(&ResourceView<'_>, &ScopeView<'_>, &LogRecordView<'_>) -> bool,
    ) {
        let mut verdicts = Vec::new();
        for resource in self.logs() {
            for scope in resource.scope_logs {
                let records = scope.log_records.iter();
                verdicts.extend(records.map(|record| keep(&resource.resource, &scope.scope, &record)));
            }
        }
        self.retain_verdicts(&verdicts);
    }

    /// Leaves out the data points for which `keep` says no, and metrics that lose all of theirs; see
    /// [`retain_spans`](Self::retain_spans).
    pub fn retain_data_points(
        &mut self,
        mut keep: impl FnMut(&ResourceView<'_>, &ScopeView<'_>, &MetricView<'_>, &DataPointView<'_>) -> bool,
    ) {
        let mut verdicts = Vec::new();
        for resource in self.metrics() {
            for scope in resource.scope_metrics {
                for metric in scope.metrics {
                    each_point(&metric.data, |point| {
                        verdicts.push(keep(&resource.resource, &scope.scope, &metric, &point));
                    });
                }
            }
        }
        self.retain_verdicts(&verdicts);
    }

    fn retain_verdicts(&mut self, verdicts: &[bool]) {
        if verdicts.contains(&false) {
            self.retain_items(verdicts);
        }
    }
}

fn each_point<'a>(data: &MetricDataView<'a>, visit: impl FnMut(DataPointView<'a>)) {
    match data {
        MetricDataView::Empty => {}
        MetricDataView::Gauge(points) => points.iter().map(DataPointView::Number).for_each(visit),
        MetricDataView::Sum(sum) => sum.data_points.iter().map(DataPointView::Number).for_each(visit),
        MetricDataView::Histogram(histogram) => {
            histogram.data_points.iter().map(DataPointView::Histogram).for_each(visit);
        }
        MetricDataView::ExponentialHistogram(histogram) => {
            histogram.data_points.iter().map(DataPointView::ExponentialHistogram).for_each(visit);
        }
        MetricDataView::Summary(points) => points.iter().map(DataPointView::Summary).for_each(visit),
    }
}
