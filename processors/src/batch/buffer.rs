//! What waits to be sent, when it is sent, and how much at a time.

use std::{collections::VecDeque, time::Duration};

use sluice_component::Permit;
use sluice_pdata::Pdata;
use tokio::time::Instant;

use super::waiter::Waiter;

/// What a request costs beside its encoded size: its entry, handles on its bytes and permits, bookkeeping.
const OVERHEAD: usize = 512;

/// Bytes of headers that each piece of a request may repeat, whatever that comes to.
const SMALL_HEADERS: usize = 4 << 10;

/// Bytes that a request takes up in the buffer.
pub(super) fn footprint(data: &Pdata) -> usize {
    data.size().saturating_add(OVERHEAD)
}

/// When a batch is complete.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rules {
    /// `None` sends at once.
    pub(super) timeout: Option<Duration>,
    /// Items that trigger a send, at least 1.
    pub(super) size: usize,
    /// Most items in a batch, at least `size`.
    pub(super) max: Option<usize>,
}

/// What one request left in the buffer.
pub(super) struct Entry {
    pub(super) data: Pdata,
    /// Its part of the room that the lanes share; given back when the last of its items is settled.
    pub(super) room: Permit,
    /// When it has to leave.
    pub(super) due: Option<Instant>,
    pub(super) waiter: Option<Waiter>,
}

/// Why a batch leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trigger {
    Size,
    Timeout,
}

/// A batch that leaves, and what is to be settled when its fate is known.
pub(super) struct Cut {
    pub(super) data: Pdata,
    pub(super) trigger: Trigger,
    /// Requests whose last items are in it, and how many those are.
    pub(super) complete: Vec<(usize, Permit, Option<Waiter>)>,
    /// Items of the request that is now at the front of the buffer, and whose rest stays there.
    pub(super) of_front: usize,
    /// The latest time until which one of the callers waits; `None` when one has no limit, or none waits.
    pub(super) deadline: Option<Instant>,
}

/// The requests that wait, oldest first.
#[derive(Default)]
pub(super) struct Buffer {
    entries: VecDeque<Entry>,
    items: usize,
    /// Sum of the footprints.
    bytes: usize,
    /// Requests that ever entered: the number of the one that enters next.
    entered: u64,
    /// When which request has to leave. Requests behind which an earlier time follows are left out, so the times
    /// ascend, and the first is the earliest of all.
    dues: VecDeque<(u64, Instant)>,
    /// Nothing enters any more.
    pub(super) closed: bool,
}

impl Buffer {
    /// When the buffer has to be looked at again.
    pub(super) fn due(&self) -> Option<Instant> {
        self.dues.front().map(|&(_, due)| due)
    }

    /// Adds a request. Returns whether the sending task must hear of it: the batch is complete, or has to
    /// leave earlier than the task knows.
    pub(super) fn push(&mut self, entry: Entry, rules: &Rules, byte_limit: usize) -> bool {
        let was_complete = self.is_complete(rules, byte_limit);
        let before = self.due();
        if let Some(due) = entry.due {
            while self.dues.back().is_some_and(|&(_, last)| last >= due) {
                self.dues.pop_back();
            }
            self.dues.push_back((self.entered, due));
        }
        self.entered += 1;
        self.items += entry.data.items();
        self.bytes += footprint(&entry.data);
        self.entries.push_back(entry);
        self.due() != before || (!was_complete && self.is_complete(rules, byte_limit))
    }

    fn is_complete(&self, rules: &Rules, byte_limit: usize) -> bool {
        match rules.timeout {
            None => !self.entries.is_empty(),
            Some(_) => self.items >= rules.size || self.bytes >= byte_limit,
        }
    }

    /// The next batch: one that is complete, or that has to leave by `now`, or anything when `all`.
    pub(super) fn cut(&mut self, rules: &Rules, byte_limit: usize, now: Instant, all: bool) -> Option<Cut> {
        let trigger = if self.is_complete(rules, byte_limit) {
            Trigger::Size
        } else if all || self.due().is_some_and(|due| due <= now) {
            Trigger::Timeout
        } else {
            return None;
        };
        let target = rules.max.unwrap_or(rules.size);
        let mut parts = Parts::default();
        while parts.items < target {
            let Some(mut entry) = self.entries.pop_front() else { break };
            let (items, bytes) = (entry.data.items(), footprint(&entry.data));
            if entry.waiter.as_ref().is_some_and(Waiter::is_gone) {
                self.forget(items, bytes);
                continue;
            }
            let room = target - parts.items;
            let front = rules.max.filter(|_| items > room).and_then(|max| take_front(&mut entry, room, max));
            if let Some(front) = front {
                self.forget(items - entry.data.items(), bytes.saturating_sub(footprint(&entry.data)));
                parts.of_front = front.items();
                parts.deadline(entry.waiter.as_ref());
                self.entries.push_front(entry);
                parts.add(front);
                break;
            }
            if rules.max.is_some() && items > room && parts.items > 0 {
                // Not worth cutting: it leaves alone.
                self.entries.push_front(entry);
                break;
            }
            self.forget(items, bytes);
            parts.deadline(entry.waiter.as_ref());
            parts.complete.push((items, entry.room, entry.waiter));
            parts.add(entry.data);
        }
        self.forget_dues();
        parts.into_cut(trigger)
    }

    fn forget(&mut self, items: usize, bytes: usize) {
        self.items -= items;
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Forgets when requests that have left had to leave.
    fn forget_dues(&mut self) {
        let oldest = self.entered - self.entries.len() as u64;
        while self.dues.front().is_some_and(|&(number, _)| number < oldest) {
            self.dues.pop_front();
        }
    }

    /// Takes stock after a panic in the middle of `cut`. Returns how many items were lost.
    pub(super) fn recover(&mut self, items_before: usize) -> usize {
        self.items = self.entries.iter().map(|entry| entry.data.items()).sum();
        self.bytes = self.entries.iter().map(|entry| footprint(&entry.data)).sum();
        self.forget_dues();
        items_before.saturating_sub(self.items)
    }

    /// Items that wait.
    pub(super) fn items(&self) -> usize {
        self.items
    }

    /// The request whose front items were in the batch that was sent last.
    pub(super) fn front(&mut self) -> Option<&mut Waiter> {
        self.entries.front_mut().and_then(|entry| entry.waiter.as_mut())
    }

    /// Takes out the request at the front.
    pub(super) fn drop_front(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.forget(entry.data.items(), footprint(&entry.data));
            self.forget_dues();
        }
    }

    /// Lets nothing in any more if nothing waits. Returns whether that is so.
    pub(super) fn close_if_empty(&mut self) -> bool {
        self.closed |= self.entries.is_empty();
        self.closed
    }

    /// Lets nothing in any more and gives up what is left.
    pub(super) fn close(&mut self) -> VecDeque<Entry> {
        self.closed = true;
        (self.items, self.bytes) = (0, 0);
        self.dues.clear();
        std::mem::take(&mut self.entries)
    }
}

/// Cuts the first `room` items off, unless that would make much of little: each piece repeats the headers of its resource,
/// so that a request with a huge one could multiply on its way out. Up to three times its size is fine.
fn take_front(entry: &mut Entry, room: usize, max: usize) -> Option<Pdata> {
    let mut back = entry.data.clone();
    let front = back.split_off_front(room);
    let headers = (front.size() + back.size()).saturating_sub(entry.data.size());
    let pieces = entry.data.items().div_ceil(max);
    if headers > SMALL_HEADERS && headers.saturating_mul(pieces) > entry.data.size().saturating_mul(2) {
        return None;
    }
    entry.data = back;
    Some(front)
}

/// A batch while it is put together.
#[derive(Default)]
struct Parts {
    data: Option<Pdata>,
    items: usize,
    complete: Vec<(usize, Permit, Option<Waiter>)>,
    of_front: usize,
    deadline: Option<Instant>,
    is_unlimited: bool,
}

impl Parts {
    fn add(&mut self, data: Pdata) {
        self.items += data.items();
        match &mut self.data {
            Some(batch) => batch.append(data),
            None => self.data = Some(data),
        }
    }

    fn deadline(&mut self, waiter: Option<&Waiter>) {
        match waiter.and_then(|waiter| waiter.deadline) {
            Some(deadline) => self.deadline = self.deadline.max(Some(deadline)),
            None => self.is_unlimited = true,
        }
    }

    /// `None` when every caller has gone.
    fn into_cut(self, trigger: Trigger) -> Option<Cut> {
        let deadline = self.deadline.filter(|_| !self.is_unlimited);
        let Self { data, complete, of_front, .. } = self;
        data.map(|data| Cut { data, trigger, complete, of_front, deadline })
    }
}

#[cfg(test)]
mod tests;
