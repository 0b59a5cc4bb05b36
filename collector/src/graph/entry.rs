//! The entry of a pipeline: what is answered `Ok` here is on the pipeline's account.

use std::sync::Arc;

use sluice_component::{Consume, Context, Refusal, async_trait, ledger::Account};
use sluice_pdata::Pdata;

/// Books accepted items.
pub(super) struct Entry {
    next: Arc<dyn Consume>,
    account: Arc<Account>,
}

impl Entry {
    pub(super) fn new(next: Arc<dyn Consume>, account: Arc<Account>) -> Self {
        Self { next, account }
    }
}

#[async_trait]
impl Consume for Entry {
    async fn consume(&self, cx: Context, data: Pdata) -> Result<(), Refusal> {
        let items = data.items();
        self.next.consume(cx, data).await?;
        self.account.accepted(items);
        Ok(())
    }
}
