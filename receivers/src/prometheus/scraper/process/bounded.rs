//! A transaction within the budget.

use sluice_component::{OverBudget, Permit};
use sluice_formats::prometheus::to_otlp::{Request, Sample, Series, Transaction};

use crate::prometheus::scrape::Appender;

/// Takes samples as long as the budget has room for them. It hears of each allocation when it was made, of the first one
/// before.
pub(super) struct Bounded<'t> {
    transaction: &'t mut Transaction,
    permit: Permit,
    /// Bytes that the permit stands for beside those of the transaction.
    beside: usize,
    /// Why nothing more is taken.
    refused: Option<OverBudget>,
}

impl<'t> Bounded<'t> {
    /// # Errors
    /// There is no room even for the first sample.
    pub(super) fn new(
        transaction: &'t mut Transaction,
        mut permit: Permit,
        beside: usize,
    ) -> Result<Self, String> {
        hold(&mut permit, beside + transaction.held()).map_err(refused)?;
        Ok(Self { transaction, permit, beside, refused: None })
    }

    /// The request, and what holds it.
    ///
    /// # Errors
    /// There was no room for all samples, or there is none for the request beside them.
    pub(super) fn finish(mut self) -> Result<(Request, Permit), String> {
        if let Some(error) = self.refused {
            return Err(refused(error));
        }
        // The answer is gone; the points and the request are there side by side.
        hold(&mut self.permit, self.transaction.held() + self.transaction.bytes()).map_err(refused)?;
        let request = self.transaction.finish().map_err(|error| error.to_string())?;
        Ok((request, self.permit))
    }
}

impl Appender for Bounded<'_> {
    fn append(&mut self, series: &Series, sample: &Sample<'_>) {
        if self.refused.is_none() {
            self.transaction.append(series, sample);
            self.refused = hold(&mut self.permit, self.beside + self.transaction.held()).err();
        }
    }

    fn reject(&mut self, metric: &str, reason: &'static str) {
        Appender::reject(self.transaction, metric, reason);
    }

    fn clear(&mut self) {
        self.transaction.clear();
    }
}

/// Has the permit stand for at least so many bytes.
fn hold(permit: &mut Permit, bytes: usize) -> Result<(), OverBudget> {
    match bytes.saturating_sub(permit.bytes()) {
        0 => Ok(()),
        more => permit.grow(more),
    }
}

fn refused(error: OverBudget) -> String {
    format!("refused for lack of memory: {error}")
}
