//! OTLP/JSON: no text does harm, and what was read and passed the door is read again from what we write.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_pdata::json::{decode_request, encode_request};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|text: &[u8]| {
    for signal in Signal::ALL {
        let Ok(wire) = decode_request(signal, text, &Limits::default()) else { continue };
        let Ok((data, _)) = Pdata::from_wire(signal, wire, &Limits::default()) else { continue };
        let first = write(&data);
        let wire = decode_request(signal, &first, &Limits::default()).expect("our own JSON");
        let (again, repairs) =
            Pdata::from_wire(signal, wire, &Limits::default()).expect("our own JSON, as bytes");
        assert!(repairs.is_empty());
        assert_eq!(again.items(), data.items());
        assert_eq!(write(&again), first);
    }
});

fn write(data: &Pdata) -> Vec<u8> {
    let mut text = Vec::new();
    encode_request(data, &mut text);
    text
}
