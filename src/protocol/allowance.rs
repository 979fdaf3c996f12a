//! What one member's questions may cost this node: a bucket of bytes a member, and one for all of them.
//!
//! A question is answered if anything is left, and what the answer took is subtracted after, so that no honest question
//! is ever too large. What is not answered is as good as lost: an honest asker asks again.

use std::time::Duration;

use super::Protocol;
use crate::ids::SessionId;
use crate::time::Mono;

/// Bytes of answers that a member may have a second. A joiner on a fast machine is filled at less.
const RATE: i64 = 128 << 20;
/// Bytes it may have at once, after a pause: well below what the queue of control datagrams holds.
const BURST: i64 = 4 << 20;
/// All members together may have as much as this many of them.
const ALL: i64 = 4;
/// What a question costs beside the bytes of its answer: reading it, looking the answer up, sealing it.
pub(super) const QUESTION: usize = 256;

/// A bucket of bytes.
#[derive(Debug)]
pub(super) struct Allowance {
    times: i64,
    left: i64,
    since: Mono,
}

impl Allowance {
    pub(super) fn of_member(now: Mono) -> Allowance {
        Allowance { times: 1, left: BURST, since: now }
    }

    pub(super) fn of_all(now: Mono) -> Allowance {
        Allowance { times: ALL, left: BURST * ALL, since: now }
    }

    /// Whether a question may be answered now.
    fn is_open(&mut self, now: Mono) -> bool {
        let passed = now.saturating_since(self.since).min(Duration::from_secs(1));
        self.since = self.since.max(now);
        let earned = i64::try_from(passed.as_micros()).unwrap_or(0) * (RATE / 1_000_000) * self.times;
        self.left = self.left.saturating_add(earned).min(BURST * self.times);
        self.left > 0
    }

    fn charge(&mut self, bytes: usize) {
        self.left = self.left.saturating_sub(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

impl Protocol {
    /// Whether a question of this member is answered now; counts it if not.
    pub(super) fn may_ask(&mut self, session: SessionId, now: Mono) -> bool {
        let Some(member) = self.members.get_mut(&session) else { return false };
        // Both are looked at, so that both fill up.
        let (own, all) = (member.allowance.is_open(now), self.allowance.is_open(now));
        if !(own && all) {
            self.metrics.requests_refused.inc();
        }
        own && all
    }

    /// An answer to this member took so many bytes.
    pub(super) fn charge(&mut self, session: SessionId, bytes: usize) {
        let cost = bytes.saturating_add(QUESTION);
        self.allowance.charge(cost);
        if let Some(member) = self.members.get_mut(&session) {
            member.allowance.charge(cost);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Mono {
        Mono::from_start(Duration::from_millis(ms))
    }

    #[test]
    fn an_answer_may_exceed_what_is_left_and_is_paid_off_before_the_next() {
        let mut allowance = Allowance::of_member(at(0));
        assert!(allowance.is_open(at(0)));
        allowance.charge(usize::try_from(BURST + RATE / 10).expect("positive"));
        assert!(!allowance.is_open(at(0)) && !allowance.is_open(at(90)));
        assert!(allowance.is_open(at(110)));
    }

    #[test]
    fn in_the_long_run_it_is_the_rate() {
        let mut allowance = Allowance::of_member(at(0));
        let mut given: i64 = 0;
        for ms in 0..10_000 {
            while allowance.is_open(at(ms)) {
                allowance.charge(50_000);
                given += 50_000;
            }
        }
        assert!((9 * RATE..=11 * RATE).contains(&given), "{given} in ten seconds");
        assert!(allowance.is_open(at(60_000)) && allowance.left <= BURST, "a pause earns a burst and no more");
    }
}
