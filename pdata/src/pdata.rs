//! One batch of telemetry of one signal.

#[cfg(test)]
mod tests;

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::cut::{self, Piece};
use crate::decoded::{Decoded, Structs};
use crate::limits::{Limits, Repairs, WireError};
use crate::otlp::{ExportLogsServiceRequest, ExportMetricsServiceRequest, ExportTraceServiceRequest};
use crate::signal::Signal;
use crate::{door, retain};

/// Bytes of one request in pieces. Each piece is a whole `Export*ServiceRequest`, and so are they all in sequence:
/// the requests hold one repeated field and nothing else, and protobuf joins those by concatenation.
pub type Chunks = SmallVec<[Bytes; 1]>;

/// Something that lives as long as the data it is held by, such as a permit of a memory budget.
pub type Guard = Arc<dyn Any + Send + Sync>;

/// Telemetry of one signal, as bytes until somebody needs structs.
///
/// A clone shares everything. Editing a clone copies what it must and leaves the others as they are.
#[derive(Clone)]
pub struct Pdata {
    signal: Signal,
    body: Body,
    guards: SmallVec<[Guard; 1]>,
}

#[derive(Clone)]
enum Body {
    /// Bytes that the walk accepted, in canonical form, and the number of items in them.
    Wire {
        chunks: Chunks,
        items: usize,
    },
    Decoded(Arc<Decoded>),
}

/// The data as it is held at the moment, for readers that work on both forms.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Form<'a> {
    Wire(&'a [Bytes]),
    Decoded(&'a Structs),
}

impl Pdata {
    /// Checks `body`, an encoded `Export*ServiceRequest` of `signal`, in one walk, and keeps it.
    ///
    /// Clean input is not copied and nothing is allocated. Input that needs repair, or that is legal but odd
    /// (a singular field given twice, say), is rewritten once.
    ///
    /// # Errors
    /// When the bytes are not such a request, or exceed `limits`. Nothing was allocated then.
    pub fn from_wire(signal: Signal, body: Bytes, limits: &Limits) -> Result<(Self, Repairs), WireError> {
        let (body, items, repairs) = door::admit(signal, body, limits)?;
        let chunks = if body.is_empty() { Chunks::new() } else { SmallVec::from_buf([body]) };
        Ok((Self { signal, body: Body::Wire { chunks, items }, guards: SmallVec::new() }, repairs))
    }

    /// Takes spans in struct form. Costs nothing; encoding comes when somebody asks for bytes.
    pub fn from_traces(traces: ExportTraceServiceRequest) -> Self {
        Self::from_structs(Signal::Traces, Structs::Traces(traces))
    }

    /// Takes metrics in struct form; see [`from_traces`](Self::from_traces).
    pub fn from_metrics(metrics: ExportMetricsServiceRequest) -> Self {
        Self::from_structs(Signal::Metrics, Structs::Metrics(metrics))
    }

    /// Takes log records in struct form; see [`from_traces`](Self::from_traces).
    pub fn from_logs(logs: ExportLogsServiceRequest) -> Self {
        Self::from_structs(Signal::Logs, Structs::Logs(logs))
    }

    fn from_structs(signal: Signal, structs: Structs) -> Self {
        Self { signal, body: Body::Decoded(Arc::new(Decoded::new(structs))), guards: SmallVec::new() }
    }

    /// What the items are.
    #[must_use]
    pub fn signal(&self) -> Signal {
        self.signal
    }

    /// Number of spans, data points or log records. Stored; never decodes.
    #[must_use]
    pub fn items(&self) -> usize {
        match &self.body {
            Body::Wire { items, .. } => *items,
            Body::Decoded(decoded) => decoded.items(),
        }
    }

    /// Encoded size in bytes. For structs it is computed once, without encoding.
    #[must_use]
    pub fn size(&self) -> usize {
        match &self.body {
            Body::Wire { chunks, .. } => chunks.iter().map(Bytes::len).sum(),
            Body::Decoded(decoded) => decoded.size(),
        }
    }

    /// Whether there is no item. Empty resources and scopes may still be there.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items() == 0
    }

    /// The encoded form. Free for bytes; structs are encoded once, and all clones share the result.
    #[must_use]
    pub fn wire(&self) -> Chunks {
        match &self.body {
            Body::Wire { chunks, .. } => chunks.clone(),
            Body::Decoded(decoded) if decoded.wire().is_empty() => Chunks::new(),
            Body::Decoded(decoded) => SmallVec::from_buf([decoded.wire().clone()]),
        }
    }

    /// The form the data is held in.
    pub(crate) fn form(&self) -> Form<'_> {
        match &self.body {
            Body::Wire { chunks, .. } => Form::Wire(chunks),
            Body::Decoded(decoded) => Form::Decoded(decoded.structs()),
        }
    }

    /// The spans as structs, to edit. Decodes once, copies only what clones share, forgets the encoded form.
    ///
    /// # Panics
    /// When the signal is another.
    pub fn traces_mut(&mut self) -> &mut ExportTraceServiceRequest {
        match self.structs_mut() {
            Structs::Traces(request) => request,
            _ => panic!("traces_mut on data of another signal"),
        }
    }

    /// The metrics as structs, to edit; see [`traces_mut`](Self::traces_mut).
    ///
    /// # Panics
    /// When the signal is another.
    pub fn metrics_mut(&mut self) -> &mut ExportMetricsServiceRequest {
        match self.structs_mut() {
            Structs::Metrics(request) => request,
            _ => panic!("metrics_mut on data of another signal"),
        }
    }

    /// The log records as structs, to edit; see [`traces_mut`](Self::traces_mut).
    ///
    /// # Panics
    /// When the signal is another.
    pub fn logs_mut(&mut self) -> &mut ExportLogsServiceRequest {
        match self.structs_mut() {
            Structs::Logs(request) => request,
            _ => panic!("logs_mut on data of another signal"),
        }
    }

    fn structs_mut(&mut self) -> &mut Structs {
        if let Body::Wire { chunks, .. } = &self.body {
            let mut structs = Structs::empty(self.signal);
            chunks.iter().for_each(|chunk| structs.merge(chunk));
            self.body = Body::Decoded(Arc::new(Decoded::new(structs)));
        }
        match &mut self.body {
            Body::Decoded(decoded) => Arc::make_mut(decoded).structs_mut(),
            Body::Wire { .. } => unreachable!("just decoded"),
        }
    }

    /// Adds the items of `other` behind the own ones. On bytes this moves references: nothing is copied or parsed.
    /// Structs join structs; where one side is bytes, the other is encoded.
    ///
    /// # Panics
    /// When the signals differ.
    pub fn append(&mut self, other: Self) {
        assert_eq!(self.signal, other.signal, "data of different signals cannot be joined");
        self.guards.extend(other.guards.iter().cloned());
        match (&mut self.body, other.body) {
            (Body::Wire { chunks, items }, Body::Wire { chunks: more, items: added }) => {
                chunks.extend(more);
                *items += added;
            }
            (Body::Decoded(to), Body::Decoded(from)) => {
                let from = Arc::try_unwrap(from).unwrap_or_else(|shared| (*shared).clone());
                Arc::make_mut(to).structs_mut().append(from.into_structs());
            }
            (_, from) => {
                let (mut chunks, mut items) = (self.wire(), self.items());
                let other = Self { signal: other.signal, body: from, guards: SmallVec::new() };
                chunks.extend(other.wire());
                items += other.items();
                self.body = Body::Wire { chunks, items };
            }
        }
    }

    /// Takes the first `items` items out, in order; all of them if there are fewer.
    ///
    /// Both sides keep the resource and scope of their items; a metric is cut between its data points. Bytes are
    /// cut as bytes: what is not at the cut is shared, not copied. Structs are encoded first.
    #[must_use]
    pub fn split_off_front(&mut self, items: usize) -> Self {
        if items >= self.items() {
            return std::mem::replace(self, self.with(Piece::default()));
        }
        if items == 0 {
            return self.with(Piece::default());
        }
        let (front, back) = cut::after_items(self.signal, &self.wire(), items);
        let front = self.with(front);
        *self = self.with(back);
        front
    }

    /// Cuts the data, in order, into pieces whose encoded size is at most `max_bytes`. An item that is larger even
    /// alone has a piece to itself. A resource, scope or metric whose own fields take more than half of `max_bytes`
    /// is not cut, however large it is: each piece would repeat them. So all pieces together take at most a small
    /// multiple of the data. Shares what it can, as [`split_off_front`](Self::split_off_front) does.
    #[must_use]
    pub fn split_by_size(self, max_bytes: usize) -> Vec<Self> {
        if self.size() <= max_bytes {
            return vec![self];
        }
        let pieces = cut::by_size(self.signal, &self.wire(), max_bytes);
        pieces.into_iter().map(|piece| self.with(piece)).collect()
    }

    /// Cuts the data, in order, into pieces of at most `max_items` items, at least 1. A resource, scope or metric whose
    /// own fields take more than 4 KiB is not cut where that would make more than three times its size of it: each piece
    /// would repeat them. Shares what it can, as [`split_off_front`](Self::split_off_front) does.
    #[must_use]
    pub fn split_by_items(self, max_items: usize) -> Vec<Self> {
        if self.items() <= max_items {
            return vec![self];
        }
        let pieces = cut::by_items(self.signal, &self.wire(), max_items.max(1));
        pieces.into_iter().map(|piece| self.with(piece)).collect()
    }

    /// Keeps the items whose verdict is true, in order; items without a verdict stay.
    ///
    /// A resource, scope or metric that has no item left goes too. Nothing is copied where nothing goes.
    pub(crate) fn retain_items(&mut self, keep: &[bool]) {
        if keep.iter().all(|&keep| keep) {
            return;
        }
        match &mut self.body {
            Body::Wire { chunks, items } => {
                let path = cut::path(self.signal);
                let mut keep = keep;
                let mut left = Chunks::new();
                for chunk in chunks.iter() {
                    let (own, others) = keep.split_at_checked(cut::count(path, chunk)).unwrap_or((keep, &[]));
                    keep = others;
                    *items -= own.iter().filter(|&&keep| !keep).count();
                    left.extend(retain::request(path, chunk, own));
                }
                *chunks = left;
            }
            Body::Decoded(decoded) => retain::structs(Arc::make_mut(decoded).structs_mut(), keep),
        }
    }

    /// Keeps the items for which `keep`, called with each item's encoded message (`Span`, one of the data points,
    /// `LogRecord`) in order, says true. Structs are encoded first.
    ///
    /// A resource, scope or metric that has no item left goes too. Nothing is copied where nothing goes.
    pub fn retain_wire(&mut self, mut keep: impl FnMut(&[u8]) -> bool) {
        let chunks = self.wire();
        let mut verdicts = Vec::with_capacity(self.items());
        for chunk in &chunks {
            retain::each_record(cut::path(self.signal), chunk, &mut |record| verdicts.push(keep(record)));
        }
        self.retain_items(&verdicts);
    }

    /// Puts other bytes in the place of these, which must be in canonical form and hold so many items.
    pub(crate) fn replace_wire(&mut self, chunks: Chunks, items: usize) {
        self.body = Body::Wire { chunks, items };
    }

    /// Copies each piece of fewer than `bytes` bytes into memory of its own. A small piece is often a slice of a
    /// network buffer, which it keeps from being freed: data that is to be held for long should not do that.
    pub fn copy_pieces_below(&mut self, bytes: usize) {
        if let Body::Wire { chunks, .. } = &mut self.body {
            for chunk in chunks.iter_mut().filter(|chunk| chunk.len() < bytes) {
                *chunk = Bytes::copy_from_slice(chunk);
            }
        }
    }

    /// Some of this data's items, under the same guards.
    fn with(&self, piece: Piece) -> Self {
        let body = Body::Wire { chunks: piece.chunks, items: piece.items };
        Self { signal: self.signal, body, guards: self.guards.clone() }
    }

    /// Keeps `guard` alive until the last clone of this data is gone. Joining moves it along, splitting shares it.
    pub fn hold(&mut self, guard: Guard) {
        self.guards.push(guard);
    }

    /// What lives as long as this data, for whoever lets go of the data before what was made of it.
    #[must_use]
    pub fn guards(&self) -> SmallVec<[Guard; 1]> {
        self.guards.clone()
    }
}

impl fmt::Debug for Pdata {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match &self.body {
            Body::Wire { chunks, .. } => format!("{} bytes in {} chunks", self.size(), chunks.len()),
            Body::Decoded(_) => "structs".to_owned(),
        };
        write!(f, "Pdata({} {}, {form})", self.items(), self.signal.item_noun())
    }
}
