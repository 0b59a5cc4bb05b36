//! The streams of a transaction in order by resource and scope: an `ExportMetricsServiceRequest`.

use std::collections::HashMap;

use sluice_pdata::wire::{WireType, Write};

use super::Source;
use super::attributes::{self, field_len};
use super::catalog::{Origin, resource_body};
use super::transaction::{Shape, Stream, Transaction};

/// `AGGREGATION_TEMPORALITY_CUMULATIVE`.
const CUMULATIVE: u64 = 2;
/// Field of a metric's metadata, and its one key.
const METADATA: u32 = 12;
const TYPE_KEY: &str = "prometheus.type";

/// A `ResourceMetrics`.
struct Resource<'t> {
    body: Vec<u8>,
    scopes: Vec<Scope<'t>>,
}

/// A `ScopeMetrics`.
struct Scope<'t> {
    origin: &'t Origin,
    /// What `otel_scope_info` says, as fields of the scope.
    attributes: Vec<u8>,
    streams: Vec<&'t Stream>,
}

/// The whole request.
pub(super) fn assemble(transaction: &Transaction, source: &Source) -> Vec<u8> {
    let resources = arrange(transaction, source);
    let mut out = Vec::with_capacity(resources.iter().map(|resource| field_len(resource.len())).sum());
    for resource in &resources {
        open(&mut out, 1, resource.len());
        out.put_bytes_field(1, &resource.body);
        for scope in &resource.scopes {
            open(&mut out, 2, scope.len());
            open(&mut out, 1, scope.body_len());
            out.extend_from_slice(&scope.origin.scope);
            out.extend_from_slice(&scope.attributes);
            for stream in &scope.streams {
                stream.put(&mut out, &transaction.points);
            }
            if !scope.origin.schema_url.is_empty() {
                out.put_bytes_field(3, scope.origin.schema_url.as_bytes());
            }
        }
    }
    out
}

fn open(out: &mut Vec<u8>, number: u32, len: usize) {
    out.put_key(number, WireType::Len);
    out.put_varint(len as u64);
}

/// Resources and scopes in the order of their first sample. Those without points are not there.
fn arrange<'t>(transaction: &'t Transaction, source: &Source) -> Vec<Resource<'t>> {
    let mut resources: Vec<Resource<'t>> = Vec::new();
    let mut by_name: HashMap<(&str, &str), usize> = HashMap::new();
    let mut by_origin: HashMap<*const Origin, (usize, usize)> = HashMap::new();
    let mut target_infos: HashMap<(&str, &str), Vec<u8>> = HashMap::new();
    for (origin, info) in &transaction.target_infos {
        target_infos.entry((&origin.job, &origin.instance)).or_default().extend_from_slice(info);
    }
    // Of several, the last one counts.
    let scope_infos: HashMap<*const Origin, &[u8]> =
        transaction.scope_infos.iter().map(|(origin, info)| (&raw const **origin, info.as_slice())).collect();
    for stream in transaction.streams.iter().filter(|stream| stream.len > 0) {
        let origin = &*stream.metric.origin;
        let (resource, scope) = *by_origin.entry(origin).or_insert_with(|| {
            let name = (origin.job.as_str(), origin.instance.as_str());
            let resource = *by_name.entry(name).or_insert_with(|| {
                let info = target_infos.get(&name).map_or(&[][..], Vec::as_slice);
                let body = resource_body(origin, source, info);
                resources.push(Resource { body, scopes: Vec::new() });
                resources.len() - 1
            });
            let scopes = resources.get_mut(resource).map(|resource| &mut resource.scopes);
            let scope = scopes.map_or(0, |scopes| {
                let mut attributes = Vec::new();
                if let Some(info) = scope_infos.get(&(&raw const *origin)) {
                    attributes::put_as(&mut attributes, 3, info);
                }
                scopes.push(Scope { origin, attributes, streams: Vec::new() });
                scopes.len() - 1
            });
            (resource, scope)
        });
        let scope = resources.get_mut(resource).and_then(|resource| resource.scopes.get_mut(scope));
        if let Some(scope) = scope {
            scope.streams.push(stream);
        }
    }
    resources
}

impl Resource<'_> {
    fn len(&self) -> usize {
        field_len(self.body.len()) + self.scopes.iter().map(|scope| field_len(scope.len())).sum::<usize>()
    }
}

impl Scope<'_> {
    fn body_len(&self) -> usize {
        self.origin.scope.len() + self.attributes.len()
    }

    fn len(&self) -> usize {
        let schema_url = match self.origin.schema_url.len() {
            0 => 0,
            len => field_len(len),
        };
        let streams: usize = self.streams.iter().map(|stream| field_len(stream.metric_len())).sum();
        field_len(self.body_len()) + streams + schema_url
    }
}

impl Stream {
    /// The word of `prometheus.type`: what the points are, where that is beyond doubt.
    fn word(&self) -> &'static str {
        match self.shape {
            Shape::Histogram | Shape::ExponentialHistogram => "histogram",
            Shape::Summary => "summary",
            _ => self.metric.metadata.kind.word(),
        }
    }

    /// The field of the points in a metric.
    fn data_number(&self) -> u32 {
        match self.shape {
            Shape::Gauge => 5,
            Shape::MonotonicSum | Shape::Sum => 7,
            Shape::Histogram => 9,
            Shape::ExponentialHistogram => 10,
            Shape::Summary => 11,
        }
    }

    /// What follows the points: temporality and whether a sum only rises.
    fn trailer_len(&self) -> usize {
        match self.shape {
            Shape::Gauge | Shape::Summary => 0,
            Shape::Sum | Shape::Histogram | Shape::ExponentialHistogram => 2,
            Shape::MonotonicSum => 4,
        }
    }

    fn data_len(&self) -> usize {
        self.len + self.trailer_len()
    }

    fn metric_len(&self) -> usize {
        let metadata = attributes::len(TYPE_KEY, self.word());
        self.metric.head.len() + field_len(self.data_len()) + metadata
    }

    /// Appends the metric.
    fn put(&self, out: &mut Vec<u8>, points: &[u8]) {
        open(out, 2, self.metric_len());
        out.extend_from_slice(&self.metric.head);
        open(out, self.data_number(), self.data_len());
        for piece in &self.pieces {
            out.extend_from_slice(points.get(piece.clone()).unwrap_or_default());
        }
        if self.trailer_len() > 0 {
            out.put_varint_field(2, CUMULATIVE);
        }
        if self.shape == Shape::MonotonicSum {
            out.put_varint_field(3, 1);
        }
        attributes::put(out, METADATA, TYPE_KEY, self.word());
    }
}
