//! Asking for what is missing, and answering who asks.

use super::member::datagrams_held;
use super::{Protocol, To};
use crate::ids::SessionId;
use crate::time::Mono;
use crate::wire::{Frame, Range, Ranges};

/// Datagrams one request may name in all: a wild request must not make the ring go out whole.
const REPAIRS_PER_NACK_MAX: u64 = 1_024;

/// Repairs of one sender that may be on their way at once, however many share the receive buffer: what is lost again is waited
/// for, and much loss is not to starve what it leaves.
const REPAIRS_AT_ONCE_MIN: u64 = 32;

/// What looking for a datagram counts for, in bytes.
const LOOK_UP: usize = 16;

impl Protocol {
    /// Asks every sender for what of its stream is due.
    pub(super) fn ask_for_missing(&mut self, now: Mono) {
        let most = self.repairs_at_once(now);
        let due: Vec<SessionId> = self
            .members
            .values()
            .filter(|member| member.window.due().is_some_and(|due| due <= now))
            .map(|member| member.session)
            .collect();
        for session in due {
            let Some(member) = self.members.get_mut(&session) else { continue };
            let (ranges, lost) = member.window.take_nacks(now, member.round_trip, most, &mut self.rng);
            let to = To::Member(member.address);
            if !ranges.is_empty() {
                self.metrics.nacks_sent.inc();
                self.send_urgent(to, &[Frame::Nack { ranges: Ranges::new(&Ranges::pack(&ranges)) }]);
            }
            self.note_lost(session, lost);
            self.settle_status(session);
        }
    }

    /// How many repairs of one sender may be on their way to this node: as much as is sent to it without being asked for.
    fn repairs_at_once(&self, now: Mono) -> u64 {
        let senders = self.members.values().filter(|member| member.is_active(now) || member.window.has_missing());
        let share = datagrams_held(self.setup.receive_buffer as u64, senders.count() as u64);
        share.clamp(REPAIRS_AT_ONCE_MIN, REPAIRS_PER_NACK_MAX)
    }

    /// A receiver misses some of this node's datagrams.
    pub(super) fn handle_nack(&mut self, session: SessionId, ranges: Ranges<'_>, now: Mono) {
        self.metrics.nacks_received.inc();
        let Some(member) = self.members.get(&session) else { return };
        let (from, linger) = (member.address, member.round_trip * 2);
        let numbers = ranges.iter().flat_map(|Range { first, count }| first..first.saturating_add(u64::from(count)));
        let (mut beyond_repair, mut cost) = (false, 0);
        for number in numbers.take(usize::try_from(REPAIRS_PER_NACK_MAX).unwrap_or(usize::MAX)) {
            let sends = self.stream.request_repair(number, from, linger, now);
            beyond_repair |= sends.is_none();
            cost += LOOK_UP + sends.unwrap_or(0);
        }
        self.charge(session, cost);
        if beyond_repair {
            // The next datagram's trail tells it what it need not wait for.
            self.beat_now(now);
        }
    }

    /// Datagrams of a member are lost for good: its state is compared instead.
    pub(super) fn note_lost(&mut self, session: SessionId, lost: u64) {
        if lost == 0 {
            return;
        }
        self.metrics.lost.add(lost);
        self.reconcile_again(session);
    }

    /// It asked for a status while something was missing; nothing is now.
    pub(super) fn settle_status(&mut self, session: SessionId) {
        let owed = self.members.get(&session).is_some_and(|m| m.owes_status && !m.window.has_missing());
        if owed {
            self.send_status(session);
        }
    }
}
