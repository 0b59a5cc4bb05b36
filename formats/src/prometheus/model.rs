//! What Prometheus's samples are made of.

use super::labels::Labels;

/// What a metric family is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "Prometheus's own words")]
pub enum MetricType {
    #[default]
    Unknown,
    Counter,
    Gauge,
    Histogram,
    GaugeHistogram,
    Summary,
    Info,
    StateSet,
}

impl MetricType {
    /// Every type, in the order of the numbers that remote write 1.0 and 2.0 give them.
    pub const ALL: [Self; 8] = [
        Self::Unknown,
        Self::Counter,
        Self::Gauge,
        Self::Histogram,
        Self::GaugeHistogram,
        Self::Summary,
        Self::Info,
        Self::StateSet,
    ];

    /// The word of OpenMetrics and of `prometheus.type`. Text 0.0.4 says `untyped` for [`Unknown`](Self::Unknown).
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
        }
    }

    /// The type of this [`word`](Self::word).
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// The type of this number in remote write, `Unknown` for numbers that are none.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        usize::try_from(number).ok().and_then(|number| Self::ALL.get(number).copied()).unwrap_or_default()
    }

    /// The number in remote write.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }
}

/// The bits of the NaN that says: this series ended here.
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// The bits of the one other NaN that Prometheus stores.
pub const NORMAL_NAN_BITS: u64 = 0x7ff8_0000_0000_0001;

/// The stale marker. It is a signalling NaN: arithmetic may change its bits, copies do not.
#[must_use]
pub const fn stale_nan() -> f64 {
    f64::from_bits(STALE_NAN_BITS)
}

/// The NaN that every other NaN becomes.
#[must_use]
pub const fn normal_nan() -> f64 {
    f64::from_bits(NORMAL_NAN_BITS)
}

/// Whether `value` is the stale marker, by its bits.
#[must_use]
pub const fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// What is known of a metric family.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `# TYPE`.
    pub kind: MetricType,
    /// `# HELP`, empty if there was none.
    pub help: String,
    /// `# UNIT`, Prometheus's word (`seconds`), empty if there was none.
    pub unit: String,
}

/// What a sample says.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Value<'a> {
    Float(f64),
    Histogram(&'a NativeHistogram),
}

impl Value<'_> {
    /// Whether it is a stale marker: a float that is, or a histogram whose sum is.
    #[must_use]
    pub const fn is_stale(&self) -> bool {
        match self {
            Self::Float(value) => is_stale(*value),
            Self::Histogram(histogram) => is_stale(histogram.sum),
        }
    }
}

/// The schema of histograms with custom bounds (NHCB).
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// Most buckets of one sign that a native histogram is read with, and most that it is spread out to: a few bytes can ask
/// for 2^32. Real ones are limited to some hundreds by their clients.
pub const MAX_NATIVE_BUCKETS: usize = 1 << 16;

/// A native histogram, as remote write has it. It is not checked: counts may contradict spans.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NativeHistogram {
    /// -4 to 8: bounds are powers of 2^(2^-schema); or [`CUSTOM_BUCKETS_SCHEMA`].
    pub schema: i32,
    /// Observations. `Float` means that all counts are floats.
    pub count: Count,
    /// Their sum; the stale marker if the series ended.
    pub sum: f64,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: Count,
    /// Buckets of positive observations; all buckets under custom bounds.
    pub positive: Buckets,
    /// Buckets of negative observations.
    pub negative: Buckets,
    /// Ascending upper bounds under [`CUSTOM_BUCKETS_SCHEMA`], without +Inf.
    pub custom_values: Vec<f64>,
    /// What is known of counter resets.
    pub reset_hint: ResetHint,
}

/// A number of observations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Count {
    Int(u64),
    Float(f64),
}

impl Default for Count {
    fn default() -> Self {
        Self::Int(0)
    }
}

/// Sparse buckets of one sign.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Buckets {
    /// Which buckets there are.
    pub spans: Vec<Span>,
    /// Integer counts: each as the difference to the one before.
    pub deltas: Vec<i64>,
    /// Float counts, absolute. Either these or the deltas are there.
    pub counts: Vec<f64>,
}

/// Consecutive buckets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Span {
    /// Index of the first bucket in the first span, then the gap to the span before. A bucket is named by its upper
    /// bound: index 0 ends at 1.
    pub offset: i32,
    /// How many buckets.
    pub length: u32,
}

/// What is known of a counter reset between a histogram and the one before it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResetHint {
    /// Nothing.
    #[default]
    Unknown,
    /// There was one.
    Yes,
    /// There was none.
    No,
    /// It is a gauge histogram, which has none.
    Gauge,
}

impl ResetHint {
    /// The hint of this number in protobuf, `Unknown` for numbers that are none.
    #[must_use]
    pub const fn from_number(number: u64) -> Self {
        match number {
            1 => Self::Yes,
            2 => Self::No,
            3 => Self::Gauge,
            _ => Self::Unknown,
        }
    }

    /// The number in protobuf.
    #[must_use]
    pub const fn number(self) -> u64 {
        self as u64
    }
}

/// An example of what was counted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Exemplar {
    /// Mostly `trace_id` and `span_id`.
    pub labels: Labels,
    /// What was observed.
    pub value: f64,
    /// Milliseconds since the Unix epoch.
    pub timestamp_ms: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_come_back_from_their_words_and_numbers() {
        for (number, kind) in (0..).zip(MetricType::ALL) {
            assert_eq!(MetricType::from_word(kind.word()), Some(kind));
            assert_eq!((kind.number(), MetricType::from_number(number)), (number, kind));
        }
        assert_eq!(MetricType::from_word("untyped"), None);
        assert_eq!(MetricType::from_number(8), MetricType::Unknown);
    }

    #[test]
    fn only_the_stale_marker_is_stale() {
        assert!(is_stale(stale_nan()));
        for other in [normal_nan(), f64::NAN, 0.0, f64::INFINITY] {
            assert!(!is_stale(other));
        }
        let ended = NativeHistogram { sum: stale_nan(), ..NativeHistogram::default() };
        assert!(Value::Histogram(&ended).is_stale() && Value::Float(stale_nan()).is_stale());
    }

    #[test]
    fn reset_hints_come_back_from_their_numbers() {
        for hint in [ResetHint::Unknown, ResetHint::Yes, ResetHint::No, ResetHint::Gauge] {
            assert_eq!(ResetHint::from_number(hint.number()), hint);
        }
    }
}
