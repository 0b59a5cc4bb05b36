//! The ledger as a metric family and as JSON.

use std::collections::HashMap;

use prometheus::{
    core::{Collector, Desc},
    proto::{Gauge, LabelPair, Metric, MetricFamily, MetricType},
};
use serde_json::{Value, json};
use sluice_component::ledger::{Balance, Ledger};

const NAME: &str = "sluice_ledger_items";
const HELP: &str = "Number of items by what became of them: accepted + produced + possible_duplicates = filtered + \
                    merged + sent + rejected + dropped + in_batch + queued + in_flight.";
const LABELS: [&str; 5] = ["pipeline", "signal", "exporter", "state", "reason"];

/// Reads the ledger at each scrape.
pub(super) fn collector(ledger: Ledger) -> Box<dyn Collector> {
    let labels = LABELS.map(str::to_owned).to_vec();
    #[expect(clippy::expect_used, reason = "constants; a test collects them")]
    let desc = Desc::new(NAME.to_owned(), HELP.to_owned(), labels, HashMap::new()).expect("valid names");
    Box::new(Items { ledger, desc })
}

struct Items {
    ledger: Ledger,
    desc: Desc,
}

impl Collector for Items {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.desc]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let mut family = MetricFamily::default();
        family.set_name(NAME.to_owned());
        family.set_help(HELP.to_owned());
        family.set_field_type(MetricType::GAUGE);
        let balances = self.ledger.balances();
        family.set_metric(balances.iter().flat_map(metrics).collect());
        vec![family]
    }
}

fn metrics(balance: &Balance) -> Vec<Metric> {
    let plain = states(balance).into_iter().map(|(state, items)| metric(balance, state, "", items));
    let dropped =
        balance.dropped.iter().map(|(reason, &items)| metric(balance, "dropped", reason.as_str(), items));
    plain.chain(dropped).collect()
}

fn states(balance: &Balance) -> [(&'static str, u64); 10] {
    [
        ("accepted", balance.accepted),
        ("produced", balance.produced),
        ("possible_duplicates", balance.possible_duplicates),
        ("filtered", balance.filtered),
        ("merged", balance.merged),
        ("sent", balance.sent),
        ("rejected", balance.rejected),
        ("in_batch", balance.in_batch),
        ("queued", balance.queued),
        ("in_flight", balance.in_flight),
    ]
}

fn metric(balance: &Balance, state: &str, reason: &str, items: u64) -> Metric {
    let pipeline = balance.pipeline.to_string();
    let exporter = balance.exporter.id().to_string();
    let values = [pipeline.as_str(), balance.pipeline.signal().as_str(), exporter.as_str(), state, reason];
    let label = |(name, value): (&str, &str)| {
        let mut pair = LabelPair::default();
        pair.set_name(name.to_owned());
        pair.set_value(value.to_owned());
        pair
    };
    let mut gauge = Gauge::default();
    #[expect(clippy::cast_precision_loss, reason = "Prometheus values are floats")]
    gauge.set_value(items as f64);
    let mut metric = Metric::from_gauge(gauge);
    metric.set_label(LABELS.into_iter().zip(values).map(label).collect());
    metric
}

/// `[{"pipeline", "signal", "exporter", <state>: items .., "dropped": {<reason>: items}, "held", "even"}]`, where
/// `even` says whether the equation holds: always, while nothing moves.
pub(super) fn to_json(ledger: &Ledger) -> String {
    let rows = ledger.balances().iter().map(row).collect();
    Value::Array(rows).to_string() + "\n"
}

fn row(balance: &Balance) -> Value {
    let dropped: serde_json::Map<_, _> =
        balance.dropped.iter().map(|(reason, &items)| (reason.as_str().to_owned(), items.into())).collect();
    let mut row = json!({
        "pipeline": balance.pipeline.to_string(),
        "signal": balance.pipeline.signal().as_str(),
        "exporter": balance.exporter.id().to_string(),
        "dropped": dropped,
        "held": balance.held(),
        "even": balance.is_even(),
    });
    if let Value::Object(fields) = &mut row {
        fields.extend(states(balance).map(|(state, items)| (state.to_owned(), items.into())));
    }
    row
}
