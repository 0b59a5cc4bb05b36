//! Finished spans, put together as one `ExportTraceServiceRequest`: by process, and in it by scope.

use std::collections::HashMap;

use bytes::Bytes;
use sluice_pdata::wire::Write;

/// The instrumentation that made a span: its name and version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub(super) struct Scope<'a> {
    pub(super) name: &'a [u8],
    pub(super) version: &'a [u8],
}

impl Scope<'_> {
    /// As `==`, without comparing what is empty: that points nowhere, and the wide loads of a `memcmp` on it take some
    /// processors 200 ns.
    fn is(&self, other: &Self) -> bool {
        let same = |a: &[u8], b: &[u8]| a.len() == b.len() && (a.is_empty() || a == b);
        same(self.name, other.name) && same(self.version, other.version)
    }
}

/// Spans in the order they came. `processes` are numbered by the caller.
#[derive(Debug, Default)]
pub(super) struct Groups<'a> {
    /// Encoded as fields of `ScopeSpans`.
    pub(super) spans: Vec<u8>,
    scopes: Vec<(usize, Scope<'a>)>,
    known: HashMap<(usize, Scope<'a>), usize>,
    runs: Vec<Run>,
}

/// Spans of one scope that follow each other.
#[derive(Debug)]
struct Run {
    scope: usize,
    /// Where the last one ends in `spans`; the first begins where the run before ends.
    end: usize,
}

impl<'a> Groups<'a> {
    /// How many bytes are held, roughly: a process and a scope cost something beside their spans.
    pub(super) fn size(&self) -> usize {
        self.spans.len() + 256 * self.scopes.len() + size_of::<Run>() * self.runs.len()
    }

    /// Takes note of the span that was just appended to `spans`.
    pub(super) fn add(&mut self, process: usize, scope: Scope<'a>) {
        let end = self.spans.len();
        if let Some(run) = self.runs.last_mut()
            && self.scopes.get(run.scope).is_some_and(|last| last.0 == process && last.1.is(&scope))
        {
            run.end = end;
            return;
        }
        let scope = *self.known.entry((process, scope)).or_insert_with(|| {
            self.scopes.push((process, scope));
            self.scopes.len() - 1
        });
        self.runs.push(Run { scope, end });
    }

    /// The request. `resources` are the bodies of the processes' resources; one without spans is there with its
    /// resource alone.
    pub(super) fn finish(self, resources: &[Vec<u8>]) -> Bytes {
        let mut start = 0;
        let mut pieces = Vec::with_capacity(self.runs.len());
        for run in &self.runs {
            let Some((process, _)) = self.scopes.get(run.scope) else { continue };
            pieces.push((*process, run.scope, start..run.end));
            start = run.end;
        }
        pieces.sort_by_key(|(process, scope, _)| (*process, *scope));

        let resource_bytes: usize = resources.iter().map(|resource| resource.len() + 32).sum();
        let mut out = Vec::with_capacity(self.spans.len() + resource_bytes + 64 * self.scopes.len());
        let mut pieces = pieces.as_slice();
        for (process, resource) in resources.iter().enumerate() {
            let own = pieces.partition_point(|piece| piece.0 == process);
            let (own, others) = pieces.split_at_checked(own).unwrap_or((pieces, &[]));
            pieces = others;
            let len: usize = own.iter().map(|(_, _, range)| range.len()).sum();
            out.put_message_field(1, resource.len() + len, |out| {
                if !resource.is_empty() {
                    out.put_bytes_field(1, resource);
                }
                for run in own.chunk_by(|a, b| a.1 == b.1) {
                    self.scope_spans(run, out);
                }
            });
        }
        out.into()
    }

    /// The pieces of one scope.
    fn scope_spans(&self, pieces: &[(usize, usize, std::ops::Range<usize>)], out: &mut Vec<u8>) {
        let scope = pieces.first().and_then(|piece| self.scopes.get(piece.1)).map(|(_, scope)| *scope);
        let scope = scope.unwrap_or_default();
        let len: usize = pieces.iter().map(|(_, _, range)| range.len()).sum();
        out.put_message_field(2, len + scope.name.len() + scope.version.len(), |out| {
            if scope != Scope::default() {
                out.put_message_field(1, scope.name.len() + scope.version.len(), |out| {
                    for (number, text) in [(1, scope.name), (2, scope.version)] {
                        if !text.is_empty() {
                            out.put_bytes_field(number, text);
                        }
                    }
                });
            }
            for (_, _, range) in pieces {
                out.extend_from_slice(self.spans.get(range.clone()).unwrap_or_default());
            }
        });
    }
}
