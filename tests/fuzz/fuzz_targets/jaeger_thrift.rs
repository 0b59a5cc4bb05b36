//! Jaeger by Thrift: no bytes do harm, the door takes what was translated, and what leaves as Thrift comes back. The
//! first byte picks the protocol, and whether there is a call around the batch.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_formats::jaeger::{Protocol, decode_emit_batch, decode_thrift_batch, encode_thrift_batch};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|input: &[u8]| {
    let Some((pick, body)) = input.split_first() else { return };
    let protocol = if pick & 1 == 0 { Protocol::Binary } else { Protocol::Compact };
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let decode = if pick & 2 == 0 { decode_emit_batch } else { decode_thrift_batch };
    let Ok(translated) = decode(body, protocol, &limits) else { return };
    let Ok((data, repairs)) = Pdata::from_wire(Signal::Traces, translated.wire, &limits) else { return };
    assert_eq!((data.items(), repairs.rejected_items), (translated.items, 0));

    let mut items = 0;
    for resource in data.traces() {
        let mut out = Vec::new();
        let Some(spans) = encode_thrift_batch(&[resource], protocol, &mut out) else { continue };
        let back = decode_thrift_batch(&out, protocol, &Limits::default()).expect("our own");
        assert!(back.rejected.is_empty());
        assert_eq!(back.items, spans);
        items += spans;
    }
    assert_eq!(items, data.items());
});
