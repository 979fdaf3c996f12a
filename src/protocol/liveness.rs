//! Signs of life: the heartbeat, and what its absence means.
//!
//! A heartbeat tells the number the next reliable datagram will have, so that the loss of the last one before a silence
//! is found too. It comes 2, 4, 8 ... 256 ms after the last data and then every 500 ms, and never stops.

use std::time::Duration;

use super::member::MemberState;
use super::{DATAGRAM_OVERHEAD, PAYLOAD_MIN, Protocol, To};
use crate::ids::SessionId;
use crate::time::{Mono, Now};
use crate::wire::{Ack, Acks, CacheDigest, CacheDigests, CacheModes, Flags, Frame};

/// The first heartbeat after data.
const BEAT_MIN: Duration = Duration::from_millis(2);
/// The steady heartbeat.
const BEAT_MAX: Duration = Duration::from_millis(500);
/// Silence after which a member is probed: four heartbeats.
pub(super) const SUSPECT: Duration = Duration::from_secs(2);
/// Silence after which it is down: ten heartbeats, several of them with a probe.
const DOWN: Duration = Duration::from_secs(5);
/// Bytes of a heartbeat that are neither acknowledgements nor digests, of the modes that follow it, and of the clock.
const BEAT_OVERHEAD: usize = 23 + 11;
/// Acknowledgements that any heartbeat has room for: one that carries fewer leaves nobody out.
pub(super) const ACKS_MIN: usize = (PAYLOAD_MIN - DATAGRAM_OVERHEAD - BEAT_OVERHEAD) / 2 / Acks::RECORD_LEN;

/// When the next heartbeat is due.
#[derive(Debug)]
pub(super) struct Beat {
    due: Mono,
    wait: Duration,
    last: Mono,
    turn: usize,
}

impl Beat {
    pub(super) fn new(now: Mono) -> Beat {
        Beat { due: now + BEAT_MAX, wait: BEAT_MAX, last: now, turn: 0 }
    }

    pub(super) fn due(&self) -> Mono {
        self.due
    }

    /// Data has been sent: the quick series begins anew, but a heartbeat is never put off beyond its steady interval.
    pub(super) fn after_data(&mut self, now: Mono) {
        self.wait = BEAT_MIN;
        self.due = (now + BEAT_MIN).min(self.last + BEAT_MAX);
    }

    fn advance(&mut self, now: Mono) {
        self.last = now;
        self.due = now + self.wait;
        self.wait = (self.wait * 2).min(BEAT_MAX);
        self.turn = self.turn.wrapping_add(1);
    }
}

impl Protocol {
    /// This node's condition as everybody is told.
    pub(super) fn flags(&self) -> Flags {
        let ready = if self.ready { Flags::READY } else { 0 };
        let want = if self.is_unacknowledged() || self.syncs.is_waited_for() { Flags::WANT_STATUS } else { 0 };
        Flags(ready | want)
    }

    pub(super) fn beat_if_due(&mut self, now: Mono) {
        if self.beat.due <= now {
            self.beat.advance(now);
            self.send_heartbeat();
        }
    }

    /// A heartbeat out of turn, since something changed that others wait for.
    pub(super) fn beat_now(&mut self, now: Mono) {
        self.beat.due = now;
    }

    fn send_heartbeat(&mut self) {
        self.tell_next();
        // Acknowledged is only who this node is in step with: that is what `sync` waits for.
        let acks: Vec<Ack> = self
            .members
            .values()
            .filter(|member| member.unreconciled.is_empty())
            .map(|member| Ack { origin: member.session.origin(), contiguous: member.window.contiguous() })
            .collect();
        // Each kind gets half of the datagram; what does not fit takes turns.
        let half = (self.room - BEAT_OVERHEAD) / 2;
        let acks = Acks::pack(&take_turn(acks, half / Acks::RECORD_LEN, self.beat.turn));
        // A cache that is still being filled is not offered to others.
        let digests: Vec<CacheDigest> = self
            .replicas
            .iter()
            .filter(|(_, replica)| replica.filled)
            .map(|(&cache, replica)| CacheDigest { cache, digest: replica.digest() })
            .collect();
        let caches = u16::try_from(digests.len()).unwrap_or(u16::MAX);
        let record = CacheDigests::RECORD_LEN + CacheModes::RECORD_LEN;
        let digests = take_turn(digests, half / record, self.beat.turn);
        let modes = self.modes_of(&digests);
        let digests = CacheDigests::pack(&digests);
        let heartbeat = Frame::Heartbeat {
            next: self.stream.next(),
            flags: self.flags(),
            caches,
            acks: Acks::new(&acks),
            digests: CacheDigests::new(&digests),
        };
        let mut frames = vec![heartbeat, self.clock_frame()];
        if !modes.is_empty() {
            frames.push(Frame::CacheModes { modes: CacheModes::new(&modes) });
        }
        self.send_urgent(To::Group, &frames);
    }

    /// Housekeeping, a few times a second.
    pub(super) fn tick_if_due(&mut self, now: Now) {
        if self.admission.tick_due() > now.mono {
            return;
        }
        self.admission.advance_tick(now.mono);
        self.tend_pending(now.mono);
        self.suspect_silent(now.mono);
        self.tend_clocks(now.mono);
        self.tend_reach(now.mono);
        self.drop_older_runs(now.mono);
        self.drop_old_answers(now.mono);
        self.drop_stalled_reassemblies(now.mono);
        self.drop_old_pages(now.mono);
    }

    fn suspect_silent(&mut self, now: Mono) {
        let mut down = Vec::new();
        let mut probe = Vec::new();
        for member in self.members.values_mut() {
            let silent = now.saturating_since(member.heard);
            if silent >= DOWN {
                down.push(member.session);
            } else if silent >= SUSPECT {
                member.suspect = true;
                let nonce = self.rng.next_u64();
                member.probe = Some((nonce, now));
                probe.push((member.address, nonce));
            }
        }
        for (address, nonce) in probe {
            self.send_control(To::Member(address), &[Frame::Probe { nonce }]);
        }
        for session in down {
            self.remove_member(session, MemberState::Down, now);
        }
    }

    /// A member was heard.
    pub(super) fn note_heard(&mut self, session: SessionId, now: Mono) {
        if let Some(member) = self.members.get_mut(&session) {
            member.heard = now;
            member.suspect = false;
        }
    }
}

/// All of `items` if they fit, else a window over them that moves on with each turn.
pub(super) fn take_turn<T: Copy>(items: Vec<T>, max: usize, turn: usize) -> Vec<T> {
    if items.len() <= max {
        return items;
    }
    let start = turn.wrapping_mul(max) % items.len();
    items.iter().cycle().skip(start).take(max).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heartbeats_slow_down_after_data_and_never_stop() {
        let mut now = Mono::default();
        let mut beat = Beat::new(now);
        beat.after_data(now);
        let mut waits = Vec::new();
        for _ in 0..12 {
            waits.push(beat.due().saturating_since(now).as_millis());
            now = beat.due();
            beat.advance(now);
        }
        assert_eq!(waits, [2, 2, 4, 8, 16, 32, 64, 128, 256, 500, 500, 500]);
    }

    #[test]
    fn steady_data_does_not_put_the_heartbeat_off_for_ever() {
        let mut beat = Beat::new(Mono::default());
        let mut now = Mono::default();
        while beat.due() > now {
            now = now + Duration::from_millis(1);
            beat.after_data(now);
            assert!(now <= Mono::default() + BEAT_MAX);
        }
    }

    #[test]
    fn more_items_than_fit_take_turns() {
        let all: Vec<u32> = (0..10).collect();
        let mut seen: Vec<u32> = (0..5).flat_map(|turn| take_turn(all.clone(), 4, turn)).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen, all);
    }
}
