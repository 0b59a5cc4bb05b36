//! The requests of a batch: in rows, in each of which one is sent after the other.

use std::{
    collections::VecDeque,
    ops::Range,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use sluice_component::{Class, Context, Reason};
use sluice_pdata::Pdata;
use tokio::time::timeout_at;

use super::{
    deliver::Deliver,
    lanes::Place,
    receipt::Failure,
    split,
    wire::{Encoded, Unconvertible, Wire},
};

/// A row for requests of the batch that have the same lanes and follow one another in all of them; one row for all if
/// the format has none.
pub(super) struct Rows<R>(Vec<Waiting<R>>);

/// What is left of a row.
struct Waiting<R> {
    /// One in each of its lanes.
    places: Vec<Place>,
    requests: VecDeque<R>,
}

/// What is sent after a verdict.
pub(super) enum Row {
    GoesOn,
    Ends,
    /// It ends with all that stands behind it, since the batch comes again.
    EndsBatch,
}

/// The items of a request, and how many were rejected or why it was given up.
type Verdict = (usize, Result<usize, Failure>);

impl<W: Wire> Deliver<W> {
    /// Encodes a batch and lines its requests up.
    pub(super) async fn encode(&self, data: Pdata) -> (Rows<W::Request>, Vec<Unconvertible>) {
        if !W::ORDERED {
            let Encoded { requests, unconvertible } = split::encode(&self.wire, data, self.most);
            let row = Waiting { places: Vec::new(), requests: requests.into() };
            return (Rows(vec![row]), unconvertible);
        }
        let mut ends = self.lanes.ends().await;
        let Encoded { requests, unconvertible } = split::encode(&self.wire, data, self.most);
        let mut rows: Vec<Waiting<W::Request>> = Vec::new();
        // Of rows that still are the last in each of their lanes, lanes and place in `rows`.
        let mut last: Vec<(Range<usize>, usize)> = Vec::new();
        for request in requests {
            let lanes = W::lanes(&request);
            let row = last.iter().find(|(of, _)| *of == lanes).and_then(|&(_, row)| rows.get_mut(row));
            if let Some(row) = row {
                row.requests.push_back(request);
                continue;
            }
            last.retain(|(of, _)| of.end <= lanes.start || lanes.end <= of.start);
            last.push((lanes.clone(), rows.len()));
            let places = lanes.map(|lane| ends.line_up(lane)).collect();
            rows.push(Waiting { places, requests: VecDeque::from([request]) });
        }
        (Rows(rows), unconvertible)
    }

    /// Sends the rows side by side. `settle` hears of each request, and says whether its row goes on.
    pub(super) async fn each(
        &self,
        Rows(mut rows): Rows<W::Request>,
        cx: &Context,
        mut settle: impl FnMut(usize, Result<usize, Failure>) -> Row,
    ) {
        let on = AtomicBool::new(true);
        if let [row] = rows.as_mut_slice() {
            while let Some((items, verdict)) = self.next(row, &on, cx).await {
                let Row::GoesOn = settle(items, verdict) else { return };
            }
            return;
        }
        let mut sending: FuturesUnordered<_> = rows.into_iter().map(|row| self.step(row, &on, cx)).collect();
        while let Some((row, verdict)) = sending.next().await {
            let Some((items, verdict)) = verdict else { continue };
            match settle(items, verdict) {
                Row::GoesOn => sending.push(self.step(row, &on, cx)),
                Row::Ends => {}
                // Before the row's places are given up.
                Row::EndsBatch => on.store(false, Ordering::Relaxed),
            }
        }
    }

    async fn step(
        &self,
        mut row: Waiting<W::Request>,
        on: &AtomicBool,
        cx: &Context,
    ) -> (Waiting<W::Request>, Option<Verdict>) {
        let verdict = self.next(&mut row, on, cx).await;
        (row, verdict)
    }

    /// Sends the next request of a row, once its places come first, unless the caller's deadline has passed, or the
    /// batch is not `on` any more.
    async fn next(&self, row: &mut Waiting<W::Request>, on: &AtomicBool, cx: &Context) -> Option<Verdict> {
        let request = row.requests.pop_front()?;
        let items = W::items(&request);
        for place in &mut row.places {
            let late = match cx.deadline() {
                Some(deadline) => timeout_at(deadline, place.comes_first()).await.is_err(),
                None => {
                    place.comes_first().await;
                    false
                }
            };
            if late {
                let failure = Failure { class: Class::Retryable, reason: Reason::Timeout, cause: None };
                return Some((items, Err(failure)));
            }
        }
        if !on.load(Ordering::Relaxed) {
            return None;
        }
        Some((items, self.request(&request, cx).await))
    }
}
