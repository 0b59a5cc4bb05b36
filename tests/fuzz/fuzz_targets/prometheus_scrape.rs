//! What targets answer to a scrape, in three formats: no bytes do harm, equal keys mean equal labels, and the door takes
//! the OTLP that comes of it.
#![no_main]

use std::collections::HashMap;

use libfuzzer_sys::fuzz_target;
use sluice_formats::prometheus::{
    exposition::{Entry, Format, ParseOptions, Parser},
    labels::{Labels, LabelsBuilder},
    to_otlp::{Catalog, Families, Options, Sample, Source, Transaction},
};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|input: &[u8]| {
    let Some((format, body)) = input.split_first() else { return };
    let options = ParseOptions {
        created_as_start: format & 4 == 0,
        native_histograms: format & 8 == 0,
        always_classic: format & 16 == 0,
    };
    let format = match format % 3 {
        0 => Format::Text,
        1 => Format::OpenMetrics,
        _ => Format::Protobuf,
    };
    let source = Source::Scrape { job: "j".into(), instance: "i:1".into(), resource: Vec::new() };
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let mut catalog = Catalog::new(Options { source: source.clone(), ..Options::default() });
    let mut families = Families::default();
    let mut transaction = Transaction::new(source, &limits);
    let mut parser = Parser::new(format, body, options);
    let (mut builder, mut seen) = (LabelsBuilder::default(), HashMap::new());
    while let Ok(Some(entry)) = parser.next() {
        match entry {
            Entry::Type { family, kind } => families.set_type(&family, kind),
            Entry::Help { family, help } => families.set_help(&family, &help),
            Entry::Unit { family, unit } => families.set_unit(&family, &unit),
            Entry::Sample(sample) => {
                if sample.labels(&mut builder).is_err() {
                    continue;
                }
                let labels = builder.build();
                let Ok(series) = catalog.series(&labels, &families) else { continue };
                let key = (sample.series().to_vec(), families.generation());
                assert!(same(seen.entry(key).or_insert_with(|| labels.clone()), &labels), "{labels:?}");
                let timestamp_ms = sample.timestamp_ms.unwrap_or(1);
                let (start_ms, value, exemplars) = (sample.start_ms, sample.value, sample.exemplars);
                transaction
                    .push(&series, &Sample { timestamp_ms, start_ms, value, exemplars })
                    .unwrap_or_default();
            }
        }
    }
    let Ok(request) = transaction.finish() else { return };
    let Ok((data, repairs)) = Pdata::from_wire(Signal::Metrics, request.wire, &limits) else { return };
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(data.items(), request.points);
});

/// Whether two label sets say the same. The type that was told last decides how bounds are written, as in Prometheus:
/// `1` or `1.0`.
fn same(one: &Labels, other: &Labels) -> bool {
    let bound = |(name, value)| match name {
        "le" | "quantile" => (name, str::parse::<f64>(value).map_err(|_| value).map(f64::to_bits)),
        _ => (name, Err(value)),
    };
    one.iter().map(bound).eq(other.iter().map(bound))
}
