//! Bringing a member up to what this node holds: the answering side.
//!
//! A page is built once and kept until the asker wants another one, so that a lost part is repeated as it was. Only
//! members are answered, each with at most one page a cache.

use std::sync::Arc;
use std::time::Duration;

use super::{Protocol, To};
use crate::hlc::Version;
use crate::ids::{CacheId, SessionId};
use crate::store::{Cursor, Key, Outgoing, SEGMENTS, Scanned, SegmentSet, Store};
use crate::time::{Deadline, Mono, Now};
use crate::update::{Codec, Update, UpdateKind};
use crate::wire::{Frame, UPDATE_OVERHEAD, Words, encode_update};

/// Parts' worth of entries put into a page. Packed one after the other, two neighbouring parts hold more than one part's
/// worth, so that a page has at most twice as many parts and one more: below the 64 bits of `have`.
const PAGE_PARTS: usize = 24;
/// A page nobody has asked about for this long is dropped.
const PAGE_FORGET: Duration = Duration::from_secs(5);
/// What looking at a slot counts for, in bytes: a request for few segments may look at all of a cache.
const SLOT: usize = 16;
/// Most bytes of a large update sent for one request.
const PULL_MAX: usize = 64 << 10;

/// A page as it was built.
#[derive(Debug)]
pub(super) struct DonorPage {
    request: u32,
    /// Frames of each part, without its `StatePart`.
    parts: Vec<Vec<u8>>,
    offers: Vec<(Key, Version)>,
    next: Cursor,
    clear: Version,
    used: Mono,
}

impl Protocol {
    /// Where a member is that asks, and what it asks about.
    pub(super) fn asked(&self, session: SessionId, cache: CacheId) -> Option<(To, Arc<Store>)> {
        let to = To::Member(self.members.get(&session)?.address);
        Some((to, self.replicas.get(&cache)?.store.clone()))
    }

    pub(super) fn answer_digests(
        &mut self,
        session: SessionId,
        cache: CacheId,
        request: u32,
        (first, count): (u16, u16),
    ) {
        let Some((to, store)) = self.asked(session, cache) else { return };
        let from = usize::from(first).min(SEGMENTS);
        let end = from.saturating_add(usize::from(count)).min(SEGMENTS);
        let mut values: Vec<u64> = (from..end).map(|segment| store.digest(segment)).collect();
        let clear = store.clear_version();
        let empty = Frame::Digests { cache, request, first, clear, values: Words::new(&[]) };
        values.truncate((self.room - empty.encoded_len()) / Words::RECORD_LEN);
        let packed = Words::pack(&values);
        self.charge(session, packed.len());
        self.send_control(to, &[Frame::Digests { cache, request, first, clear, values: Words::new(&packed) }]);
    }

    pub(super) fn answer_state(
        &mut self,
        session: SessionId,
        cache: CacheId,
        request: u32,
        (cursor, have): (u64, u64),
        segments: &[u8],
        now: Now,
    ) {
        let Some(to) = self.members.get(&session).map(|member| To::Member(member.address)) else { return };
        let known = self.pages.get(&(session, cache)).is_some_and(|page| page.request == request);
        if !known && have != 0 {
            // The page it has parts of is gone; another one would not fit to them. It gives up and begins anew.
            return;
        }
        if !known {
            let segments: Option<&SegmentSet> = match segments.len() {
                0 => None,
                _ => match segments.try_into() {
                    Ok(set) => Some(set),
                    Err(_) => {
                        self.metrics.rejected_frame.inc();
                        return;
                    }
                },
            };
            let Some((page, slots)) = self.build_page(cache, request, Cursor(cursor), segments, now.mono) else {
                return;
            };
            self.charge(session, slots.saturating_mul(SLOT));
            self.pages.insert((session, cache), page);
        }
        let Some(page) = self.pages.get_mut(&(session, cache)) else { return };
        page.used = now.mono;
        let of = u16::try_from(page.parts.len()).unwrap_or(u16::MAX);
        let mut datagrams = Vec::new();
        for (index, frames) in (0..of).zip(&page.parts) {
            if have & (1 << index.min(63)) != 0 {
                continue;
            }
            let mut plain = Vec::with_capacity(Frame::STATE_PART_LEN + frames.len());
            Frame::StatePart { cache, request, index, of, next: page.next.0, clear: page.clear }.encode(&mut plain);
            plain.extend_from_slice(frames);
            datagrams.push(plain);
        }
        self.charge(session, datagrams.iter().map(Vec::len).sum());
        for plain in datagrams {
            self.send_control_bytes(to, plain);
        }
    }

    /// A page, and how many slots were looked at for it.
    fn build_page(
        &mut self,
        cache: CacheId,
        request: u32,
        cursor: Cursor,
        segments: Option<&SegmentSet>,
        now: Mono,
    ) -> Option<(DonorPage, usize)> {
        let replica = self.replicas.get(&cache)?;
        let room = self.room - Frame::STATE_PART_LEN;
        let clear = replica.store.clear_version();
        let (scanned, next) = replica.store.scan(cursor, segments, PAGE_PARTS * room);
        let slots = replica.store.slots_between(cursor, next);
        self.metrics.state_entries_sent.add(scanned.len() as u64);
        let mut page =
            DonorPage { request, parts: vec![Vec::with_capacity(room)], offers: Vec::new(), next, clear, used: now };
        for entry in &scanned {
            page.add(cache, entry, room);
        }
        Some((page, slots))
    }

    pub(super) fn answer_pull(
        &mut self,
        session: SessionId,
        cache: CacheId,
        request: u32,
        (index, offset, len): (u16, u32, u32),
        now: Now,
    ) {
        let Some((to, store)) = self.asked(session, cache) else { return };
        let Some(page) = self.pages.get_mut(&(session, cache)).filter(|page| page.request == request) else { return };
        page.used = now.mono;
        let Some((key, version)) = page.offers.get(usize::from(index)).cloned() else { return };
        let state = store.state_of(&key);
        let Some(state) = state.filter(|state| state.version() == version) else {
            self.send_control(to, &[Frame::PullPart { request, index, offset, bytes: &[] }]);
            return;
        };
        // The encoded update is its head, which is built, and its value, which is only borrowed.
        let update = update_of(&key, &state);
        let mut head = Vec::with_capacity(UPDATE_OVERHEAD + key.len());
        encode_update(cache, &Update { value: &[], ..update }, &mut head);
        let total = head.len() + update.value.len();
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(total);
        let end = start.saturating_add(usize::try_from(len).unwrap_or(usize::MAX).min(PULL_MAX)).min(total);
        let piece_len = self.room - Frame::PULL_PART_OVERHEAD;
        let cost = end - start;
        for from in (start..end).step_by(piece_len) {
            let to_end = end.min(from + piece_len);
            let from_head = head.get(from..to_end.min(head.len())).unwrap_or_default();
            let value_at = |at: usize| at.saturating_sub(head.len());
            let from_value = update.value.get(value_at(from)..value_at(to_end)).unwrap_or_default();
            let bytes = [from_head, from_value].concat();
            let offset = u32::try_from(from).unwrap_or(u32::MAX);
            self.send_control(to, &[Frame::PullPart { request, index, offset, bytes: &bytes }]);
        }
        self.charge(session, cost);
    }

    pub(super) fn drop_old_pages(&mut self, now: Mono) {
        self.pages.retain(|_, page| now.saturating_since(page.used) < PAGE_FORGET);
    }
}

impl DonorPage {
    /// Adds an entry: to the last part if it fits, to a new one, or as an offer if it fits none.
    fn add(&mut self, cache: CacheId, entry: &Scanned, room: usize) {
        let update = update_of(&entry.key, &entry.state);
        let frame = Frame::Update(cache, update);
        if frame.encoded_len() <= room {
            return self.push(&frame, room);
        }
        let index = u16::try_from(self.offers.len()).unwrap_or(u16::MAX);
        self.offers.push((entry.key.clone(), update.version));
        let total = u32::try_from(UPDATE_OVERHEAD + update.key.len() + update.value.len()).unwrap_or(u32::MAX);
        let key = if Frame::OFFER_OVERHEAD + update.key.len() <= room { update.key } else { &[] };
        self.push(&Frame::Offer { index, version: update.version, total, key }, room);
    }

    fn push(&mut self, frame: &Frame<'_>, room: usize) {
        match self.parts.last_mut() {
            Some(part) if part.len() + frame.encoded_len() <= room => frame.encode(part),
            _ => {
                let mut part = Vec::with_capacity(room);
                frame.encode(&mut part);
                self.parts.push(part);
            }
        }
    }
}

/// The update that makes a key what it is.
fn update_of<'a>(key: &'a [u8], state: &'a Outgoing) -> Update<'a> {
    let bare = |kind, version| Update { kind, key, value: &[], codec: Codec::RAW, version, deadline: Deadline::NEVER };
    match state {
        Outgoing::Put { value, version, deadline } => {
            let kind = if value.is_tagged() { UpdateKind::TaggedPut } else { UpdateKind::Put };
            Update { value: value.with_tags(), codec: value.codec(), deadline: *deadline, ..bare(kind, *version) }
        }
        Outgoing::Delete { version } => bare(UpdateKind::Delete, *version),
        Outgoing::Invalidate { version } => bare(UpdateKind::Invalidate, *version),
        Outgoing::InvalidateTag { version } => bare(UpdateKind::InvalidateTag, *version),
    }
}
