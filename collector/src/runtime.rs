//! The process: its threads, its allocator, its default budget.
//!
//! **Threads.** As many workers as the cgroup's CPU quota and the affinity mask allow. With one, everything runs on
//! the main thread: a pool would cost more CPU per request than it gives.
//!
//! **Allocator.** jemalloc, with the feature `jemalloc`. Its background thread gives memory back some ten seconds
//! after a burst also when nothing is allocated any more. It is the program that chooses it, in its `main.rs`: a library
//! that did could not be linked into one with an allocator of its own, such as a test that counts allocations.
//!
//! Two workers share an arena. jemalloc by itself has four for each processor, one for nearly every thread that ever ran,
//! and what a batch leaves behind in one of them is of no use to the next batch on another thread: see
//! `docs/decisions/0070-two-workers-share-an-arena.md`. In a small container what was freed goes back to the system at
//! once: see `docs/decisions/0082-a-small-container-keeps-no-freed-memory.md`.

use std::{io, thread};

use tokio::runtime::{Builder, Runtime};

/// The allocator for a program's `#[global_allocator]`.
#[cfg(feature = "jemalloc")]
pub use tikv_jemallocator::Jemalloc as Allocator;

/// Threads that may block at the same time: compression of large bodies, files, name resolution.
const BLOCKING_THREADS: usize = 32;

/// The budget where the platform does not tell how much memory there is.
const UNKNOWN_MACHINE: u64 = 2 << 30;

/// What the process takes beside data: its program, threads, connections, what components remember.
const OWN: u64 = 20 << 20;

/// The largest container in which memory that is kept for later is not worth its room.
#[cfg(feature = "jemalloc")]
const SMALL: u64 = 256 << 20;

/// CPUs that the process may use: the cgroup's quota rounded down, the affinity mask, at least 1.
#[must_use]
pub fn cpus() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}

/// The runtime for [`cpus`], and the allocator's settings for a process that runs long.
///
/// # Errors
/// When the system refuses threads or the poller.
pub fn build() -> io::Result<Runtime> {
    #[cfg(feature = "jemalloc")]
    if let Err(error) = tikv_jemalloc_ctl::background_thread::write(true) {
        // Not on macOS: memory is then given back as allocations go on.
        tracing::debug!(%error, "jemalloc has no background thread here");
    }
    #[cfg(feature = "jemalloc")]
    if sluice_component::memory::total().is_some_and(|total| total <= SMALL) {
        give_back_at_once();
    }
    let mut builder = match cpus() {
        1 => Builder::new_current_thread(),
        workers => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers);
            builder
        }
    };
    #[cfg(feature = "jemalloc")]
    builder.on_thread_start(join_an_arena);
    builder.enable_all().thread_name("sluice").max_blocking_threads(BLOCKING_THREADS).build()
}

/// Has the thread that calls it allocate in one of as many arenas as there are pairs of workers.
#[cfg(feature = "jemalloc")]
fn join_an_arena() {
    use std::sync::atomic::{AtomicU32, Ordering};

    use tikv_jemalloc_ctl::{Access, AsName};

    static THREADS: AtomicU32 = AtomicU32::new(0);
    let arenas = u32::try_from(cpus() / 2).unwrap_or(u32::MAX).max(1);
    let arena = THREADS.fetch_add(1, Ordering::Relaxed) % arenas;
    let joined: Result<(), _> = b"thread.arena\0"[..].name().write(arena);
    if let Err(error) = joined {
        // It stays in the one that jemalloc chose.
        tracing::debug!(%error, arena, "cannot choose an arena");
    }
}

/// Has the allocator give freed pages back to the system at once, not after some ten seconds.
#[cfg(feature = "jemalloc")]
fn give_back_at_once() {
    use tikv_jemalloc_ctl::{Access, AsName};

    // The arena of the main thread, and those to come.
    for key in [&b"arena.0.dirty_decay_ms\0"[..], b"arenas.dirty_decay_ms\0"] {
        let written: Result<(), _> = key.name().write(0_isize);
        if let Err(error) = written {
            tracing::debug!(%error, "the allocator keeps what is freed for a while");
        }
    }
}

/// Bytes that data from outside may occupy unless the configuration says otherwise: 80% of what the tightest cgroup
/// limit, or the machine's memory, leaves beside the process itself.
#[must_use]
pub fn default_budget() -> usize {
    budget_of(sluice_component::memory::total().unwrap_or(UNKNOWN_MACHINE))
}

fn budget_of(total: u64) -> usize {
    // Where the process alone would be too large, a fifth of the little that there is.
    let for_data = (total.saturating_sub(OWN) / 5 * 4).max(total / 5);
    usize::try_from(for_data).unwrap_or(usize::MAX)
}

/// What the allocator says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Heap {
    /// Bytes that the program holds.
    pub allocated: u64,
    /// Bytes of address space that the allocator has mapped for them.
    pub mapped: u64,
}

/// The allocator's figures, of a program that has [`Allocator`]; `None` without the feature `jemalloc`.
#[must_use]
pub fn heap() -> Option<Heap> {
    #[cfg(feature = "jemalloc")]
    {
        use tikv_jemalloc_ctl::{epoch, stats};
        epoch::advance().ok()?;
        let read = |bytes: Result<usize, _>| u64::try_from(bytes.ok()?).ok();
        Some(Heap { allocated: read(stats::allocated::read())?, mapped: read(stats::mapped::read())? })
    }
    #[cfg(not(feature = "jemalloc"))]
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "jemalloc")]
    #[global_allocator]
    static ALLOCATOR: Allocator = Allocator;

    #[test]
    fn the_default_budget_leaves_room_for_the_process() {
        let total = sluice_component::memory::total().map_or(usize::MAX, |n| usize::try_from(n).unwrap());
        assert!(default_budget() > 0 && default_budget() < total);
        assert_eq!(budget_of(64 << 20), (44 << 20) / 5 * 4);
        assert_eq!(budget_of(520 << 20), 400 << 20);
        assert_eq!(budget_of(10 << 20), 2 << 20);
    }

    #[test]
    #[cfg(feature = "jemalloc")]
    fn freed_memory_can_go_back_at_once() {
        use tikv_jemalloc_ctl::{Access, AsName};

        give_back_at_once();
        for key in [&b"arena.0.dirty_decay_ms\0"[..], b"arenas.dirty_decay_ms\0"] {
            let kept: isize = key.name().read().unwrap();
            assert_eq!(kept, 0);
        }
    }

    #[test]
    #[cfg(feature = "jemalloc")]
    fn the_runtime_s_threads_share_arenas_in_pairs() {
        use tikv_jemalloc_ctl::{Access, AsName};
        let arena = || -> u32 { b"thread.arena\0"[..].name().read().unwrap() };
        let runtime = build().unwrap();
        let wait = std::sync::Arc::new(std::sync::Barrier::new(8));
        let threads = (0..8).map(|_| {
            let wait = wait.clone();
            runtime.spawn_blocking(move || {
                wait.wait();
                arena()
            })
        });
        let threads: Vec<_> = threads.collect();
        for thread in threads {
            let arena = usize::try_from(runtime.block_on(thread).unwrap()).unwrap();
            assert!(arena < (cpus() / 2).max(1), "{arena}");
        }
    }

    #[test]
    #[cfg(feature = "jemalloc")]
    fn the_allocator_counts_what_is_held() {
        let before = heap().unwrap();
        let held = vec![1_u8; 64 << 20];
        let after = heap().unwrap();
        assert!(after.allocated >= before.allocated + (32 << 20), "{before:?} {after:?}");
        drop(held);
    }
}
