//! What datagrams do: from the first look at the header to the update applied.
//!
//! Order matters for safety: nothing is parsed before it is authenticated except the fixed header, and what was received
//! before is dropped before it costs a decryption.

use std::net::SocketAddr;
use std::time::Duration;

use super::admission::Strangeness;
use super::flow::STATUS_PLEASE;
use super::liveness::ACKS_MIN;
use super::member::MemberState;
use super::reach::Via;
use super::reassembly::Piece;
use super::window::Arrival;
use super::{Event, Protocol, To};
use crate::ids::{CacheId, Seq, SessionId};
use crate::store::{Fate, Gone, Precondition, Source};
use crate::time::{Deadline, Mono, Now};
use crate::update::{Codec, KEY_LEN_MAX, TAGS_LEN_MAX, Update, UpdateKind};
use crate::wire::{
    Acks, CacheDigests, Flags, Frame, Frames, HEADER_LEN, Header, Hello, Kind, Preamble, Skipped, UPDATE_OVERHEAD,
    decode_update, unknown_kind,
};

/// Requests that are answered of one datagram: what one datagram may cost is bounded.
const REQUESTS_MAX: u32 = 40;
/// Bytes of updates in the making of all senders together; beyond, new ones are dropped and compared for later.
const REASSEMBLY_BYTES_MAX: usize = 1 << 30;
/// A sender is told at least this often how far its stream has come, while it sends.
const STATUS_EVERY: Duration = Duration::from_millis(50);

impl Protocol {
    /// A datagram came in, by the way `via`. Its bytes are used as scratch.
    pub fn handle_datagram(&mut self, from: SocketAddr, via: Via, datagram: &mut [u8], now: Now) {
        let now = self.read_clock(now);
        self.metrics.datagrams_received.inc();
        self.metrics.bytes_received.add(datagram.len() as u64);
        let Some(header) = Header::decode(datagram) else {
            self.metrics.rejected_header.inc();
            return;
        };
        if header.cluster_tag != self.setup.keys.cluster_tag() {
            self.metrics.rejected_cluster.inc();
            self.note_foreign(from, Strangeness::OtherCluster);
        } else if header.session == self.setup.session {
            self.metrics.own_echoes.inc();
            self.look_for_clone(&header, datagram, now.mono);
        } else if self.left {
            // A node that said goodbye hears nobody.
        } else if self.members.contains_key(&header.session) {
            self.handle_member(&header, (from, via), datagram, now);
        } else {
            self.handle_stranger(&header, (from, via), datagram, now);
        }
    }

    /// An echo of what was never sent here: there is another node with this session, or somebody who pretends to be it.
    fn look_for_clone(&mut self, header: &Header, datagram: &mut [u8], now: Mono) {
        let last = match header.kind {
            Kind::Data => self.stream.next().saturating_sub(1),
            Kind::Control => self.control_number,
        };
        if header.number <= last || self.cloned || !self.admission.may_try(now) {
            return;
        }
        let Some(key) = self.setup.keys.get(header.key_id) else { return };
        let key = key.session_key(header.session, header.key_phase);
        if key.open(header.kind.number(), header.number, datagram, HEADER_LEN).is_none() {
            self.metrics.rejected_seal.inc();
            return;
        }
        self.cloned = true;
    }

    fn handle_member(&mut self, header: &Header, (from, via): (SocketAddr, Via), datagram: &mut [u8], now: Now) {
        let session = header.session;
        let Some(member) = self.members.get_mut(&session) else { return };
        let duplicate = match header.kind {
            Kind::Data => member.window.is_duplicate(header.number),
            Kind::Control => member.replay.is_duplicate(header.number),
        };
        if duplicate {
            self.metrics.rejected_replay.inc();
            return self.handle_duplicate(header, via, datagram, now.mono);
        }
        let sealed_by = (header.key_id, header.key_phase);
        let Some(key) = member.keys.candidate(&self.setup.keys, sealed_by) else {
            self.metrics.rejected_key.inc();
            return;
        };
        let Some(plain) = key.open(header.kind.number(), header.number, datagram, HEADER_LEN) else {
            self.metrics.rejected_seal.inc();
            return;
        };
        member.keys.prove(sealed_by);
        let Some((preamble, frames)) = Preamble::decode(plain) else {
            self.metrics.rejected_frame.inc();
            return;
        };
        if !self.is_wild(preamble.hlc) {
            self.hlc.observe(preamble.hlc);
        }
        self.note_heard(session, now.mono);
        self.note_via(session, via, (header.kind == Kind::Control).then_some(header.number), now.mono);
        match header.kind {
            Kind::Data => self.handle_data(header, preamble, frames, now),
            Kind::Control => {
                if let Some(member) = self.members.get_mut(&session) {
                    member.replay.mark(header.number);
                }
                self.handle_control(header, (from, via), preamble, frames, now);
            }
        }
        if let Some(member) = self.members.get_mut(&session) {
            let lost = member.window.forget_below(preamble.trail);
            self.note_lost(session, lost);
            self.settle_status(session);
        }
    }

    /// A datagram of a member that came before, by one way or another. Of what is for all one copy may come by multicast and
    /// one by unicast, and whoever sends both is to learn whether it has to.
    fn handle_duplicate(&mut self, header: &Header, via: Via, datagram: &mut [u8], now: Mono) {
        let Some(member) = self.members.get_mut(&header.session).filter(|_| header.kind == Kind::Control) else {
            return;
        };
        match via {
            Via::Unicast => self.note_copy(header.session, via, now),
            Via::Group if !member.ways.wants_proof(header.number, now) => {}
            Via::Group => {
                let sealed_by = (header.key_id, header.key_phase);
                let key = member.keys.candidate(&self.setup.keys, sealed_by);
                let opened = key.and_then(|key| key.open(header.kind.number(), header.number, datagram, HEADER_LEN));
                if opened.is_some() {
                    self.note_via(header.session, via, Some(header.number), now);
                }
            }
        }
    }

    /// A reliable datagram, received for the first time.
    fn handle_data(&mut self, header: &Header, preamble: Preamble, frames: &[u8], now: Now) {
        let session = header.session;
        let Some(member) = self.members.get_mut(&session) else { return };
        member.sent_data = Some(now.mono);
        member.status_due.get_or_insert(now.mono + STATUS_EVERY);
        match member.window.receive(header.number, now.mono, &mut self.rng) {
            Arrival::Fresh { gaps } => self.metrics.gaps.add(gaps),
            Arrival::Filled { asked: true } => self.metrics.repaired.inc(),
            Arrival::Filled { asked: false } | Arrival::Duplicate => {}
        }
        // Before any status: what is lost must not be told as received.
        let lost = member.window.forget_below(preamble.trail);
        self.note_lost(session, lost);
        let mut frames = Frames::new(frames);
        for frame in frames.by_ref() {
            match frame {
                Ok(Frame::Update(cache, update)) => self.apply_live(cache, &update, now),
                Ok(Frame::Fragment { object, total, offset, bytes }) => {
                    self.handle_fragment(session, object, (total, offset), bytes, now);
                }
                Ok(_) => {}
                Err(_) => self.metrics.rejected_frame.inc(),
            }
        }
        self.note_skipped(session, frames.skipped());
        if header.flags & STATUS_PLEASE != 0 {
            self.send_status(session);
        }
    }

    fn handle_fragment(&mut self, session: SessionId, object: u64, place: (u32, u32), bytes: &[u8], now: Now) {
        let taken: usize = self.members.values().map(|member| member.reassembly.bytes()).sum();
        let total_max = self.encoded_max().min(REASSEMBLY_BYTES_MAX.saturating_sub(taken));
        let Some(member) = self.members.get_mut(&session) else { return };
        let (Ok(total), Ok(offset)) = (usize::try_from(place.0), usize::try_from(place.1)) else { return };
        match member.reassembly.receive(object, (total, offset), bytes, total_max, now.mono) {
            Piece::Partial => {}
            Piece::Complete(encoded) => match decode_update(&encoded) {
                Some((cache, update)) => self.apply_live(cache, &update, now),
                None => match unknown_kind(&encoded) {
                    Some(kind) => self.note_skipped(session, Some(Skipped::Update(kind))),
                    None => self.metrics.rejected_frame.inc(),
                },
            },
            Piece::Refused => self.note_reassembly_dropped(session, 1),
        }
    }

    /// Longest encoded update that is believed.
    pub(super) fn encoded_max(&self) -> usize {
        self.setup.max_value.saturating_add(TAGS_LEN_MAX).saturating_add(KEY_LEN_MAX).saturating_add(UPDATE_OVERHEAD)
    }

    pub(super) fn drop_stalled_reassemblies(&mut self, now: Mono) {
        let mut stalled = Vec::new();
        for member in self.members.values_mut().filter(|member| !member.reassembly.is_empty()) {
            stalled.push((member.session, member.reassembly.drop_stalled(now)));
        }
        for (session, dropped) in stalled {
            self.note_reassembly_dropped(session, dropped);
        }
    }

    fn note_reassembly_dropped(&mut self, session: SessionId, dropped: usize) {
        if dropped > 0 {
            self.metrics.reassembly_dropped.add(dropped as u64);
            self.reconcile_again(session);
        }
    }

    /// An update that its writer sent to all.
    fn apply_live(&mut self, cache: CacheId, update: &Update<'_>, now: Now) {
        self.note_late(cache, update.key);
        self.apply_remote(cache, update, now);
    }

    /// Something in a member's datagram was skipped that this version does not know: its version is another one, and what it
    /// waits for may never come.
    fn note_skipped(&mut self, session: SessionId, skipped: Option<Skipped>) {
        let Some(skipped) = skipped else { return };
        self.metrics.frames_unknown.inc();
        let Some(member) = self.members.get_mut(&session) else { return };
        if !std::mem::replace(&mut member.is_strange, true) {
            let (name, version) = (&member.hello.name, &member.hello.version);
            tracing::warn!(member = %name, %version, ?skipped, "a member sends what this version does not know");
        }
    }

    /// The one way a remote update reaches a store, live or in a state transfer.
    pub(super) fn apply_remote(&mut self, cache: CacheId, update: &Update<'_>, now: Now) {
        if update.value.len() > self.setup.max_value.saturating_add(TAGS_LEN_MAX) {
            self.metrics.rejected_frame.inc();
            return;
        }
        if self.is_wild(update.version.hlc) {
            return self.distrust(cache, update, now);
        }
        self.apply_judged(cache, update, now);
    }

    /// Applies an update whose clock and length are in order.
    pub(super) fn apply_judged(&mut self, cache: CacheId, update: &Update<'_>, now: Now) {
        let Some(replica) = self.replicas.get(&cache) else {
            self.metrics.updates_unknown_cache.inc();
            return;
        };
        self.hlc.observe(update.version.hlc);
        let outcome = replica.store.apply(update, Source::Remote, Precondition::Any, now.wall);
        match outcome.fate {
            Fate::Applied | Fate::TooHeavy => self.metrics.updates_applied.inc(),
            Fate::Stale | Fate::Refused => self.metrics.updates_stale.inc(),
        }
        if outcome.fate == Fate::Applied && self.listening {
            self.emit(Event::Applied { cache, kind: update.kind, key: update.key.into(), version: update.version });
        }
        for gone in &outcome.evicted {
            self.note_evicted(cache, gone, now);
        }
    }

    /// A remote update made room. If the entry was never sent, the others hold something older: they are told to drop it.
    pub(super) fn note_evicted(&mut self, cache: CacheId, gone: &Gone, now: Now) {
        if gone.dirty {
            let invalidate = Update {
                kind: UpdateKind::Invalidate,
                key: &gone.key,
                value: &[],
                codec: Codec::RAW,
                version: gone.version,
                deadline: Deadline::NEVER,
            };
            self.send_update(cache, &invalidate, now);
        }
        if self.listening && !gone.told {
            self.emit(Event::Evicted { cache, key: (*gone.key).into(), version: gone.version });
        }
    }

    /// An unreliable datagram of a member.
    fn handle_control(
        &mut self,
        header: &Header,
        (from, via): (SocketAddr, Via),
        preamble: Preamble,
        frames: &[u8],
        now: Now,
    ) {
        let session = header.session;
        let (mut page, mut requests) = (None, 0);
        let (mut greets, mut knows_this_node, mut rest) = (false, via == Via::Group, Frames::new(frames));
        for frame in rest.by_ref() {
            let Ok(frame) = frame else { return self.metrics.rejected_frame.inc() };
            requests += u32::from(is_request(&frame));
            knows_this_node |= matches!(frame, Frame::Probe { .. } | Frame::ProbeAck { .. });
            if requests > REQUESTS_MAX {
                return self.metrics.rejected_frame.inc();
            }
            if is_request(&frame) {
                if self.may_ask(session, now.mono) {
                    self.answer_request(session, from, frame, now);
                }
                continue;
            }
            match frame {
                Frame::Hello(bytes) => {
                    self.handle_hello(session, bytes);
                    greets = true;
                }
                Frame::Heartbeat { next, flags, caches, acks, digests } => {
                    self.note_copy(session, via, now.mono);
                    self.handle_heartbeat(header, preamble, (next, flags), acks, (caches, digests), now);
                }
                Frame::Status { contiguous, flags, .. } => self.handle_status(header, contiguous, flags, now.mono),
                Frame::ProbeAck { nonce, next, .. } => self.handle_probe_ack(session, nonce, next, now.mono),
                Frame::Clock { wall_ms } => self.note_clock(session, wall_ms, now.mono),
                Frame::Peers { peers } => self.handle_peers(session, header.number, peers, now.mono),
                Frame::Bye => return self.remove_member(session, MemberState::Left, now.mono),
                Frame::Digests { cache, request, first, clear, values } => {
                    self.handle_digests(session, (cache, request), (first, values), clear, now);
                }
                Frame::StatePart { cache, request, .. } => page = Some((cache, request)),
                Frame::Update(cache, update) => self.handle_state_entry(session, page, cache, &update, now),
                Frame::Offer { index, version, total, key } => {
                    self.handle_offer(session, page, (index, version, total), key);
                }
                Frame::Floors { cache, request, first, end, floors } => {
                    self.handle_floors(session, (cache, request), (first, end), floors, now);
                }
                Frame::PullPart { request, index, offset, bytes } => {
                    self.handle_pull_part(session, request, (index, offset), bytes, now);
                }
                Frame::BarAnswer { bar, over } => self.handle_bar_answer(session, bar, over),
                Frame::Answer { id, index, of, bytes } => self.handle_answer(session, id, (index, of), bytes, now.mono),
                _ => {}
            }
        }
        self.note_skipped(session, rest.skipped());
        if greets && !knows_this_node {
            self.probe_member(session, now.mono);
        }
        self.compare_modes(session, frames, now.mono);
        // A part counts as received only after everything in it has been applied.
        self.finish_state_part(session, frames, now);
    }

    /// A member tells how it fares with this node's stream.
    fn handle_status(&mut self, header: &Header, contiguous: Seq, flags: Flags, now: Mono) {
        let session = header.session;
        if let Some(member) = self.members.get_mut(&session).filter(|member| member.told_by < header.number) {
            member.told_by = header.number;
            member.in_step = flags.has(Flags::IN_STEP) && contiguous >= member.owed;
        }
        self.acknowledge(session, contiguous, now);
    }

    /// A member asks for something, and may.
    fn answer_request(&mut self, session: SessionId, from: SocketAddr, frame: Frame<'_>, now: Now) {
        match frame {
            Frame::Nack { ranges } => self.handle_nack(session, ranges, now.mono),
            Frame::Probe { nonce } => {
                self.answer_probe(nonce, session, from);
                self.charge(session, 0);
                self.beat_now(now.mono);
            }
            Frame::DigestRequest { cache, request, first, count } => {
                self.answer_digests(session, cache, request, (first, count));
            }
            Frame::StateRequest { cache, request, cursor, have, segments } => {
                self.answer_state(session, cache, request, (cursor, have), segments, now);
            }
            Frame::FloorRequest { cache, request, since, first, end } => {
                self.answer_floors(session, (cache, request), since, (first, end));
            }
            Frame::Pull { cache, request, index, offset, len } => {
                self.answer_pull(session, cache, request, (index, offset, len), now);
            }
            Frame::Query { id, what, cache } => self.answer_query(session, id, what, cache, now),
            Frame::Bar { cache, bar, limit_ms, keys } => {
                self.handle_bar(session, bar, (cache, limit_ms), keys, now.mono);
            }
            _ => {}
        }
    }

    fn handle_hello(&mut self, session: SessionId, bytes: &[u8]) {
        let (Some(member), Some(hello)) = (self.members.get_mut(&session), Hello::decode(bytes)) else { return };
        member.hello = hello;
    }

    /// Probes a member that greeted this node as if it did not know it, which is so if it does not hear its multicast: a
    /// probe by unicast is what it admits this node by.
    fn probe_member(&mut self, session: SessionId, now: Mono) {
        let nonce = self.rng.next_u64();
        let hello = self.hello();
        let Some(member) = self.members.get_mut(&session) else { return };
        member.probe = Some((nonce, now));
        let to = To::Member(member.address);
        self.send_control(to, &[Frame::Probe { nonce }, Frame::Hello(&hello)]);
    }

    /// It may answer the probe under way. It also tells of data that was missed while nothing else was heard.
    fn handle_probe_ack(&mut self, session: SessionId, nonce: u64, next: Seq, now: Mono) {
        let Some(member) = self.members.get_mut(&session) else { return };
        let gaps = member.window.expect_up_to(next.saturating_sub(1), now, &mut self.rng);
        self.metrics.gaps.add(gaps);
        if let Some((_, sent)) = member.probe.take_if(|(probe, _)| *probe == nonce) {
            member.round_trip = now.saturating_since(sent);
        }
    }

    fn handle_heartbeat(
        &mut self,
        header: &Header,
        preamble: Preamble,
        (next, flags): (Seq, Flags),
        acks: Acks<'_>,
        digests: (u16, CacheDigests<'_>),
        now: Now,
    ) {
        let session = header.session;
        let Some(member) = self.members.get_mut(&session) else { return };
        let gaps = member.window.expect_up_to(next.saturating_sub(1), now.mono, &mut self.rng);
        self.metrics.gaps.add(gaps);
        let lost = member.window.forget_below(preamble.trail);
        // One that comes late says what was, not what is.
        let newest = member.told_by < header.number;
        let own = self.setup.session.origin();
        let ack = acks.iter().find(|ack| ack.origin == own);
        if newest {
            member.told_by = header.number;
            member.hlc = preamble.hlc;
            member.ready = flags.has(Flags::READY);
            // Who is left out of a list that had room is not in step, also if the Status that said so was lost.
            let told = ack.is_some() || acks.len() < ACKS_MIN;
            let in_step = ack.is_some_and(|ack| ack.contiguous >= member.owed);
            member.in_step = if told { in_step } else { member.in_step };
        }
        self.note_lost(session, lost);
        if let Some(ack) = ack {
            self.acknowledge(session, ack.contiguous, now.mono);
        }
        if newest {
            self.compare_digests(session, digests, now.mono);
        }
        if flags.has(Flags::WANT_STATUS) {
            self.send_status(session);
        }
    }
}

/// Whether a frame asks for an answer.
fn is_request(frame: &Frame<'_>) -> bool {
    matches!(
        frame,
        Frame::Probe { .. }
            | Frame::Nack { .. }
            | Frame::DigestRequest { .. }
            | Frame::FloorRequest { .. }
            | Frame::StateRequest { .. }
            | Frame::Pull { .. }
            | Frame::Query { .. }
            | Frame::Bar { .. }
    )
}
