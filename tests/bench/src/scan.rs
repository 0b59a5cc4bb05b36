//! Finds span IDs in an encoded request, without a decoder and without sluice's own code, so that one mistake
//! cannot hide in both.

use std::ops::Range;

/// The bytes are no `ExportTraceServiceRequest`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

const RESOURCE_SPANS: u64 = 1;
const SCOPE_SPANS: u64 = 2;
const SPANS: u64 = 2;
const SPAN_ID: u64 = 2;

/// Where the span ID of each span begins and ends.
pub(crate) fn span_ids(request: &[u8]) -> Result<Vec<Range<usize>>, Malformed> {
    let mut ids = Vec::new();
    each(request, 0..request.len(), RESOURCE_SPANS, &mut |resource| {
        each(request, resource, SCOPE_SPANS, &mut |scope| {
            each(request, scope, SPANS, &mut |span| {
                each(request, span, SPAN_ID, &mut |id| {
                    ids.push(id);
                    Ok(())
                })
            })
        })
    })?;
    Ok(ids)
}

/// How many spans there are, without looking into them.
pub(crate) fn count_spans(request: &[u8]) -> Result<usize, Malformed> {
    let mut spans = 0;
    each(request, 0..request.len(), RESOURCE_SPANS, &mut |resource| {
        each(request, resource, SCOPE_SPANS, &mut |scope| {
            each(request, scope, SPANS, &mut |_| {
                spans += 1;
                Ok(())
            })
        })
    })?;
    Ok(spans)
}

/// Calls `found` with the range of each length-delimited field `number` of the message in `range`.
fn each(
    bytes: &[u8],
    range: Range<usize>,
    number: u64,
    found: &mut dyn FnMut(Range<usize>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let Range { start: mut at, end } = range;
    while at < end {
        let tag = varint(bytes, &mut at, end)?;
        let length = match tag & 7 {
            0 => {
                varint(bytes, &mut at, end)?;
                continue;
            }
            1 => 8,
            2 => usize::try_from(varint(bytes, &mut at, end)?).map_err(|_| Malformed)?,
            5 => 4,
            _ => return Err(Malformed),
        };
        let next = at.checked_add(length).filter(|next| *next <= end).ok_or(Malformed)?;
        if tag >> 3 == number && tag & 7 == 2 {
            found(at..next)?;
        }
        at = next;
    }
    Ok(())
}

fn varint(bytes: &[u8], at: &mut usize, end: usize) -> Result<u64, Malformed> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at).filter(|_| *at < end).ok_or(Malformed)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::{ITEMS, Template};

    #[test]
    fn ids_and_count_agree_with_what_was_encoded() {
        let request = Template::new().request(7);
        let ids = span_ids(&request).unwrap();
        let numbers: Vec<_> = ids
            .iter()
            .map(|id| u64::from_be_bytes(request.slice(id.clone()).as_ref().try_into().unwrap()))
            .collect();
        assert_eq!(numbers, (7..7 + ITEMS as u64).collect::<Vec<_>>());
        assert_eq!(count_spans(&request).unwrap(), ITEMS);
    }

    #[test]
    fn a_truncated_request_is_malformed() {
        let request = Template::new().request(0);
        assert_eq!(span_ids(&request[..request.len() - 1]), Err(Malformed));
    }
}
