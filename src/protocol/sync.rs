//! Waiting until members have what this node wrote: all of them, or so many.
//!
//! What was written is named by a *position* in the outbox, which a writer knows at once. [`Protocol::note_handed`] says which
//! positions lie before which place of the stream; the number of the datagram that ends such a stretch is known once it is
//! sealed. A member has what lies before a position once it has acknowledged that number and is in step with this node. So
//! neither a put nor a later look at what became of it costs a datagram of its own.

use std::collections::VecDeque;

use super::stream::Mark;
use super::{Event, Protocol};
use crate::ids::{CacheId, Seq};
use crate::time::Now;

/// Stretches of the outbox that are remembered apart. What is older than the oldest counts as a part of it, so a sync of it
/// may wait for a little more than it must.
const HANDED_MAX: usize = 4_096;

/// Who is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SyncTo {
    /// Every live member, as far as it has the cache open.
    All,
    /// At least so many that are live and have the cache open, this node not counted.
    Members(usize),
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncWish {
    /// Comes back in [`Event::Synced`].
    pub token: u64,
    /// The cache that was written to; only [`SyncTo::Members`] asks whether a member has it.
    pub cache: CacheId,
    /// What was handed over up to here is to be there.
    pub position: u64,
    /// Where.
    pub to: SyncTo,
}

/// A stretch of the outbox, up to a position, that was handed over.
#[derive(Debug)]
struct Handed {
    position: u64,
    mark: Mark,
    /// The last number that carries some of it, once that is sealed.
    last: Option<Seq>,
}

/// Those who wait, and what is remembered for them.
#[derive(Debug, Default)]
pub(super) struct Syncs {
    waiting: Vec<SyncWish>,
    /// By position, and thereby by mark.
    handed: VecDeque<Handed>,
    /// How many of them, from the front, are sealed.
    sealed: usize,
}

impl Syncs {
    /// Whether somebody waits.
    pub(super) fn is_waited_for(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Everything up to `position` lies before `mark`; numbers up to `sealed` are used up.
    fn note(&mut self, position: u64, mark: Mark, sealed: Seq) {
        match self.handed.back_mut() {
            // Nothing to be sent came between, and no number was skipped, which is what becomes of updates for nobody.
            Some(back) if back.mark == mark && back.last.is_none_or(|last| last == sealed) => back.position = position,
            _ => {
                if self.handed.len() == HANDED_MAX {
                    self.handed.pop_front();
                    self.sealed = self.sealed.saturating_sub(1);
                }
                self.handed.push_back(Handed { position, mark, last: None });
            }
        }
    }

    /// Everything up to the number `last` is sealed; `is_past` says whether a place of the stream is.
    fn note_sealed(&mut self, last: Seq, is_past: impl Fn(Mark) -> bool) {
        while let Some(handed) = self.handed.get_mut(self.sealed).filter(|handed| is_past(handed.mark)) {
            handed.last = Some(last);
            self.sealed += 1;
        }
    }

    /// The number that a member must have to have everything up to `position`; none: it is not sealed yet.
    fn last_of(&self, position: u64) -> Option<Seq> {
        if position == 0 {
            return Some(0);
        }
        let at = self.handed.partition_point(|handed| handed.position < position);
        self.handed.get(at)?.last
    }
}

impl Protocol {
    /// What lies in the outbox up to `position` was given to [`Protocol::send_update`].
    pub fn note_handed(&mut self, position: u64) {
        self.syncs.note(position, self.stream.mark(), self.stream.next().saturating_sub(1));
        self.note_sealed();
        self.check_syncs();
    }

    /// Asks for [`Event::Synced`] once the members have what is wished for.
    ///
    /// A member that joins meanwhile counts from when it is admitted; one that falls silent counts until it is down.
    pub fn sync(&mut self, wish: SyncWish, now: Now) {
        self.syncs.waiting.push(wish);
        self.check_syncs();
        if self.syncs.is_waited_for() {
            self.beat_now(now.mono);
        }
    }

    /// Forgets a sync nobody waits for any more.
    pub fn cancel_sync(&mut self, token: u64) {
        self.syncs.waiting.retain(|wish| wish.token != token);
    }

    /// Datagrams were sealed, or what was handed over needs none.
    pub(super) fn note_sealed(&mut self) {
        let Protocol { syncs, stream, .. } = self;
        syncs.note_sealed(stream.next().saturating_sub(1), |mark| stream.is_past(mark));
    }

    /// Ends the syncs that are fulfilled.
    pub(super) fn check_syncs(&mut self) {
        // Before discovery is over nobody can say who is there.
        if !self.syncs.is_waited_for() || !self.ready {
            return;
        }
        let done: Vec<u64> =
            self.syncs.waiting.iter().filter(|wish| self.is_fulfilled(wish)).map(|wish| wish.token).collect();
        for token in done {
            self.cancel_sync(token);
            self.emit(Event::Synced { token });
        }
    }

    fn is_fulfilled(&self, wish: &SyncWish) -> bool {
        let Some(last) = self.syncs.last_of(wish.position) else { return false };
        let mut members = self.members.values();
        let has_it = |member: &super::Member| member.in_step && member.acked >= last;
        match wish.to {
            SyncTo::All => members.all(has_it),
            SyncTo::Members(wanted) => {
                // Who does not tell of the cache has not opened it, or not filled it yet.
                members.filter(|member| has_it(member) && member.digests.contains_key(&wish.cache)).count() >= wanted
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::stream::Stream;

    #[test]
    fn a_position_is_answered_by_the_first_stretch_that_holds_it() {
        let mut syncs = Syncs::default();
        let mark = Stream::new(1_000).mark();
        assert_eq!((syncs.last_of(0), syncs.last_of(1)), (Some(0), None));
        syncs.note(3, mark, 6);
        syncs.note(5, mark, 6);
        assert_eq!(syncs.handed.len(), 1, "nothing was sent between the two");
        assert_eq!(syncs.last_of(4), None, "it is not sealed");
        syncs.note_sealed(7, |_| true);
        assert_eq!((syncs.last_of(4), syncs.last_of(5), syncs.last_of(6)), (Some(7), Some(7), None));
        syncs.note_sealed(9, |_| true);
        assert_eq!(syncs.last_of(5), Some(7), "what was sealed later is not of it");
        syncs.note(8, mark, 7);
        assert_eq!((syncs.handed.len(), syncs.last_of(8)), (1, Some(7)));
        syncs.note(9, mark, 8);
        syncs.note_sealed(8, |_| true);
        assert_eq!((syncs.last_of(8), syncs.last_of(9)), (Some(7), Some(8)), "a number was skipped for it");
    }
}
