//! Leaving items out by what their views show.

use super::{DataPointView, LogRecordView, MetricView, ResourceView, ScopeView, SpanView};
use crate::Pdata;

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
                    let points = metric.data.data_points();
                    verdicts
                        .extend(points.map(|point| keep(&resource.resource, &scope.scope, &metric, &point)));
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
