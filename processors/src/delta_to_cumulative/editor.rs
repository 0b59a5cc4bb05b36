//! The sums of all streams.

use sluice_component::telemetry::PointLoss;
use sluice_pdata::{
    stream::{Accumulated, Gaps, PointEdit, Unfit},
    view::{DataPointView, MetricView},
};

use crate::streams::Editor;

/// `aggregation_temporality` in OTLP.
const DELTA: i32 = 1;
const CUMULATIVE: i32 = 2;

/// Remembers one sum a stream.
pub(super) struct Sums;

impl Editor for Sums {
    type Known = Accumulated;

    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        (metric.data.aggregation_temporality() == Some(DELTA)).then_some(CUMULATIVE)
    }

    fn without_value(&self, _: Option<&Accumulated>, unfit: Unfit) -> Result<PointEdit<'_>, PointLoss> {
        match unfit {
            // It says that the stream ends or pauses, whatever its temporality.
            Unfit::NoRecordedValue => Ok(PointEdit::Keep),
            unfit => Err(unfit.into()),
        }
    }

    fn point<'e>(
        &'e mut self,
        sum: &'e mut Option<Accumulated>,
        delta: &DataPointView<'_>,
    ) -> Result<PointEdit<'e>, PointLoss> {
        let total = Accumulated::add_to(sum, delta, Gaps::Continue)?;
        Ok(PointEdit::Replace(total.view()))
    }
}
