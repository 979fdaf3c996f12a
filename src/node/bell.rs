//! Wakes the driver when it sleeps, and only then: a wake costs a system call, a look at the flag does not.
//!
//! The invariant: whoever queues something and then rings either sees that the driver sleeps and wakes it, or the driver
//! sees what was queued before it falls asleep. Caller and driver each write one place and then read the other's (the
//! queue and the flag). With a sequentially consistent fence between the write and the read on both sides at least one of
//! the two reads sees the other's write (Dekker's argument; C++11 29.3, fence-fence synchronisation). A ring that comes
//! after the driver's last look but before it waits is kept by the waker and ends that wait at once.

use std::sync::atomic::{AtomicU8, Ordering, fence};

const AWAKE: u8 = 0;
/// Anything queued is to wake the driver.
const ASLEEP: u8 = 1;
/// Only commands are to wake the driver: the protocol takes no updates now, and its own timers say when it does again.
const THROTTLED: u8 = 2;

/// The driver's state, as the callers see it.
#[derive(Debug, Default)]
pub(super) struct Bell {
    state: AtomicU8,
}

impl Bell {
    /// To be called after an update was queued: whether the caller must wake the driver.
    #[must_use]
    pub(super) fn ring_for_update(&self) -> bool {
        fence(Ordering::SeqCst);
        // The exchange lets one of many callers pay for the wake.
        self.state.load(Ordering::Relaxed) == ASLEEP
            && self.state.compare_exchange(ASLEEP, AWAKE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }

    /// To be called after a command was queued: whether the caller must wake the driver.
    #[must_use]
    pub(super) fn ring_for_command(&self) -> bool {
        fence(Ordering::SeqCst);
        self.state.load(Ordering::Relaxed) != AWAKE && self.state.swap(AWAKE, Ordering::Relaxed) != AWAKE
    }

    /// The driver is about to wait; it must look at its queues once more after this and before it waits.
    pub(super) fn fall_asleep(&self, wake_for: WakeFor) {
        let state = match wake_for {
            WakeFor::Anything => ASLEEP,
            WakeFor::Commands => THROTTLED,
        };
        self.state.store(state, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// The driver has waited, or decided not to.
    pub(super) fn wake_up(&self) {
        self.state.store(AWAKE, Ordering::Relaxed);
    }
}

/// What is to end the driver's sleep, beside datagrams and timers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WakeFor {
    /// Updates and commands.
    Anything,
    /// Commands alone.
    Commands,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::disallowed_methods, reason = "two threads are what is tested")]

    use std::sync::Arc;
    use std::sync::atomic::AtomicU64;
    use std::time::Duration;

    use super::*;

    #[test]
    fn one_ring_wakes_a_sleeper_and_none_disturbs_who_is_awake() {
        let bell = Bell::default();
        assert!(!bell.ring_for_update());
        bell.fall_asleep(WakeFor::Anything);
        assert!(bell.ring_for_update());
        assert!(!bell.ring_for_update());
        assert!(!bell.ring_for_command());
    }

    #[test]
    fn a_throttled_driver_is_woken_by_commands_alone() {
        let bell = Bell::default();
        bell.fall_asleep(WakeFor::Commands);
        assert!(!bell.ring_for_update());
        assert!(bell.ring_for_command());
    }

    /// Many hand-overs between two threads; a lost wake-up shows as a wait that nothing but its timeout ends.
    #[test]
    fn no_wake_up_is_lost_between_two_threads() {
        const ROUNDS: u64 = 100_000;
        let bell = Arc::new(Bell::default());
        let queued = Arc::new(AtomicU64::new(0));
        let (wake, woken) = crossbeam_channel::unbounded::<()>();
        let sleeper = {
            let (bell, queued) = (Arc::clone(&bell), Arc::clone(&queued));
            std::thread::spawn(move || {
                let mut seen = 0;
                while seen < ROUNDS {
                    bell.fall_asleep(WakeFor::Anything);
                    if queued.load(Ordering::Relaxed) == seen {
                        woken.recv_timeout(Duration::from_secs(10)).expect("a wake-up was lost");
                    }
                    bell.wake_up();
                    seen = queued.load(Ordering::Relaxed);
                }
            })
        };
        for _ in 0..ROUNDS {
            queued.fetch_add(1, Ordering::Relaxed);
            if bell.ring_for_update() {
                wake.send(()).expect("the sleeper lives until it has seen everything");
            }
        }
        sleeper.join().expect("the sleeper saw everything");
    }
}
