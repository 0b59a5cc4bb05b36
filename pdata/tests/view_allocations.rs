//! Reading a batch through views allocates nothing, whatever is in it.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

#[path = "../benches/support/payload.rs"]
mod payload;

use std::fmt::{self, Write};

use allocation_counter::measure;
use payload::encode;
use sluice_pdata::{Limits, Pdata, Signal};

/// Takes text and keeps nothing.
struct Nowhere;

impl Write for Nowhere {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        Ok(())
    }
}

fn both_forms() -> [Pdata; 6] {
    let wire = |signal, body| Pdata::from_wire(signal, body, &Limits::default()).unwrap().0;
    [
        wire(Signal::Traces, encode(&payload::traces())),
        wire(Signal::Metrics, encode(&payload::metrics())),
        wire(Signal::Logs, encode(&payload::logs())),
        Pdata::from_traces(payload::traces()),
        Pdata::from_metrics(payload::metrics()),
        Pdata::from_logs(payload::logs()),
    ]
}

#[test]
fn visiting_every_field_of_every_record_allocates_nothing() {
    for data in both_forms() {
        assert_eq!(data.items(), payload::ITEMS);
        let info = measure(|| {
            // `Debug` visits everything.
            write!(Nowhere, "{:?}{:?}{:?}", data.traces(), data.metrics(), data.logs()).unwrap();
        });
        assert_eq!(info.count_total, 0, "{data:?}: {info:?}");
    }
}

#[test]
fn finding_an_attribute_allocates_nothing() {
    let [data, ..] = both_forms();
    let info = measure(|| {
        let scopes = data.traces().into_iter().flat_map(|resource| resource.scope_spans);
        let spans = scopes.flat_map(|scope| scope.spans);
        let found = spans.filter(|span| span.attributes.get("http.request.method").is_some());
        assert_eq!(found.count(), payload::ITEMS);
    });
    assert_eq!(info.count_total, 0, "{info:?}");
}
