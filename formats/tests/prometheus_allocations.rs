//! A target that was scraped before costs allocations for its metrics, not for its samples.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::HashMap;
use std::fmt::Write;

use sluice_formats::prometheus::exposition::{Entry, Format, ParseOptions, Parser};
use sluice_formats::prometheus::labels::LabelsBuilder;
use sluice_formats::prometheus::to_otlp::{
    Catalog, Families, Options, Request, Sample, Series, Source, Transaction,
};
use sluice_pdata::Limits;

/// A counter and a histogram of ten samples, each with so many series.
fn body(series: usize) -> String {
    let mut body = String::from("# TYPE a counter\n");
    for number in 0..series {
        writeln!(body, "a_total{{method=\"GET\",pod=\"frontend-{number}\"}} {number}.5").unwrap();
    }
    body.push_str("# TYPE h histogram\n");
    for number in 0..series {
        for bucket in 0..8 {
            writeln!(body, "h_bucket{{pod=\"frontend-{number}\",le=\"{bucket}.5\"}} {bucket}").unwrap();
        }
        writeln!(body, "h_sum{{pod=\"frontend-{number}\"}} 5\nh_count{{pod=\"frontend-{number}\"}} 10")
            .unwrap();
    }
    body.push_str("# EOF\n");
    body
}

struct Target {
    catalog: Catalog,
    families: Families,
    transaction: Transaction,
    series: HashMap<Vec<u8>, Series>,
}

impl Target {
    fn scrape(&mut self, body: &str) -> Request {
        let mut parser = Parser::new(Format::OpenMetrics, body.as_bytes(), ParseOptions::default());
        let mut labels = LabelsBuilder::default();
        while let Some(entry) = parser.next().unwrap() {
            match entry {
                Entry::Type { family, kind } => self.families.set_type(&family, kind),
                Entry::Help { .. } | Entry::Unit { .. } => {}
                Entry::Sample(sample) => {
                    if !self.series.contains_key(sample.series()) {
                        sample.labels(&mut labels).unwrap();
                        let series = self.catalog.series(&labels.build(), &self.families).unwrap();
                        self.series.insert(sample.series().to_vec(), series);
                    }
                    let series = self.series.get(sample.series()).unwrap();
                    let (value, start_ms, exemplars) = (sample.value, sample.start_ms, sample.exemplars);
                    let sample = Sample { timestamp_ms: 1, start_ms, value, exemplars };
                    self.transaction.push(series, &sample).unwrap();
                }
            }
        }
        self.transaction.finish().unwrap()
    }
}

#[test]
fn samples_of_known_series_cost_no_allocation() {
    let source = Source::Scrape { job: "j".into(), instance: "i:1".into(), resource: Vec::new() };
    let mut allocations = Vec::new();
    for series in [10, 1000] {
        let body = body(series);
        let mut target = Target {
            catalog: Catalog::new(Options { source: source.clone(), ..Options::default() }),
            families: Families::default(),
            transaction: Transaction::new(source.clone(), &Limits::default()),
            series: HashMap::new(),
        };
        target.scrape(&body);
        let mut points = 0;
        let counted = allocation_counter::measure(|| points = target.scrape(&body).points);
        assert_eq!(points, 2 * series);
        allocations.push(counted.count_total);
    }
    let [few, many] = allocations[..] else { panic!("two counts") };
    assert!(many <= few + 5, "{few} allocations for 110 samples, {many} for 11,000");
    assert!(many < 100, "{many} allocations");
}
