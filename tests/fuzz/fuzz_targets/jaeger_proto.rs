//! Jaeger by protobuf: no bytes do harm, the door takes what was translated, and what leaves comes back as it was the
//! second time.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_formats::jaeger::{decode_post_spans, encode_post_spans};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|body: &[u8]| {
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let Ok(translated) = decode_post_spans(body, &limits) else { return };
    let Ok((data, repairs)) = Pdata::from_wire(Signal::Traces, translated.wire, &limits) else { return };
    assert_eq!((data.items(), repairs.rejected_items), (translated.items, 0));

    let mut items = 0;
    for resource in data.traces() {
        let mut out = Vec::new();
        let Some(spans) = encode_post_spans(&[resource], &mut out) else { continue };
        let back = decode_post_spans(&out, &Limits::default()).expect("our own");
        assert!(back.rejected.is_empty());
        assert_eq!(back.items, spans);
        items += spans;
    }
    assert_eq!(items, data.items());
});
