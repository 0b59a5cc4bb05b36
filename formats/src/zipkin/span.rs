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
    pub(super) fault: Option<&'static str>,
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

    /// Takes note of what is wrong; the first fault stays.
    #[cold]
    pub(super) fn fault(&mut self, what: &'static str) {
        self.fault.get_or_insert(what);
    }

    /// What the rules forbid, found by a reader or here.
    pub(super) fn check(&mut self) -> Result<(), &'static str> {
        if self.trace_id == [0; 16] {
            self.fault("without a trace id");
        }
        if self.id == [0; 8] {
            self.fault("without an id");
        }
        if self.parent_id == self.id {
            self.parent_id = [0; 8];
        }
        if self.timestamp.max(self.duration) > u64::MAX / 1000 {
            self.fault("with a time that is out of range");
        }
        self.keep_last_of_equal_tags();
        self.fault.map_or(Ok(()), Err)
    }

    fn keep_last_of_equal_tags(&mut self) {
        let tags = &mut self.tags;
        if tags.len() <= 32 {
            let mut i = 1;
            while let Some((before, [(key, value), ..])) = tags.split_at_mut_checked(i) {
                match before.iter_mut().find(|(earlier, _)| earlier == key) {
                    None => i += 1,
                    Some(earlier) => {
                        earlier.1 = std::mem::take(value);
                        tags.remove(i);
                    }
                }
            }
        } else {
            let mut seen = HashSet::with_capacity(tags.len());
            let last: Vec<bool> = tags.iter().rev().map(|(key, _)| seen.insert(&**key)).collect();
            let mut last = last.into_iter().rev();
            tags.retain(|_| last.next().unwrap_or(true));
        }
    }
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
