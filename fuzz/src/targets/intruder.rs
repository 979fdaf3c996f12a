//! A node under attack, and an intruder that holds the cluster's key and may or may not be its member.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use mccache::config::{RingKey, Secret};
use mccache::crypto::{ClusterKey, Keyring};
use mccache::hlc::{Hlc, HlcTimestamp, Version};
use mccache::ids::{CacheId, SessionId};
use mccache::metrics::Metrics;
use mccache::protocol::{Links, Protocol, Rephase, Setup, To, Via};
use mccache::store::{Limits, Precondition, Source, Store};
use mccache::time::{Deadline, Mono, Now, WallMs};
use mccache::update::{Codec, Update, UpdateKind};
use mccache::wire::{Flags, Frame, Frames, HEADER_LEN, Header, Hello, Kind, Preamble};

/// The one cache that the node has open.
pub(super) const CACHE: CacheId = CacheId(7);
/// The node's longest datagram.
pub(super) const PAYLOAD: usize = 1_400;
/// Longest value that the node takes.
pub(super) const VALUE_MAX: usize = 1 << 20;
/// Where the intruder sends from.
pub(super) const FROM: ([u8; 4], u16) = ([127, 0, 0, 1], 66);
/// The cluster's name.
pub(super) const CLUSTER: &str = "fuzz";
/// When it is, at the start.
const WALL: WallMs = WallMs(1_790_000_000_000);
/// More turns in one instant than the longest backlog of requests explains: the node's thread would never sleep.
const TURNS_MAX: usize = 2_000;

/// The intruder's session.
pub(super) const INTRUDER: SessionId = SessionId(*b"an intruder.");
/// The node's session.
pub(super) const NODE: SessionId = SessionId(*b"the victim..");

/// A node, and who attacks it.
pub(super) struct Attack {
    pub(super) protocol: Protocol,
    pub(super) store: Arc<Store>,
    pub(super) now: Now,
    keys: Keyring,
    /// What the intruder seals with: a key of the ring, and a phase.
    pub(super) sealed_by: (u8, u8),
    control: u64,
    data: u64,
    sent: Vec<u8>,
}

impl Attack {
    /// A node that has settled alone, with a few entries.
    pub(super) fn begin() -> Attack {
        let now = Now { mono: Mono::default(), wall: WALL };
        let keys = Keyring::of(CLUSTER, &[1, 2].map(|id| RingKey { id, secret: Secret([id; 32]) })).expect("two keys");
        let hlc = Arc::new(Hlc::new(NODE.origin()));
        let limits = Limits { max_entries: 1_000, max_bytes: 16 << 20 };
        let store = Arc::new(Store::with_seed(limits, keys.hash_key(), true, 1));
        let setup = Setup {
            session: NODE,
            name: "node".to_owned(),
            keys: keys.clone(),
            rephase: Rephase { datagrams: 100, ..Rephase::default() },
            max_payload: PAYLOAD,
            receive_buffer: 4 << 20,
            max_value: VALUE_MAX,
            audit_interval: Duration::from_secs(60),
            max_clock_skew: Duration::from_millis(500),
            links: Links::multicast(SocketAddr::from(([127, 0, 0, 1], 1))),
            seed: 1,
        };
        let mut protocol = Protocol::new(setup, Arc::clone(&hlc), Arc::new(Metrics::default()), now);
        protocol.open_cache(CACHE, Arc::clone(&store), now);
        for (key, len) in [(&b"small"[..], 10), (b"page", 1_000), (b"large", 100_000)] {
            let value = vec![7; len];
            let version = hlc.tick(now.wall);
            let (kind, codec, deadline) = (UpdateKind::Put, Codec::RAW, Deadline::NEVER);
            let put = Update { kind, key, value: &value, codec, version, deadline };
            store.apply(&put, Source::Local, Precondition::Any, now.wall);
            let _sent = store.take_dirty(key);
        }
        let mut attack =
            Attack { protocol, store, now, keys, sealed_by: (1, 0), control: 0, data: 0, sent: Vec::new() };
        attack.pass(Duration::from_secs(1));
        assert!(attack.protocol.is_ready());
        attack
    }

    /// The same with the intruder admitted.
    pub(super) fn begin_inside() -> Attack {
        let mut attack = Attack::begin();
        let hello = Hello { name: "intruder".to_owned(), boot_hlc: 1, version: String::new(), receive_buffer: 1 << 20 };
        attack.send_control(&[Frame::Hello(&hello.encode())]);
        let nonce = attack.heard_nonce().expect("who has the key is probed");
        attack.send_control(&[Frame::ProbeAck { nonce, next: 1, flags: Flags(Flags::READY) }]);
        assert_eq!(attack.protocol.members(attack.now).len(), 1, "who answers the probe is admitted");
        attack.turn();
        attack
    }

    /// The number of the probe that the node just sent.
    fn heard_nonce(&mut self) -> Option<u64> {
        let mut nonce = None;
        let mut datagram = Vec::new();
        while self.protocol.poll_transmit(self.now, &mut datagram).is_some() {
            let header = Header::decode(&datagram).expect("the node's own");
            let key = self.key(header.key_id).session_key(NODE, header.key_phase);
            let plain = key.open(header.kind.number(), header.number, &mut datagram, HEADER_LEN).expect("its seal");
            let (_, frames) = Preamble::decode(plain).expect("its preamble");
            for frame in Frames::new(frames).flatten() {
                if let Frame::Probe { nonce: probe } = frame {
                    nonce = Some(probe);
                }
            }
            datagram.clear();
        }
        nonce
    }

    pub(super) fn send_control(&mut self, frames: &[Frame<'_>]) {
        let mut plain = Vec::new();
        for frame in frames {
            frame.encode(&mut plain);
        }
        self.send(Kind::Control, 0, 1, &plain);
    }

    /// Sends what the intruder sealed: `number` beyond the last one of its kind, with whatever in the place of frames.
    pub(super) fn send(&mut self, kind: Kind, flags: u16, ahead: u64, frames: &[u8]) {
        let last = if kind == Kind::Data { &mut self.data } else { &mut self.control };
        *last = last.saturating_add(ahead);
        let number = *last;
        let preamble = Preamble { hlc: HlcTimestamp::at(self.now.wall), trail: 1 };
        self.send_exactly(kind, flags, number, preamble, frames);
    }

    /// Sends what the intruder sealed, with this number and preamble.
    pub(super) fn send_exactly(&mut self, kind: Kind, flags: u16, number: u64, preamble: Preamble, frames: &[u8]) {
        let header = Header {
            kind,
            key_id: self.sealed_by.0,
            key_phase: self.sealed_by.1,
            flags,
            cluster_tag: self.keys.cluster_tag(),
            session: INTRUDER,
            number,
        };
        let mut datagram = Vec::new();
        header.encode(&mut datagram);
        preamble.encode(&mut datagram);
        datagram.extend_from_slice(frames);
        self.key(self.sealed_by.0).session_key(INTRUDER, self.sealed_by.1).seal(
            kind.number(),
            number,
            &mut datagram,
            HEADER_LEN,
        );
        self.deliver(&mut datagram);
    }

    fn key(&self, id: u8) -> &ClusterKey {
        self.keys.get(id).expect("the intruder uses keys of the ring")
    }

    /// The node gets these bytes.
    pub(super) fn deliver(&mut self, datagram: &mut [u8]) {
        self.protocol.handle_datagram(SocketAddr::from(FROM), Via::Group, datagram, self.now);
    }

    /// Time passes, from one deadline to the next, as it does for a driver that gets to run seldom.
    pub(super) fn pass(&mut self, span: Duration) {
        const STEP_MIN: Duration = Duration::from_millis(25);
        let end = self.now.mono + span;
        loop {
            self.turn();
            let left = end.saturating_since(self.now.mono);
            if left.is_zero() {
                return;
            }
            let due = self.protocol.poll_timeout().map_or(left, |due| due.saturating_since(self.now.mono));
            let step = due.max(STEP_MIN).min(left);
            self.now.mono = self.now.mono + step;
            self.now.wall = self.now.wall.after(step);
        }
    }

    /// The node does what is due, and says what it has to say; returns how many datagrams that is.
    pub(super) fn turn(&mut self) -> usize {
        let mut sent = 0;
        for _ in 0..TURNS_MAX {
            if self.protocol.poll_timeout().is_some_and(|due| due <= self.now.mono) {
                self.protocol.handle_timeout(self.now);
            }
            while let Some(to) = self.protocol.poll_transmit(self.now, &mut self.sent) {
                assert!(self.sent.len() <= PAYLOAD, "a datagram of {} bytes", self.sent.len());
                assert!(matches!(to, To::Group) || to == To::Member(SocketAddr::from(FROM)), "{to:?}");
                self.sent.clear();
                sent += 1;
            }
            while self.protocol.poll_event().is_some() {}
            if self.protocol.poll_timeout().is_none_or(|due| due > self.now.mono) {
                return sent;
            }
        }
        panic!("the node never sleeps: due at {:?}, now {:?}", self.protocol.poll_timeout(), self.now.mono);
    }

    /// A version as the intruder draws one.
    pub(super) fn version(&self, counter: u16) -> Version {
        Version { hlc: HlcTimestamp(HlcTimestamp::at(self.now.wall).0 | u64::from(counter)), origin: INTRUDER.origin() }
    }
}
