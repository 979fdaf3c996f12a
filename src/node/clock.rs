//! The real clock, read here and nowhere else in the crate's own logic: the driver's, the callers', and how long a caller
//! is still willing to wait.
//!
//! Two readings of the wall clock are in use. The driver's is exact. A caller's is the kernel's coarse one, which is up to
//! one timer tick (1 to 10 ms) behind and costs a fifth of the exact one: it decides whether an entry has expired and is
//! the floor of a version, and the hybrid clock orders versions that it gives the same millisecond.

#![expect(clippy::disallowed_methods, reason = "this is the clock that everything else is told the time by")]

use std::time::{Duration, Instant};

use crate::time::{Mono, Now, WallMs};

/// Both clocks of one node, for its driver.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: Instant,
}

impl Clock {
    /// A clock whose monotonic readings count from now on.
    pub(super) fn start() -> Clock {
        Clock { start: Instant::now() }
    }

    /// Reads both clocks.
    pub(super) fn now(&self) -> Now {
        Now { mono: Mono::from_start(self.start.elapsed()), wall: exact_wall() }
    }
}

/// The wall clock, up to one timer tick behind.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) fn coarse_wall() -> WallMs {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let millis = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
    WallMs(seconds.saturating_mul(1_000).saturating_add(millis))
}

/// The wall clock, where the system has no cheaper one.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn coarse_wall() -> WallMs {
    exact_wall()
}

/// Milliseconds since 1970; 0 for a clock set before that.
fn exact_wall() -> WallMs {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    WallMs(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}

/// The end of somebody's patience.
#[derive(Clone, Copy, Debug)]
pub(super) struct Until {
    /// None: later than the clock can say, which is never.
    end: Option<Instant>,
}

impl Until {
    /// Patience for `timeout` from now on.
    pub(super) fn after(timeout: Duration) -> Until {
        Until { end: Instant::now().checked_add(timeout) }
    }

    /// The same, or the end of `patience` from now on if that comes first.
    pub(super) fn at_most(self, patience: Option<Duration>) -> Until {
        patience.map_or(self, |patience| self.sooner(Until::after(patience)))
    }

    /// Whichever comes first.
    pub(super) fn sooner(self, other: Until) -> Until {
        Until { end: self.end.into_iter().chain(other.end).min() }
    }

    /// What is left; zero when it has come.
    pub(super) fn remaining(self) -> Duration {
        self.end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }

    /// Whether nothing is left.
    pub(super) fn has_come(self) -> bool {
        self.remaining().is_zero()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_coarse_clock_is_at_most_a_tick_behind_the_exact_one() {
        let before = exact_wall();
        let coarse = coarse_wall();
        let after = exact_wall();
        assert!(coarse.0 + 20 >= before.0, "{coarse:?} lags {before:?}");
        assert!(coarse <= after);
    }

    #[test]
    fn patience_without_end_is_never_over() {
        assert!(!Until::after(Duration::MAX).has_come());
        assert!(Until::after(Duration::ZERO).has_come());
    }
}
