//! Time as a value. Only `node` reads a clock; every other room is handed a [`Now`].

use std::ops::{Add, Sub};
use std::time::Duration;

/// A reading of a monotonic clock: time since an arbitrary start. Orders timers, never leaves the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mono(Duration);

impl Mono {
    /// The reading `since_start` after the clock's start.
    #[must_use]
    pub const fn from_start(since_start: Duration) -> Mono {
        Mono(since_start)
    }

    /// Time since the clock's start.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        self.0
    }

    /// Time from `earlier` to `self`, or zero when `earlier` is the later one.
    #[must_use]
    pub fn saturating_since(self, earlier: Mono) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}

impl Add<Duration> for Mono {
    type Output = Mono;
    fn add(self, d: Duration) -> Mono {
        Mono(self.0.saturating_add(d))
    }
}

impl Sub<Duration> for Mono {
    type Output = Mono;
    fn sub(self, d: Duration) -> Mono {
        Mono(self.0.saturating_sub(d))
    }
}

/// Milliseconds since the Unix epoch by the wall clock; what deadlines and versions are made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallMs(pub u64);

impl WallMs {
    /// `self` plus `ttl`, rounded up to a whole millisecond; saturates below [`Deadline::NEVER`].
    #[must_use]
    pub fn after(self, ttl: Duration) -> WallMs {
        // Every put comes here: no division of 128 bits.
        let begun = u128::from(ttl.subsec_nanos() % 1_000_000 != 0);
        let ms = u64::try_from(ttl.as_millis() + begun).unwrap_or(u64::MAX);
        WallMs(self.0.saturating_add(ms).min(u64::MAX - 1))
    }
}

/// The instant an entry stops being readable, the same on every node; [`Deadline::NEVER`] for none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Deadline(pub WallMs);

impl Deadline {
    /// No deadline. Sorts after every other.
    pub const NEVER: Deadline = Deadline(WallMs(u64::MAX));

    /// The deadline `ttl` after `now`; `None` is no deadline.
    #[must_use]
    pub fn after(now: WallMs, ttl: Option<Duration>) -> Deadline {
        ttl.map_or(Deadline::NEVER, |ttl| Deadline(now.after(ttl)))
    }

    /// Whether it has come.
    #[must_use]
    pub fn has_passed(self, now: WallMs) -> bool {
        self.0 <= now && self != Deadline::NEVER
    }
}

/// Both clocks, read at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// For timers.
    pub mono: Mono,
    /// For versions and deadlines.
    pub wall: WallMs,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_to_live_is_rounded_up_and_never_becomes_for_ever() {
        let after = |ttl| WallMs(1_000).after(ttl).0;
        assert_eq!(after(Duration::from_millis(5)), 1_005);
        assert_eq!(after(Duration::from_nanos(1)), 1_001);
        assert_eq!(after(Duration::from_nanos(1_000_001)), 1_002);
        assert_eq!(after(Duration::MAX), u64::MAX - 1);
        assert!(!Deadline::NEVER.has_passed(WallMs(u64::MAX)));
        assert!(Deadline(WallMs(5)).has_passed(WallMs(5)));
    }
}
