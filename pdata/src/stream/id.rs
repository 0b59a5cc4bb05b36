//! What makes two points the same stream, as 128 bits.
//!
//! Nothing is allocated and no order matters: a set of attributes is the sum of the hashes of its members. The hash is
//! keyed anew in each process, so ids are not for storing, and nobody outside can make two streams collide. By accident
//! two of a billion streams do so once in 10^20 runs.

use crate::view::{AnyValueView, Attributes, MetricDataView, MetricView, ResourceView, ScopeMetricsView};
use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

/// Values nest no deeper than this when they come from outside; what code of ours nests deeper counts as empty.
const DEEPEST: usize = 128;

/// The attributes of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(u128);

/// A resource and one of its scopes: name, version, schema URL and attributes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ScopeId(u128);

/// A scope and one of its metrics: name, unit, kind, and for sums and histograms temporality and monotonicity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MetricId(u128);

/// A metric and the attributes of its points: one stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamId(u128);

impl ResourceId {
    /// Reads the attributes. Entities and the schema do not count: they say what is known, not who it is.
    #[must_use]
    pub fn of(resource: &ResourceView<'_>) -> Self {
        Self(set_of(&resource.attributes, 0))
    }

    /// One of the resource's scopes.
    #[must_use]
    pub fn scope(self, scope: &ScopeMetricsView<'_>) -> ScopeId {
        let mut hash = Hash::new();
        hash.number(self.0);
        hash.bytes(scope.scope.name.as_bytes());
        hash.bytes(scope.scope.version.as_bytes());
        hash.bytes(scope.schema_url.as_bytes());
        hash.number(set_of(&scope.scope.attributes, 0));
        ScopeId(hash.finish())
    }
}

impl ScopeId {
    /// One of the scope's metrics. Its description and its metadata do not count.
    #[must_use]
    pub fn metric(self, metric: &MetricView<'_>) -> MetricId {
        let (kind, temporality, monotonic) = match &metric.data {
            MetricDataView::Empty => (0, 0, false),
            MetricDataView::Gauge(_) => (1, 0, false),
            MetricDataView::Sum(sum) => (2, sum.aggregation_temporality, sum.is_monotonic),
            MetricDataView::Histogram(histogram) => (3, histogram.aggregation_temporality, false),
            MetricDataView::ExponentialHistogram(histogram) => (4, histogram.aggregation_temporality, false),
            MetricDataView::Summary(_) => (5, 0, false),
        };
        let mut hash = Hash::new();
        hash.number(self.0);
        hash.bytes(metric.name.as_bytes());
        hash.bytes(metric.unit.as_bytes());
        hash.number(u128::from(temporality.cast_unsigned()) << 16 | kind << 8 | u128::from(monotonic));
        MetricId(hash.finish())
    }
}

impl MetricId {
    /// The stream of a point with these attributes. Whether its value is an integer or not does not count.
    #[must_use]
    pub fn stream(self, attributes: &Attributes<'_>) -> StreamId {
        let mut hash = Hash::new();
        hash.number(self.0);
        hash.number(set_of(attributes, 0));
        StreamId(hash.finish())
    }
}

impl StreamId {
    /// The id as a number, evenly spread over all 128 bits.
    #[must_use]
    pub const fn get(self) -> u128 {
        self.0
    }
}

/// Attributes in any order. A sum, and not an exclusive or, so that equal members do not cancel out.
fn set_of(attributes: &Attributes<'_>, depth: usize) -> u128 {
    attributes.iter().fold(0, |set: u128, attribute| {
        let mut hash = Hash::new();
        hash.bytes(attribute.key.as_bytes());
        hash.value(&attribute.value, depth);
        set.wrapping_add(hash.finish())
    })
}

/// Two hashes of 64 bits with keys of their own, side by side.
struct Hash([FoldHasher<'static>; 2]);

impl Hash {
    fn new() -> Self {
        static KEYS: OnceLock<[(u64, SharedSeed); 2]> = OnceLock::new();
        let [one, two] = KEYS.get_or_init(|| {
            // The standard library's source of random bits: no two of its states are alike.
            let random = || RandomState::new().hash_one(0);
            [(random(), SharedSeed::from_u64(random())), (random(), SharedSeed::from_u64(random()))]
        });
        Self([one, two].map(|(seed, shared)| FoldHasher::with_seed(*seed, shared)))
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for hash in &mut self.0 {
            hash.write_usize(bytes.len());
            hash.write(bytes);
        }
    }

    fn number(&mut self, number: u128) {
        self.0.iter_mut().for_each(|hash| hash.write_u128(number));
    }

    fn value(&mut self, value: &AnyValueView<'_>, depth: usize) {
        let (kind, number): (u8, u64) = match value {
            AnyValueView::Empty => (0, 0),
            AnyValueView::String(text) => return self.bytes(text.as_bytes()),
            AnyValueView::Bool(v) => (2, u64::from(*v)),
            AnyValueView::Int(v) => (3, v.cast_unsigned()),
            AnyValueView::Double(v) => (4, v.to_bits()),
            AnyValueView::Bytes(bytes) => {
                self.bytes(bytes);
                (5, 0)
            }
            AnyValueView::Array(_) | AnyValueView::Kvlist(_) if depth >= DEEPEST => (0, 0),
            AnyValueView::Array(values) => {
                values.iter().for_each(|value| self.value(&value, depth + 1));
                (6, values.len() as u64)
            }
            AnyValueView::Kvlist(attributes) => {
                self.number(set_of(attributes, depth + 1));
                (7, attributes.len() as u64)
            }
        };
        self.number(u128::from(kind) << 64 | u128::from(number));
    }

    fn finish(self) -> u128 {
        let [one, two] = self.0;
        u128::from(one.finish()) << 64 | u128::from(two.finish())
    }
}
