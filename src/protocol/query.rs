//! Asking members about themselves: counters and checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{Event, Protocol, To};
use crate::ids::{CacheId, SessionId};
use crate::store::StoreStats;
use crate::time::{Mono, Now};
use crate::wire::{Frame, Query};

/// A query is repeated after this long to who has not answered, then after twice as long, and so on ...
const REPEAT_MIN: Duration = Duration::from_millis(50);
/// ... up to this.
const REPEAT_MAX: Duration = Duration::from_secs(1);
/// Answers kept, so that a query that is repeated is not worked out again: a checksum reads the whole cache.
const ANSWERS_MAX: usize = 64;
/// How long.
const ANSWER_KEPT: Duration = Duration::from_secs(10);
/// Queries under way at once; the oldest gives way.
const QUERIES_MAX: usize = 64;
/// Pieces an answer may have.
const PIECES_MAX: u16 = 64;

/// What an entry counts for where all of a cache are read, in bytes.
const CHECKSUM_ENTRY: usize = 64;

#[derive(Debug)]
struct Asked {
    what: Query,
    cache: CacheId,
    unanswered: BTreeSet<SessionId>,
    pieces: BTreeMap<SessionId, BTreeMap<u16, Vec<u8>>>,
    due: Mono,
    wait: Duration,
}

/// Queries under way.
#[derive(Debug, Default)]
pub(super) struct Queries {
    asked: BTreeMap<u64, Asked>,
    last: u64,
    /// What was answered lately, by asker and query.
    answers: BTreeMap<(SessionId, u64), (Mono, Vec<u8>)>,
}

impl Queries {
    pub(super) fn due(&self) -> Option<Mono> {
        self.asked.values().map(|asked| asked.due).min()
    }
}

impl Protocol {
    /// Asks every member; answers come as [`Event::Answer`]. Repeated until all have answered or it is cancelled.
    pub fn query(&mut self, what: Query, cache: CacheId, now: Now) -> u64 {
        self.queries.last += 1;
        let id = self.queries.last;
        if self.queries.asked.len() == QUERIES_MAX {
            self.queries.asked.pop_first();
        }
        let unanswered = self.members.keys().copied().collect();
        self.queries
            .asked
            .insert(id, Asked { what, cache, unanswered, pieces: BTreeMap::new(), due: now.mono, wait: REPEAT_MIN });
        self.repeat_queries(now.mono);
        id
    }

    /// Forgets a query.
    pub fn cancel_query(&mut self, query: u64) {
        self.queries.asked.remove(&query);
    }

    pub(super) fn repeat_queries(&mut self, now: Mono) {
        let members = &self.members;
        self.queries.asked.retain(|_, asked| {
            asked.unanswered.retain(|session| members.contains_key(session));
            !asked.unanswered.is_empty()
        });
        let mut sends = Vec::new();
        for (&id, asked) in self.queries.asked.iter_mut().filter(|(_, asked)| asked.due <= now) {
            asked.due = now + asked.wait;
            asked.wait = (asked.wait * 2).min(REPEAT_MAX);
            let addresses = asked.unanswered.iter().filter_map(|session| members.get(session)).map(|m| m.address);
            sends.extend(addresses.map(|address| (address, id, asked.what, asked.cache)));
        }
        for (address, id, what, cache) in sends {
            self.send_control(To::Member(address), &[Frame::Query { id, what, cache }]);
        }
    }

    pub(super) fn answer_query(&mut self, session: SessionId, id: u64, what: Query, cache: CacheId, now: Now) {
        let Some(to) = self.members.get(&session).map(|member| To::Member(member.address)) else { return };
        let body = match self.queries.answers.get(&(session, id)) {
            Some((_, body)) => body.clone(),
            None => {
                let Some(body) = self.work_out(what, cache, now) else { return };
                if what == Query::Checksum {
                    let entries = self.replicas.get(&cache).map_or(0, |replica| replica.store.len());
                    self.charge(session, entries.saturating_mul(CHECKSUM_ENTRY));
                }
                if self.queries.answers.len() == ANSWERS_MAX {
                    self.queries.answers.pop_first();
                }
                self.queries.answers.insert((session, id), (now.mono, body.clone()));
                body
            }
        };
        self.charge(session, body.len());
        let piece_len = self.room - Frame::ANSWER_OVERHEAD;
        let of = u16::try_from(body.len().div_ceil(piece_len)).unwrap_or(u16::MAX);
        for (index, bytes) in (0..of).zip(body.chunks(piece_len)) {
            self.send_control(to, &[Frame::Answer { id, index, of, bytes }]);
        }
    }

    /// Forgets answers that nobody asks for again.
    pub(super) fn drop_old_answers(&mut self, now: Mono) {
        self.queries.answers.retain(|_, (made, _)| now.saturating_since(*made) < ANSWER_KEPT);
    }

    fn work_out(&self, what: Query, cache: CacheId, now: Now) -> Option<Vec<u8>> {
        let mut body = Vec::new();
        let written = match what {
            Query::Metrics => {
                self.gauge_caches();
                let map: BTreeMap<&str, u64> =
                    self.metrics.snapshot().into_iter().map(|(name, _, value)| (name, value)).collect();
                ciborium::into_writer(&map, &mut body)
            }
            Query::Checksum => {
                let checksum = self.replicas.get(&cache).map(|replica| replica.store.checksum(now.wall));
                ciborium::into_writer(&checksum, &mut body)
            }
        };
        written.is_ok().then_some(body)
    }

    pub(super) fn handle_answer(
        &mut self,
        session: SessionId,
        id: u64,
        (index, of): (u16, u16),
        bytes: &[u8],
        now: Mono,
    ) {
        let Some(asked) = self.queries.asked.get_mut(&id) else { return };
        if index >= of || of > PIECES_MAX || !asked.unanswered.contains(&session) {
            return;
        }
        let pieces = asked.pieces.entry(session).or_default();
        pieces.insert(index, bytes.to_vec());
        if pieces.len() < usize::from(of) {
            return;
        }
        let body = pieces.values().flatten().copied().collect();
        asked.unanswered.remove(&session);
        asked.pieces.remove(&session);
        let Some(member) = self.members.get(&session) else { return };
        let member = self.info_of(member, now);
        self.emit(Event::Answer { query: id, member, body });
    }

    /// Brings the gauges of what the caches hold up to date.
    fn gauge_caches(&self) {
        let total =
            self.replicas.values().map(|replica| replica.store.stats()).fold(StoreStats::default(), |a, b| a + b);
        total.gauge(&self.metrics);
    }
}
