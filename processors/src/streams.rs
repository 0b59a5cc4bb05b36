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
use sluice_config::GoDuration;
use sluice_pdata::{
    Pdata,
    stream::{PointEdit, StreamEditor, StreamId, Streams, Unfit, without_value},
    view::{DataPointView, MetricView, ResourceMetricsView},
};

/// Most streams that are remembered where the configuration does not say.
pub(crate) const MAX_STREAMS: u64 = 1_000_000;

/// Edits points by what is known of their streams.
///
/// A batch that a later component refused comes again: to see the same points twice in a row must give the same result.
pub(crate) trait Editor: Send + 'static {
    /// What is remembered of a stream.
    type Known: Send;

    /// Whether a point of a new stream for which there is no room stays as it is. It counts as a loss all the same.
    const KEEPS_WITHOUT_ROOM: bool = false;

    /// The component starts at this time, in nanoseconds since the Unix epoch.
    fn start(&mut self, now_unix_nano: u64) {
        let _ = now_unix_nano;
    }

    /// A resource begins.
    fn resource(&mut self, resource: &ResourceMetricsView<'_>) {
        let _ = resource;
    }

    /// A metric begins. Gives its temporality after the edit, or none to leave it as it is.
    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32>;

    /// Whether a point stays as it is, whatever is known of its stream, which is not remembered for it.
    fn passes(&self, point: &DataPointView<'_>) -> bool {
        let _ = point;
        false
    }

    /// What becomes of a point without a value, or why it is left out. It is no sign of life: its stream takes no place
    /// for it.
    fn without_value(&self, known: Option<&Self::Known>, unfit: Unfit) -> Result<PointEdit<'_>, PointLoss>;

    /// What becomes of a point, or why it is left out. Nothing is known yet of a stream that is new.
    fn point<'e>(
        &'e mut self,
        known: &'e mut Option<Self::Known>,
        point: &DataPointView<'_>,
    ) -> Result<PointEdit<'e>, PointLoss>;
}

/// An editor with what it remembers.
struct Memory<E: Editor> {
    editor: E,
    streams: Streams<E::Known>,
}

/// One pass over a batch.
struct Pass<'m, E: Editor> {
    memory: &'m mut Memory<E>,
    now: Instant,
    losses: Losses,
}

impl<E: Editor> StreamEditor for Pass<'_, E> {
    fn resource(&mut self, resource: &ResourceMetricsView<'_>) {
        self.memory.editor.resource(resource);
    }

    fn metric(&mut self, metric: &MetricView<'_>) -> Option<i32> {
        self.memory.editor.metric(metric)
    }

    fn point(&mut self, stream: StreamId, point: &DataPointView<'_>) -> PointEdit<'_> {
        let Memory { editor, streams } = &mut *self.memory;
        if editor.passes(point) {
            return PointEdit::Keep;
        }
        if let Some(unfit) = without_value(point) {
            let edit = editor.without_value(streams.get(stream, self.now), unfit);
            return edit.unwrap_or_else(|loss| {
                self.losses.count(loss);
                PointEdit::Drop
            });
        }
        let Ok(known) = streams.at(stream, self.now) else {
            self.losses.count(PointLoss::Limit);
            return if E::KEEPS_WITHOUT_ROOM { PointEdit::Keep } else { PointEdit::Drop };
        };
        editor.point(known, point).unwrap_or_else(|loss| {
            self.losses.count(loss);
            PointEdit::Drop
        })
    }
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
struct Edits<E: Editor> {
    component: ComponentRef,
    memory: Mutex<Memory<E>>,
    next: Arc<dyn Consume>,
    account: Arc<Account>,
    metrics: StreamMetrics,
    quiet: Mutex<Quiet>,
}

/// A processor that edits batches with `editor`, which remembers at most `max_streams` streams (0: without limit), each
/// until it was silent for `max_stale`, and hands them to `next`.
pub(crate) fn processor<E: Editor>(
    editor: E,
    max_streams: u64,
    max_stale: GoDuration,
    cx: &BuildCx,
    next: Arc<dyn Consume>,
) -> Result<Processor, BuildError> {
    let places =
        if max_streams == 0 { usize::MAX } else { usize::try_from(max_streams).unwrap_or(usize::MAX) };
    let account = cx.account.clone().ok_or_else(|| cx.error("", "a processor stands in a pipeline"))?;
    Ok(Processor::Stage(Arc::new(Edits {
        component: cx.component.clone(),
        memory: Mutex::new(Memory { editor, streams: Streams::new(places, max_stale.get()) }),
        next,
        account,
        metrics: cx.telemetry.streams(&cx.component),
        quiet: Mutex::default(),
    })))
}

impl<E: Editor> Edits<E> {
    fn edit(&self, data: &mut Pdata) -> Losses {
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let before = memory.streams.len();
        let now = tokio::time::Instant::now().into_std();
        let mut pass = Pass { memory: &mut memory, now, losses: Losses::default() };
        data.edit_streams(&mut pass);
        let losses = pass.losses;
        self.metrics.streams(before, memory.streams.len());
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
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).editor.start(now);
        Ok(())
    }
}

impl<E: Editor> Stage for Edits<E> {}
