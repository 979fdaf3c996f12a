//! Wakes the driver when it sleeps, and only then: a wake costs a system call, a look at the flag does not.
//!
//! The invariant: whoever queues something and then rings either sees that the driver sleeps and wakes it, or the driver
//! sees what was queued before it falls asleep. Caller and driver each write one place and then read the other's (the
//! queue and the flag). With a sequentially consistent fence between the write and the read on both sides at least one of
//! the two reads sees the other's write (Dekker's argument; C++11 29.3, fence-fence synchronisation). A ring that comes
//! after the driver's last look but before it waits is kept by the waker and ends that wait at once.

use crate::atomic::{AtomicU8, Ordering, fence};

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
        let state = self.state.load(Ordering::Relaxed);
        // Who changed it meanwhile was another caller, who wakes the driver, or the driver, who looks before it waits.
        state != AWAKE && self.state.compare_exchange(state, AWAKE, Ordering::Relaxed, Ordering::Relaxed).is_ok()
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
    use std::time::Duration;

    use super::*;
    use crate::atomic::AtomicU64;

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

#[cfg(all(test, loom))]
mod loom_tests {
    use loom::sync::{Arc, Notify};
    use loom::thread;

    use super::*;
    use crate::atomic::AtomicUsize;

    /// What callers and the driver share. The queue is a count without any order of its own: a real one gives more.
    #[derive(Debug)]
    struct Hall {
        bell: Bell,
        queued: AtomicUsize,
        waker: Notify,
    }

    impl Hall {
        fn new() -> Arc<Hall> {
            Arc::new(Hall { bell: Bell::default(), queued: AtomicUsize::new(0), waker: Notify::new() })
        }

        fn queue(&self, ring: fn(&Bell) -> bool) {
            self.queued.fetch_add(1, Ordering::Relaxed);
            if ring(&self.bell) {
                self.waker.notify();
            }
        }

        /// The driver's turns until it has seen `all`; a wake-up that is lost leaves it waiting, which loom reports.
        fn drive(&self, wake_for: WakeFor, all: usize) {
            let mut seen = 0;
            while seen < all {
                self.bell.fall_asleep(wake_for);
                if self.queued.load(Ordering::Relaxed) == seen {
                    self.waker.wait();
                }
                self.bell.wake_up();
                seen = self.queued.load(Ordering::Relaxed);
            }
        }
    }

    /// `callers` of which each queues one thing and rings, and the driver that waits for all of them.
    fn check(callers: usize, wake_for: WakeFor, ring: fn(&Bell) -> bool) {
        let mut model = loom::model::Builder::new();
        // One caller: every order there is. Two: those with at most this many switches that nobody waits for, of which
        // loom's manual says that two or three find nearly all faults.
        model.preemption_bound = (callers > 1).then_some(3);
        model.check(move || {
            let hall = Hall::new();
            let caller = || {
                let hall = Arc::clone(&hall);
                thread::spawn(move || hall.queue(ring))
            };
            let threads: Vec<_> = (0..callers).map(|_| caller()).collect();
            hall.drive(wake_for, callers);
            for thread in threads {
                thread.join().expect("it only queues");
            }
        });
    }

    #[test]
    fn no_update_is_left_to_a_sleeper() {
        check(1, WakeFor::Anything, Bell::ring_for_update);
        check(2, WakeFor::Anything, Bell::ring_for_update);
    }

    #[test]
    fn no_command_is_left_to_a_sleeper_whatever_it_sleeps_for() {
        for wake_for in [WakeFor::Anything, WakeFor::Commands] {
            check(1, wake_for, Bell::ring_for_command);
            check(2, wake_for, Bell::ring_for_command);
        }
    }
}
