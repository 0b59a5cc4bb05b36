//! Zipkin's formats: no bytes do harm, the door takes what was translated, and what leaves as Zipkin comes back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_formats::zipkin::{
    Encoding, Options, json_v1_to_otlp, json_v2_to_otlp, otlp_to_json_v2, otlp_to_proto, proto_to_otlp,
    thrift_v1_to_otlp,
};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|input: &[u8]| {
    let Some((format, body)) = input.split_first() else { return };
    let decode = match format % 4 {
        0 => json_v2_to_otlp,
        1 => json_v1_to_otlp,
        2 => proto_to_otlp,
        _ => thrift_v1_to_otlp,
    };
    let options = Options { parse_string_tags: format & 4 != 0, error_tag_is_message: format & 8 != 0, ..Options::default() };
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let Ok(translated) = decode(body, &options, &limits) else { return };
    let Ok((data, repairs)) = Pdata::from_wire(Signal::Traces, translated.wire, &limits) else { return };
    assert_eq!(data.items() + repairs.rejected_items, translated.items);

    let encoding = Encoding::default();
    for (encoded, decode) in [
        (otlp_to_json_v2(data.traces(), &encoding), json_v2_to_otlp as fn(&_, &_, &_) -> _),
        (otlp_to_proto(data.traces(), &encoding), proto_to_otlp),
    ] {
        let mut items = 0;
        for request in &encoded.requests {
            let back = decode(&request.body, &options, &Limits::default()).expect("our own");
            assert!(back.rejected.is_empty(), "{:?}", back.rejected);
            items += back.items;
        }
        assert_eq!(items + encoded.dropped.items(), data.items());
    }
});
