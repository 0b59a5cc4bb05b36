use crate::arbitrary::Arbitrary;
use crate::otlp::metrics::v1::metric::Data;
use crate::otlp::metrics::v1::{
    ExponentialHistogramDataPoint, HistogramDataPoint, NumberDataPoint, SummaryDataPoint,
};
use crate::otlp::{ExportMetricsServiceRequest, Message};
use crate::stream::{PointEdit, StreamEditor, StreamId};
use crate::testing::{admit, as_structs, items, pdata};
use crate::view::{
    DataPointView, ExponentialHistogramDataPointView, HistogramDataPointView, MetricView,
    NumberDataPointView, ResourceMetricsView, SummaryDataPointView, View,
};
use crate::{Pdata, Signal};
use proptest::prelude::*;

/// Decides by the order in which it is asked.
struct ByTurns {
    seed: u64,
    metrics: u64,
    points: u64,
    number: NumberDataPoint,
    histogram: HistogramDataPoint,
    exponential: ExponentialHistogramDataPoint,
    summary: SummaryDataPoint,
}

impl ByTurns {
    fn new(seed: u64) -> Self {
        let mut any = Arbitrary::new(seed);
        Self {
            seed,
            metrics: 0,
            points: 0,
            number: any.number_point(),
            histogram: any.histogram_point(),
            exponential: any.exponential_point(),
            summary: any.summary_point(),
        }
    }

    fn next_metric(&mut self) -> Option<i32> {
        self.metrics += 1;
        match Arbitrary::new(self.seed ^ self.metrics).below(3) {
            0 => None,
            1 => Some(1),
            _ => Some(2),
        }
    }

    fn next_point(&mut self) -> u64 {
        self.points += 1;
        Arbitrary::new(self.seed ^ self.points).below(4)
    }
}

impl StreamEditor for ByTurns {
    fn metric(&mut self, _: &MetricView<'_>) -> Option<i32> {
        self.next_metric()
    }

    fn point(&mut self, _: StreamId, point: &DataPointView<'_>) -> PointEdit<'_> {
        match self.next_point() {
            0 => PointEdit::Keep,
            1 => PointEdit::Drop,
            2 => PointEdit::Start(7),
            _ => PointEdit::Replace(match point {
                DataPointView::Number(_) => {
                    DataPointView::Number(NumberDataPointView::from_struct(&self.number))
                }
                DataPointView::Histogram(_) => {
                    DataPointView::Histogram(HistogramDataPointView::from_struct(&self.histogram))
                }
                DataPointView::ExponentialHistogram(_) => DataPointView::ExponentialHistogram(
                    ExponentialHistogramDataPointView::from_struct(&self.exponential),
                ),
                DataPointView::Summary(_) => {
                    DataPointView::Summary(SummaryDataPointView::from_struct(&self.summary))
                }
            }),
        }
    }
}

/// The same on structs.
fn edit_structs(request: &mut ExportMetricsServiceRequest, by: &mut ByTurns) {
    for resource in &mut request.resource_metrics {
        for scope in &mut resource.scope_metrics {
            for metric in &mut scope.metrics {
                let temporality = by.next_metric();
                let (Some(temporality), Some(data)) = (temporality, &mut metric.data) else { continue };
                edit_data(data, temporality, by);
            }
        }
    }
}

macro_rules! edit_points {
    ($points:expr, $by:expr, $new:ident, [$($field:ident),+]) => {
        $points.retain_mut(|point| {
            match $by.next_point() {
                0 => {}
                1 => return false,
                2 => point.start_time_unix_nano = 7,
                _ => {
                    $(point.$field = $by.$new.$field.clone();)+
                    point.flags = 0;
                }
            }
            true
        })
    };
}

fn edit_data(data: &mut Data, temporality: i32, by: &mut ByTurns) {
    match data {
        Data::Gauge(gauge) => {
            edit_points!(gauge.data_points, by, number, [start_time_unix_nano, time_unix_nano, value]);
        }
        Data::Sum(sum) => {
            if !sum.data_points.is_empty() {
                sum.aggregation_temporality = temporality;
            }
            edit_points!(sum.data_points, by, number, [start_time_unix_nano, time_unix_nano, value]);
        }
        Data::Histogram(histogram) => {
            if !histogram.data_points.is_empty() {
                histogram.aggregation_temporality = temporality;
            }
            edit_points!(
                histogram.data_points,
                by,
                histogram,
                [start_time_unix_nano, time_unix_nano, count, sum, min, max, bucket_counts, explicit_bounds]
            );
        }
        Data::ExponentialHistogram(histogram) => {
            if !histogram.data_points.is_empty() {
                histogram.aggregation_temporality = temporality;
            }
            edit_points!(
                histogram.data_points,
                by,
                exponential,
                [
                    start_time_unix_nano,
                    time_unix_nano,
                    count,
                    sum,
                    min,
                    max,
                    scale,
                    zero_count,
                    zero_threshold,
                    positive,
                    negative
                ]
            );
            for point in &mut histogram.data_points {
                // Buckets that hold nothing may be left out.
                point.positive = point.positive.take().filter(|buckets| !buckets.bucket_counts.is_empty());
                point.negative = point.negative.take().filter(|buckets| !buckets.bucket_counts.is_empty());
            }
        }
        Data::Summary(summary) => {
            edit_points!(
                summary.data_points,
                by,
                summary,
                [start_time_unix_nano, time_unix_nano, count, sum]
            );
        }
    }
}

fn normal(mut request: ExportMetricsServiceRequest) -> ExportMetricsServiceRequest {
    for resource in &mut request.resource_metrics {
        for metric in resource.scope_metrics.iter_mut().flat_map(|scope| &mut scope.metrics) {
            if let Some(Data::ExponentialHistogram(histogram)) = &mut metric.data {
                for point in &mut histogram.data_points {
                    point.positive = point.positive.take().filter(|b| !b.bucket_counts.is_empty());
                    point.negative = point.negative.take().filter(|b| !b.bucket_counts.is_empty());
                }
            }
        }
    }
    request
}

proptest! {
    #[test]
    fn edits_on_the_wire_are_the_edits_of_the_structs(seed: u64, edits: u64) {
        let request = normal(Arbitrary::new(seed).metrics());
        let mut data = admit(Signal::Metrics, request.encode_to_vec().into());
        data.edit_streams(&mut ByTurns::new(edits));
        let mut expected = request.clone();
        edit_structs(&mut expected, &mut ByTurns::new(edits));
        let expected = items(Signal::Metrics, &Pdata::from_metrics(expected).wire());
        let edited = normal(ExportMetricsServiceRequest::decode(data.wire().concat().as_slice()).unwrap());
        prop_assert_eq!(&items(Signal::Metrics, &Pdata::from_metrics(edited).wire()), &expected);
        prop_assert_eq!(data.items(), expected.len());
        for chunk in data.wire() {
            prop_assert!(!crate::walk::walk(Signal::Metrics, &chunk, 64).unwrap().odd);
        }
        let mut structs = Pdata::from_metrics(request);
        structs.edit_streams(&mut ByTurns::new(edits));
        prop_assert_eq!(structs.wire().concat(), data.wire().concat());
    }
}

/// Leaves everything as it is.
struct Nothing {
    resources: usize,
    metrics: bool,
}

impl StreamEditor for Nothing {
    fn resource(&mut self, _: &ResourceMetricsView<'_>) {
        self.resources += 1;
    }

    fn metric(&mut self, _: &MetricView<'_>) -> Option<i32> {
        self.metrics.then_some(2)
    }

    fn point(&mut self, _: StreamId, _: &DataPointView<'_>) -> PointEdit<'_> {
        PointEdit::Keep
    }
}

proptest! {
    #[test]
    fn what_is_not_edited_stays_to_the_byte(seeds in proptest::collection::vec(any::<u64>(), 1..4)) {
        let data = pdata(Signal::Metrics, &seeds);
        let mut left = data.clone();
        let mut editor = Nothing { resources: 0, metrics: false };
        left.edit_streams(&mut editor);
        prop_assert_eq!(left.wire().concat(), data.wire().concat());
        prop_assert_eq!(left.items(), data.items());
        prop_assert_eq!(editor.resources, data.metrics().iter().count());
    }
}

/// Drops every point.
struct Everything;

impl StreamEditor for Everything {
    fn metric(&mut self, _: &MetricView<'_>) -> Option<i32> {
        Some(0)
    }

    fn point(&mut self, _: StreamId, _: &DataPointView<'_>) -> PointEdit<'_> {
        PointEdit::Drop
    }
}

#[test]
fn envelopes_that_lose_all_points_go_with_them() {
    for seed in 0..50 {
        let mut data = pdata(Signal::Metrics, &[seed]);
        data.edit_streams(&mut Everything);
        assert_eq!(data.items(), 0);
        let left = data.wire().concat();
        let left = ExportMetricsServiceRequest::decode(left.as_slice()).unwrap();
        let had_none = |data: &Data| points(data) == 0;
        for resource in &left.resource_metrics {
            for scope in &resource.scope_metrics {
                assert!(scope.metrics.iter().all(|metric| metric.data.as_ref().is_none_or(had_none)));
            }
        }
    }
}

fn points(data: &Data) -> usize {
    match data {
        Data::Gauge(gauge) => gauge.data_points.len(),
        Data::Sum(sum) => sum.data_points.len(),
        Data::Histogram(histogram) => histogram.data_points.len(),
        Data::ExponentialHistogram(histogram) => histogram.data_points.len(),
        Data::Summary(summary) => summary.data_points.len(),
    }
}

#[test]
fn other_signals_are_left_alone() {
    let data = pdata(Signal::Traces, &[1, 2]);
    let mut left = as_structs(&data);
    left.edit_streams(&mut Everything);
    assert_eq!(left.items(), data.items());
}
