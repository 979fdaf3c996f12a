//! How fast reliable datagrams go out: the window, and the slow receiver.
//!
//! The window is what the slowest eligible receiver can have waiting in its socket. A receiver that stands still while
//! the window is closed is set aside after [`PATIENCE`]: the group waits for nobody longer than that, and the receiver
//! repairs itself when it comes back.

use std::time::Duration;

use super::stream::RING_DATAGRAMS_MAX;
use super::{Protocol, To};
use crate::ids::{Seq, SessionId};
use crate::time::{Mono, Now};
use crate::wire::{Flags, Frame, Kind};

/// Datagrams that may always be under way: below this, a stock receive buffer shared by many would stall the stream.
const WINDOW_MIN: u64 = 8;
/// Half of what is kept for repair, so that a receiver one window behind can still be repaired.
const WINDOW_MAX: u64 = RING_DATAGRAMS_MAX as u64 / 2;
/// A closed window is endured this long for one receiver's sake.
const PATIENCE: Duration = Duration::from_millis(250);
/// Header flag of a reliable datagram: every receiver is to send its status now.
pub(super) const STATUS_PLEASE: u16 = 1;

/// State of the window.
#[derive(Debug, Default)]
pub(super) struct Flow {
    blocked_since: Option<Mono>,
    /// Datagrams sent since a status was last asked for.
    unasked: u64,
}

impl Flow {
    pub(super) fn blocked_until(&self) -> Option<Mono> {
        self.blocked_since.map(|since| since + PATIENCE)
    }
}

impl Protocol {
    /// The next reliable datagram, if there is one and the window is open.
    pub(super) fn next_data(&mut self, now: Now, out: &mut Vec<u8>) -> Option<To> {
        if !self.stream.has_backlog() {
            return None;
        }
        let window = self.window(now.mono);
        let under_way = self.under_way();
        if under_way >= window {
            self.flow.blocked_since.get_or_insert(now.mono);
            return None;
        }
        self.flow.blocked_since = None;
        let mut frames = Vec::with_capacity(self.room);
        if !self.stream.take_frames(&mut frames) {
            return None;
        }
        let number = self.stream.next();
        self.flow.unasked += 1;
        // A quarter window is soon enough to keep the window open; the last one before it closes must ask.
        let asks = self.flow.unasked >= (window / 4).max(1) || under_way + 1 >= window;
        if asks {
            self.flow.unasked = 0;
        }
        let before = out.len();
        self.seal(Kind::Data, number, if asks { STATUS_PLEASE } else { 0 }, &frames, out);
        self.stream.keep(out.get(before..).unwrap_or_default());
        self.metrics.ring_bytes.set(self.stream.ring_bytes() as u64);
        self.beat.after_data(now.mono);
        self.note_sealed();
        if !self.stream.has_backlog() && self.syncs.is_waited_for() {
            self.beat_now(now.mono);
        }
        self.check_syncs();
        Some(To::Group)
    }

    /// How many reliable datagrams may be under way.
    fn window(&self, now: Mono) -> u64 {
        let senders = 1 + self.members.values().filter(|member| member.is_active(now)).count() as u64;
        let credit = self
            .members
            .values()
            .filter(|member| !member.lagging && !member.suspect)
            .map(|member| member.credit(senders))
            .min();
        credit.unwrap_or(WINDOW_MAX).clamp(WINDOW_MIN, WINDOW_MAX)
    }

    /// How many are under way to the slowest receiver that is waited for.
    fn under_way(&self) -> u64 {
        let slowest =
            self.members.values().filter(|member| !member.lagging && !member.suspect).map(|member| member.acked).min();
        slowest.map_or(0, |acked| self.stream.next().saturating_sub(acked.saturating_add(1)))
    }

    /// A member says how far it has this node's stream.
    pub(super) fn acknowledge(&mut self, session: SessionId, contiguous: Seq, now: Mono) {
        let last = self.stream.next().saturating_sub(1);
        let window = self.window(now);
        let Some(member) = self.members.get_mut(&session) else { return };
        // A number that was never sent is another's mistake or malice; it must not release what is still needed.
        if contiguous > last {
            self.metrics.rejected_frame.inc();
            return;
        }
        if contiguous > member.acked {
            member.acked = contiguous;
        }
        if member.lagging && last - member.acked <= window / 2 {
            member.lagging = false;
        }
        if self.under_way() < window {
            self.flow.blocked_since = None;
        }
        self.release_acknowledged();
        self.check_syncs();
    }

    /// What everybody has need not be kept for repair.
    pub(super) fn release_acknowledged(&mut self) {
        if let Some(acked) = self.members.values().map(|member| member.acked).min() {
            self.stream.release(acked);
        }
    }

    /// Sets aside the receivers that have kept the window closed for too long.
    pub(super) fn unblock_if_due(&mut self, now: Mono) {
        if self.flow.blocked_until().is_none_or(|until| until > now) {
            return;
        }
        self.flow.blocked_since = None;
        let window = self.window(now);
        let last = self.stream.next().saturating_sub(1);
        for member in self.members.values_mut().filter(|member| !member.lagging) {
            if last.saturating_sub(member.acked) >= window {
                member.lagging = true;
                self.metrics.receivers_lagging.inc();
                tracing::warn!(member = %member.hello.name, "member receives too slowly; no longer waited for");
            }
        }
    }

    /// Whether somebody has not said that it has everything.
    pub(super) fn is_unacknowledged(&self) -> bool {
        let last = self.stream.next().saturating_sub(1);
        self.members.values().any(|member| member.acked < last)
    }

    /// Tells a member how far its stream has come.
    pub(super) fn send_status(&mut self, session: SessionId) {
        let common = self.flags();
        let Some(member) = self.members.get_mut(&session) else { return };
        member.status_due = None;
        member.owes_status = member.window.has_missing();
        let status = Frame::Status {
            contiguous: member.window.contiguous(),
            highest: member.window.highest(),
            flags: Flags(member.flags_for(common).0 & !Flags::WANT_STATUS),
        };
        let to = To::Member(member.address);
        self.send_urgent(to, &[status]);
    }

    pub(super) fn send_due_statuses(&mut self, now: Mono) {
        let due: Vec<SessionId> = self
            .members
            .values()
            .filter(|member| member.status_due.is_some_and(|due| due <= now))
            .map(|member| member.session)
            .collect();
        for session in due {
            self.send_status(session);
        }
    }
}
