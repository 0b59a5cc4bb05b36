//! The exemplars that are kept of a point.

use sluice_formats::prometheus::{labels::LabelsBuilder, model::Exemplar, names::Namer};
use sluice_pdata::view::{DataPointView, ExemplarView, Exemplars, NumberView};

/// Characters that the labels of an exemplar may have in all, by OpenMetrics.
const MOST_CHARACTERS: usize = 128;
/// Exemplars of a native histogram, which has no buckets to put them on.
const MOST_OF_NATIVE: usize = 10;

/// The exemplars of a point that can be shown: the latest of each bucket, of a number the latest one.
pub(super) fn kept(point: &DataPointView<'_>, exemplars: Exemplars<'_>, namer: &Namer) -> Box<[Exemplar]> {
    if exemplars.is_empty() {
        return Box::default();
    }
    let mut all: Vec<_> = exemplars.iter().filter(|exemplar| exemplar.value.is_some()).collect();
    all.sort_by_key(|exemplar| std::cmp::Reverse(exemplar.time_unix_nano));
    match point {
        DataPointView::Number(_) => all.truncate(1),
        DataPointView::Histogram(histogram) => {
            let bounds: Vec<f64> = histogram.explicit_bounds.iter().collect();
            let bucket =
                |exemplar: &ExemplarView<'_>| bounds.partition_point(|bound| *bound < value(exemplar));
            // Stable: of one bucket, the latest stays the first.
            all.sort_by_key(bucket);
            all.dedup_by_key(|exemplar| bucket(exemplar));
        }
        DataPointView::ExponentialHistogram(_) => all.truncate(MOST_OF_NATIVE),
        DataPointView::Summary(_) => all.clear(),
    }
    let mut labels = LabelsBuilder::default();
    all.iter().map(|exemplar| exemplar_of(exemplar, namer, &mut labels)).collect()
}

fn exemplar_of(exemplar: &ExemplarView<'_>, namer: &Namer, labels: &mut LabelsBuilder) -> Exemplar {
    labels.clear();
    let mut fits = true;
    for attribute in exemplar.filtered_attributes {
        match namer.label(attribute.key.as_str()) {
            Ok(name) => labels.set(&name, &attribute.value.to_string()),
            Err(_) => fits = false,
        }
    }
    let ids =
        [("trace_id", exemplar.trace_id), ("span_id", exemplar.span_id)].map(|(name, id)| (name, hex(id)));
    for (name, id) in ids.iter().filter(|(_, id)| !id.is_empty()) {
        labels.set(name, id);
    }
    // All of the attributes or none.
    let characters: usize =
        labels.iter().map(|(name, value)| name.chars().count() + value.chars().count()).sum();
    if !fits || characters > MOST_CHARACTERS {
        labels.retain(|name, value| ids.iter().any(|(id, text)| *id == name && text == value));
    }
    let ms = i64::try_from(exemplar.time_unix_nano / 1_000_000).ok().filter(|ms| *ms > 0);
    Exemplar { labels: labels.build(), value: value(exemplar), timestamp_ms: ms }
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[expect(clippy::cast_precision_loss, reason = "Prometheus has doubles alone")]
fn value(exemplar: &ExemplarView<'_>) -> f64 {
    match exemplar.value {
        Some(NumberView::Double(value)) => value,
        Some(NumberView::Int(value)) => value as f64,
        None => f64::NAN,
    }
}
