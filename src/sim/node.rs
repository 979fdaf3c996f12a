//! One simulated node: the real protocol and store, and an outbox as the driver keeps one.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::{Multicast, Options};
use crate::crypto::Keyring;
use crate::hlc::{Hlc, HlcTimestamp, Version};
use crate::ids::{CacheId, SessionId};
use crate::metrics::Metrics;
use crate::protocol::{Event, Links, Protocol, Rephase, Setup, SyncTo, SyncWish, To, Via};
use crate::rng::Rng;
use crate::store::{Key, Limits, Outgoing, Precondition, Source, Store, Watch};
use crate::time::{Deadline, Mono, Now, WallMs};
use crate::update::{Codec, Update, UpdateKind, join_tags};

/// The default of the setting.
pub(super) const MAX_CLOCK_SKEW: Duration = Duration::from_millis(500);

/// The one cache of the simulation.
pub(super) const CACHE_NAME: &str = "sim";

/// Where the run `run` of the node at `place` is. A node that is found by a list stays where it is, as behind a fixed port.
fn address(place: usize, run: u64, multicast: Multicast) -> SocketAddr {
    let run = if listed(multicast) > 0 { 0 } else { usize::try_from(run).unwrap_or(0) % 1_000 };
    SocketAddr::from(([127, 0, 0, 1], 1_000 + u16::try_from(place * 1_000 + run).unwrap_or(0)))
}

fn links(own: SocketAddr, options: &Options) -> Links {
    let contacts =
        (0..listed(options.multicast).min(options.nodes)).map(|place| address(place, 0, options.multicast)).collect();
    let multicast = !matches!(options.multicast, Multicast::None { .. });
    Links { multicast, contacts, ..Links::multicast(own) }
}

fn listed(multicast: Multicast) -> usize {
    match multicast {
        Multicast::Works => 0,
        Multicast::BlackHoles { listed } | Multicast::None { listed } => listed,
    }
}

/// Tombstones are looked through so often while one is kept.
const ROUNDS_A_LIFE: u32 = 4;

/// What waits to be sent.
#[derive(Debug)]
enum Waiting {
    Key(Key),
    Forget(Key, Version),
    Clear(Version),
    Tag(Box<[u8]>, Version),
}

/// A node between start and crash.
pub(super) struct SimNode {
    pub(super) address: SocketAddr,
    pub(super) session: SessionId,
    pub(super) store: Arc<Store>,
    pub(super) metrics: Arc<Metrics>,
    protocol: Protocol,
    hlc: Arc<Hlc>,
    outbox: VecDeque<Waiting>,
    /// What was ever put into the outbox, and what was taken out.
    queued: u64,
    handed: u64,
    /// Syncs that have ended and were not asked about yet.
    synced: Vec<u64>,
    /// How many entries it had taken back when it was asked last.
    disowned: u64,
    tombstone_life: Duration,
    /// When old tombstones were collected last.
    collected: Mono,
    /// Bars that all members hold and were not asked about yet.
    barred: Vec<u64>,
}

impl SimNode {
    /// Starts a run of the node at `place`.
    pub(super) fn start(place: usize, run: u64, options: &Options, rng: &mut Rng, now: Now) -> SimNode {
        let mut session = [0; 12];
        let (low, high) = session.split_at_mut(8);
        low.copy_from_slice(&rng.next_u64().to_le_bytes());
        high.copy_from_slice(&rng.next_u64().to_le_bytes()[..4]);
        let session = SessionId(session);
        let address = address(place, run, options.multicast);
        let keys = Keyring::public("sim");
        let hlc = Arc::new(Hlc::new(session.origin()));
        let metrics = Arc::new(Metrics::default());
        let limits = Limits { max_entries: options.max_entries, max_bytes: usize::MAX };
        let store = Store::with_seed(limits, keys.hash_key(), true, rng.next_u64());
        let store = Arc::new(match (options.invalidate, options.partial) {
            (true, true) => store.partial(),
            (true, false) => store.marking(),
            (false, _) => store,
        });
        let setup = Setup {
            session,
            name: format!("node-{place}"),
            keys,
            // Often, so that phases come and go under every fault.
            rephase: Rephase { datagrams: 300, ..Rephase::default() },
            max_payload: 1_400,
            receive_buffer: 4 << 20,
            max_value: 1 << 20,
            audit_interval: Duration::from_secs(60),
            max_clock_skew: MAX_CLOCK_SKEW,
            links: links(address, options),
            seed: rng.next_u64(),
        };
        let mut protocol = Protocol::new(setup, hlc.clone(), metrics.clone(), now);
        protocol.open_cache(CacheId::of(CACHE_NAME), store.clone(), now);
        let (outbox, synced, barred) = Default::default();
        let (tombstone_life, collected) = (options.tombstone_life, now.mono);
        let (queued, handed, disowned) = (0, 0, 0);
        SimNode {
            address,
            session,
            store,
            metrics,
            protocol,
            hlc,
            outbox,
            queued,
            handed,
            synced,
            disowned,
            barred,
            tombstone_life,
            collected,
        }
    }

    /// Writes as an application would; returns the version.
    pub(super) fn write(&mut self, kind: UpdateKind, key: &[u8], value: &[u8], now: Now) -> Version {
        let wall = self.hlc.corrected(now.wall);
        let version = self.hlc.tick(wall);
        let update = Update { kind, key, value, codec: Codec::RAW, version, deadline: Deadline::NEVER };
        let outcome = self.store.apply(&update, Source::Local, Precondition::Any, wall);
        let before = self.outbox.len();
        match kind {
            UpdateKind::Clear => self.outbox.push_back(Waiting::Clear(version)),
            UpdateKind::InvalidateTag => self.outbox.push_back(Waiting::Tag(key.into(), version)),
            _ => {}
        }
        self.outbox.extend(outcome.dirty_key.map(Waiting::Key));
        // What left unsent is made known, as the driver does.
        let unsent = outcome.evicted.into_iter().filter(|gone| gone.dirty);
        self.outbox.extend(unsent.map(|gone| Waiting::Forget(gone.key, gone.version)));
        self.queued += (self.outbox.len() - before) as u64;
        version
    }

    /// Asks to be told when `to` have everything written until now.
    pub(super) fn sync(&mut self, token: u64, to: SyncTo, now: Now) {
        let cache = CacheId::of(CACHE_NAME);
        self.protocol.sync(SyncWish { token, cache, position: self.queued, to }, now);
    }

    /// The syncs that have ended since the last call.
    pub(super) fn take_synced(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.synced)
    }

    /// Raises a bar of the key here and has members hold it; its name is given back.
    pub(super) fn raise_bar(&mut self, key: &[u8], limit: Duration, now: Now) -> u64 {
        let (bar, hash) = (self.hlc.tick(now.wall).hlc.0, self.store.key_hash(key));
        self.store.raise_bar(hash);
        self.protocol.raise_bar(bar, CacheId::of(CACHE_NAME), vec![hash], limit, now);
        bar
    }

    /// Lifts it, here and there.
    pub(super) fn lift_bar(&mut self, bar: u64, key: &[u8], now: Now) {
        self.store.lift_bar(self.store.key_hash(key));
        self.protocol.lift_bar(bar, now);
    }

    /// The bars that all members have come to hold since the last call.
    pub(super) fn take_barred(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.barred)
    }

    /// Sessions of the members it knows.
    pub(super) fn member_sessions(&self, now: Now) -> Vec<SessionId> {
        self.protocol.members(now).iter().map(|member| member.session).collect()
    }

    /// A put with a tag.
    pub(super) fn put_tagged(&mut self, key: &[u8], value: &[u8], tag: u8, now: Now) -> Version {
        let bytes = join_tags(&[self.store.tag_hash(&[tag])], value);
        self.write(UpdateKind::TaggedPut, key, &bytes, now)
    }

    /// Makes what was put with the tag a miss.
    pub(super) fn invalidate_tag(&mut self, tag: u8, now: Now) -> Version {
        let key = self.store.tag_hash(&[tag]).to_le_bytes();
        self.write(UpdateKind::InvalidateTag, &key, &[], now)
    }

    /// Begins a load, if there is no value.
    pub(super) fn lease(&mut self, key: &[u8], now: Now) -> Option<(Watch, Version)> {
        if self.store.get(key, now.wall).is_some() {
            return None;
        }
        let watch = self.store.watch(key);
        Some((watch, self.hlc.tick(now.wall)))
    }

    /// Ends it: puts what was loaded, if anything was.
    pub(super) fn fill(&mut self, key: &[u8], value: Option<&[u8]>, (watch, version): (Watch, Version), now: Now) {
        if let Some(value) = value {
            let (kind, codec, deadline) = (UpdateKind::Put, Codec::RAW, Deadline::NEVER);
            let update = Update { kind, key, value, codec, version, deadline };
            self.store.apply(&update, Source::Fill, Precondition::QuietSince(watch), now.wall);
        }
        self.store.unwatch(key, watch);
    }

    pub(super) fn deliver(&mut self, from: SocketAddr, via: Via, mut datagram: Vec<u8>, now: Now) {
        self.protocol.handle_datagram(from, via, &mut datagram, now);
    }

    pub(super) fn timeout(&mut self, now: Now) {
        self.protocol.handle_timeout(now);
        self.collect_tombstones(now);
    }

    /// Gives up tombstones whose time is over, as the driver does.
    fn collect_tombstones(&mut self, now: Now) {
        if now.mono.saturating_since(self.collected) < self.tombstone_life / ROUNDS_A_LIFE {
            return;
        }
        self.collected = now.mono;
        let life = u64::try_from(self.tombstone_life.as_millis()).unwrap_or(u64::MAX);
        self.store.collect_tombstones(HlcTimestamp::at(WallMs(self.hlc.corrected(now.wall).0.saturating_sub(life))));
    }

    pub(super) fn leave(&mut self, now: Now) {
        self.protocol.leave(now);
    }

    /// What the driver does each turn; at most `most` datagrams are handed to `send`, each with who gets a copy of it.
    pub(super) fn turn(&mut self, now: Now, most: usize, mut send: impl FnMut(To, Vec<SocketAddr>, Vec<u8>)) {
        while self.protocol.can_send() {
            let Some(waiting) = self.outbox.pop_front() else { break };
            self.send_waiting(&waiting, now);
            self.handed += 1;
            self.protocol.note_handed(self.handed);
        }
        for _ in 0..most {
            let mut datagram = Vec::new();
            let Some(to) = self.protocol.poll_transmit(now, &mut datagram) else { break };
            let copies = if to == To::Group { self.protocol.copies().to_vec() } else { Vec::new() };
            send(to, copies, datagram);
        }
        while let Some(event) = self.protocol.poll_event() {
            match event {
                Event::Synced { token } => self.synced.push(token),
                Event::Barred { bar } => self.barred.push(bar),
                _ => {}
            }
        }
    }

    fn send_waiting(&mut self, waiting: &Waiting, now: Now) {
        let cache = CacheId::of(CACHE_NAME);
        let mut send = |kind, key: &[u8], value: &[u8], version, deadline| {
            self.protocol.send_update(cache, &Update { kind, key, value, codec: Codec::RAW, version, deadline }, now);
        };
        match waiting {
            Waiting::Clear(version) => send(UpdateKind::Clear, &[], &[], *version, Deadline::NEVER),
            Waiting::Tag(key, version) => send(UpdateKind::InvalidateTag, key, &[], *version, Deadline::NEVER),
            Waiting::Forget(key, version) => send(UpdateKind::Invalidate, key, &[], *version, Deadline::NEVER),
            Waiting::Key(key) => match self.store.take_dirty(key) {
                Some(Outgoing::Put { value, version, deadline }) => {
                    let kind = if value.is_tagged() { UpdateKind::TaggedPut } else { UpdateKind::Put };
                    send(kind, key, value.with_tags(), version, deadline);
                }
                Some(Outgoing::Delete { version }) => send(UpdateKind::Delete, key, &[], version, Deadline::NEVER),
                Some(Outgoing::Invalidate { version }) => {
                    send(UpdateKind::Invalidate, key, &[], version, Deadline::NEVER);
                }
                Some(Outgoing::InvalidateTag { .. }) | None => {}
            },
        }
    }

    /// Whether it has taken back what it stamped by a wild clock, since it was asked last.
    pub(super) fn has_disowned(&mut self) -> bool {
        let disowned = self.metrics.clock_disowned.get();
        std::mem::replace(&mut self.disowned, disowned) != disowned
    }

    pub(super) fn next_timeout(&self) -> Option<Mono> {
        self.protocol.poll_timeout()
    }

    /// What it knows of writes, as members compare it.
    pub(super) fn known(&self) -> (u64, Version) {
        (self.store.digest_all(), self.store.clear_version())
    }

    /// Whether it lives, knows `others` members and holds what the cluster holds.
    pub(super) fn has_settled(&self, others: usize, now: Now) -> bool {
        self.protocol.is_ready() && self.protocol.members(now).len() == others
    }

    /// For a failure's text.
    pub(super) fn describe(&self, now: Now) -> String {
        let members: Vec<String> =
            self.protocol.members(now).iter().map(|member| format!("{}:{:?}", member.name, member.state)).collect();
        format!(
            "ready {} members {members:?} entries {} tombstones {} digest {:x} clear {} lost {} transfers {}",
            self.protocol.is_ready(),
            self.store.len(),
            self.store.stats().tombstones,
            self.store.digest_all(),
            self.store.clear_version(),
            self.metrics.lost.get(),
            self.metrics.state_transfers.get(),
        )
    }
}
