//! What may have been missed, and what it makes doubtful: an entry here that a member does not have is dropped if the
//! member may have forgotten something newer of its key.
//!
//! A member that misses an update for good learns of it from one that holds it. If all that had it have forgotten it
//! (evicted, expired, or a tombstone that was collected), only their *floors* still tell that there was something: a floor is
//! at or above every version forgotten of its segment. So whoever may have missed something of what a member knew is in
//! *doubt* of that member, from the version on up to which it has missed nothing. The next comparison with the member
//! then ends with its floors, and an entry is dropped that the member did not show, whose version its segment's floor
//! reaches, if that floor lies within the doubt. The floors become this node's own, so that a third member's
//! older entry does not come in later. In doubt, a miss.
//!
//! How entries and digests are compared lives in `transfer.rs`.

use std::collections::BTreeSet;
use std::time::Duration;

use super::member::Member;
use super::transfer::Transfer;
use super::{Event, Protocol, To};
use crate::hlc::{HlcTimestamp, Version};
use crate::ids::{CacheId, Origin, SessionId};
use crate::store::{Gone, SEGMENTS, SegmentSet};
use crate::time::{Deadline, Now, WallMs};
use crate::update::{Codec, Update, UpdateKind};
use crate::wire::{Frame, Words};

/// How much older than the moment from which on something may have been missed a missed version may be: it waited in its
/// writer's outbox, was asked for in vain for 2 s, and was stamped by a clock that is behind.
const MARGIN: Duration = Duration::from_secs(10);
/// Floors asked for at once: 1 KiB of answer.
const FLOORS_PER_REQUEST: u16 = 128;

/// Floors of a donor that are being gathered.
#[derive(Debug)]
pub(super) struct Floors {
    /// First segments of the runs that have not come.
    runs: BTreeSet<u16>,
    values: Box<[HlcTimestamp; SEGMENTS]>,
}

impl Floors {
    /// Those of `segments`; of all if None.
    pub(super) fn of(segments: Option<&SegmentSet>) -> Floors {
        let per_run = usize::from(FLOORS_PER_REQUEST);
        let is_wanted =
            |first: &usize| segments.is_none_or(|set| set[first / 8..].iter().take(per_run / 8).any(|&bits| bits != 0));
        let runs = (0..SEGMENTS).step_by(per_run).filter(is_wanted);
        let runs = runs.filter_map(|first| u16::try_from(first).ok()).collect();
        Floors { runs, values: Box::new([HlcTimestamp::ZERO; SEGMENTS]) }
    }

    /// First segments of the runs that have not come.
    pub(super) fn runs(&self) -> &BTreeSet<u16> {
        &self.runs
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
        if let Some(member) = self.members.get_mut(&session) {
            for cache in caches {
                let doubt = member.doubts.entry(cache).or_insert(since);
                *doubt = since.min(*doubt);
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

    /// The wall clock `span` ago.
    pub(super) fn wall_before(&self, span: Duration) -> WallMs {
        WallMs(self.wall.0.saturating_sub(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)))
    }

    /// Asks for the floors that have not come.
    pub(super) fn ask_floors(&mut self, to: To, cache: CacheId, request: u32, floors: &BTreeSet<u16>) {
        for &first in floors {
            let count = FLOORS_PER_REQUEST - first % FLOORS_PER_REQUEST;
            self.send_control(to, &[Frame::FloorRequest { cache, request, first, count }]);
        }
    }

    pub(super) fn answer_floors(
        &mut self,
        session: SessionId,
        cache: CacheId,
        request: u32,
        (first, count): (u16, u16),
    ) {
        let (Some(replica), Some(member)) = (self.replicas.get(&cache), self.members.get(&session)) else { return };
        let to = To::Member(member.address);
        let end = first.saturating_add(count).min(u16::try_from(SEGMENTS).unwrap_or(u16::MAX));
        let mut values: Vec<u64> = (first..end).map(|segment| replica.store.floor(segment).0).collect();
        let empty = Frame::Floors { cache, request, first, values: Words::new(&[]) };
        values.truncate((self.room - empty.encoded_len()) / Words::RECORD_LEN);
        let packed = Words::pack(&values);
        self.charge(session, packed.len());
        self.send_control(to, &[Frame::Floors { cache, request, first, values: Words::new(&packed) }]);
    }

    pub(super) fn handle_floors(
        &mut self,
        session: SessionId,
        (cache, request): (CacheId, u32),
        (first, values): (u16, Words<'_>),
        now: Now,
    ) {
        let (limit, common) = (self.clocks.limit(), HlcTimestamp::at(now.wall));
        let Some(transfer) = self.transfer_of(session, cache, request) else { return };
        let Some(floors) = transfer.floors_mut() else { return };
        if values.is_empty() || !floors.runs.remove(&first) {
            return;
        }
        // A donor with small datagrams answers the front of a run; the rest is a run of its own.
        let end = first - first % FLOORS_PER_REQUEST + FLOORS_PER_REQUEST;
        let rest = first.saturating_add(u16::try_from(values.len()).unwrap_or(u16::MAX));
        for (segment, floor) in (first..end).zip(values.iter()) {
            // A wild one says no more than that something was forgotten.
            let floor = if HlcTimestamp(floor) > limit { common } else { HlcTimestamp(floor) };
            if let Some(value) = floors.values.get_mut(usize::from(segment)) {
                *value = floor;
            }
        }
        if rest < end {
            floors.runs.insert(rest);
        }
        let finished = floors.runs.is_empty();
        transfer.progressed(now.mono);
        if finished {
            self.drop_doubtful(cache, now);
            self.finish_transfer(cache, now.mono);
        } else if rest < end {
            self.ask(cache);
        }
    }

    /// The donor has shown what it holds and its floors: what of this node's entries it makes doubtful goes.
    fn drop_doubtful(&mut self, cache: CacheId, now: Now) {
        let Some(Transfer { doubt: Some(since), seen, .. }) = self.transfers.get(&cache) else { return };
        let since = *since;
        let Some(floors) = self.transfers.get(&cache).and_then(Transfer::floors) else { return };
        let Some(store) = self.replicas.get(&cache).map(|replica| replica.store.clone()) else { return };
        let in_doubt = |segment: u16| {
            let floor = floors.values.get(usize::from(segment)).copied().unwrap_or_default();
            if floor > since { floor } else { HlcTimestamp::ZERO }
        };
        let doubtful = store.unconfirmed(in_doubt, seen);
        for segment in 0..u16::try_from(SEGMENTS).unwrap_or(u16::MAX) {
            store.raise_floor(segment, in_doubt(segment));
        }
        if store.is_marking() {
            let dropped = store.drop_marked(since);
            self.metrics.state_entries_dropped.add(dropped.len() as u64);
            let told = if self.listening { dropped } else { Vec::new() };
            for (key, version) in told {
                self.emit(Event::Evicted { cache, key: (*key).into(), version });
            }
        }
        self.metrics.state_entries_dropped.add(doubtful.len() as u64);
        for (gone, floor) in doubtful {
            self.drop_entry(cache, &gone, floor, now);
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
    fn floors_are_asked_for_where_segments_differ() {
        assert_eq!(Floors::of(None).runs.len(), SEGMENTS / usize::from(FLOORS_PER_REQUEST));
        let mut set: SegmentSet = [0; SEGMENTS / 8];
        assert!(Floors::of(Some(&set)).runs.is_empty());
        set[16] = 1;
        set[SEGMENTS / 8 - 1] = 0x80;
        assert_eq!(Floors::of(Some(&set)).runs.into_iter().collect::<Vec<_>>(), [128, 3_968]);
    }
}
