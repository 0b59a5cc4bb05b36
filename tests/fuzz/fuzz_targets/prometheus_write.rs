//! Remote write 1.0 and 2.0: no bytes do harm, the door takes the OTLP that comes of them, and what leaves as remote
//! write is taken again in full.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_formats::prometheus::{
    from_otlp::{self, SeriesSet},
    names::{Namer, Strategy},
    remote_write::{self, Known, Version, encode, to_otlp},
};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|input: &[u8]| {
    let Some((version, body)) = input.split_first() else { return };
    let version = if version & 1 == 0 { Version::V1 } else { Version::V2 };
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let Ok(taken) = to_otlp(version, body, &Known::default(), ("s", "1"), &limits) else { return };
    let Ok((data, repairs)) = Pdata::from_wire(Signal::Metrics, taken.request.wire, &limits) else { return };
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(data.items(), taken.request.points);

    let options = from_otlp::Options {
        namer: Namer::new(Strategy::NoTranslation, ""),
        custom_buckets: true,
        ..from_otlp::Options::default()
    };
    let mut set = SeriesSet::default();
    from_otlp::translate(&data, &options, None, &mut set);
    for version in [Version::V1, Version::V2] {
        let whole = remote_write::Limits { max_bytes: usize::MAX, max_series: usize::MAX };
        encode(&set, version, 1, whole, 0, |request| {
            let again = to_otlp(version, request.body, &Known::default(), ("s", "1"), &Limits::default());
            let again = again.expect("our own");
            assert!(again.request.rejected.is_empty(), "{:?}", again.request.rejected);
            assert_eq!(again.written.samples, request.holds.samples);
            assert_eq!(again.written.histograms, request.holds.histograms);
        });
    }
});
