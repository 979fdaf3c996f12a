//! What may have been missed, and what it makes doubtful: an entry here that a member does not have is dropped if the
//! member may have forgotten something newer of its key.
//!
//! A member that misses an update for good learns of it from one that holds it. If all that had it have forgotten it
//! (evicted, expired, or a tombstone that was collected), only their *floors* still tell that there was something: a floor is
//! at or above every version forgotten of its segment. So whoever may have missed something of what a member knew is in
//! *doubt* of that member, from the version on up to which it has missed nothing. The next comparison with the member
//! ends with its floors above that version, also when both hold the same; usually there are none. An entry is dropped that
//! the member is not known to hold, whose version its segment's floor reaches. The floors become this node's own, so that
//! a third member's older entry does not come in later. In doubt, a miss.
//!
//! How entries and digests are compared lives in `transfer.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::member::Member;
use super::{Event, Protocol, To};
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Origin, SessionId};
use crate::store::{Gone, SEGMENTS, SegmentSet, Store};
use crate::time::{Deadline, Now, WallMs};
use crate::update::{Codec, Update, UpdateKind};
use crate::wire::{Frame, SegmentFloor, SegmentFloors};

/// How much older than the moment from which on something may have been missed a missed version may be: it waited in its
/// writer's outbox, was asked for in vain for 2 s, and was stamped by a clock that is behind.
const MARGIN: Duration = Duration::from_secs(10);
/// Runs of segments asked for at once.
const HOLES_MAX: usize = 16;
/// All segments; one more than the last.
const SEGMENTS_END: u16 = {
    assert!(SEGMENTS == 1 << 12);
    1 << 12
};

/// A doubt that a transfer is to end.
#[derive(Debug)]
pub(super) struct Doubt {
    /// From which version on something may have been missed of what the donor knew.
    since: HlcTimestamp,
    /// Hashes of the keys that the donor has shown.
    seen: BTreeSet<u64>,
    /// Hashes of the keys that something was heard of since the transfer began, from whomever.
    late: BTreeSet<u64>,
    /// The donor came to be doubted again meanwhile: this transfer does not end it.
    again: bool,
}

impl Doubt {
    pub(super) fn since(since: HlcTimestamp) -> Doubt {
        Doubt { since, seen: BTreeSet::new(), late: BTreeSet::new(), again: false }
    }

    pub(super) fn came_up_again(&self) -> bool {
        self.again
    }

    pub(super) fn note_seen(&mut self, key_hash: u64) {
        self.seen.insert(key_hash);
    }
}

/// Floors of a donor that are being gathered.
#[derive(Debug)]
pub(super) struct Floors {
    /// The segments that have been told of.
    told: Box<SegmentSet>,
    /// ZERO where there is none that matters.
    values: Box<[HlcTimestamp; SEGMENTS]>,
}

impl Floors {
    pub(super) fn none_told() -> Floors {
        Floors { told: Box::new([0; SEGMENTS / 8]), values: Box::new([HlcTimestamp::ZERO; SEGMENTS]) }
    }

    /// Runs of segments that have not been told of: the first, and the one behind the last.
    fn holes(&self) -> impl Iterator<Item = (u16, u16)> + '_ {
        let is_told = |segment: &u16| self.told[usize::from(segment / 8)] & (1 << (segment % 8)) != 0;
        let mut from = 0;
        std::iter::from_fn(move || {
            let first = (from..SEGMENTS_END).find(|segment| !is_told(segment))?;
            from = (first..SEGMENTS_END).find(is_told).unwrap_or(SEGMENTS_END);
            Some((first, from))
        })
    }

    /// The donor told of the segments from `first` to `end`.
    fn tell(&mut self, (first, end): (u16, u16), floors: SegmentFloors<'_>) {
        let run = first..end.min(SEGMENTS_END);
        for segment in run.clone() {
            self.told[usize::from(segment / 8)] |= 1 << (segment % 8);
        }
        for SegmentFloor { segment, floor } in floors.iter().filter(|told| run.contains(&told.segment)) {
            let value = &mut self.values[usize::from(segment)];
            *value = floor.max(*value);
        }
    }
}

/// The version before which nothing of what was there at `wall` can have been missed.
fn since(wall: WallMs) -> HlcTimestamp {
    let margin = u64::try_from(MARGIN.as_millis()).unwrap_or(u64::MAX);
    HlcTimestamp::at(WallMs(wall.0.saturating_sub(margin)))
}

impl Protocol {
    /// What this node may have missed of what a member knew when it was admitted: what came since it was last heard, else
    /// since it began.
    pub(super) fn doubt_of_newcomer(&mut self, member: &Member) -> HlcTimestamp {
        // A clock that was ahead when it began must not make what came later less doubtful.
        let began = since(member.boot().wall().min(self.wall));
        self.admission.last_heard(member.session).map_or(began, |heard| since(heard).max(began))
    }

    /// Something that a member knew may have been missed within the last `span`.
    pub(super) fn doubt(&mut self, session: SessionId, span: Duration) {
        let since = since(self.wall_before(span));
        let caches: Vec<CacheId> = self.replicas.keys().copied().collect();
        for cache in caches {
            self.doubt_since(session, cache, since);
        }
    }

    fn doubt_since(&mut self, session: SessionId, cache: CacheId, since: HlcTimestamp) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let doubt = member.doubts.entry(cache).or_insert(since);
        *doubt = since.min(*doubt);
        let transfer = self.transfers.get_mut(&cache).filter(|transfer| transfer.donor() == session);
        if let Some(doubt) = transfer.and_then(|transfer| transfer.doubt.as_mut()) {
            doubt.again = true;
        }
    }

    /// A member is gone that was in doubt: what was missed of it may be known to any other.
    pub(super) fn doubt_others_as(&mut self, gone: &Member) {
        let sessions: Vec<SessionId> = self.members.keys().copied().collect();
        for session in sessions {
            for (&cache, &since) in &gone.doubts {
                self.doubt_since(session, cache, since);
            }
        }
    }

    /// A member is gone without a word, and was last heard `silent` ago: what it sent then may have reached others alone.
    pub(super) fn doubt_all(&mut self, silent: Duration) {
        let sessions: Vec<SessionId> = self.members.keys().copied().collect();
        for session in sessions {
            self.doubt(session, silent);
        }
    }

    /// Something was heard of a key or written here: a comparison that has begun says nothing of it.
    pub(super) fn note_late(&mut self, cache: CacheId, key: &[u8]) {
        let Some(doubt) = self.transfers.get_mut(&cache).and_then(|transfer| transfer.doubt.as_mut()) else { return };
        if let Some(replica) = self.replicas.get(&cache) {
            doubt.late.insert(replica.store.key_hash(key));
        }
    }

    /// The wall clock `span` ago.
    pub(super) fn wall_before(&self, span: Duration) -> WallMs {
        WallMs(self.wall.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Asks for the floors that have not come.
    pub(super) fn ask_floors(&mut self, to: To, cache: CacheId) {
        let Some(transfer) = self.transfers.get(&cache) else { return };
        let (Some(doubt), Some(floors)) = (&transfer.doubt, transfer.floors()) else { return };
        let (request, since) = (transfer.request(), doubt.since);
        let ask = |(first, end)| Frame::FloorRequest { cache, request, since, first, end };
        let asked: Vec<Frame<'_>> = floors.holes().take(HOLES_MAX).map(ask).collect();
        self.send_control(to, &asked);
    }

    /// Tells a member the floors of a run of segments, as far as they are above a version.
    pub(super) fn answer_floors(
        &mut self,
        session: SessionId,
        (cache, request): (CacheId, u32),
        since: HlcTimestamp,
        (first, end): (u16, u16),
    ) {
        let Some((to, store)) = self.asked(session, cache) else { return };
        let run = first..end.min(SEGMENTS_END);
        let floors = run.clone().map(|segment| SegmentFloor { segment, floor: store.floor(segment) });
        let above: Vec<SegmentFloor> = floors.filter(|told| told.floor > since).collect();
        let empty = Frame::Floors { cache, request, first, end, floors: SegmentFloors::new(&[]) };
        let most = (self.room - empty.encoded_len()) / SegmentFloors::RECORD_LEN;
        self.charge(session, run.len() + above.len() * SegmentFloors::RECORD_LEN);
        let (mut first, mut above) = (run.start, &above[..]);
        while first < run.end {
            let (told, rest) = above.split_at(most.min(above.len()));
            // Up to the first segment that the next frame tells of.
            let end = rest.first().map_or(run.end, |next| next.segment);
            let packed = SegmentFloors::pack(told);
            let floors = SegmentFloors::new(&packed);
            self.send_control(to, &[Frame::Floors { cache, request, first, end, floors }]);
            (first, above) = (end, rest);
        }
    }

    pub(super) fn handle_floors(
        &mut self,
        session: SessionId,
        (cache, request): (CacheId, u32),
        run: (u16, u16),
        told: SegmentFloors<'_>,
        now: Now,
    ) {
        let Some(transfer) = self.transfer_of(session, cache, request) else { return };
        let Some(floors) = transfer.floors_mut() else { return };
        floors.tell(run, told);
        let finished = floors.holes().next().is_none();
        transfer.progressed(now.mono);
        if finished {
            self.drop_doubtful(cache, now);
            self.finish_transfer(cache, now.mono);
        }
    }

    /// The donor has shown what it holds and its floors: what of this node's entries it makes doubtful goes.
    fn drop_doubtful(&mut self, cache: CacheId, now: Now) {
        let Some(transfer) = self.transfers.get(&cache) else { return };
        let (Some(doubt), Some(floors)) = (&transfer.doubt, transfer.floors()) else { return };
        let Some(store) = self.replicas.get(&cache).map(|replica| replica.store.clone()) else { return };
        let (since, common) = (doubt.since, HlcTimestamp::at(now.wall));
        let in_doubt = |segment: u16| {
            let floor = floors.values[usize::from(segment)];
            // A wild one says no more than that something was forgotten.
            if self.is_wild(floor) { common } else { floor }
        };
        let raised: Vec<u16> = (0..SEGMENTS_END).filter(|&segment| in_doubt(segment) > HlcTimestamp::ZERO).collect();
        // First the floors: what is put while the entries are looked through is judged by them.
        raised.iter().for_each(|&segment| store.raise_floor(segment, in_doubt(segment)));
        let is_confirmed = |segment, key_hash, gone: &Gone| {
            if store.is_marking() || transfer.differs(segment) {
                return doubt.seen.contains(&key_hash);
            }
            // Both held the same of the segment; what was not sent yet is not among that.
            !gone.dirty && !doubt.late.contains(&key_hash)
        };
        let doubtful = if raised.is_empty() { Vec::new() } else { store.unconfirmed(in_doubt, is_confirmed) };
        if store.is_marking() {
            self.drop_marked(cache, &store, since);
        }
        self.metrics.state_entries_dropped.add(doubtful.len() as u64);
        for (gone, floor) in doubtful {
            self.drop_entry(cache, &gone, floor, now);
        }
    }

    fn drop_marked(&mut self, cache: CacheId, store: &Store, since: HlcTimestamp) {
        let dropped = store.drop_marked(since);
        self.metrics.state_entries_dropped.add(dropped.len() as u64);
        let told = if self.listening { dropped } else { Vec::new() };
        for (key, version) in told {
            self.emit(Event::Evicted { cache, key: (*key).into(), version });
        }
    }

    fn drop_entry(&mut self, cache: CacheId, gone: &Gone, floor: HlcTimestamp, now: Now) {
        let marking = self.replicas.get(&cache).map(|replica| &replica.store).filter(|store| store.is_marking());
        if let Some(store) = marking {
            // A mark would tell others of a write that there may not have been.
            if store.drop_value(&gone.key, gone.version) && self.listening {
                self.emit(Event::Evicted { cache, key: (*gone.key).into(), version: gone.version });
            }
            return;
        }
        let invalidate = |version| Update {
            kind: UpdateKind::Invalidate,
            key: &gone.key,
            value: &[],
            codec: Codec::RAW,
            version,
            deadline: Deadline::NEVER,
        };
        self.apply_remote(cache, &invalidate(Version { hlc: floor, origin: Origin(u64::MAX) }), now);
        if gone.dirty {
            // It was never sent: the others may hold something older still.
            self.send_update(cache, &invalidate(gone.version), now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_asked_for_until_nothing_is_left() {
        let mut floors = Floors::none_told();
        assert_eq!(floors.holes().collect::<Vec<_>>(), [(0, SEGMENTS_END)]);
        let told = |segment, floor| SegmentFloor { segment, floor: HlcTimestamp(floor) };
        // The second is of no segment that this frame tells of.
        let packed = SegmentFloors::pack(&[told(100, 7), told(9, 5), told(u16::MAX, 5)]);
        floors.tell((50, 150), SegmentFloors::new(&packed));
        assert_eq!((floors.values[100], floors.values[9]), (HlcTimestamp(7), HlcTimestamp::ZERO));
        assert_eq!(floors.holes().collect::<Vec<_>>(), [(0, 50), (150, SEGMENTS_END)]);
        floors.tell((4_000, u16::MAX), SegmentFloors::new(&[]));
        floors.tell((60, 20), SegmentFloors::new(&[]));
        assert_eq!(floors.holes().collect::<Vec<_>>(), [(0, 50), (150, 4_000)]);
        floors.tell((0, 4_000), SegmentFloors::new(&[]));
        assert_eq!(floors.holes().next(), None);
        assert_eq!(floors.values[100], HlcTimestamp(7), "what is repeated takes nothing back");
    }
}
