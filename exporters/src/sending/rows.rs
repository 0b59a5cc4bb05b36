//! The requests of a batch: in rows, in each of which one is sent after the other.

use std::collections::{BTreeMap, VecDeque};

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

/// A row for all requests of the batch that have the same lanes; one row for all if the format has none.
pub(super) struct Rows<R>(Vec<Waiting<R>>);

/// What is left of a row.
struct Waiting<R> {
    /// One in each of its lanes.
    places: Vec<Place>,
    requests: VecDeque<R>,
}

/// Whether a row's next request is sent.
pub(super) enum Row {
    GoesOn,
    Ends,
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
        let mut rows = BTreeMap::new();
        for request in requests {
            let lanes = W::lanes(&request);
            let row = rows.entry((lanes.start, lanes.end)).or_insert_with(|| {
                let places = lanes.map(|lane| ends.line_up(lane)).collect();
                Waiting { places, requests: VecDeque::new() }
            });
            row.requests.push_back(request);
        }
        (Rows(rows.into_values().collect()), unconvertible)
    }

    /// Sends the rows side by side. `settle` hears of each request, and says whether its row goes on.
    pub(super) async fn each(
        &self,
        Rows(mut rows): Rows<W::Request>,
        cx: &Context,
        mut settle: impl FnMut(usize, Result<usize, Failure>) -> Row,
    ) {
        if let [row] = rows.as_mut_slice() {
            while let Some((items, verdict)) = self.next(row, cx).await {
                if let Row::Ends = settle(items, verdict) {
                    return;
                }
            }
            return;
        }
        let mut sending: FuturesUnordered<_> = rows.into_iter().map(|row| self.step(row, cx)).collect();
        while let Some((row, verdict)) = sending.next().await {
            let Some((items, verdict)) = verdict else { continue };
            if let Row::GoesOn = settle(items, verdict) {
                sending.push(self.step(row, cx));
            }
        }
    }

    async fn step(
        &self,
        mut row: Waiting<W::Request>,
        cx: &Context,
    ) -> (Waiting<W::Request>, Option<Verdict>) {
        let verdict = self.next(&mut row, cx).await;
        (row, verdict)
    }

    /// Sends the next request of a row, once its places come first, unless the caller's deadline has passed.
    async fn next(&self, row: &mut Waiting<W::Request>, cx: &Context) -> Option<Verdict> {
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
        Some((items, self.request(&request, cx).await))
    }
}
