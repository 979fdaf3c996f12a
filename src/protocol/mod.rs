//! The sans-IO state machine: one node's view of the cluster.
//!
//! Datagrams, the application's wishes, the time and a seed go in; datagrams, events and the next deadline come out. No
//! socket, thread, clock or entropy lives here, so the same inputs give the same outputs, byte for byte. Methods are of
//! four kinds: getters, `handle_*` (the world speaks), commands (the application speaks), `poll_*` (the core answers).
//!
//! The parts, each a file: `admission` (who is a member), `reach` (by which way), `liveness` (heartbeats,
//! failure), `stream` and `flow` (what is sent reliably, and how fast), `sync` (who has it), `receivers` (who is waited for), `window` and `repair` (what is missing, and getting it), `assembly` and
//! `reassembly` (large updates), `receive` (what datagrams do), `reconcile`, `transfer` and `donor` (making two replicas equal), `doubt` (what none of
//! them shows any more), `query` (asking members about themselves), `modes` (caches that are open differently), `bars` (fills that are refused while somebody writes a database), `keys` (what seals and opens), `allowance`
//! (what a member's questions may cost), `clocks` (whose clock is right). None of them decides which of two updates wins: `Store::apply` does, by version.

mod admission;
mod allowance;
mod assembly;
mod bars;
mod clocks;
mod donor;
mod doubt;
mod flow;
mod keys;
mod liveness;
mod member;
mod modes;
mod query;
mod reach;
mod reassembly;
mod receive;
mod receivers;
mod reconcile;
mod repair;
mod stream;
mod sync;
mod transfer;
mod window;

#[cfg(test)]
mod doubt_tests;
#[cfg(test)]
mod flow_tests;
#[cfg(test)]
mod key_tests;
#[cfg(test)]
mod limit_tests;
#[cfg(test)]
mod mode_tests;
#[cfg(test)]
mod reach_tests;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod time_tests;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::crypto::{Keyring, TAG_LEN};
use crate::hlc::{Hlc, HlcTimestamp, Version};
use crate::ids::{CacheId, SessionId};
use crate::metrics::Metrics;
use crate::rng::Rng;
use crate::store::Store;
use crate::time::{Mono, Now, WallMs};
use crate::update::{Update, UpdateKind};
use crate::wire::{Frame, HEADER_LEN, Header, Kind, PREAMBLE_LEN, Preamble};

use admission::Admission;
use allowance::Allowance;
use bars::Bars;
use clocks::Clocks;
use donor::DonorPage;
use flow::Flow;
use keys::Sealing;
use liveness::Beat;
use member::Member;
use query::Queries;
use reach::Reach;
use reconcile::Replica;
use stream::Stream;
use sync::Syncs;
use transfer::Transfer;

pub use crate::wire::{Mode, Query};
pub use admission::{Strangeness, Stranger};
pub use bars::{BAR_KEYS_MAX, BAR_LIMIT_MAX};
pub use keys::{KeyInfo, Rephase};
pub use member::{MemberInfo, MemberState};
pub use reach::{Links, Via};
pub use sync::{SyncTo, SyncWish};

/// Bytes of a datagram that are not frames.
const DATAGRAM_OVERHEAD: usize = HEADER_LEN + PREAMBLE_LEN + TAG_LEN;
/// Smallest datagram that every control frame fits: a request for state carries a set of 4,096 segments.
const PAYLOAD_MIN: usize = 640;
/// Control datagrams that may wait to be sent; beyond, they are dropped like lost ones.
const CONTROL_QUEUE_MAX: usize = 4_096;
/// Events that may wait to be polled; the driver polls after every turn.
const EVENTS_MAX: usize = 1 << 20;

/// What a protocol is made from.
#[derive(Clone)]
pub struct Setup {
    /// This run of this node; 96 random bits.
    pub session: SessionId,
    /// This node's name, for people.
    pub name: String,
    /// What everything is sealed and opened with.
    pub keys: Keyring,
    /// When a key has sealed enough.
    pub rephase: Rephase,
    /// Largest datagram to build, in bytes of UDP payload; at least 640.
    pub max_payload: usize,
    /// Receive buffer the system granted, in bytes; told to the others, who pace themselves by it.
    pub receive_buffer: usize,
    /// Longest value accepted from the network, in bytes.
    pub max_value: usize,
    /// How often two idle replicas that differ for good (after evictions) are compared anew.
    pub audit_interval: Duration,
    /// How far a clock may be from most members' before it is not heeded.
    pub max_clock_skew: Duration,
    /// How others are reached.
    pub links: Links,
    /// Of every random choice.
    pub seed: u64,
}

/// Where a datagram is to go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum To {
    /// Every member: to the group, if there is one, and to each of [`Protocol::copies`].
    Group,
    /// One of them.
    Member(SocketAddr),
}

/// What the application is told.
#[derive(Clone, Debug)]
pub enum Event {
    /// Discovery is over and every open cache holds what the cluster holds. Told again after a cache is opened later.
    Ready,
    /// A member was admitted.
    MemberJoined(MemberInfo),
    /// A member said goodbye.
    MemberLeft(MemberInfo),
    /// A member has not been heard for five seconds, or was replaced by a newer run of itself.
    MemberFailed(MemberInfo),
    /// A remote update was applied. Only while listening.
    Applied {
        /// To which cache.
        cache: CacheId,
        /// What it did.
        kind: UpdateKind,
        /// To which key.
        key: Box<[u8]>,
        /// Its version.
        version: Version,
    },
    /// A remote update made room by evicting this entry. Only while listening.
    Evicted {
        /// From which cache.
        cache: CacheId,
        /// Which key.
        key: Box<[u8]>,
        /// The entry's version.
        version: Version,
    },
    /// A member has a cache open in another mode than this node has. Told once until they are alike.
    ModeDiffers {
        /// Which cache.
        cache: CacheId,
        /// Who has.
        member: MemberInfo,
        /// Its mode.
        theirs: Mode,
        /// This node's.
        ours: Mode,
    },
    /// The members that were waited for have applied what was wished for.
    Synced {
        /// As in the [`SyncWish`].
        token: u64,
    },
    /// All members refuse fills of what the bar is of.
    Barred {
        /// As in [`Protocol::raise_bar`].
        bar: u64,
    },
    /// One member's whole answer to a query.
    Answer {
        /// As returned by [`Protocol::query`].
        query: u64,
        /// Who answers.
        member: MemberInfo,
        /// CBOR, see [`Query`].
        body: Vec<u8>,
    },
}

/// One node's view of the cluster.
pub struct Protocol {
    setup: Setup,
    hlc: Arc<Hlc>,
    metrics: Arc<Metrics>,
    sealing: Sealing,
    rng: Rng,
    /// Bytes of frames that fit one datagram.
    room: usize,
    members: BTreeMap<SessionId, Member>,
    admission: Admission,
    reach: Reach,
    /// What the questions of all members together may cost.
    allowance: Allowance,
    /// Somebody else speaks under this session.
    cloned: bool,
    stream: Stream,
    flow: Flow,
    syncs: Syncs,
    beat: Beat,
    replicas: BTreeMap<CacheId, Replica>,
    transfers: BTreeMap<CacheId, Transfer>,
    requests: u32,
    pages: BTreeMap<(SessionId, CacheId), DonorPage>,
    queries: Queries,
    bars: Bars,
    /// Signs of life and flow control: sent before other control datagrams, however many of those wait.
    urgent: VecDeque<(To, Vec<u8>)>,
    control: VecDeque<(To, Vec<u8>)>,
    control_number: u64,
    scratch: Vec<u8>,
    events: VecDeque<Event>,
    listening: bool,
    ready: bool,
    /// The time that this node goes by, as last told.
    wall: WallMs,
    clocks: Clocks,
    /// When both clocks were told last.
    clock_read: Mono,
    /// Updates were dropped since there was no member to send them to.
    lonely: bool,
    left: bool,
}

impl fmt::Debug for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protocol")
            .field("session", &self.setup.session)
            .field("members", &self.members.len())
            .field("ready", &self.ready)
            .finish_non_exhaustive()
    }
}

impl Protocol {
    /// A node that has just started and knows nobody. Its first datagrams are ready to be polled.
    #[must_use]
    pub fn new(setup: Setup, hlc: Arc<Hlc>, metrics: Arc<Metrics>, now: Now) -> Protocol {
        let room = setup.max_payload.max(PAYLOAD_MIN) - DATAGRAM_OVERHEAD;
        let mut protocol = Protocol {
            sealing: Sealing::new(&setup.keys, setup.session, now.mono),
            rng: Rng::new(setup.seed),
            room,
            members: BTreeMap::new(),
            admission: Admission::new(hlc.tick(now.wall).hlc, setup.links.awaits_contacts, now.mono),
            reach: Reach::new(&setup.links, now.mono),
            allowance: Allowance::of_all(now.mono),
            cloned: false,
            stream: Stream::new(room),
            flow: Flow::default(),
            syncs: Syncs::default(),
            beat: Beat::new(now.mono),
            replicas: BTreeMap::new(),
            transfers: BTreeMap::new(),
            requests: 0,
            pages: BTreeMap::new(),
            queries: Queries::default(),
            bars: Bars::default(),
            urgent: VecDeque::new(),
            control: VecDeque::new(),
            control_number: 0,
            scratch: Vec::with_capacity(setup.max_payload),
            events: VecDeque::new(),
            listening: false,
            ready: false,
            wall: now.wall,
            clocks: Clocks::new(setup.max_clock_skew, now),
            clock_read: now.mono,
            lonely: false,
            left: false,
            setup,
            hlc,
            metrics,
        };
        protocol.greet(now.mono);
        protocol
    }

    // The world speaks.

    /// Does what has come due. Calling it early or late is harmless.
    pub fn handle_timeout(&mut self, now: Now) {
        let now = self.read_clock(now);
        if self.left {
            return;
        }
        self.greet_if_due(now.mono);
        self.beat_if_due(now.mono);
        self.tick_if_due(now);
        self.tell_peers_if_due(now.mono);
        self.ask_for_missing(now.mono);
        self.send_due_statuses(now.mono);
        self.look_at_receivers_if_due(now.mono);
        self.retry_transfers(now.mono);
        self.repeat_queries(now.mono);
        self.settle(now.mono);
        self.tend_bars(now.mono);
    }

    // The application speaks.

    /// A replicated cache was opened: its store is filled from the members and kept in step from now on.
    pub fn open_cache(&mut self, cache: CacheId, store: Arc<Store>, now: Now) {
        self.replicas.insert(cache, Replica::new(store));
        self.bar_opened(cache);
        let mut addresses = Vec::new();
        for member in self.members.values_mut() {
            member.unreconciled.insert(cache);
            // Nothing is held of it yet, so nothing is doubtful; but the floors are to be taken over.
            member.doubts.insert(cache, HlcTimestamp::ZERO);
            // It may have opened this cache since it last told of its caches; a probe has it tell again.
            member.told = false;
            member.digests.clear();
            addresses.push(member.address);
        }
        for address in addresses {
            let nonce = self.rng.next_u64();
            self.send_control(To::Member(address), &[Frame::Probe { nonce }]);
        }
        // Nobody is to count on this node for what it has not compared yet.
        let sessions: Vec<SessionId> = self.members.keys().copied().collect();
        for session in sessions {
            self.send_status(session);
        }
        self.ready = false;
        self.settle(now.mono);
        self.beat_now(now.mono);
    }

    /// The cache takes part no longer.
    pub fn close_cache(&mut self, cache: CacheId) {
        self.replicas.remove(&cache);
        self.transfers.remove(&cache);
        self.pages.retain(|&(_, page), _| page != cache);
        for member in self.members.values_mut() {
            member.unreconciled.remove(&cache);
            member.doubts.remove(&cache);
            member.other_modes.remove(&cache);
        }
    }

    /// Whether [`Protocol::send_update`] is welcome. While it is not, leave keys dirty: that is what conflates them.
    #[must_use]
    pub fn can_send(&self) -> bool {
        self.members.is_empty() || self.stream.has_room()
    }

    /// Sends a local update, which the store has applied already, to every member.
    ///
    /// With no member there is nobody to send to: who is admitted later compares its state with this node's.
    pub fn send_update(&mut self, cache: CacheId, update: &Update<'_>, _now: Now) {
        if self.members.is_empty() && !self.left && !self.lonely {
            // Somebody may still hold this node for a member. A number that nobody ever gets has him compare states.
            self.lonely = true;
            self.stream.skip();
        }
        if self.members.is_empty() || self.left {
            return;
        }
        self.metrics.updates_sent.inc();
        self.note_late(cache, update.key);
        self.stream.enqueue(cache, update);
    }

    /// Which number comes next is about to be told: who follows this node unheard finds the one skipped, and who joins counts
    /// from there and has nothing to find. Of an update that is dropped later, both must learn anew.
    fn tell_next(&mut self) {
        self.lonely = false;
    }

    /// Tells of remote updates by [`Event::Applied`] and [`Event::Evicted`], or stops to.
    pub fn set_listening(&mut self, listening: bool) {
        self.listening = listening;
    }

    /// Says goodbye: the datagrams polled next are the last.
    pub fn leave(&mut self, _now: Now) {
        /// Three, since nobody acknowledges a goodbye; who misses all three finds out by silence.
        const BYES: usize = 3;
        if self.left {
            return;
        }
        for _ in 0..BYES {
            self.send_urgent(To::Group, &[Frame::Bye]);
        }
        self.left = true;
    }

    // The core answers.

    /// Appends the next datagram to `out` and says where it goes; `None` when there is nothing to send now.
    pub fn poll_transmit(&mut self, now: Now, out: &mut Vec<u8>) -> Option<To> {
        let before = out.len();
        let to = self.next_datagram(now, out)?;
        self.metrics.datagrams_sent.inc();
        self.metrics.bytes_sent.add((out.len() - before) as u64);
        if to == To::Group {
            self.metrics.copies_sent.add(self.copies().len() as u64);
        }
        Some(to)
    }

    fn next_datagram(&mut self, now: Now, out: &mut Vec<u8>) -> Option<To> {
        if self.cloned {
            return None;
        }
        self.rephase_if_due(now.mono);
        if let Some((to, frames)) = self.urgent.pop_front().or_else(|| self.control.pop_front()) {
            self.control_number += 1;
            let number = self.control_number;
            self.seal(Kind::Control, number, 0, &frames, out);
            return Some(to);
        }
        if self.left {
            return None;
        }
        if let Some(to) = self.stream.take_repair(now.mono, out) {
            match to {
                To::Group => self.metrics.repairs_multicast.inc(),
                To::Member(_) => self.metrics.repairs_unicast.inc(),
            }
            return Some(to);
        }
        self.next_data(now, out)
    }

    /// What happened since the last call.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`Protocol::handle_timeout`] wants to be called next.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Mono> {
        if self.left {
            return None;
        }
        [
            self.greeting_due(),
            Some(self.beat.due()),
            Some(self.admission.tick_due()),
            Some(self.reach.due()),
            self.stream.repair_due(),
            self.flow.look,
            self.members.values().filter_map(|member| member.window.due()).min(),
            self.members.values().filter_map(|member| member.status_due).min(),
            self.transfers.values().map(Transfer::due).min(),
            self.queries.due(),
            self.bars.due(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Whether discovery is over and every open cache holds what the cluster holds.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// Whether somebody else speaks under this node's session, which only a copy of this very process can: a virtual
    /// machine was restored from a snapshot, or cloned, while it ran. Both would seal different datagrams with the same
    /// key and nonce, so this one must not send anything more.
    #[must_use]
    pub fn is_cloned(&self) -> bool {
        self.cloned
    }

    /// Every member known, this node not included, ordered by session.
    #[must_use]
    pub fn members(&self, now: Now) -> Vec<MemberInfo> {
        self.members.values().map(|member| self.info_of(member, now.mono)).collect()
    }

    // Used by all the parts.

    /// Queues a control datagram; its seal and number are made when it is polled.
    fn send_control(&mut self, to: To, frames: &[Frame<'_>]) {
        self.send_control_bytes(to, encoded(frames));
    }

    /// Queues one that goes before the others.
    fn send_urgent(&mut self, to: To, frames: &[Frame<'_>]) {
        if self.urgent.len() < CONTROL_QUEUE_MAX {
            self.urgent.push_back((to, encoded(frames)));
        }
    }

    fn send_control_bytes(&mut self, to: To, frames: Vec<u8>) {
        debug_assert!(frames.len() <= self.room, "a control datagram fits");
        if self.control.len() == CONTROL_QUEUE_MAX {
            self.metrics.send_failures.inc();
            return;
        }
        self.control.push_back((to, frames));
    }

    /// Appends a sealed datagram with these frames to `out`.
    fn seal(&mut self, kind: Kind, number: u64, flags: u16, frames: &[u8], out: &mut Vec<u8>) {
        let header = Header {
            kind,
            key_id: self.sealing.key_id,
            key_phase: self.sealing.phase,
            flags,
            cluster_tag: self.setup.keys.cluster_tag(),
            session: self.setup.session,
            number,
        };
        let preamble = Preamble { hlc: self.hlc.latest(), trail: self.stream.trail() };
        self.scratch.clear();
        header.encode(&mut self.scratch);
        preamble.encode(&mut self.scratch);
        self.scratch.extend_from_slice(frames);
        self.sealing.key.seal(kind.number(), number, &mut self.scratch, HEADER_LEN);
        self.sealing.count();
        out.extend_from_slice(&self.scratch);
    }

    fn emit(&mut self, event: Event) {
        if self.events.len() == EVENTS_MAX {
            self.metrics.events_dropped.inc();
            return;
        }
        self.events.push_back(event);
    }
}

fn encoded(frames: &[Frame<'_>]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(frames.iter().map(Frame::encoded_len).sum());
    for frame in frames {
        frame.encode(&mut plain);
    }
    plain
}
