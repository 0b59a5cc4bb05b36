//! What the processors that remember metric streams share: the stage around an editor, and its accounts.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Instant, SystemTime, UNIX_EPOCH},
};

use async_trait::async_trait;
use sluice_component::{
    BuildCx, BuildError, Component, ComponentRef, Consume, Context, Host, Processor, Reason, Refusal, Stage,
    StartError,
    ledger::Account,
    quiet::Quiet,
    telemetry::{PointLoss, StreamMetrics},
};
use sluice_pdata::Pdata;

/// Most streams that are remembered where the configuration does not say.
pub(crate) const MAX_STREAMS: u64 = 1_000_000;

/// `max_streams` as a number of places: 0 is for no limit.
pub(crate) fn places(max_streams: u64) -> usize {
    if max_streams == 0 { usize::MAX } else { usize::try_from(max_streams).unwrap_or(usize::MAX) }
}

/// Edits the points of a batch by what it remembers of their streams.
///
/// A batch that a later component refused comes again: to see the same points twice in a row must give the same result.
pub(crate) trait Editor: Send + 'static {
    /// The component starts at this time, in nanoseconds since the Unix epoch.
    fn start(&mut self, now_unix_nano: u64) {
        let _ = now_unix_nano;
    }

    /// Edits one batch; tells of the points that it could not convert.
    fn edit(&mut self, data: &mut Pdata, now: Instant) -> Losses;

    /// How many streams it remembers.
    fn streams(&self) -> usize;
}

/// Points of one batch that could not be converted, by reason.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Losses(Vec<(PointLoss, usize)>);

impl Losses {
    pub(crate) fn count(&mut self, loss: PointLoss) {
        match self.0.iter_mut().find(|(known, _)| *known == loss) {
            Some((_, points)) => *points += 1,
            None => self.0.push((loss, 1)),
        }
    }

    /// Points that are left out because the processor is there to leave them out.
    fn on_purpose(&self) -> usize {
        let on_purpose = |loss| matches!(loss, PointLoss::Initial | PointLoss::NoRecordedValue);
        self.0.iter().filter(|(loss, _)| on_purpose(*loss)).map(|(_, points)| points).sum()
    }

    /// The most frequent reason of the others, and how many they are.
    fn troubles(&self) -> Option<(PointLoss, usize)> {
        let on_purpose = self.on_purpose();
        let all: usize = self.0.iter().map(|(_, points)| points).sum();
        let troubles = self
            .0
            .iter()
            .filter(|(loss, _)| !matches!(loss, PointLoss::Initial | PointLoss::NoRecordedValue));
        troubles.max_by_key(|(_, points)| points).map(|(loss, _)| (*loss, all - on_purpose))
    }
}

/// The stage: it edits each batch and hands it on at once. It holds no items, so there is nothing to drain.
struct Edits<E> {
    component: ComponentRef,
    editor: Mutex<E>,
    next: Arc<dyn Consume>,
    account: Arc<Account>,
    metrics: StreamMetrics,
    quiet: Mutex<Quiet>,
}

/// A processor that edits batches with `editor` and hands them to `next`.
pub(crate) fn processor<E: Editor>(
    editor: E,
    cx: &BuildCx,
    next: Arc<dyn Consume>,
) -> Result<Processor, BuildError> {
    let account = cx.account.clone().ok_or_else(|| cx.error("", "a processor stands in a pipeline"))?;
    Ok(Processor::Stage(Arc::new(Edits {
        component: cx.component.clone(),
        editor: Mutex::new(editor),
        next,
        account,
        metrics: cx.telemetry.streams(&cx.component),
        quiet: Mutex::default(),
    })))
}

impl<E: Editor> Edits<E> {
    fn edit(&self, data: &mut Pdata) -> Losses {
        let mut editor = self.editor.lock().unwrap_or_else(PoisonError::into_inner);
        let before = editor.streams();
        let losses = editor.edit(data, tokio::time::Instant::now().into_std());
        self.metrics.streams(before, editor.streams());
        losses
    }

    /// Books what is missing. Only once the rest was taken: had it been refused, all would come again.
    fn book(&self, gone: usize, losses: &Losses) {
        self.account.filtered(losses.on_purpose());
        self.account.dropped(Reason::Invalid, gone.saturating_sub(losses.on_purpose()));
        losses.0.iter().for_each(|(loss, points)| self.metrics.unconverted(*loss, *points));
        let Some((reason, points)) = losses.troubles() else { return };
        if let Some((_, items)) = self.quiet.lock().unwrap_or_else(PoisonError::into_inner).note(points) {
            tracing::warn!(component = %self.component, items, reason = reason.as_str(), "points could not be converted");
        }
    }
}

#[async_trait]
impl<E: Editor> Consume for Edits<E> {
    async fn consume(&self, cx: Context, mut data: Pdata) -> Result<(), Refusal> {
        let came = data.items();
        let losses = self.edit(&mut data);
        let left = data.items();
        if left > 0 {
            self.next.consume(cx, data).await?;
        }
        self.book(came.saturating_sub(left), &losses);
        Ok(())
    }
}

#[async_trait]
impl<E: Editor> Component for Edits<E> {
    async fn start(&self, _: &Host) -> Result<(), StartError> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        self.editor.lock().unwrap_or_else(PoisonError::into_inner).start(now);
        Ok(())
    }
}

impl<E: Editor> Stage for Edits<E> {}
