//! Bringing a cache up to what a member holds: the asking side.
//!
//! First the digests of all segments are compared (not by an empty cache, which lacks everything), then the entries of
//! the segments that differ come page by page, and updates too large for a datagram are pulled piece by piece. The asker
//! keeps all the state, repeats what is not answered, and applies whatever arrives by version, so that losing, doubling
//! or reordering answers costs time only.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use super::assembly::Assembly;
use super::doubt::{Doubt, Floors};
use super::{Protocol, To};
use crate::hlc::Version;
use crate::ids::{CacheId, SessionId};
use crate::store::{Cursor, SEGMENTS, SegmentSet};
use crate::time::{Deadline, Mono, Now};
use crate::update::{Codec, Update, UpdateKind};
use crate::wire::{Frame, Frames, Words, decode_update};

/// Digests asked for at once: 1 KiB of answer.
const DIGESTS_PER_REQUEST: u16 = 128;
/// Bytes of a large update asked for at once: fits a stock receive buffer beside other traffic.
const PULL_WINDOW: usize = 32 << 10;
/// Holes asked for at once.
const HOLES_MAX: usize = 16;
/// First wait for an answer; doubles with each repetition.
const RETRY_MIN: Duration = Duration::from_millis(10);
/// Longest wait.
const RETRY_MAX: Duration = Duration::from_millis(320);
/// Repetitions without any progress before the transfer is given up; the next heartbeat begins another.
const RETRIES_MAX: u32 = 12;
/// Offers of one page: a whole one has fewer.
const OFFERS_MAX: usize = 4_096;
/// Bits of `have`.
const PARTS_MAX: u16 = 64;

/// An update to be pulled.
#[derive(Debug)]
struct Wanted {
    index: u16,
    total: usize,
}

/// One page of state under way.
#[derive(Debug)]
struct Page {
    cursor: Cursor,
    /// Parts that have arrived.
    have: u64,
    /// How many there are; 0 until one has told.
    of: u16,
    next: Cursor,
    wanted: VecDeque<Wanted>,
    /// What has come of the first of `wanted`.
    pulled: Option<Assembly>,
    /// Everything before here has been asked for.
    pull_end: usize,
    /// The end of what was asked for has come and what was missing then has been asked for again.
    hurried: bool,
}

impl Page {
    fn at(cursor: Cursor) -> Page {
        Page {
            cursor,
            have: 0,
            of: 0,
            next: cursor,
            wanted: VecDeque::new(),
            pulled: None,
            pull_end: 0,
            hurried: false,
        }
    }

    fn is_complete(&self) -> bool {
        self.of > 0 && self.have.count_ones() == u32::from(self.of)
    }
}

#[derive(Debug)]
enum Phase {
    /// First segments of the runs whose digests have not come.
    Digests(BTreeSet<u16>),
    Page(Page),
    Floors(Floors),
}

/// A transfer under way. One at a time a cache.
#[derive(Debug)]
pub(super) struct Transfer {
    donor: SessionId,
    request: u32,
    /// The segments that differ; `None`: all.
    segments: Option<Box<SegmentSet>>,
    phase: Phase,
    due: Mono,
    retries: u32,
    /// Something of the donor's stream was lost since it began.
    overtaken: bool,
    /// Something may have been missed of what the donor knew: then its floors are asked for, too.
    pub(super) doubt: Option<Doubt>,
}

impl Transfer {
    pub(super) fn due(&self) -> Mono {
        self.due
    }

    pub(super) fn donor(&self) -> SessionId {
        self.donor
    }

    pub(super) fn request(&self) -> u32 {
        self.request
    }

    /// Whether the donor holds something else of this segment, as far as was found.
    pub(super) fn differs(&self, segment: u16) -> bool {
        self.segments.as_ref().is_none_or(|set| set[usize::from(segment / 8)] & (1 << (segment % 8)) != 0)
    }

    pub(super) fn note_overtaken(&mut self) {
        self.overtaken = true;
    }

    pub(super) fn progressed(&mut self, now: Mono) {
        self.retries = 0;
        self.due = now + RETRY_MIN;
    }

    fn page_mut(&mut self) -> Option<&mut Page> {
        match &mut self.phase {
            Phase::Page(page) => Some(page),
            Phase::Digests(_) | Phase::Floors(_) => None,
        }
    }

    pub(super) fn floors(&self) -> Option<&Floors> {
        match &self.phase {
            Phase::Floors(floors) => Some(floors),
            Phase::Digests(_) | Phase::Page(_) => None,
        }
    }

    pub(super) fn floors_mut(&mut self) -> Option<&mut Floors> {
        match &mut self.phase {
            Phase::Floors(floors) => Some(floors),
            Phase::Digests(_) | Phase::Page(_) => None,
        }
    }
}

impl Protocol {
    pub(super) fn begin_transfer(&mut self, cache: CacheId, donor: SessionId, now: Mono) {
        let Some(replica) = self.replicas.get(&cache) else { return };
        let (segments, phase) = if replica.store.digest_all() == 0 {
            (None, Phase::Page(Page::at(Cursor::START)))
        } else {
            let runs = (0..SEGMENTS).step_by(usize::from(DIGESTS_PER_REQUEST));
            let runs = runs.filter_map(|first| u16::try_from(first).ok()).collect();
            (Some(Box::new([0; SEGMENTS / 8])), Phase::Digests(runs))
        };
        if self.begin(cache, donor, (segments, phase), now) {
            self.metrics.state_transfers.inc();
        }
    }

    /// The donor holds the same, and was in doubt: only its floors are asked for.
    pub(super) fn begin_to_end_doubt(&mut self, cache: CacheId, donor: SessionId, now: Mono) {
        let none_differ = Some(Box::new([0; SEGMENTS / 8]));
        self.begin(cache, donor, (none_differ, Phase::Floors(Floors::none_told())), now);
    }

    /// Begins unless one is under way.
    fn begin(
        &mut self,
        cache: CacheId,
        donor: SessionId,
        (segments, phase): (Option<Box<SegmentSet>>, Phase),
        now: Mono,
    ) -> bool {
        if self.transfers.contains_key(&cache) || self.left {
            return false;
        }
        self.requests = self.requests.wrapping_add(1);
        let transfer = Transfer {
            donor,
            request: self.requests,
            segments,
            phase,
            due: now + RETRY_MIN,
            retries: 0,
            overtaken: false,
            doubt: self.members.get(&donor).and_then(|member| member.doubts.get(&cache)).copied().map(Doubt::since),
        };
        self.transfers.insert(cache, transfer);
        self.ask(cache);
        true
    }

    /// Sends what the transfer waits for (again).
    pub(super) fn ask(&mut self, cache: CacheId) {
        let Some(transfer) = self.transfers.get(&cache) else { return };
        let Some(donor) = self.members.get(&transfer.donor) else { return };
        let to = To::Member(donor.address);
        let (donor_session, request) = (transfer.donor, transfer.request);
        match &transfer.phase {
            Phase::Digests(runs) => {
                for first in runs.clone() {
                    self.ask_digests(donor_session, cache, request, first);
                }
            }
            Phase::Floors(_) => self.ask_floors(to, cache),
            Phase::Page(page) => {
                if let (Some(wanted), Some(pulled)) = (page.wanted.front(), &page.pulled) {
                    let index = wanted.index;
                    let pull = |(start, end): (usize, usize)| Frame::Pull {
                        cache,
                        request,
                        index,
                        offset: u32::try_from(start).unwrap_or(u32::MAX),
                        len: u32::try_from(end - start).unwrap_or(u32::MAX),
                    };
                    let pulls: Vec<Frame<'_>> = pulled.holes(page.pull_end).take(HOLES_MAX).map(pull).collect();
                    self.send_control(to, &pulls);
                } else {
                    let segments = transfer.segments.clone();
                    let segments = segments.as_ref().map_or(&[][..], |set| &set[..]);
                    let (cursor, have) = (page.cursor.0, page.have);
                    self.send_control(to, &[Frame::StateRequest { cache, request, cursor, have, segments }]);
                }
            }
        }
    }

    /// Asks for the digests from segment `first` to the end of its run.
    fn ask_digests(&mut self, donor: SessionId, cache: CacheId, request: u32, first: u16) {
        let Some(to) = self.members.get(&donor).map(|member| To::Member(member.address)) else { return };
        let count = DIGESTS_PER_REQUEST - first % DIGESTS_PER_REQUEST;
        self.send_control(to, &[Frame::DigestRequest { cache, request, first, count }]);
    }

    /// Repeats what was not answered; gives up who does not answer at all.
    pub(super) fn retry_transfers(&mut self, now: Mono) {
        let due: Vec<CacheId> = self.transfers.iter().filter(|(_, t)| t.due <= now).map(|(&cache, _)| cache).collect();
        for cache in due {
            let Some(transfer) = self.transfers.get_mut(&cache) else { continue };
            transfer.retries += 1;
            if transfer.retries > RETRIES_MAX {
                self.transfers.remove(&cache);
                continue;
            }
            transfer.due = now + (RETRY_MIN * (1 << transfer.retries.min(8))).min(RETRY_MAX);
            if let Phase::Page(page) = &mut transfer.phase {
                page.hurried = false;
            }
            self.ask(cache);
        }
    }

    /// The transfer that an answer belongs to.
    pub(super) fn transfer_of(&mut self, session: SessionId, cache: CacheId, request: u32) -> Option<&mut Transfer> {
        self.transfers.get_mut(&cache).filter(|t| t.donor == session && t.request == request)
    }

    pub(super) fn handle_digests(
        &mut self,
        session: SessionId,
        (cache, request): (CacheId, u32),
        (first, values): (u16, Words<'_>),
        clear: Version,
        now: Now,
    ) {
        if self.transfer_of(session, cache, request).is_some() {
            self.apply_clear(cache, clear, now);
        }
        let now = now.mono;
        let Some(store) = self.replicas.get(&cache).map(|replica| replica.store.clone()) else { return };
        let Some(transfer) = self.transfer_of(session, cache, request) else { return };
        let Phase::Digests(runs) = &mut transfer.phase else { return };
        if values.is_empty() || !runs.remove(&first) {
            return;
        }
        // A donor with small datagrams answers the front of a run; the rest is a run of its own.
        let end = first - first % DIGESTS_PER_REQUEST + DIGESTS_PER_REQUEST;
        let rest = first.saturating_add(u16::try_from(values.len()).unwrap_or(u16::MAX));
        if rest < end {
            runs.insert(rest);
        }
        let finished = runs.is_empty();
        let Some(segments) = &mut transfer.segments else { return };
        for (segment, theirs) in (usize::from(first)..usize::from(end)).zip(values.iter()) {
            if store.digest(segment) != theirs {
                segments[segment / 8] |= 1 << (segment % 8);
            }
        }
        let none_differ = segments.iter().all(|&bits| bits == 0);
        transfer.progressed(now);
        if finished && none_differ {
            self.end_pages(cache, now);
        } else if finished {
            self.ask_page(cache, Cursor::START, now);
        } else if rest < end {
            self.ask_digests(session, cache, request, rest);
        }
    }

    fn ask_page(&mut self, cache: CacheId, cursor: Cursor, now: Mono) {
        self.requests = self.requests.wrapping_add(1);
        let request = self.requests;
        let Some(transfer) = self.transfers.get_mut(&cache) else { return };
        transfer.request = request;
        transfer.phase = Phase::Page(Page::at(cursor));
        transfer.progressed(now);
        self.ask(cache);
    }

    /// An entry of a page.
    pub(super) fn handle_state_entry(
        &mut self,
        session: SessionId,
        page: Option<(CacheId, u32)>,
        cache: CacheId,
        update: &Update<'_>,
        now: Now,
    ) {
        let Some((_, request)) = page.filter(|&(of, _)| of == cache) else { return };
        if self.transfer_of(session, cache, request).is_some() {
            self.metrics.state_entries_applied.inc();
            self.apply_remote(cache, update, now);
            self.note_seen(cache, update.key);
        }
    }

    /// The donor holds this key, in a version that was judged here.
    fn note_seen(&mut self, cache: CacheId, key: &[u8]) {
        let (Some(transfer), Some(replica)) = (self.transfers.get_mut(&cache), self.replicas.get(&cache)) else {
            return;
        };
        if let Some(doubt) = &mut transfer.doubt {
            doubt.note_seen(replica.store.key_hash(key));
        }
    }

    /// An entry of a page that is too large for it.
    pub(super) fn handle_offer(
        &mut self,
        session: SessionId,
        page: Option<(CacheId, u32)>,
        (index, version, total): (u16, Version, u32),
        key: &[u8],
    ) {
        let Some((cache, request)) = page else { return };
        let encoded_max = self.encoded_max();
        let held = |store: &crate::store::Store| store.state_of(key).is_some_and(|state| state.version() >= version);
        if !key.is_empty() && self.replicas.get(&cache).is_some_and(|replica| held(&replica.store)) {
            if self.transfer_of(session, cache, request).is_some() {
                self.note_seen(cache, key);
            }
            return;
        }
        let Some(total) = usize::try_from(total).ok().filter(|&total| total <= encoded_max) else { return };
        let Some(page) = self.transfer_of(session, cache, request).and_then(Transfer::page_mut) else { return };
        let has_room = page.wanted.len() < OFFERS_MAX && !page.is_complete();
        if has_room && page.wanted.iter().all(|wanted| wanted.index != index) {
            page.wanted.push_back(Wanted { index, total });
        }
    }

    /// Everything in a datagram of a page has been applied.
    pub(super) fn finish_state_part(&mut self, session: SessionId, frames: &[u8], now: Now) {
        let Some(Ok(Frame::StatePart { cache, request, index, of, next, clear })) = Frames::new(frames).next() else {
            return;
        };
        if self.transfer_of(session, cache, request).is_none() {
            return;
        }
        self.apply_clear(cache, clear, now);
        let Some(transfer) = self.transfer_of(session, cache, request) else { return };
        let Some(page) = transfer.page_mut() else { return };
        if index >= of || of > PARTS_MAX || page.is_complete() {
            return;
        }
        page.have |= 1 << index;
        page.of = of;
        page.next = Cursor(next);
        let complete = page.is_complete();
        // The last part has come and others have not: they are asked for again at once.
        let ends_with_holes = !complete && index + 1 == of && !page.hurried;
        page.hurried |= ends_with_holes;
        transfer.progressed(now.mono);
        if complete {
            self.advance_transfer(cache, now.mono);
        } else if ends_with_holes {
            self.ask(cache);
        }
    }

    fn apply_clear(&mut self, cache: CacheId, version: Version, now: Now) {
        let known = self.replicas.get(&cache).is_none_or(|replica| replica.store.clear_version() >= version);
        // A wild one is heeded when it comes as an update, once; its writer takes it back soon.
        if known || self.is_wild(version.hlc) {
            return;
        }
        let clear = Update {
            kind: UpdateKind::Clear,
            key: &[],
            value: &[],
            codec: Codec::RAW,
            version,
            deadline: Deadline::NEVER,
        };
        self.apply_remote(cache, &clear, now);
    }

    /// The page is here: pull what is left of it, else ask for the next one, else be done.
    fn advance_transfer(&mut self, cache: CacheId, now: Mono) {
        let Some(transfer) = self.transfers.get_mut(&cache) else { return };
        let Some(page) = transfer.page_mut() else { return };
        if let Some(wanted) = page.wanted.front() {
            page.pulled = Some(Assembly::new(wanted.total));
            page.pull_end = PULL_WINDOW;
            page.hurried = false;
            transfer.progressed(now);
            self.ask(cache);
        } else if page.next == Cursor::END {
            self.end_pages(cache, now);
        } else {
            let next = page.next;
            self.ask_page(cache, next, now);
        }
    }

    /// All that the donor shows has been seen: in doubt its floors are asked for.
    fn end_pages(&mut self, cache: CacheId, now: Mono) {
        let Some(transfer) = self.transfers.get_mut(&cache) else { return };
        if transfer.doubt.is_none() {
            return self.finish_transfer(cache, now);
        }
        self.requests = self.requests.wrapping_add(1);
        transfer.request = self.requests;
        transfer.phase = Phase::Floors(Floors::none_told());
        transfer.progressed(now);
        self.ask(cache);
    }

    pub(super) fn finish_transfer(&mut self, cache: CacheId, now: Mono) {
        if let Some(transfer) = self.transfers.remove(&cache) {
            let still_in_doubt = transfer.doubt.as_ref().is_some_and(Doubt::came_up_again);
            self.note_reconciled(cache, transfer.donor, (transfer.overtaken, still_in_doubt), now);
        }
    }

    /// A piece of an update that is being pulled.
    pub(super) fn handle_pull_part(
        &mut self,
        session: SessionId,
        request: u32,
        (index, offset): (u16, u32),
        bytes: &[u8],
        now: Now,
    ) {
        let found = self.transfers.iter_mut().find(|(_, t)| t.donor == session && t.request == request);
        let Some((&cache, transfer)) = found else { return };
        let Some(page) = transfer.page_mut() else { return };
        let Some(mut pulled) = page.pulled.take_if(|_| page.wanted.front().is_some_and(|w| w.index == index)) else {
            return;
        };
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        // An empty piece means that the donor no longer has this version; what it has now comes by itself.
        let gone = bytes.is_empty() || !pulled.add(offset, bytes);
        if gone || pulled.is_complete() {
            page.wanted.pop_front();
            if let Some((of, update)) = decode_update(&pulled.into_bytes()).filter(|_| !gone) {
                self.handle_state_entry(session, Some((of, request)), cache, &update, now);
            }
            return self.advance_transfer(cache, now.mono);
        }
        let window_done = pulled.holes(page.pull_end).next().is_none();
        let ends_with_holes = offset + bytes.len() >= page.pull_end.min(pulled.total()) && !page.hurried;
        page.pulled = Some(pulled);
        if window_done {
            page.pull_end += PULL_WINDOW;
        }
        page.hurried = !window_done && (page.hurried || ends_with_holes);
        transfer.progressed(now.mono);
        if window_done || ends_with_holes {
            self.ask(cache);
        }
    }
}
