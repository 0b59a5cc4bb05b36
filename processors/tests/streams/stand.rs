//! One processor built from YAML, with a sink that takes or refuses.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sluice_component::{
    Consume, Context, Kind, Processor, Reason, Refusal, Registry, Stage, async_trait,
    host::Process,
    ledger::Balance,
    testkit::{Recorder, build_cx, component, host, process},
};
use sluice_pdata::{
    Limits, Pdata, Signal,
    otlp::{
        ExportMetricsServiceRequest,
        common::v1::{AnyValue, KeyValue, any_value},
        metrics::v1::{
            ExponentialHistogram, ExponentialHistogramDataPoint, Gauge, Histogram, HistogramDataPoint,
            Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, Summary, SummaryDataPoint,
            metric::Data, number_data_point::Value,
        },
        resource::v1::Resource,
    },
};
use sluice_processors::{cumulative_to_delta, delta_to_cumulative, metric_start_time};
use tokio::time::Instant;

pub(crate) const DELTA: i32 = 1;
pub(crate) const CUMULATIVE: i32 = 2;
pub(crate) const S: u64 = 1_000_000_000;
pub(crate) const MS: u64 = 1_000_000;

pub(crate) struct Stand {
    stage: Arc<dyn Stage>,
    sink: Arc<Sink>,
    process: Arc<Process>,
    account: Arc<sluice_component::ledger::Account>,
}

/// Records, unless it is told to refuse.
struct Sink {
    recorder: Arc<Recorder>,
    refuses: AtomicBool,
}

#[async_trait]
impl Consume for Sink {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        if self.refuses.load(Ordering::Relaxed) {
            let exporter = component(Kind::Exporter, "otlp");
            return Err(Refusal::retryable(exporter, Signal::Metrics, data.items(), Reason::QueueFull));
        }
        self.recorder.consume(cx, data).await
    }
}

impl Stand {
    pub(crate) async fn new(type_: &str, yaml: &str) -> Self {
        let process = process();
        let registry = Registry::empty()
            .processor::<cumulative_to_delta::Factory>()
            .processor::<delta_to_cumulative::Factory>()
            .processor::<metric_start_time::Factory>();
        let factory = registry.processors.get(type_).unwrap();
        let node = sluice_config::Node::from_yaml("test.yaml", yaml).unwrap();
        let mut problems = sluice_config::Problems::new();
        let parsed = factory.parse(&node, type_, &mut problems).unwrap();
        assert!(!problems.has_errors(), "{problems}");
        let cx = build_cx(&process, Kind::Processor, type_, Signal::Metrics);
        let account = cx.account.clone().unwrap();
        let sink = Arc::new(Sink { recorder: Recorder::new(), refuses: AtomicBool::new(false) });
        let Processor::Stage(stage) = factory.build(&parsed, cx, sink.clone()).unwrap() else {
            panic!("a stage");
        };
        stage.start(&host(&process, Kind::Processor, type_)).await.unwrap();
        Self { stage, sink, process, account }
    }

    /// Sends one metric, as bytes, as a receiver would.
    pub(crate) async fn send(&self, metric: Metric) -> Result<(), Refusal> {
        self.send_all(request("r", vec![metric])).await
    }

    pub(crate) async fn send_all(&self, request: ExportMetricsServiceRequest) -> Result<(), Refusal> {
        let wire = Pdata::from_metrics(request).wire().remove(0);
        let data = Pdata::from_wire(Signal::Metrics, wire, &Limits::default()).unwrap().0;
        self.stage.consume(Context::default(), data).await
    }

    /// Sends one metric and gives what comes out: none if nothing does.
    pub(crate) async fn through(&self, metric: Metric) -> Option<Metric> {
        let before = self.sink.recorder.batches().len();
        self.send(metric).await.unwrap();
        let mut batches = self.sink.recorder.batches();
        assert!(batches.len() <= before + 1);
        let out = batches.split_off(before).pop()?;
        // What a stage hands on must pass the door again.
        for chunk in out.wire() {
            let (_, repairs) = Pdata::from_wire(Signal::Metrics, chunk, &Limits::default()).unwrap();
            assert!(repairs.is_empty(), "{repairs:?}");
        }
        let mut metrics = metrics(&out);
        assert_eq!(metrics.len(), 1);
        metrics.pop()
    }

    /// All metrics of the last batch that came out.
    pub(crate) fn last(&self) -> Vec<Metric> {
        metrics(self.sink.recorder.batches().last().unwrap())
    }

    pub(crate) fn refuse(&self, refuses: bool) {
        self.sink.refuses.store(refuses, Ordering::Relaxed);
    }

    pub(crate) fn batches(&self) -> usize {
        self.sink.recorder.batches().len()
    }

    pub(crate) fn balance(&self) -> Balance {
        self.account.branch(&component(Kind::Exporter, "otlp")).balance()
    }

    /// Points dropped with the reason `invalid`.
    pub(crate) fn dropped(&self) -> u64 {
        self.balance().dropped.get(&Reason::Invalid).copied().unwrap_or_default()
    }

    pub(crate) fn filtered(&self) -> u64 {
        self.balance().filtered
    }

    /// The value of one of the processor's own metrics.
    pub(crate) fn metric(&self, name: &str, reason: Option<&str>) -> f64 {
        let families = self.process.telemetry.registry().gather();
        let family = families.iter().find(|family| family.name() == name).unwrap();
        let of_reason = |metric: &&prometheus::proto::Metric| {
            reason.is_none_or(|reason| metric.get_label().iter().any(|label| label.value() == reason))
        };
        let metric = family.get_metric().iter().find(of_reason).unwrap();
        metric.get_counter().get_value() + metric.get_gauge().get_value()
    }

    pub(crate) async fn shutdown(&self) {
        self.stage.shutdown(Instant::now() + Duration::from_secs(1)).await.unwrap();
    }
}

fn metrics(data: &Pdata) -> Vec<Metric> {
    let mut data = data.clone();
    let resources = &data.metrics_mut().resource_metrics;
    resources.iter().flat_map(|r| &r.scope_metrics).flat_map(|s| s.metrics.clone()).collect()
}

pub(crate) fn request(resource: &str, metrics: Vec<Metric>) -> ExportMetricsServiceRequest {
    let resource = Resource { attributes: attributes(resource), ..Resource::default() };
    let scope = ScopeMetrics { metrics, ..ScopeMetrics::default() };
    ExportMetricsServiceRequest {
        resource_metrics: vec![ResourceMetrics {
            resource: Some(resource),
            scope_metrics: vec![scope],
            ..ResourceMetrics::default()
        }],
    }
}

pub(crate) fn attributes(value: &str) -> Vec<KeyValue> {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    vec![KeyValue { key: "id".to_owned(), value: Some(value), ..KeyValue::default() }]
}

/// An integer of the stream `id`, from `start` to `time`.
pub(crate) fn int(id: &str, start: u64, time: u64, value: i64) -> NumberDataPoint {
    number(id, start, time, Some(Value::AsInt(value)))
}

pub(crate) fn number(id: &str, start: u64, time: u64, value: Option<Value>) -> NumberDataPoint {
    NumberDataPoint {
        attributes: attributes(id),
        start_time_unix_nano: start,
        time_unix_nano: time,
        value,
        ..NumberDataPoint::default()
    }
}

/// A point that says that no value was recorded.
pub(crate) fn stale(id: &str, time: u64) -> NumberDataPoint {
    NumberDataPoint { flags: 1, ..number(id, 0, time, None) }
}

fn named(data: Data) -> Metric {
    Metric { name: "requests".to_owned(), data: Some(data), ..Metric::default() }
}

pub(crate) fn counter(temporality: i32, points: Vec<NumberDataPoint>) -> Metric {
    named(Data::Sum(Sum { data_points: points, aggregation_temporality: temporality, is_monotonic: true }))
}

pub(crate) fn up_down(temporality: i32, points: Vec<NumberDataPoint>) -> Metric {
    named(Data::Sum(Sum { data_points: points, aggregation_temporality: temporality, is_monotonic: false }))
}

pub(crate) fn gauge(points: Vec<NumberDataPoint>) -> Metric {
    named(Data::Gauge(Gauge { data_points: points }))
}

pub(crate) fn histogram(
    temporality: i32,
    start: u64,
    time: u64,
    bounds: &[f64],
    counts: &[u64],
    sum: f64,
) -> Metric {
    let point = HistogramDataPoint {
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: counts.iter().sum(),
        sum: Some(sum),
        min: Some(0.0),
        max: Some(9.0),
        explicit_bounds: bounds.to_vec(),
        bucket_counts: counts.to_vec(),
        ..HistogramDataPoint::default()
    };
    named(Data::Histogram(Histogram { data_points: vec![point], aggregation_temporality: temporality }))
}

pub(crate) fn exponential(temporality: i32, start: u64, time: u64, scale: i32, counts: &[u64]) -> Metric {
    use sluice_pdata::otlp::metrics::v1::exponential_histogram_data_point::Buckets;
    let point = ExponentialHistogramDataPoint {
        start_time_unix_nano: start,
        time_unix_nano: time,
        count: counts.iter().sum(),
        sum: Some(counts.iter().sum::<u64>() as f64),
        scale,
        positive: Some(Buckets { offset: 0, bucket_counts: counts.to_vec() }),
        ..ExponentialHistogramDataPoint::default()
    };
    named(Data::ExponentialHistogram(ExponentialHistogram {
        data_points: vec![point],
        aggregation_temporality: temporality,
    }))
}

pub(crate) fn summary(start: u64, time: u64, count: u64, sum: f64) -> Metric {
    use sluice_pdata::otlp::metrics::v1::summary_data_point::ValueAtQuantile;
    let point = SummaryDataPoint {
        start_time_unix_nano: start,
        time_unix_nano: time,
        count,
        sum,
        quantile_values: vec![ValueAtQuantile { quantile: 0.5, value: 3.0 }],
        ..SummaryDataPoint::default()
    };
    named(Data::Summary(Summary { data_points: vec![point] }))
}

/// Temporality and points of a sum: start, time, value.
pub(crate) fn sums(metric: Option<Metric>) -> (i32, Vec<(u64, u64, i64)>) {
    let Some(Data::Sum(sum)) = metric.unwrap().data else { panic!("a sum") };
    let point = |point: &NumberDataPoint| match point.value {
        Some(Value::AsInt(value)) => (point.start_time_unix_nano, point.time_unix_nano, value),
        _ => panic!("an integer"),
    };
    (sum.aggregation_temporality, sum.data_points.iter().map(point).collect())
}

pub(crate) fn histogram_of(metric: Option<Metric>) -> HistogramDataPoint {
    let Some(Data::Histogram(mut histogram)) = metric.unwrap().data else { panic!("a histogram") };
    histogram.data_points.remove(0)
}

pub(crate) fn exponential_of(metric: Option<Metric>) -> ExponentialHistogramDataPoint {
    let Some(Data::ExponentialHistogram(mut histogram)) = metric.unwrap().data else { panic!("a histogram") };
    histogram.data_points.remove(0)
}

pub(crate) fn summary_of(metric: Option<Metric>) -> SummaryDataPoint {
    let Some(Data::Summary(mut summary)) = metric.unwrap().data else { panic!("a summary") };
    summary.data_points.remove(0)
}
