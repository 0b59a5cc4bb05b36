//! What the queue holds: one request of a caller, or several that became a batch.

use std::{future::poll_fn, task::Poll};

use sluice_component::Context;
use sluice_pdata::Pdata;
use tokio::{sync::oneshot, time::Instant};

use super::{accounts::Owned, queue::Room, receipt::Receipt};

/// Data and who has to answer for it.
pub(super) struct Entry {
    pub(super) data: Pdata,
    pub(super) cx: Context,
    pub(super) owner: Owner,
    /// When it entered the queue.
    pub(super) since: Instant,
    /// Given back when the entry is dropped, which is after it was sent.
    rooms: Vec<Room>,
}

/// Who has to answer for an entry.
pub(super) enum Owner {
    Queue(Owned),
    /// In the order of their items.
    Callers(Vec<Caller>),
}

/// A caller that waits for the verdict on its items.
pub(super) struct Caller {
    pub(super) items: usize,
    pub(super) deadline: Option<Instant>,
    pub(super) reply: oneshot::Sender<Receipt>,
}

impl Entry {
    pub(super) fn owned(data: Pdata, cx: Context, owned: Owned, room: Room) -> Self {
        Self { data, cx, owner: Owner::Queue(owned), since: Instant::now(), rooms: vec![room] }
    }

    /// The deadline of `cx` is the caller's.
    pub(super) fn awaited(data: Pdata, cx: Context, reply: oneshot::Sender<Receipt>, room: Room) -> Self {
        let caller = Caller { items: data.items(), deadline: cx.deadline(), reply };
        Self { data, cx, owner: Owner::Callers(vec![caller]), since: Instant::now(), rooms: vec![room] }
    }

    /// Whether everybody who waited for it has gone.
    pub(super) fn is_abandoned(&self) -> bool {
        match &self.owner {
            Owner::Queue(_) => false,
            Owner::Callers(callers) => callers.iter().all(|caller| caller.reply.is_closed()),
        }
    }

    /// Puts the items of `other` behind the own ones. Both are of one exporter and on one branch. It is sent until the
    /// last caller stops waiting.
    pub(super) fn join(&mut self, other: Self) {
        let deadline = self.cx.deadline().zip(other.cx.deadline()).map(|(own, others)| own.max(others));
        self.cx = std::mem::take(&mut self.cx).with_deadline(deadline);
        self.data.append(other.data);
        self.rooms.extend(other.rooms);
        match (&mut self.owner, other.owner) {
            (Owner::Queue(own), Owner::Queue(others)) => own.join(others),
            (Owner::Callers(own), Owner::Callers(others)) => own.extend(others),
            _ => unreachable!("one exporter answers all its callers alike"),
        }
    }
}

/// Waits until all `callers` have gone.
pub(super) async fn all_gone(callers: &mut [Caller]) {
    poll_fn(|cx| {
        let mut gone = Poll::Ready(());
        for caller in callers.iter_mut() {
            // Of many that have gone, asking each would use up the task's budget, and then all seem to be there.
            if !caller.reply.is_closed() && caller.reply.poll_closed(cx).is_pending() {
                gone = Poll::Pending;
            }
        }
        gone
    })
    .await;
}
