//! Who is waited for: the window of each receiver, and what becomes of one that does not go on.
//!
//! The group waits for nobody long. While the window is closed the receivers that close it are looked at. One that says
//! nothing for [`SILENT`], though everybody is asked for a status, has died or stands still, and is *set aside*: it is not
//! waited for until it goes on. One that has not gone on for [`STILL`], or hangs behind for [`BEHIND_MAX`] while most do
//! not, is *lagging*: it is not waited for until it has caught up.

use std::time::Duration;

use super::Protocol;
use super::member::Member;
use super::stream::RING_DATAGRAMS_MAX;
use crate::ids::{Seq, SessionId};
use crate::time::Mono;

/// Datagrams that may always be under way: below this, a stock receive buffer shared by many would stall the stream.
const WINDOW_MIN: u64 = 8;
/// Half of what is kept for repair, so that a receiver one window behind can still be repaired.
const WINDOW_MAX: u64 = RING_DATAGRAMS_MAX as u64 / 2;
/// Between two looks at the receivers while the window is closed.
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// A receiver that runs says something within this time: twice [`super::receive::STATUS_EVERY`], and six heartbeats ask it.
const SILENT: Duration = Duration::from_millis(100);
/// One that keeps the window closed and has not gone on for this long is lagging.
const STILL: Duration = Duration::from_millis(250);
/// So is one that keeps the window closed for this long by hanging behind, more than three quarters of it and then never less
/// than half of it, while most are less than half as far behind.
const BEHIND_MAX: Duration = Duration::from_millis(500);

/// How a member keeps up with this node's stream, beside how far it has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Receiver {
    /// When it last went on, or when there was something to go on with again.
    progress: Mono,
    /// It stands still and is not waited for.
    aside: bool,
    /// It was more than three quarters of its window behind then, and more than half of it at every look since, while most
    /// were not.
    behind_since: Option<Mono>,
}

impl Receiver {
    pub(super) fn new(now: Mono) -> Receiver {
        Receiver { progress: now, aside: false, behind_since: None }
    }
}

impl Member {
    /// Datagrams under way to it.
    fn behind(&self, next: Seq) -> u64 {
        next.saturating_sub(self.acked.saturating_add(1))
    }

    /// How many may be, when `senders` share its buffer.
    fn window(&self, senders: u64) -> u64 {
        self.credit(senders).clamp(WINDOW_MIN, WINDOW_MAX)
    }

    fn is_waited_for(&self) -> bool {
        !self.lagging && !self.receiver.aside && !self.suspect
    }
}

impl Protocol {
    /// How many reliable datagrams may be under way.
    pub(super) fn window(&self, now: Mono) -> u64 {
        let senders = self.senders(now);
        self.waited_for(now).map(|member| member.window(senders)).min().unwrap_or(WINDOW_MAX)
    }

    /// How many are under way to the slowest receiver that is waited for.
    pub(super) fn under_way(&self, now: Mono) -> u64 {
        let next = self.stream.next();
        self.waited_for(now).map(|member| member.behind(next)).max().unwrap_or(0)
    }

    /// How many share the receivers' buffers.
    fn senders(&self, now: Mono) -> u64 {
        1 + self.members.values().filter(|member| member.is_active(now)).count() as u64
    }

    /// The receivers that are waited for. If none is left, those that go on are: a sender must not outrun for ever the
    /// only ones that it sends to.
    fn waited_for(&self, now: Mono) -> impl Iterator<Item = &Member> {
        let any = self.members.values().any(Member::is_waited_for);
        let goes_on = move |member: &Member| !member.suspect && now.saturating_since(member.receiver.progress) < SILENT;
        self.members.values().filter(move |member| if any { member.is_waited_for() } else { goes_on(member) })
    }

    /// The datagram `number` is sent. Whoever has all before it has been given something to go on with.
    pub(super) fn note_sent_to_idle(&mut self, number: Seq, now: Mono) {
        for member in self.members.values_mut().filter(|member| member.behind(number) == 0) {
            member.receiver.progress = now;
        }
    }

    /// A member says how far it has this node's stream.
    pub(super) fn acknowledge(&mut self, session: SessionId, contiguous: Seq, now: Mono) {
        let (next, senders) = (self.stream.next(), self.senders(now));
        let Some(member) = self.members.get_mut(&session) else { return };
        // A number that was never sent is another's mistake or malice; it must not release what is still needed.
        if contiguous >= next {
            self.metrics.rejected_frame.inc();
            return;
        }
        if contiguous > member.acked {
            member.acked = contiguous;
            member.receiver.progress = now;
            member.receiver.aside = false;
        }
        if member.behind(next) <= member.window(senders) / 2 {
            member.receiver.aside = false;
            member.receiver.behind_since = None;
            member.lagging = false;
        }
        self.release_acknowledged();
        self.check_syncs();
    }

    /// The window is closed: somebody may not go on.
    pub(super) fn look_at_receivers_soon(&mut self, now: Mono) {
        self.flow.look.get_or_insert(now + LOOK_EVERY);
    }

    /// Looks who keeps the window closed and does not go on.
    pub(super) fn look_at_receivers_if_due(&mut self, now: Mono) {
        if self.flow.look.is_none_or(|look| look > now) {
            return;
        }
        let (next, senders) = (self.stream.next(), self.senders(now));
        let median = self.median_behind(next);
        let closed = self.flow.closed_since;
        let closed_for = closed.map_or(Duration::ZERO, |since| now.saturating_since(since));
        let mut lacking = false;
        for member in self.members.values_mut().filter(|member| !member.lagging && !member.suspect) {
            let (window, behind) = (member.window(senders), member.behind(next));
            lacking |= behind > 0;
            let silent = now.saturating_since(member.heard).min(closed_for) >= SILENT;
            let still = now.saturating_since(member.receiver.progress) >= STILL;
            if behind >= window && silent && !member.receiver.aside {
                member.receiver.aside = true;
                self.metrics.receivers_set_aside.inc();
            }
            // All are as far behind as the window of the one with the smallest buffer allows: that one does not hang behind.
            if median > behind / 2 || behind <= window / 2 {
                member.receiver.behind_since = None;
            } else if closed.is_some() && behind > window / 4 * 3 {
                member.receiver.behind_since.get_or_insert(now);
            }
            let hangs = member.receiver.behind_since.is_some_and(|since| now.saturating_since(since) >= BEHIND_MAX);
            if hangs || (behind >= window && still) {
                member.lagging = true;
                self.metrics.receivers_lagging.inc();
                tracing::warn!(member = %member.hello.name, "member receives too slowly; no longer waited for");
            }
        }
        self.flow.look = lacking.then(|| now + LOOK_EVERY);
    }

    /// How far the median receiver is behind; the better one of two. One alone is its own median.
    fn median_behind(&self, next: Seq) -> u64 {
        let waited_for = self.members.values().filter(|member| member.is_waited_for());
        let mut behind: Vec<u64> = waited_for.map(|member| member.behind(next)).collect();
        behind.sort_unstable();
        behind.get(behind.len().saturating_sub(1) / 2).copied().unwrap_or(0)
    }
}
