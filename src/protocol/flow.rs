//! How fast reliable datagrams go out: the window, and the slow receiver.
//!
//! The window is what the slowest receiver that is waited for can have waiting in its socket. Who is waited for is decided
//! in `receivers.rs`.

use super::{Protocol, To};
use crate::ids::SessionId;
use crate::time::{Mono, Now};
use crate::wire::{Flags, Frame, Kind};

/// Header flag of a reliable datagram: every receiver is to send its status now.
pub(super) const STATUS_PLEASE: u16 = 1;

/// State of the window.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Something waits, and has waited since then, as the window is closed.
    pub(super) closed_since: Option<Mono>,
    /// When the receivers are looked at next.
    pub(super) look: Option<Mono>,
    /// Datagrams sent since a status was last asked for.
    unasked: u64,
}

impl Protocol {
    /// The next reliable datagram, if there is one and the window is open.
    pub(super) fn next_data(&mut self, now: Now, out: &mut Vec<u8>) -> Option<To> {
        if !self.stream.has_backlog() {
            return None;
        }
        let window = self.window(now.mono);
        let under_way = self.under_way(now.mono);
        if under_way >= window {
            self.flow.closed_since.get_or_insert(now.mono);
            self.look_at_receivers_soon(now.mono);
            return None;
        }
        self.flow.closed_since = None;
        let mut frames = Vec::with_capacity(self.room);
        if !self.stream.take_frames(&mut frames) {
            return None;
        }
        let number = self.stream.next();
        self.note_sent_to_idle(number, now.mono);
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

    /// What everybody has need not be kept for repair.
    pub(super) fn release_acknowledged(&mut self) {
        if let Some(acked) = self.members.values().map(|member| member.acked).min() {
            self.stream.release(acked);
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
