//! How much of its limits a store has given out.
//!
//! Invariant: at every instant, as any thread sees it, what is given out is within [`Limits`]. Room is reserved before
//! an entry is linked and given back after one is unlinked, so live entries never count more than what is given out.

use super::Limits;
use crate::atomic::{AtomicUsize, Ordering};

/// A number of entries and bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) entries: usize,
    pub(super) bytes: usize,
}

/// What is given out of the limits.
#[derive(Debug)]
pub(super) struct Budget {
    limits: Limits,
    entries: AtomicUsize,
    bytes: AtomicUsize,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Budget {
        Budget { limits, entries: AtomicUsize::new(0), bytes: AtomicUsize::new(0) }
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn entries(&self) -> usize {
        self.entries.load(Ordering::Relaxed)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Takes all of `room` or nothing.
    pub(super) fn reserve(&self, room: Room) -> bool {
        if !take(&self.entries, room.entries, self.limits.max_entries) {
            return false;
        }
        if !take(&self.bytes, room.bytes, self.limits.max_bytes) {
            self.release(Room { bytes: 0, ..room });
            return false;
        }
        true
    }

    /// Whether [`Budget::reserve`] would succeed if nobody else came first.
    pub(super) fn would_fit(&self, room: Room) -> bool {
        let fits = |used: usize, n: usize, max: usize| used.checked_add(n).is_some_and(|sum| sum <= max);
        fits(self.entries(), room.entries, self.limits.max_entries)
            && fits(self.bytes(), room.bytes, self.limits.max_bytes)
    }

    /// Gives back what was reserved.
    pub(super) fn release(&self, room: Room) {
        if room.entries > 0 {
            self.entries.fetch_sub(room.entries, Ordering::Relaxed);
        }
        if room.bytes > 0 {
            self.bytes.fetch_sub(room.bytes, Ordering::Relaxed);
        }
    }
}

/// Adds `n` to `used` unless that exceeds `max`. No payload is published through it, so no order is asked for.
fn take(used: &AtomicUsize, n: usize, max: usize) -> bool {
    if n == 0 {
        return true;
    }
    let mut before = used.load(Ordering::Relaxed);
    while let Some(sum) = before.checked_add(n).filter(|sum| *sum <= max) {
        match used.compare_exchange_weak(before, sum, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => return true,
            Err(changed_meanwhile) => before = changed_meanwhile,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refused_reservation_takes_nothing() {
        let budget = Budget::new(Limits { max_entries: 2, max_bytes: 10 });
        assert!(budget.reserve(Room { entries: 1, bytes: 10 }));
        assert!(!budget.reserve(Room { entries: 1, bytes: 1 }));
        assert_eq!((budget.entries(), budget.bytes()), (1, 10));
        assert!(!budget.reserve(Room { entries: 2, bytes: 0 }));
        budget.release(Room { entries: 1, bytes: 10 });
        assert!(budget.reserve(Room { entries: 2, bytes: 0 }));
        assert!(!budget.reserve(Room { entries: 0, bytes: usize::MAX }));
        assert_eq!((budget.entries(), budget.bytes()), (2, 0));
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn no_thread_ever_sees_more_given_out_than_there_is() {
        const LIMITS: Limits = Limits { max_entries: 2, max_bytes: 10 };
        loom::model(|| {
            let budget = Arc::new(Budget::new(LIMITS));
            let writers = [6, 5].map(|bytes| {
                let budget = Arc::clone(&budget);
                thread::spawn(move || {
                    let room = Room { entries: 1, bytes };
                    let reserved = budget.reserve(room);
                    if reserved {
                        budget.release(room);
                    }
                    reserved
                })
            });
            let (entries, bytes) = (budget.entries(), budget.bytes());
            assert!(entries <= LIMITS.max_entries && bytes <= LIMITS.max_bytes, "{entries} entries, {bytes} bytes");
            let reserved = writers.map(|writer| writer.join().expect("it only reserves"));
            assert!(reserved.contains(&true), "each was refused for the other's sake");
            assert_eq!((budget.entries(), budget.bytes()), (0, 0));
        });
    }
}
