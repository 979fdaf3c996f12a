//! Hybrid logical clock and the one order of updates.
//!
//! Kulkarni et al., "Logical Physical Clocks" (2014), in the 64-bit form: 48 bits of wall-clock milliseconds, 16 bits of
//! counter that carry into the milliseconds. Nothing else in the crate compares two updates.

use std::fmt;

use crate::atomic::{AtomicI64, AtomicU64, Ordering};
use crate::ids::Origin;
use crate::time::WallMs;

/// A reading of the hybrid clock: `wall_ms << 16 | counter`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HlcTimestamp(pub u64);

impl HlcTimestamp {
    /// Before every reading.
    pub const ZERO: HlcTimestamp = HlcTimestamp(0);

    /// The first reading within the millisecond `wall`.
    #[must_use]
    pub fn at(wall: WallMs) -> HlcTimestamp {
        HlcTimestamp(wall.0.min(u64::MAX >> 16) << 16)
    }

    /// The millisecond part.
    #[must_use]
    pub fn wall(self) -> WallMs {
        WallMs(self.0 >> 16)
    }
}

/// What orders two updates of a key: the later clock wins, and the writer's id decides a tie.
///
/// Total and the same on every node. A writer never gives the same version twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// When, by the writer's hybrid clock.
    pub hlc: HlcTimestamp,
    /// Who.
    pub origin: Origin,
}

impl Version {
    /// Below every version.
    pub const ZERO: Version = Version { hlc: HlcTimestamp::ZERO, origin: Origin(0) };
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}@{:016x}", self.hlc.wall().0, self.hlc.0 & 0xffff, self.origin.0)
    }
}

/// One node's hybrid clock. Shared by the application's threads and the driver; never goes back, but for
/// [`Hlc::set_back`]. It also knows by how much the host's wall clock is wrong.
#[derive(Debug)]
pub struct Hlc {
    last: AtomicU64,
    origin: Origin,
    correction: Correction,
}

/// On a cache line of its own, which readers share: `last` changes with each write.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Correction(AtomicI64);

impl Hlc {
    /// A clock that stamps for `origin`.
    #[must_use]
    pub fn new(origin: Origin) -> Hlc {
        Hlc { last: AtomicU64::new(0), origin, correction: Correction::default() }
    }

    /// Draws the next version: above the wall clock's `now`, above every version drawn or observed before.
    pub fn tick(&self, now: WallMs) -> Version {
        let floor = HlcTimestamp::at(now).0;
        let mut last = self.last.load(Ordering::Acquire);
        loop {
            let next = last.max(floor).saturating_add(1);
            match self.last.compare_exchange_weak(last, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Version { hlc: HlcTimestamp(next), origin: self.origin },
                Err(drawn_meanwhile) => last = drawn_meanwhile,
            }
        }
    }

    /// Moves the clock up to `seen`, so that everything drawn later sorts after it.
    pub fn observe(&self, seen: HlcTimestamp) {
        self.last.fetch_max(seen.0, Ordering::AcqRel);
    }

    /// The wall clock to go by, where the host's shows `host`.
    #[inline]
    #[must_use]
    pub fn corrected(&self, host: WallMs) -> WallMs {
        WallMs(host.0.saturating_add_signed(self.correction.0.load(Ordering::Relaxed)))
    }

    /// From now on `by` milliseconds are added to the host's wall clock.
    pub fn correct(&self, by: i64) {
        self.correction.0.store(by, Ordering::Relaxed);
    }

    /// Goes back to `to`, from where a wall clock that was wrong has brought it.
    ///
    /// What it shows later it may have shown before: what bears a reading from above `to` is to be taken back.
    pub fn set_back(&self, to: HlcTimestamp) {
        self.last.fetch_min(to.0, Ordering::AcqRel);
    }

    /// The latest reading drawn or observed.
    #[must_use]
    pub fn latest(&self) -> HlcTimestamp {
        HlcTimestamp(self.last.load(Ordering::Acquire))
    }

    /// Whose versions it draws.
    #[must_use]
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_rise_when_the_wall_clock_stands_or_steps_back() {
        let hlc = Hlc::new(Origin(7));
        let first = hlc.tick(WallMs(1_000));
        let second = hlc.tick(WallMs(1_000));
        let third = hlc.tick(WallMs(10));
        assert!(first < second && second < third);
        assert_eq!(first.hlc.wall(), WallMs(1_000));
    }

    #[test]
    fn a_clock_that_is_known_to_be_wrong_is_set_right() {
        let hlc = Hlc::new(Origin(7));
        assert_eq!(hlc.corrected(WallMs(9_000)), WallMs(9_000));
        hlc.tick(WallMs(9_000));
        hlc.correct(-8_000);
        hlc.set_back(HlcTimestamp::at(WallMs(1_000)));
        assert_eq!(hlc.tick(hlc.corrected(WallMs(9_005))).hlc.wall(), WallMs(1_005));
        hlc.set_back(HlcTimestamp::at(WallMs(5_000)));
        assert_eq!(hlc.latest().wall(), WallMs(1_005));
    }

    #[test]
    fn a_tick_sorts_after_everything_observed() {
        let hlc = Hlc::new(Origin(1));
        let remote = HlcTimestamp::at(WallMs(5_000));
        hlc.observe(remote);
        assert!(hlc.tick(WallMs(1)).hlc > remote);
    }

    #[test]
    fn the_counter_carries_into_the_milliseconds() {
        let hlc = Hlc::new(Origin(1));
        hlc.observe(HlcTimestamp((9 << 16) | 0xffff));
        assert_eq!(hlc.tick(WallMs(9)).hlc.wall(), WallMs(10));
    }

    #[test]
    fn the_origin_decides_a_tie() {
        let low = Version { hlc: HlcTimestamp(5), origin: Origin(1) };
        let high = Version { hlc: HlcTimestamp(5), origin: Origin(2) };
        assert!(low < high);
    }
}

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::Arc;
    use loom::thread;

    use super::*;

    #[test]
    fn threads_draw_no_version_twice_and_each_above_what_it_saw() {
        loom::model(|| {
            let hlc = Arc::new(Hlc::new(Origin(1)));
            let other = {
                let hlc = Arc::clone(&hlc);
                thread::spawn(move || {
                    let first = hlc.tick(WallMs(5));
                    (first, hlc.tick(WallMs(4)))
                })
            };
            let seen = HlcTimestamp::at(WallMs(7));
            hlc.observe(seen);
            let own = hlc.tick(WallMs(5));
            let (first, second) = other.join().expect("it only ticks");
            assert!(own.hlc > seen && first < second);
            assert!(own != first && own != second);
            assert!(hlc.latest() >= own.hlc.max(second.hlc));
        });
    }
}
