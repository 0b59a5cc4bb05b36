//! The process-wide bound on memory that outside data may take.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Notify;

/// Bytes that data from outside may occupy, shared by the whole process.
///
/// Servers reserve as body bytes arrive, before they decompress, and for what a decoded form would cost. The
/// [`Permit`] then rides in the data and gives the bytes back when its last clone is dropped.
#[derive(Debug, Clone)]
pub struct Budget(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    limit: AtomicUsize,
    used: AtomicUsize,
    windows: Windows,
}

/// What the servers of the process have promised their peers as receive windows. That is no part of [`Budget::used`];
/// servers keep it within a part of the limit, which makes it the cap on connections.
#[derive(Debug, Default)]
pub struct Windows {
    /// Bytes.
    pub granted: AtomicUsize,
    /// A connection was refused because there was nothing left to promise: those that are idle make room.
    pub wanted: Notify,
}

/// The budget had no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} bytes would exceed the memory budget: {used} of {limit} bytes are in use")]
pub struct OverBudget {
    /// Bytes asked for.
    pub wanted: usize,
    /// Bytes in use.
    pub used: usize,
    /// Bytes allowed.
    pub limit: usize,
}

impl Budget {
    /// A budget of `limit` bytes.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self(Arc::new(Inner {
            limit: AtomicUsize::new(limit),
            used: AtomicUsize::new(0),
            windows: Windows::default(),
        }))
    }

    /// Bytes allowed in all.
    #[must_use]
    pub fn limit(&self) -> usize {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// Bytes reserved now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.0.used.load(Ordering::Relaxed)
    }

    /// What the servers of the process have promised their peers.
    #[must_use]
    pub fn windows(&self) -> &Windows {
        &self.0.windows
    }

    /// Lowers the limit to `limit`; a higher one changes nothing, so the tightest of several callers holds.
    pub fn tighten(&self, limit: usize) {
        self.0.limit.fetch_min(limit, Ordering::Relaxed);
    }

    /// Takes `bytes` out of the budget until the permit is dropped.
    ///
    /// # Errors
    /// [`OverBudget`] when they do not fit; nothing is reserved then.
    pub fn reserve(&self, bytes: usize) -> Result<Permit, OverBudget> {
        self.take(bytes)?;
        Ok(Permit { budget: self.clone(), bytes })
    }

    fn take(&self, bytes: usize) -> Result<(), OverBudget> {
        let limit = self.limit();
        let fits = |used: usize| used.checked_add(bytes).filter(|&sum| sum <= limit);
        match self.0.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => Ok(()),
            Err(used) => Err(OverBudget { wanted: bytes, used, limit }),
        }
    }
}

/// Bytes taken out of a [`Budget`], given back on drop.
#[derive(Debug)]
pub struct Permit {
    budget: Budget,
    bytes: usize,
}

impl Permit {
    /// Bytes that this permit stands for.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes `more` bytes into this permit.
    ///
    /// # Errors
    /// [`OverBudget`] when they do not fit; the permit keeps what it had.
    pub fn grow(&mut self, more: usize) -> Result<(), OverBudget> {
        self.budget.take(more)?;
        self.bytes += more;
        Ok(())
    }

    /// Gives back what exceeds `bytes`.
    pub fn shrink_to(&mut self, bytes: usize) {
        let excess = self.bytes.saturating_sub(bytes);
        self.budget.0.used.fetch_sub(excess, Ordering::Relaxed);
        self.bytes -= excess;
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_refused_and_reserves_nothing() {
        let budget = Budget::new(100);
        let held = budget.reserve(60).unwrap();
        assert_eq!(budget.reserve(41).unwrap_err(), OverBudget { wanted: 41, used: 60, limit: 100 });
        assert_eq!(budget.used(), 60);
        drop(held);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_permit_grows_and_shrinks_and_gives_all_back() {
        let budget = Budget::new(100);
        let mut permit = budget.reserve(10).unwrap();
        permit.grow(90).unwrap();
        assert!(permit.grow(1).is_err());
        permit.shrink_to(30);
        assert_eq!((permit.bytes(), budget.used()), (30, 30));
        drop(permit);
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn the_tightest_limit_holds() {
        let budget = Budget::new(100);
        budget.tighten(50);
        budget.tighten(80);
        assert_eq!(budget.limit(), 50);
    }

    #[test]
    fn an_absurd_reservation_does_not_overflow() {
        let budget = Budget::new(usize::MAX);
        let _held = budget.reserve(10).unwrap();
        assert!(budget.reserve(usize::MAX).is_err());
    }
}
