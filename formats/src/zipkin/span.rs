//! A Zipkin v2 span, borrowed from the body it was read from.

use std::borrow::Cow;
use std::collections::HashSet;

/// Text out of a body. Owned only if it had escapes.
pub(super) type Text<'a> = Cow<'a, [u8]>;

/// One span. The readers fill it and clear it for the next, so that its lists are allocated once.
#[derive(Debug, Default)]
pub(super) struct Span<'a> {
    pub(super) trace_id: [u8; 16],
    pub(super) id: [u8; 8],
    pub(super) parent_id: [u8; 8],
    /// OTLP's number; 0 if Zipkin did not say.
    pub(super) kind: u8,
    pub(super) name: Text<'a>,
    /// Microseconds since the epoch; 0 is unknown.
    pub(super) timestamp: u64,
    /// Microseconds; 0 is unknown.
    pub(super) duration: u64,
    pub(super) local: Endpoint<'a>,
    pub(super) remote: Endpoint<'a>,
    pub(super) annotations: Vec<Annotation<'a>>,
    pub(super) tags: Vec<Tag<'a>>,
    /// What is wrong with the span, if anything is.
    pub(super) fault: Fault,
}

/// What is wrong with a span, if anything is; the first fault stays.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Fault(pub(super) Option<&'static str>);

impl Fault {
    #[cold]
    pub(super) fn set(&mut self, what: &'static str) {
        self.0.get_or_insert(what);
    }
}

#[derive(Debug, Default)]
pub(super) struct Endpoint<'a> {
    pub(super) service_name: Text<'a>,
    pub(super) ipv4: Text<'a>,
    pub(super) ipv6: Text<'a>,
    pub(super) port: u16,
}

#[derive(Debug, Default)]
pub(super) struct Annotation<'a> {
    /// Microseconds since the epoch.
    pub(super) timestamp: u64,
    pub(super) value: Text<'a>,
}

pub(super) type Tag<'a> = (Text<'a>, Text<'a>);

impl Span<'_> {
    /// Forgets everything but the memory.
    pub(super) fn clear(&mut self) {
        let (mut annotations, mut tags) =
            (std::mem::take(&mut self.annotations), std::mem::take(&mut self.tags));
        annotations.clear();
        tags.clear();
        *self = Self { annotations, tags, ..Self::default() };
    }

    /// What the rules forbid, found by a reader or here.
    pub(super) fn check(&mut self) -> Result<(), &'static str> {
        check_ids(self.trace_id, self.id, &mut self.parent_id, &mut self.fault);
        if self.timestamp.max(self.duration) > u64::MAX / 1000 {
            self.fault.set("with a time that is out of range");
        }
        keep_last_of_equal(&mut self.tags, |(key, _)| key);
        self.fault.0.map_or(Ok(()), Err)
    }
}

/// The ids that a span must have. One that is its own parent has none.
pub(super) fn check_ids(trace_id: [u8; 16], id: [u8; 8], parent_id: &mut [u8; 8], fault: &mut Fault) {
    if trace_id == [0; 16] {
        fault.set("without a trace id");
    }
    if id == [0; 8] {
        fault.set("without an id");
    }
    if *parent_id == id {
        *parent_id = [0; 8];
    }
}

/// Of elements with the same key, keeps the last, as a map does.
pub(super) fn keep_last_of_equal<T>(list: &mut Vec<T>, key: impl Fn(&T) -> &[u8]) {
    let differ = if list.len() <= 32 {
        let mut rest = &list[..];
        loop {
            let [first, others @ ..] = rest else { break true };
            if others.iter().any(|other| key(other) == key(first)) {
                break false;
            }
            rest = others;
        }
    } else {
        let mut seen = HashSet::with_capacity(list.len());
        list.iter().all(|element| seen.insert(key(element)))
    };
    if differ {
        return;
    }
    let mut seen = HashSet::with_capacity(list.len());
    let last: Vec<bool> = list.iter().rev().map(|element| seen.insert(key(element))).collect();
    let mut last = last.into_iter().rev();
    list.retain(|_| last.next().unwrap_or(true));
}

/// An id of `N` bytes in hex, of any length up to the full one.
pub(super) fn id_from_hex<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut id = [0; N];
    if text.len() > 2 * N {
        return None;
    }
    let digits = text.rchunks(2);
    for (byte, pair) in id.iter_mut().rev().zip(digits) {
        *byte = match *pair {
            [high, low] => hex_digit(high)? << 4 | hex_digit(low)?,
            [low] => hex_digit(low)?,
            _ => return None,
        };
    }
    Some(id)
}

fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}
