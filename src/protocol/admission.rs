//! Who is a member: greeting, proving that a session lives, admitting it, and letting it go.
//!
//! A session that is heard for the first time is *pending*: it gets one small probe, and nothing else is done for it
//! until it returns the probe's nonce. A recorded datagram that is played again therefore gains nothing.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::time::Duration;

use lru::LruCache;

use super::keys::PeerKeys;
use super::member::{Member, MemberState, Pending};
use super::reach::{Via, Ways};
use super::window::ReplayWindow;
use super::{Event, Protocol, To};
use crate::hlc::HlcTimestamp;
use crate::ids::{Origin, Seq, SessionId};
use crate::time::{Mono, Now, WallMs};
use crate::wire::{Flags, Frame, Frames, HEADER_LEN, Header, Hello, Kind, Preamble};

/// When a new node greets the group, counted from its start: early and often, since any one may be lost.
const GREETINGS: [Duration; 4] =
    [Duration::ZERO, Duration::from_millis(20), Duration::from_millis(60), Duration::from_millis(150)];
/// Nobody ready was heard for this long after the start: the node is the first, or one of several that start together.
const DISCOVERY: Duration = Duration::from_millis(250);
/// Nor was anybody for this long after the last greeting, which whoever had no processor until then sent late: what is left
/// of the above after the last one in time.
const ANSWERED: Duration = Duration::from_millis(100);
/// Sessions that may be pending at once; beyond, the one not heard for longest is forgotten.
const PENDING_MAX: NonZeroUsize = NonZeroUsize::new(64).expect("64 is not 0");
/// Members at once: far more than one multicast group serves well, and what each may set aside here is bounded.
const MEMBERS_MAX: usize = 1_024;
/// Sessions remembered as gone, so that a late datagram of theirs does not bring them back.
const DEPARTED_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");
/// A pending session is probed this often while it is heard.
const PROBE_EVERY: Duration = Duration::from_millis(50);
/// A pending session not heard for this long is forgotten.
const PENDING_FORGET: Duration = Duration::from_secs(5);
/// Datagrams of unknown sessions that are tried with the cluster's key, a second: about a microsecond each, so that a
/// flood of them costs a hundredth of a core, and does not keep a newcomer out.
const TRIALS_PER_SECOND: u32 = 10_000;
/// A member that has been silent for this long, two heartbeats, and of which a newer run is here, is down.
const SUPERSEDED_SILENT: Duration = Duration::from_secs(1);
/// Somebody is pending: discovery waits for the handshake to end, but no longer than this.
const DISCOVERY_MAX: Duration = Duration::from_secs(2);
/// Probes that housekeeping sends to a pending session; it gets more only as it is heard anew.
const PROBES_UNHEARD_MAX: u32 = 5;
/// Sessions remembered as sealed by another key, so that each costs one trial a second and leaves the rest to others.
const STRANGERS_MAX: NonZeroUsize = NonZeroUsize::new(256).expect("256 is not 0");
/// Senders of other clusters, or with keys of other ids, that are remembered, for who asks why a member is not found.
const FOREIGN_MAX: NonZeroUsize = NonZeroUsize::new(16).expect("16 is not 0");
/// How often housekeeping runs.
const TICK: Duration = Duration::from_millis(250);

/// Somebody whose datagrams came in and were not opened. Nothing about it is proved.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stranger {
    /// Where they came from.
    pub address: SocketAddr,
    /// Why they were not opened.
    pub strangeness: Strangeness,
}

/// Why a datagram was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strangeness {
    /// It is of a cluster of another name.
    OtherCluster,
    /// It is of a cluster of this name, and sealed without a secret; this node has one.
    NoKey,
    /// It is of a cluster of this name, and the seal does not open: another key, or damage.
    OtherKey,
}

/// Sessions at the door.
pub(super) struct Admission {
    pub(super) boot: HlcTimestamp,
    started: Mono,
    greetings: usize,
    /// When the last of them went out.
    greeted: Mono,
    pub(super) pending: LruCache<SessionId, Pending>,
    departed: LruCache<SessionId, ()>,
    /// Sessions that went down, and when they were last heard, by this node's wall clock.
    away: LruCache<SessionId, WallMs>,
    /// Sessions whose seal did not open, by where they were heard from, and when. By the address as well, so that nobody
    /// keeps a newcomer out by speaking badly in its name.
    strangers: LruCache<(SessionId, SocketAddr), (Mono, Stranger)>,
    foreign: LruCache<SocketAddr, Strangeness>,
    /// Contacts are still being looked up.
    awaits_contacts: bool,
    trials: u32,
    trials_since: Mono,
    tick_due: Mono,
}

impl Admission {
    pub(super) fn new(boot: HlcTimestamp, awaits_contacts: bool, now: Mono) -> Admission {
        Admission {
            boot,
            started: now,
            greetings: 0,
            greeted: now,
            pending: LruCache::new(PENDING_MAX),
            departed: LruCache::new(DEPARTED_MAX),
            away: LruCache::new(DEPARTED_MAX),
            strangers: LruCache::new(STRANGERS_MAX),
            foreign: LruCache::new(FOREIGN_MAX),
            awaits_contacts,
            trials: 0,
            trials_since: now,
            tick_due: now + TICK,
        }
    }

    pub(super) fn tick_due(&self) -> Mono {
        self.tick_due
    }

    pub(super) fn advance_tick(&mut self, now: Mono) {
        let end = self.discovery_end();
        self.tick_due = if now < end { end.min(now + TICK) } else { now + TICK };
    }

    /// Whether nobody is to be expected any more.
    pub(super) fn discovery_is_over(&self, now: Mono) -> bool {
        now >= self.discovery_end()
    }

    /// When that will be so, if nothing comes.
    fn discovery_end(&self) -> Mono {
        let waits = self.awaits_contacts || !self.pending.is_empty();
        let span = if waits { DISCOVERY_MAX } else { DISCOVERY };
        (self.started + span).max(self.greeted + ANSWERED)
    }

    /// When a session that went down was last heard.
    pub(super) fn last_heard(&mut self, session: SessionId) -> Option<WallMs> {
        self.away.pop(&session)
    }

    /// Contacts are known: if discovery waited for them, it begins with them.
    pub(super) fn end_wait_for_contacts(&mut self, now: Mono) {
        if self.awaits_contacts && !self.discovery_is_over(now) {
            self.started = now;
            self.greetings = 1;
        }
        self.awaits_contacts = false;
    }

    /// Whether a session of this origin is pending, or has said goodbye.
    pub(super) fn has_met(&self, origin: Origin) -> bool {
        let pending = self.pending.iter().map(|(session, _)| session);
        pending.chain(self.departed.iter().map(|(session, ())| session)).any(|session| session.origin() == origin)
    }

    fn may_try_stranger(&mut self, session: SessionId, from: SocketAddr, now: Mono) -> bool {
        let lately = |(failed, _): &(Mono, Stranger)| now.saturating_since(*failed) < Duration::from_secs(1);
        if self.strangers.peek(&(session, from)).is_some_and(lately) {
            return false;
        }
        self.may_try(now)
    }

    /// Whether another datagram that is probably nobody's may be opened in this second.
    pub(super) fn may_try(&mut self, now: Mono) -> bool {
        if now.saturating_since(self.trials_since) >= Duration::from_secs(1) {
            self.trials_since = now;
            self.trials = 0;
        }
        self.trials += 1;
        self.trials <= TRIALS_PER_SECOND
    }
}

impl Protocol {
    /// Tells the group that this node is here.
    pub(super) fn greet(&mut self, now: Mono) {
        let hello = self.hello();
        self.send_control(To::Group, &[Frame::Hello(&hello)]);
        self.greet_contacts();
        while GREETINGS.get(self.admission.greetings).is_some_and(|&at| self.admission.started + at <= now) {
            self.admission.greetings += 1;
            self.admission.greeted = now;
        }
    }

    pub(super) fn greet_if_due(&mut self, now: Mono) {
        if self.greeting_due().is_some_and(|due| due <= now) {
            self.greet(now);
        }
    }

    pub(super) fn greeting_due(&self) -> Option<Mono> {
        let at = GREETINGS.get(self.admission.greetings)?;
        Some(self.admission.started + *at)
    }

    pub(super) fn hello(&self) -> Vec<u8> {
        let hello = Hello {
            name: self.setup.name.clone(),
            boot_hlc: self.admission.boot.0,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            receive_buffer: self.setup.receive_buffer as u64,
        };
        hello.encode()
    }

    /// A datagram of a session that is no member.
    pub(super) fn handle_stranger(
        &mut self,
        header: &Header,
        (from, via): (SocketAddr, Via),
        datagram: &mut [u8],
        now: Now,
    ) {
        if self.admission.departed.contains(&header.session) {
            return;
        }
        if !self.admission.pending.contains(&header.session) {
            if !self.admission.may_try_stranger(header.session, from, now.mono) {
                self.metrics.rejected_rate.inc();
                return;
            }
            let Some(key) = self.setup.keys.get(header.key_id) else {
                self.metrics.rejected_key.inc();
                self.note_foreign(from, if header.key_id == 0 { Strangeness::NoKey } else { Strangeness::OtherKey });
                return;
            };
            let key = key.session_key(header.session, header.key_phase);
            if key.open(header.kind.number(), header.number, datagram, HEADER_LEN).is_none() {
                self.metrics.rejected_seal.inc();
                let stranger = Stranger { address: from, strangeness: Strangeness::OtherKey };
                self.admission.strangers.put((header.session, from), (now.mono, stranger));
                return;
            }
            // The bytes are plain now; the shared path below opens, so this first datagram is read here.
            let plain_end = datagram.len() - crate::crypto::TAG_LEN;
            let pending = Pending {
                address: from,
                keys: PeerKeys::proven(header.session, (header.key_id, header.key_phase), key),
                // What was sent before the first datagram heard is not read any more: it may be a recording.
                replay: ReplayWindow::starting_at(if header.kind == Kind::Control { header.number } else { 0 }),
                hello: Hello::default(),
                nonce: self.rng.next_u64(),
                probed: None,
                unheard_probes: 0,
                heard: now.mono,
                first_data: None,
                ways: Ways::new(via, control_number(header), now.mono),
            };
            self.admission.pending.put(header.session, pending);
            let plain = datagram.get(HEADER_LEN..plain_end).unwrap_or_default();
            return self.hear_pending(header, (from, via), plain, now);
        }
        let Some(pending) = self.admission.pending.get_mut(&header.session) else { return };
        if header.kind == Kind::Control && pending.replay.is_duplicate(header.number) {
            self.metrics.rejected_replay.inc();
            return;
        }
        let sealed_by = (header.key_id, header.key_phase);
        let Some(key) = pending.keys.candidate(&self.setup.keys, sealed_by) else {
            self.metrics.rejected_key.inc();
            return;
        };
        let Some(plain) = key.open(header.kind.number(), header.number, datagram, HEADER_LEN) else {
            self.metrics.rejected_seal.inc();
            return;
        };
        pending.keys.prove(sealed_by);
        self.hear_pending(header, (from, via), plain, now);
    }

    /// An authenticated datagram of a pending session: only greetings, probes and their answers are read.
    fn hear_pending(&mut self, header: &Header, (from, via): (SocketAddr, Via), plain: &[u8], now: Now) {
        let Some((preamble, frames)) = Preamble::decode(plain) else {
            self.metrics.rejected_frame.inc();
            return;
        };
        let Some(pending) = self.admission.pending.get_mut(&header.session) else { return };
        pending.heard = now.mono;
        pending.address = from;
        pending.ways.note_pending(via, control_number(header), now.mono);
        if header.kind == Kind::Data {
            pending.first_data = Some(pending.first_data.map_or(header.number, |first| first.min(header.number)));
            return;
        }
        pending.replay.mark(header.number);
        pending.unheard_probes = 0;
        let (mut proof, mut answer, mut clock) = (None, None, None);
        for frame in Frames::new(frames).map_while(Result::ok) {
            match frame {
                Frame::Hello(bytes) => pending.hello = Hello::decode(bytes).unwrap_or_default(),
                Frame::Probe { nonce } => answer = Some(nonce),
                Frame::ProbeAck { nonce, next, flags } if nonce == pending.nonce => proof = Some((next, flags)),
                Frame::Clock { wall_ms } => clock = Some(wall_ms),
                Frame::Bye => {
                    self.admission.pending.pop(&header.session);
                    self.admission.departed.put(header.session, ());
                    return;
                }
                _ => {}
            }
        }
        if let Some(nonce) = answer {
            self.answer_probe(nonce, header.session, from);
        }
        match proof {
            Some((next, flags)) => {
                self.admit(header.session, next, preamble, flags, now.mono);
                if let Some(wall_ms) = clock {
                    self.note_clock(header.session, wall_ms, now.mono);
                }
            }
            None => self.probe_pending(header.session, now.mono),
        }
    }

    fn probe_pending(&mut self, session: SessionId, now: Mono) {
        let hello = self.hello();
        let Some(pending) = self.admission.pending.get_mut(&session) else { return };
        if pending.probed.is_some_and(|probed| now.saturating_since(probed) < PROBE_EVERY) {
            return;
        }
        pending.probed = Some(now);
        let (nonce, to) = (pending.nonce, To::Member(pending.address));
        self.send_control(to, &[Frame::Probe { nonce }, Frame::Hello(&hello)]);
    }

    pub(super) fn answer_probe(&mut self, nonce: u64, session: SessionId, from: SocketAddr) {
        self.tell_next();
        let hello = self.hello();
        let flags = match self.members.get(&session) {
            Some(member) => member.flags_for(self.flags()),
            None => {
                let heard = self.admission.pending.peek(&session).is_some_and(|pending| pending.ways.is_heard());
                Flags(self.flags().0 | if heard { Flags::HEARS_GROUP } else { 0 })
            }
        };
        let ack = Frame::ProbeAck { nonce, next: self.stream.next(), flags };
        self.send_urgent(To::Member(from), &[ack, self.clock_frame(), Frame::Hello(&hello)]);
    }

    /// A datagram of another cluster came in, or one sealed with a key that is not in the ring.
    pub(super) fn note_foreign(&mut self, from: SocketAddr, strangeness: Strangeness) {
        self.admission.foreign.put(from, strangeness);
    }

    /// Who was heard lately and not understood; at most 272.
    #[must_use]
    pub fn strangers(&self) -> Vec<Stranger> {
        let foreign = self.admission.foreign.iter();
        let foreign = foreign.map(|(&address, &strangeness)| Stranger { address, strangeness });
        let mut strangers: Vec<Stranger> =
            self.admission.strangers.iter().map(|(_, &(_, stranger))| stranger).chain(foreign).collect();
        strangers.sort_unstable();
        strangers.dedup();
        strangers
    }

    fn admit(&mut self, session: SessionId, next: Seq, preamble: Preamble, flags: Flags, now: Mono) {
        let Some(pending) = self.admission.pending.pop(&session) else { return };
        if self.members.len() >= MEMBERS_MAX {
            self.metrics.members_refused.inc();
            return;
        }
        let round_trip = pending.probed.map_or(Duration::ZERO, |probed| now.saturating_since(probed));
        // What it sent while pending is asked for again; what it sent before is part of the state that is compared.
        let first = pending.first_data.map_or(next, |first| first.min(next)).max(preamble.trail);
        let mut member = Member::new(pending, session, first.saturating_sub(1), now);
        let gaps = member.window.expect_up_to(next.saturating_sub(1), now, &mut self.rng);
        self.metrics.gaps.add(gaps);
        member.round_trip = round_trip;
        member.hlc = preamble.hlc;
        member.ready = flags.has(Flags::READY);
        if self.lonely {
            // It may have held this node for a member all the time: a number that nobody gets, after all that was written
            // meanwhile, has it compare states.
            self.stream.skip();
        }
        member.acked = self.stream.next().saturating_sub(1);
        member.owed = member.acked;
        member.ways.admit(flags.has(Flags::HEARS_GROUP), now);
        member.unreconciled = self.replicas.keys().copied().collect();
        let doubt = self.doubt_of_newcomer(&member);
        member.doubts = self.replicas.keys().map(|&cache| (cache, doubt)).collect();
        let info = member.info(MemberState::Alive, self.clocks.host(), now);
        tracing::info!(member = %info.name, address = %info.address, "member joined");
        self.members.insert(session, member);
        self.refresh_copies();
        self.drop_older_runs(now);
        self.metrics.members_joined.inc();
        self.lonely = false;
        self.metrics.members_alive.set(self.members.len() as u64);
        self.emit(Event::MemberJoined(info));
        self.bars.tell_newcomer(now);
        // It learns at once whether this node is ready and what its caches hold.
        self.beat_now(now);
    }

    /// A silent member of which a newer run is here is no more. Two that are both heard merely share a name.
    pub(super) fn drop_older_runs(&mut self, now: Mono) {
        let is_older = |m: &Member, newer: &Member| {
            m.hello.name == newer.hello.name && !m.hello.name.is_empty() && m.boot() < newer.boot()
        };
        let silent = self.members.values().filter(|m| now.saturating_since(m.heard) >= SUPERSEDED_SILENT);
        let older: Vec<SessionId> =
            silent.filter(|m| self.members.values().any(|newer| is_older(m, newer))).map(|m| m.session).collect();
        for session in older {
            self.remove_member(session, MemberState::Down, now);
        }
    }

    /// Forgets a member. Its state is `Down` or `Left`.
    pub(super) fn remove_member(&mut self, session: SessionId, state: MemberState, now: Mono) {
        let Some(member) = self.members.remove(&session) else { return };
        let info = member.info(state, self.clocks.host(), now);
        self.refresh_copies();
        self.pages.retain(|&(asker, _), _| asker != session);
        self.transfers.retain(|_, transfer| transfer.donor() != session);
        self.metrics.members_alive.set(self.members.len() as u64);
        if state == MemberState::Left {
            tracing::info!(member = %info.name, "member left");
            self.admission.departed.put(session, ());
            self.metrics.members_left.inc();
            self.emit(Event::MemberLeft(info));
        } else {
            tracing::info!(member = %info.name, "member is down");
            self.note_down(info.address, &member.ways, now);
            let silent = now.saturating_since(member.heard);
            let last_heard = self.wall_before(silent);
            self.admission.away.put(session, last_heard);
            self.doubt_all(silent);
            self.metrics.members_failed.inc();
            self.emit(Event::MemberFailed(info));
        }
        self.doubt_others_as(&member);
        for replica in self.replicas.values_mut() {
            replica.forget(session);
        }
        if member.window.has_missing() || !member.reassembly.is_empty() {
            // Others may have what of its last updates is missing here.
            let others: Vec<SessionId> = self.members.keys().copied().collect();
            for other in others {
                self.reconcile_again(other);
            }
        }
        self.release_acknowledged();
        self.settle(now);
        self.check_syncs();
        self.check_bars();
    }

    /// Probes who is pending and heard, forgets who is pending and silent.
    pub(super) fn tend_pending(&mut self, now: Mono) {
        let (live, silent): (Vec<_>, Vec<_>) = self
            .admission
            .pending
            .iter()
            .map(|(&session, pending)| (session, pending.heard))
            .partition(|&(_, heard)| now.saturating_since(heard) < PENDING_FORGET);
        for (session, _) in silent {
            self.admission.pending.pop(&session);
        }
        for (session, _) in live {
            let again = self.admission.pending.peek_mut(&session).is_some_and(|pending| {
                pending.unheard_probes += 1;
                pending.unheard_probes <= PROBES_UNHEARD_MAX
            });
            if again {
                self.probe_pending(session, now);
            }
        }
    }
}

/// The number of a control datagram; 0 for data.
fn control_number(header: &Header) -> Seq {
    if header.kind == Kind::Control { header.number } else { 0 }
}
