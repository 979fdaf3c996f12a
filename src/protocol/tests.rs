//! Stories of a few nodes on a perfect network, with a filter that loses or records what the story wants.

use super::*;
use crate::config::{RingKey, Secret};
use crate::ids::Origin;
use crate::store::{Fate, Limits, Outgoing, Precondition, Source};
use crate::time::{Deadline, WallMs};
use crate::update::Codec;
use crate::wire::HEADER_LEN;

pub(super) const CACHE: CacheId = CacheId(7);
thread_local! {
    /// The largest datagram of the peers made by this test.
    pub(super) static PAYLOAD: std::cell::Cell<usize> = const { std::cell::Cell::new(1_400) };
    /// Whether the values of the peers made by this test stay with them.
    pub(super) static MARKING: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
    /// When a key of the peers made by this test has sealed enough.
    pub(super) static REPHASE: std::cell::Cell<Rephase> = std::cell::Cell::new(Rephase::default());
    /// How the peers made by this test reach others; each has an address of its own.
    static LINKS: std::cell::RefCell<Links> =
        std::cell::RefCell::new(Links::multicast(SocketAddr::from(([127, 0, 0, 1], 1))));
}
const STEP: Duration = Duration::from_micros(100);

pub(super) struct Peer {
    pub(super) address: SocketAddr,
    pub(super) protocol: Protocol,
    pub(super) store: Arc<Store>,
    pub(super) hlc: Arc<Hlc>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) events: Vec<Event>,
    /// Its wall clock less the true one, in milliseconds.
    pub(super) clock_ms: i64,
    written: u64,
}

impl Peer {
    pub(super) fn new(place: u8, keys: Keyring, now: Now) -> Peer {
        let session = SessionId([place; 12]);
        let address = SocketAddr::from(([127, 0, 0, 1], 1_000 + u16::from(place)));
        let hlc = Arc::new(Hlc::new(session.origin()));
        let metrics = Arc::new(Metrics::default());
        let limits = Limits { max_entries: usize::MAX, max_bytes: usize::MAX };
        let store = Store::with_seed(limits, keys.hash_key(), true, 1);
        let store = Arc::new(if MARKING.get() { store.marking() } else { store });
        let setup = Setup {
            session,
            name: format!("peer-{place}"),
            keys,
            rephase: REPHASE.get(),
            max_payload: PAYLOAD.get(),
            receive_buffer: 4 << 20,
            max_value: 1 << 20,
            audit_interval: Duration::from_secs(60),
            max_clock_skew: Duration::from_millis(500),
            links: Links { own: address, ..LINKS.with_borrow(Links::clone) },
            seed: u64::from(place),
        };
        let mut protocol = Protocol::new(setup, hlc.clone(), metrics.clone(), now);
        protocol.open_cache(CACHE, store.clone(), now);
        Peer { address, protocol, store, hlc, metrics, events: Vec::new(), clock_ms: 0, written: 0 }
    }

    /// The time by its own clocks.
    pub(super) fn reads(&self, now: Now) -> Now {
        Now { wall: WallMs(now.wall.0.saturating_add_signed(self.clock_ms)), ..now }
    }

    pub(super) fn put(&mut self, key: &[u8], value: &[u8], now: Now) {
        self.write(UpdateKind::Put, key, value, now);
    }

    pub(super) fn write(&mut self, kind: UpdateKind, key: &[u8], value: &[u8], now: Now) {
        let now = self.reads(now);
        let version = self.hlc.tick(self.hlc.corrected(now.wall));
        let update = Update { kind, key, value, codec: Codec::RAW, version, deadline: Deadline::NEVER };
        self.store.apply(&update, Source::Local, Precondition::Any, now.wall);
        let sent = match self.store.take_dirty(key) {
            Some(Outgoing::Invalidate { .. }) => Update { kind: UpdateKind::Invalidate, value: b"", ..update },
            _ => update,
        };
        self.protocol.send_update(CACHE, &sent, now);
        self.written += 1;
        self.protocol.note_handed(self.written);
    }

    /// Puts what was loaded in no time, as a lease does.
    pub(super) fn fill(&mut self, key: &[u8], value: &[u8], now: Now) -> Fate {
        let watch = self.store.watch(key);
        let (version, deadline) = (self.hlc.tick(self.reads(now).wall), Deadline::NEVER);
        let update = Update { kind: UpdateKind::Put, key, value, codec: Codec::RAW, version, deadline };
        let fate = self.store.apply(&update, Source::Fill, Precondition::QuietSince(watch), now.wall).fate;
        self.store.unwatch(key, watch);
        fate
    }

    fn sync(&mut self, token: u64, now: Now) {
        self.sync_to(SyncTo::All, self.written, token, now);
    }

    fn sync_to(&mut self, to: SyncTo, position: u64, token: u64, now: Now) {
        self.protocol.sync(SyncWish { token, cache: CACHE, position, to }, now);
    }

    fn is_synced(&self, token: u64) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Synced { token: synced } if *synced == token))
    }

    pub(super) fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        self.store.peek(key, WallMs(0)).map(|entry| entry.value.to_vec())
    }
}

/// What becomes of a datagram from one peer to another: true if it arrives.
pub(super) type Filter = Box<dyn FnMut(usize, usize, &[u8]) -> bool>;
/// Whether a multicast from one peer reaches another.
pub(super) type GroupFilter = Box<dyn Fn(usize, usize) -> bool>;

pub(super) struct Net {
    pub(super) now: Now,
    pub(super) peers: Vec<Peer>,
    pub(super) filter: Filter,
    pub(super) multicast: GroupFilter,
}

impl Net {
    pub(super) fn of(peers: u8) -> Net {
        Net::with_keys((1..=peers).map(|_| Keyring::public("tests")).collect())
    }

    pub(super) fn with_keys(keys: Vec<Keyring>) -> Net {
        let now = Now { mono: Mono::default(), wall: WallMs(1_000_000) };
        let peers = (1..).zip(keys).map(|(place, key)| Peer::new(place, key, now)).collect();
        Net { now, peers, filter: Box::new(|_, _, _| true), multicast: Box::new(|_, _| true) }
    }

    /// Peers that know each other and are ready.
    pub(super) fn settled(peers: u8) -> Net {
        let mut net = Net::of(peers);
        net.run_until(|net| {
            net.peers.iter().all(|p| p.protocol.is_ready() && p.protocol.members.len() + 1 == usize::from(peers))
        });
        net.run(Duration::from_secs(1));
        net
    }

    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now.mono + span;
        while self.now.mono < end {
            self.step();
        }
    }

    pub(super) fn run_until(&mut self, done: impl Fn(&Net) -> bool) {
        for _ in 0..200_000 {
            if done(self) {
                return;
            }
            self.step();
        }
        panic!("did not come about within 20 simulated seconds");
    }

    pub(super) fn step(&mut self) {
        self.now.mono = self.now.mono + STEP;
        let ms = u64::try_from(self.now.mono.since_start().as_millis()).expect("short");
        self.now.wall = WallMs(1_000_000 + ms);
        let mut carried = Vec::new();
        for (from, peer) in self.peers.iter_mut().enumerate() {
            let now = peer.reads(self.now);
            if peer.protocol.poll_timeout().is_some_and(|due| due <= now.mono) {
                peer.protocol.handle_timeout(now);
            }
            let mut out = Vec::new();
            while let Some(to) = peer.protocol.poll_transmit(now, &mut out) {
                let copies = if to == To::Group { peer.protocol.copies().to_vec() } else { Vec::new() };
                carried.push((from, peer.address, to, copies, std::mem::take(&mut out)));
            }
        }
        for (from, address, to, copies, datagram) in carried {
            for at in 0..self.peers.len() {
                let (there, multicast) = (self.peers[at].address, self.peers[at].protocol.setup.links.multicast);
                let by_group = to == To::Group
                    && multicast
                    && self.peers[from].protocol.setup.links.multicast
                    && (at == from || (self.multicast)(from, at));
                let by_unicast = to == To::Member(there) || copies.contains(&there);
                for via in [by_group.then_some(Via::Group), by_unicast.then_some(Via::Unicast)].into_iter().flatten() {
                    if at == from || (self.filter)(from, at, &datagram) {
                        let now = self.peers[at].reads(self.now);
                        self.peers[at].protocol.handle_datagram(address, via, &mut datagram.clone(), now);
                    }
                }
            }
        }
        for peer in &mut self.peers {
            while let Some(event) = peer.protocol.poll_event() {
                peer.events.push(event);
            }
        }
    }
}

/// The peers made from here on have no multicast, and a list of the first `listed` of them.
pub(super) fn without_multicast(listed: u16) {
    list(listed);
    LINKS.with_borrow_mut(|links| links.multicast = false);
}

/// The peers made from here on have a list of the first `listed` of them.
pub(super) fn list(listed: u16) {
    let address = |place| SocketAddr::from(([127, 0, 0, 1], 1_000 + place));
    use_links(Links { contacts: (1..=listed).map(address).collect(), ..Links::multicast(address(0)) });
}

/// The peers made from here on reach others so, but each from an address of its own.
pub(super) fn use_links(links: Links) {
    LINKS.set(links);
}

pub(super) fn is_data(datagram: &[u8]) -> bool {
    Header::decode(datagram).is_some_and(|header| header.kind == Kind::Data)
}

#[test]
fn two_nodes_admit_each_other_and_share_a_put() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[1].get(b"k").as_deref() == Some(b"v"));
    net.peers[1].write(UpdateKind::Delete, b"k", b"", now);
    net.run_until(|net| net.peers[0].get(b"k").is_none());
    assert!(net.peers.iter().all(|p| p.events.iter().any(|e| matches!(e, Event::MemberJoined(_)))));
}

#[test]
fn a_lost_datagram_is_repaired_by_the_same_bytes() {
    let mut net = Net::settled(2);
    let seen = Arc::new(crate::lock::Mutex::new(Vec::new()));
    let record = seen.clone();
    net.filter = Box::new(move |_, _, datagram| {
        if is_data(datagram) {
            record.lock().push(datagram.to_vec());
            return record.lock().len() > 1;
        }
        true
    });
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[1].get(b"k").is_some());
    let seen = seen.lock();
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], seen[1], "a repair repeats the sealed bytes");
    assert_eq!(net.peers[1].metrics.repaired.get(), 1);
    assert_eq!(net.peers[0].metrics.repairs_unicast.get(), 1);
}

#[test]
fn the_loss_of_the_last_datagram_before_a_silence_is_found() {
    let mut net = Net::settled(2);
    let mut dropped = false;
    net.filter = Box::new(move |_, _, datagram| !is_data(datagram) || std::mem::replace(&mut dropped, true));
    let (now, start) = (net.now, net.now.mono);
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[1].get(b"k").is_some());
    assert!(net.now.mono.saturating_since(start) < Duration::from_millis(20));
}

#[test]
fn a_large_value_arrives_whole_through_loss() {
    let mut net = Net::settled(3);
    let mut rng = Rng::new(5);
    net.filter = Box::new(move |_, _, _| !rng.percent(10));
    let value: Vec<u8> = (0..300_000u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
    let now = net.now;
    net.peers[0].put(b"large", &value, now);
    net.run_until(|net| net.peers.iter().all(|p| p.get(b"large").as_ref() == Some(&value)));
}

#[test]
fn a_joiner_receives_what_the_cluster_holds_large_values_and_long_keys_too() {
    let mut net = Net::settled(2);
    let now = net.now;
    let long_key = vec![b'k'; 60_000];
    for i in 0..2_000u32 {
        net.peers[0].put(&i.to_be_bytes(), &[7; 100], now);
    }
    net.peers[0].put(b"large", &vec![9; 200_000], now);
    net.peers[0].put(&long_key, b"long", now);
    net.run(Duration::from_secs(1));
    let mut joiner = Peer::new(3, Keyring::public("tests"), net.now);
    joiner.address.set_port(3_000);
    net.peers.push(joiner);
    net.run_until(|net| net.peers[2].protocol.is_ready());
    assert_eq!(net.peers[2].store.checksum(WallMs(0)), net.peers[0].store.checksum(WallMs(0)));
    assert_eq!(net.peers[2].get(&long_key).as_deref(), Some(&b"long"[..]));
}

#[test]
fn small_datagrams_suffice_to_compare_and_fill() {
    PAYLOAD.set(PAYLOAD_MIN);
    let mut net = Net::of(2);
    net.filter = Box::new(|_, _, _| false);
    let now = net.now;
    for i in 0..500u32 {
        let (peer, value) = (usize::from(i % 2 == 0), [7; 400]);
        net.peers[peer].put(&i.to_be_bytes(), &value, now);
    }
    net.run(Duration::from_secs(1));
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers.iter().all(|p| p.store.len() == 500));
}

#[test]
fn more_caches_than_a_heartbeat_tells_of_are_compared_in_turn() {
    PAYLOAD.set(PAYLOAD_MIN);
    let mut net = Net::settled(2);
    let open = |net: &mut Net, at: usize, id: u64| {
        let limits = Limits { max_entries: usize::MAX, max_bytes: usize::MAX };
        let key = Keyring::public("tests").hash_key();
        let now = net.now;
        net.peers[at].protocol.open_cache(CacheId(id), Arc::new(Store::with_seed(limits, key, true, 1)), now);
    };
    for id in 100..140 {
        open(&mut net, 0, id);
    }
    open(&mut net, 1, 99);
    open(&mut net, 1, 120);
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.is_ready()));
    let now = net.now;
    net.peers[1].sync(5, now);
    net.run_until(|net| net.peers[1].is_synced(5));
    let now = net.now;
    net.peers[0].sync(6, now);
    net.run_until(|net| net.peers[0].is_synced(6));
}

#[test]
fn what_was_written_alone_reaches_who_comes_later() {
    let mut net = Net::of(2);
    let now = net.now;
    net.filter = Box::new(|_, _, _| false);
    net.peers[0].put(b"a", b"1", now);
    net.peers[1].put(b"b", b"2", now);
    net.run(Duration::from_secs(1));
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers.iter().all(|p| p.get(b"a").is_some() && p.get(b"b").is_some()));
}

#[test]
fn a_partition_heals_within_a_second_and_deletes_are_not_undone() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"doomed", b"v", now);
    net.run(Duration::from_millis(100));
    net.filter = Box::new(|_, _, _| false);
    net.run(Duration::from_secs(10));
    assert!(net.peers.iter().all(|p| p.protocol.members.is_empty()), "silence ended the membership");
    let now = net.now;
    net.peers[0].write(UpdateKind::Delete, b"doomed", b"", now);
    net.peers[1].put(b"new", b"v", now);
    net.filter = Box::new(|_, _, _| true);
    let healed = net.now.mono;
    net.run_until(|net| net.peers[1].get(b"doomed").is_none() && net.peers[0].get(b"new").is_some());
    assert!(net.now.mono.saturating_since(healed) < Duration::from_secs(1));
    net.run(Duration::from_secs(2));
    assert!(net.peers.iter().all(|p| p.get(b"doomed").is_none()));
}

#[test]
fn what_one_evicted_long_before_a_cut_is_not_doubtful_after_it() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[1].get(b"k").is_some());
    let mut version = net.peers[1].store.peek(b"k", now.wall).expect("it is here").version;
    version.origin = Origin(u64::MAX);
    let (kind, key, value, codec, deadline) =
        (UpdateKind::Invalidate, &b"k"[..], &b""[..], Codec::RAW, Deadline::NEVER);
    let evicted = Update { kind, key, value, codec, version, deadline };
    net.peers[1].store.apply(&evicted, Source::Remote, Precondition::Any, now.wall);
    assert!(net.peers[1].get(b"k").is_none());
    net.run(Duration::from_secs(30));
    net.filter = Box::new(|_, _, _| false);
    net.run_until(|net| net.peers.iter().all(|peer| peer.protocol.members.is_empty()));
    net.filter = Box::new(|_, _, _| true);
    net.run(Duration::from_secs(10));
    assert!(net.peers[0].get(b"k").is_some(), "nothing can have been missed of it");
    assert!(net.peers[0].protocol.members.values().all(|member| member.doubts.is_empty()));
}

#[test]
fn sync_ends_when_every_member_has_applied_what_was_written() {
    let mut net = Net::settled(3);
    let mut dropped = 0;
    net.filter = Box::new(move |_, to, datagram| {
        let lose = is_data(datagram) && to == 2 && dropped < 3;
        dropped += u32::from(lose);
        !lose
    });
    let now = net.now;
    for i in 0..100u8 {
        net.peers[0].put(&[i], &[i; 500], now);
    }
    net.peers[0].sync(1, now);
    net.run_until(|net| net.peers[0].is_synced(1));
    assert!(net.peers.iter().all(|p| (0..100u8).all(|i| p.get(&[i]).is_some())));
}

#[test]
fn sync_ends_when_the_last_member_it_waits_for_is_down() {
    let mut net = Net::settled(2);
    net.filter = Box::new(|_, _, _| false);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.peers[0].sync(1, now);
    net.run_until(|net| net.peers[0].is_synced(1));
    assert!(net.peers[0].protocol.members.is_empty());
}

#[test]
fn sync_to_so_many_ends_with_so_many_and_not_before() {
    let mut net = Net::settled(3);
    net.filter = Box::new(|_, to, datagram| !(is_data(datagram) && to == 2));
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    let position = net.peers[0].written;
    for (token, members) in [(1, 1), (2, 2), (3, 3)] {
        net.peers[0].sync_to(SyncTo::Members(members), position, token, now);
    }
    net.run_until(|net| net.peers[0].is_synced(1));
    assert!(net.peers[1].get(b"k").is_some() && net.peers[2].get(b"k").is_none());
    net.run(Duration::from_millis(500));
    assert!(!net.peers[0].is_synced(2), "the other one has nothing yet");
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[0].is_synced(2));
    assert!(net.peers[2].get(b"k").is_some());
    assert!(!net.peers[0].is_synced(3), "there are only two others");
    // A third comes, without the cache, and then opens it.
    let mut late = Peer::new(9, Keyring::public("tests"), net.now);
    late.protocol.close_cache(CACHE);
    net.peers.push(late);
    net.run(Duration::from_secs(2));
    assert!(!net.peers[0].is_synced(3), "who has not opened the cache does not have what was put");
    let (now, store) = (net.now, net.peers[3].store.clone());
    net.peers[3].protocol.open_cache(CACHE, store, now);
    net.run_until(|net| net.peers[0].is_synced(3));
    assert!(net.peers[3].get(b"k").is_some());
}

#[test]
fn sync_of_what_was_written_long_ago_waits_for_nothing_written_since() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"old", b"v", now);
    let old = net.peers[0].written;
    net.run(Duration::from_millis(100));
    net.filter = Box::new(|_, _, _| false);
    let now = net.now;
    net.peers[0].put(b"new", b"v", now);
    net.run(Duration::from_millis(100));
    let now = net.now;
    net.peers[0].sync_to(SyncTo::All, old, 1, now);
    net.peers[0].sync_to(SyncTo::All, old + 1, 2, now);
    net.run(STEP);
    assert!(net.peers[0].is_synced(1) && !net.peers[0].is_synced(2));
}

#[test]
fn who_opens_a_cache_is_waited_for_until_it_was_compared() {
    let mut net = Net::settled(2);
    net.peers[1].protocol.close_cache(CACHE);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run(Duration::from_millis(100));
    // It is told of nothing while it opens the cache.
    net.filter = Box::new(|_, to, _| to != 1);
    let (now, store) = (net.now, net.peers[1].store.clone());
    net.peers[1].protocol.open_cache(CACHE, store, now);
    net.run(Duration::from_millis(100));
    let now = net.now;
    net.peers[0].sync(1, now);
    net.run(Duration::from_millis(500));
    assert!(!net.peers[0].is_synced(1), "it has not filled the cache");
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[0].is_synced(1));
    assert!(net.peers[1].get(b"k").is_some());
}

#[test]
fn who_opens_a_cache_is_waited_for_although_what_it_says_first_is_lost() {
    let mut net = Net::settled(2);
    net.peers[1].protocol.close_cache(CACHE);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run(Duration::from_millis(100));
    net.filter = Box::new(|_, _, _| false);
    let (now, store) = (net.now, net.peers[1].store.clone());
    net.peers[1].protocol.open_cache(CACHE, store, now);
    net.run(Duration::from_millis(50));
    // Now it is heard, but has not been told what to fill the cache with.
    net.filter = Box::new(|from, _, _| from == 1);
    net.run(Duration::from_millis(600));
    let now = net.now;
    net.peers[0].sync(1, now);
    net.run(Duration::from_millis(500));
    assert!(!net.peers[0].is_synced(1), "it has not filled the cache");
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[0].is_synced(1));
    assert!(net.peers[1].get(b"k").is_some());
}

#[test]
fn who_joins_a_node_that_wrote_alone_compares_its_state_once() {
    let mut net = Net::of(2);
    net.filter = Box::new(|_, _, _| false);
    net.run(Duration::from_secs(3));
    let now = net.now;
    for i in 0..100 {
        net.peers[0].put(&[i], b"v", now);
    }
    net.run(Duration::from_secs(3));
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[1].get(&[99]).is_some());
    net.run(Duration::from_secs(3));
    assert_eq!(net.peers[1].metrics.state_transfers.get(), 1);
    assert_eq!(net.peers[1].metrics.lost.get(), 0, "nothing was sent that it missed");
}

#[test]
fn who_still_follows_a_node_that_gave_it_up_learns_what_was_written_meanwhile() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"before", b"v", now);
    net.run(Duration::from_millis(100));
    // Only what the first sends is heard: it gives the second up, but not the other way round.
    net.filter = Box::new(|from, _, _| from == 0);
    net.run_until(|net| net.peers[0].protocol.members.is_empty());
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[0].protocol.members.len() == 1);
    let now = net.now;
    net.peers[0].sync(1, now);
    net.run_until(|net| net.peers[0].is_synced(1));
    assert_eq!(net.peers[1].get(b"k").as_deref(), Some(&b"v"[..]));
}

#[test]
fn two_members_of_one_name_that_both_live_are_both_kept() {
    let mut net = Net::settled(2);
    let mut twin = Peer::new(5, Keyring::public("tests"), net.now);
    twin.protocol.setup.name = "peer-2".to_owned();
    twin.protocol.greet(net.now.mono);
    net.peers.push(twin);
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.members.len() == 2));
    net.run(Duration::from_secs(3));
    let failed = |p: &Peer| p.events.iter().any(|e| matches!(e, Event::MemberFailed(_)));
    assert!(!net.peers.iter().any(failed));
}

#[test]
fn sync_with_nobody_ends_once_it_is_known_that_nobody_is_there() {
    let mut net = Net::of(1);
    net.run(STEP);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.peers[0].sync(8, now);
    assert!(net.peers[0].protocol.poll_event().is_none(), "somebody may be there: discovery is not over");
    net.run_until(|net| net.peers[0].is_synced(8));
    let now = net.now;
    net.peers[0].sync(9, now);
    assert!(matches!(net.peers[0].protocol.poll_event(), Some(Event::Synced { token: 9 })));
}

#[test]
fn who_greets_late_waits_for_the_answers_before_it_takes_itself_for_the_first() {
    let mut net = Net::of(1);
    let node = |net: &mut Net, after_ms: u64| {
        let now = Now { mono: Mono::default() + Duration::from_millis(after_ms), ..net.now };
        let protocol = &mut net.peers[0].protocol;
        assert!(protocol.poll_timeout().is_some_and(|due| due <= now.mono), "{after_ms}");
        protocol.handle_timeout(now);
        protocol.is_ready()
    };
    assert!(!node(&mut net, 240), "it had no processor until now");
    assert!(!node(&mut net, 250));
    assert!(node(&mut net, 340));
}

#[test]
fn a_goodbye_is_heard_and_a_crash_is_noticed() {
    let mut net = Net::settled(3);
    let now = net.now;
    net.peers[1].protocol.leave(now);
    net.run_until(|net| net.peers[0].events.iter().any(|e| matches!(e, Event::MemberLeft(m) if m.name == "peer-2")));
    net.filter = Box::new(|from, to, _| from != 2 && to != 2);
    net.run_until(|net| net.peers[0].events.iter().any(|e| matches!(e, Event::MemberFailed(m) if m.name == "peer-3")));
    assert!(net.peers[0].protocol.members(net.now).is_empty());
}

#[test]
fn strangers_are_counted_and_get_nothing_in_reply() {
    let mut net = Net::settled(2);
    let before = net.peers[0].metrics.datagrams_sent.get();
    let protocol = &mut net.peers[0].protocol;
    let from = SocketAddr::from(([127, 0, 0, 1], 9));
    let mut rng = Rng::new(3);
    for len in 0..2_000usize {
        let mut random: Vec<u8> = (0..len).map(|_| rng.next_u64().to_le_bytes()[0]).collect();
        protocol.handle_datagram(from, Via::Group, &mut random, net.now);
    }
    let other = Peer::new(9, Keyring::public("other cluster"), net.now);
    let wrong =
        Peer::new(8, Keyring::of("tests", &[RingKey { id: 1, secret: Secret([1; 32]) }]).expect("one key"), net.now);
    for mut stranger in [other, wrong] {
        let mut datagram = Vec::new();
        stranger.protocol.poll_transmit(net.now, &mut datagram).expect("a greeting");
        protocol.handle_datagram(from, Via::Group, &mut datagram, net.now);
    }
    assert_eq!(protocol.metrics.rejected_header.get(), 2_000);
    assert_eq!(protocol.metrics.rejected_cluster.get(), 1);
    assert_eq!(protocol.metrics.rejected_key.get(), 1);
    assert_eq!(protocol.poll_transmit(net.now, &mut Vec::new()), None);
    assert_eq!(net.peers[0].metrics.datagrams_sent.get(), before);
}

#[test]
fn replayed_damaged_and_cut_datagrams_change_nothing() {
    let mut net = Net::settled(2);
    let seen = Arc::new(crate::lock::Mutex::new(Vec::new()));
    let record = seen.clone();
    net.filter = Box::new(move |from, _, datagram| {
        if from == 0 {
            record.lock().push(datagram.to_vec());
        }
        true
    });
    let now = net.now;
    net.peers[0].put(b"k", b"old", now);
    net.run(Duration::from_millis(10));
    let now = net.now;
    net.peers[0].put(b"k", b"new", now);
    net.run(Duration::from_secs(1));
    let applied = net.peers[1].metrics.updates_applied.get();
    let digest = net.peers[1].store.digest_all();
    let from = net.peers[0].address;
    let recorded = seen.lock().clone();
    for datagram in &recorded {
        net.peers[1].protocol.handle_datagram(from, Via::Group, &mut datagram.clone(), net.now);
        for cut in [0, 1, HEADER_LEN, datagram.len() - 1] {
            net.peers[1].protocol.handle_datagram(from, Via::Group, &mut datagram[..cut].to_vec(), net.now);
        }
        for at in (HEADER_LEN - 8)..datagram.len() {
            let mut damaged = datagram.clone();
            damaged[at] ^= 0x80;
            net.peers[1].protocol.handle_datagram(from, Via::Group, &mut damaged, net.now);
        }
    }
    assert_eq!(net.peers[1].metrics.updates_applied.get(), applied);
    assert_eq!(net.peers[1].store.digest_all(), digest);
    assert!(net.peers[1].metrics.rejected_replay.get() >= recorded.len() as u64);
}

#[test]
fn a_recorded_session_played_again_is_not_admitted() {
    let mut net = Net::of(2);
    let seen = Arc::new(crate::lock::Mutex::new(Vec::new()));
    let record = seen.clone();
    net.filter = Box::new(move |from, _, datagram| {
        if from == 0 {
            record.lock().push(datagram.to_vec());
        }
        true
    });
    net.run(Duration::from_secs(1));
    let mut victim = Peer::new(3, Keyring::public("tests"), net.now);
    for datagram in seen.lock().iter() {
        victim.protocol.handle_datagram(
            SocketAddr::from(([127, 0, 0, 1], 66)),
            Via::Group,
            &mut datagram.clone(),
            net.now,
        );
    }
    assert!(victim.protocol.members.is_empty());
}

#[test]
fn a_newer_run_of_a_node_replaces_the_older_at_once() {
    let mut net = Net::settled(2);
    let mut again = Peer::new(5, Keyring::public("tests"), net.now);
    again.protocol.setup.name = "peer-2".to_owned();
    again.protocol.greet(net.now.mono);
    net.peers[1] = again;
    net.run_until(|net| {
        net.peers[0]
            .events
            .iter()
            .any(|e| matches!(e, Event::MemberFailed(m) if m.origin == Origin(0x0202_0202_0202_0202)))
    });
    net.run_until(|net| net.peers[1].protocol.is_ready());
    assert_eq!(net.peers[0].protocol.members(net.now).len(), 1);
}

#[test]
fn a_clear_reaches_everybody_and_older_updates_do_not_come_back() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run(Duration::from_millis(50));
    let now = net.now;
    net.peers[1].write(UpdateKind::Clear, b"", b"", now);
    net.run_until(|net| net.peers.iter().all(|p| p.store.is_empty()));
    net.run(Duration::from_secs(2));
    assert!(net.peers.iter().all(|p| p.store.is_empty()));
    let joiner = Peer::new(3, Keyring::public("tests"), net.now);
    net.peers.push(joiner);
    net.run_until(|net| net.peers[2].protocol.is_ready());
    let (cleared, known) = (net.peers[1].store.clear_version(), net.peers[2].store.clear_version());
    assert_eq!(cleared, known, "the joiner knows of the clear");
}

#[test]
fn every_member_answers_a_query() {
    let mut net = Net::settled(3);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run(Duration::from_millis(50));
    let mut rng = Rng::new(8);
    net.filter = Box::new(move |_, _, _| !rng.percent(30));
    let now = net.now;
    let checksums = net.peers[0].protocol.query(Query::Checksum, CACHE, now);
    let metrics = net.peers[0].protocol.query(Query::Metrics, CACHE, now);
    let answers = |net: &Net, id| {
        let is_answer = |e: &&Event| matches!(e, Event::Answer { query, .. } if *query == id);
        net.peers[0].events.iter().filter(is_answer).count()
    };
    net.run_until(|net| answers(net, checksums) == 2 && answers(net, metrics) == 2);
    for event in &net.peers[0].events {
        if let Event::Answer { query, body, .. } = event {
            if *query == checksums {
                let answer: Option<(u64, u64)> = ciborium::from_reader(&body[..]).expect("CBOR");
                assert_eq!(answer, Some(net.peers[0].store.checksum(WallMs(0))));
            } else {
                let answer: BTreeMap<String, u64> = ciborium::from_reader(&body[..]).expect("CBOR");
                assert_eq!(answer.get("cache_entries"), Some(&1));
            }
        }
    }
}

#[test]
fn an_idle_pair_sends_only_heartbeats() {
    let mut net = Net::settled(2);
    net.run(Duration::from_secs(2));
    let before: Vec<u64> = net.peers.iter().map(|p| p.metrics.datagrams_sent.get()).collect();
    net.run(Duration::from_secs(10));
    for (peer, before) in net.peers.iter().zip(before) {
        let sent = peer.metrics.datagrams_sent.get() - before;
        assert!((15..=25).contains(&sent), "{sent} datagrams in 10 s");
    }
}
