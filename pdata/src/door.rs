//! What happens to a request at the door: walked, and if it is odd, rewritten and walked again.

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::limits::{Limits, Repairs, WireError};
use crate::rewrite::rewrite;
use crate::signal::Signal;
use crate::walk::{Findings, walk};

/// Everything that recurses behind the door relies on this bound.
pub(crate) const MAX_DEPTH: u32 = 64;

/// The request in canonical form, its number of items, and what was changed.
pub(crate) fn admit(
    signal: Signal,
    body: Bytes,
    limits: &Limits,
) -> Result<(Bytes, usize, Repairs), WireError> {
    let limits = &Limits { max_depth: limits.max_depth.min(MAX_DEPTH), ..*limits };
    let found = walk_within(signal, &body, limits)?;
    if !found.odd {
        return Ok((body, found.items, Repairs::default()));
    }
    let (clean, repairs) = rewrite(signal, &body, limits.max_depth);
    let clean = Bytes::from(clean);
    let found = walk_within(signal, &clean, limits)?;
    if found.odd {
        // Fuzzed; kept so that a flaw in the rewriter costs a request and not the readers behind the door.
        return Err(WireError::Malformed { offset: 0, what: "cannot be brought into canonical form" });
    }
    Ok((clean, found.items, repairs))
}

fn walk_within(signal: Signal, body: &[u8], limits: &Limits) -> Result<Findings, WireError> {
    let found = walk(signal, body, limits.max_depth)
        .map_err(|fault| WireError::Malformed { offset: fault.offset_in(body), what: fault.what() })?;
    if found.items > limits.max_items {
        return Err(WireError::TooLarge { what: "number of items", limit: limits.max_items });
    }
    let limit = limits.decoded_bytes(body.len());
    if found.decoded_bytes > limit {
        return Err(WireError::TooLarge { what: "decoded size in bytes", limit });
    }
    Ok(found)
}
