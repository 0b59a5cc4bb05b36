//! Puts spans in order by resource and scope: an `ExportTraceServiceRequest`.

use std::collections::HashMap;
use std::ops::Range;

use sluice_pdata::Limits;
use sluice_pdata::wire::{WireType, Write};

use super::attribute::field_len;
use crate::{Malformed, Rejected, Translated};

/// Collects spans, already encoded, and who they are of.
#[derive(Debug)]
pub(super) struct Request {
    /// The spans as `ScopeSpans` holds them, in the order of the body.
    pub(super) spans: Vec<u8>,
    resources: Vec<Resource>,
    by_body: HashMap<Vec<u8>, usize>,
    /// Where the span before went: mostly, the next goes there too.
    last: (usize, usize),
    items: usize,
    pub(super) rejected: Rejected,
    limits: Limits,
}

/// A `ResourceSpans`.
#[derive(Debug)]
struct Resource {
    service: Vec<u8>,
    body: Vec<u8>,
    scopes: Vec<Scope>,
    by_body: HashMap<Vec<u8>, usize>,
}

/// A `ScopeSpans`.
#[derive(Debug)]
struct Scope {
    body: Vec<u8>,
    /// Pieces of [`Request::spans`].
    spans: Vec<Range<usize>>,
    len: usize,
}

impl Request {
    pub(super) fn new(limits: &Limits, body_len: usize) -> Self {
        Self {
            spans: Vec::with_capacity(body_len),
            resources: Vec::new(),
            by_body: HashMap::new(),
            last: (usize::MAX, usize::MAX),
            items: 0,
            rejected: Rejected::default(),
            limits: *limits,
        }
    }

    /// Takes the span that was just appended to [`spans`](Self::spans), from `start`. `resource` and `scope` are the
    /// bodies of its `Resource` and `InstrumentationScope`; `service` is for the order.
    pub(super) fn place(
        &mut self,
        start: usize,
        service: &[u8],
        resource: &[u8],
        scope: &[u8],
    ) -> Result<(), Malformed> {
        self.items += 1;
        if self.items > self.limits.max_items {
            return Err(Malformed::TooLarge { what: "number of items", limit: self.limits.max_items });
        }
        if self.spans.len() > self.limits.max_decoded_bytes {
            return Err(Malformed::TooLarge {
                what: "decoded size in bytes",
                limit: self.limits.max_decoded_bytes,
            });
        }
        let span = start..self.spans.len();
        let (resource_index, scope_index) = self.find(service, resource, scope);
        self.last = (resource_index, scope_index);
        if let Some(scope) =
            self.resources.get_mut(resource_index).and_then(|resource| resource.scopes.get_mut(scope_index))
        {
            scope.len += span.len();
            match scope.spans.last_mut() {
                Some(before) if before.end == span.start => before.end = span.end,
                _ => scope.spans.push(span),
            }
        }
        Ok(())
    }

    fn find(&mut self, service: &[u8], resource: &[u8], scope: &[u8]) -> (usize, usize) {
        let (last_resource, last_scope) = self.last;
        let resource_index = match self.resources.get(last_resource) {
            Some(last) if last.body == resource => {
                if last.scopes.get(last_scope).is_some_and(|last| last.body == scope) {
                    return self.last;
                }
                last_resource
            }
            _ => match self.by_body.get(resource) {
                Some(index) => *index,
                None => {
                    self.by_body.insert(resource.to_vec(), self.resources.len());
                    self.resources.push(Resource {
                        service: service.to_vec(),
                        body: resource.to_vec(),
                        scopes: Vec::new(),
                        by_body: HashMap::new(),
                    });
                    self.resources.len() - 1
                }
            },
        };
        let scope_index = self.resources.get_mut(resource_index).map_or(0, |resource| {
            let next = resource.scopes.len();
            match resource.by_body.get(scope) {
                Some(index) => *index,
                None => {
                    resource.by_body.insert(scope.to_vec(), next);
                    resource.scopes.push(Scope { body: scope.to_vec(), spans: Vec::new(), len: 0 });
                    next
                }
            }
        });
        (resource_index, scope_index)
    }

    /// The whole request: resources by service name, scopes by name, spans as they came.
    pub(super) fn finish(mut self) -> Translated {
        self.resources.sort_by(|a, b| a.service.cmp(&b.service));
        let len = self.resources.iter().map(|resource| field_len(resource.len())).sum();
        let mut out = Vec::with_capacity(len);
        for resource in &mut self.resources {
            out.put_key(1, WireType::Len);
            out.put_varint(resource.len() as u64);
            if !resource.body.is_empty() {
                out.put_bytes_field(1, &resource.body);
            }
            // The name is the scope's first field and its length comes first: shorter names before longer ones.
            resource.scopes.sort_by(|a, b| a.body.cmp(&b.body));
            for scope in &resource.scopes {
                out.put_key(2, WireType::Len);
                out.put_varint(scope.len() as u64);
                if !scope.body.is_empty() {
                    out.put_bytes_field(1, &scope.body);
                }
                for span in &scope.spans {
                    out.extend_from_slice(self.spans.get(span.clone()).unwrap_or_default());
                }
            }
        }
        Translated { wire: out.into(), items: self.items, rejected: self.rejected }
    }
}

impl Resource {
    fn len(&self) -> usize {
        let scopes: usize = self.scopes.iter().map(|scope| field_len(scope.len())).sum();
        optional_len(&self.body) + scopes
    }
}

impl Scope {
    fn len(&self) -> usize {
        optional_len(&self.body) + self.len
    }
}

fn optional_len(body: &[u8]) -> usize {
    if body.is_empty() { 0 } else { field_len(body.len()) }
}
