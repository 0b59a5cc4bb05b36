//! OTLP metrics as remote write: every point is sent or lost, and what is sent is taken by the receiver in full, however
//! it is cut and whatever names become.
#![no_main]

use libfuzzer_sys::fuzz_target;
use sluice_formats::prometheus::from_otlp::{Deltas, Options, ResourceAttributes, SeriesSet, translate};
use sluice_formats::prometheus::labels::LabelsBuilder;
use sluice_formats::prometheus::names::{Namer, Strategy};
use sluice_formats::prometheus::remote_write::decode::Decoder;
use sluice_formats::prometheus::remote_write::{self, Version, downgrade, encode, metadata};
use sluice_pdata::{Limits, Pdata, Signal};

fuzz_target!(|input: &[u8]| {
    let Some((&flags, body)) = input.split_first() else { return };
    let limits = Limits { max_decoded_bytes: 16 << 20, ..Limits::default() };
    let Ok((data, _)) = Pdata::from_wire(Signal::Metrics, body.to_vec().into(), &limits) else { return };
    let options = Options {
        namer: Namer::new(Strategy::ALL[usize::from(flags & 3)], "ns"),
        resource_attributes: if flags & 4 == 0 { ResourceAttributes::None } else { ResourceAttributes::All },
        custom_buckets: flags & 8 != 0,
        external_labels: vec![("a".to_owned(), "x".to_owned())],
        ..Options::default()
    };
    let mut deltas = (flags & 16 == 0).then(|| Deltas::new(2, std::time::Duration::from_secs(1)));
    let mut set = SeriesSet::default();
    translate(&data, &options, deltas.as_mut(), &mut set);
    let lost: usize = set.lost().map(|(_, _, points)| points).sum();
    drop(metadata(&set));
    for (version, lanes, max_bytes) in [(Version::V1, 1, 1), (Version::V2, 3, 200), (Version::V2, 1, usize::MAX)] {
        let cut = remote_write::Limits { max_bytes, max_series: 3 };
        let (mut points, mut series) = (0, 0);
        encode(&set, version, lanes, cut, 0, |request| {
            points += request.holds.points;
            series += request.holds.series;
            let holds = [request.holds.samples, request.holds.histograms, request.holds.exemplars];
            assert_eq!(counts(version, request.body), holds);
            if version == Version::V2 {
                let downgraded = downgrade(request.body).expect("our own");
                let [samples, histograms, exemplars] = counts(Version::V1, &downgraded.body);
                let left_out: usize = downgraded.lost.values().sum();
                assert_eq!(samples + histograms + left_out, holds[0] + holds[1]);
                assert!(exemplars <= holds[2]);
            }
        });
        assert_eq!((points + lost, series), (data.items(), set.len()));
    }
});

/// How many samples, histograms and exemplars there are; every series can be read.
fn counts(version: Version, body: &[u8]) -> [usize; 3] {
    let decoder = Decoder::new(version, body).expect("our own");
    let mut labels = LabelsBuilder::default();
    let mut counts = [0; 3];
    for series in decoder.series() {
        series.labels(&mut labels, usize::MAX).expect("labels");
        for (sum, count) in counts.iter_mut().zip(series.counts().expect("counts")) {
            *sum += count;
        }
    }
    counts
}
