//! Stories of what was missed for good: what ends a doubt, and what does not.

use super::tests::{Net, PAYLOAD, Peer, is_data};
use super::*;
use crate::ids::Origin;
use crate::store::{Limits, Precondition, Source};
use crate::time::{Deadline, WallMs};
use crate::update::Codec;

const SECOND: Duration = Duration::from_secs(1);

/// Makes a peer forget the key as if something newer of it had been here and were gone; its version.
fn forget_newer(net: &Net, peer: usize, key: &[u8]) -> HlcTimestamp {
    let hlc = net.peers[peer].hlc.tick(net.now.wall).hlc;
    let version = Version { hlc, origin: Origin(u64::MAX) };
    let (kind, value, codec, deadline) = (UpdateKind::Invalidate, &b""[..], Codec::RAW, Deadline::NEVER);
    let update = Update { kind, key, value, codec, version, deadline };
    net.peers[peer].store.apply(&update, Source::Remote, Precondition::Any, net.now.wall);
    assert!(net.peers[peer].get(key).is_none());
    hlc
}

fn session(net: &Net, peer: usize) -> SessionId {
    net.peers[peer].protocol.setup.session
}

fn is_in_doubt(net: &Net, peer: usize, of: usize) -> bool {
    let member = net.peers[peer].protocol.members.get(&session(net, of));
    member.is_some_and(|member| !member.doubts.is_empty())
}

fn awaits_floors(net: &Net, peer: usize) -> bool {
    net.peers[peer].protocol.transfers.values().any(|transfer| transfer.floors().is_some())
}

/// A key was put, and deleted while the second peer was cut off; the first has forgotten the delete. A third peer hears the
/// first alone, then the second alone, then all hear each other.
fn who_lacks_it_alike_meets_who_missed_the_delete(holds_something: bool) -> Net {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[0].put(b"deleted", b"v", now);
    net.peers[0].put(b"kept", b"v", now);
    net.run(20 * SECOND);
    net.filter = Box::new(|from, to, _| from != 1 && to != 1);
    net.run_until(|net| net.peers.iter().all(|peer| peer.protocol.members.is_empty()));
    let now = net.now;
    net.peers[0].write(UpdateKind::Delete, b"deleted", b"", now);
    if !holds_something {
        net.peers[0].write(UpdateKind::Delete, b"kept", b"", now);
    }
    net.peers[0].store.collect_tombstones(HlcTimestamp(u64::MAX));
    net.run(20 * SECOND);
    let mut third = Peer::new(3, Keyring::public("tests"), net.now);
    if holds_something {
        let now = net.now;
        third.put(b"own", b"v", now);
    }
    net.peers.push(third);
    net.run_until(|net| net.peers[2].protocol.is_ready());
    net.run(2 * SECOND);
    net.filter = Box::new(|from, to, _| from != 0 && to != 0);
    net.run_until(|net| net.peers[2].protocol.members.contains_key(&session(net, 1)));
    net.run(2 * SECOND);
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers.iter().all(|peer| peer.protocol.members.len() == 2));
    net.run(5 * SECOND);
    net
}

#[test]
fn what_two_lack_alike_does_not_come_back_by_a_third() {
    for holds_something in [false, true] {
        let net = who_lacks_it_alike_meets_who_missed_the_delete(holds_something);
        for (at, peer) in net.peers.iter().enumerate() {
            assert!(peer.get(b"deleted").is_none(), "peer {at} shows what was deleted; {holds_something}");
            assert!(!peer.protocol.members.values().any(|member| !member.doubts.is_empty()));
            assert_eq!(peer.get(b"kept").is_some(), holds_something);
        }
    }
}

#[test]
fn to_end_a_doubt_of_who_forgot_nothing_takes_two_small_datagrams() {
    let mut net = Net::settled(2);
    let now = net.now;
    for i in 0..200u8 {
        net.peers[0].put(&[i], b"v", now);
    }
    net.run(2 * SECOND);
    let seen = Arc::new(crate::lock::Mutex::new(Vec::new()));
    let record = seen.clone();
    let other = session(&net, 1);
    net.peers[0].protocol.doubt(other, SECOND);
    net.run_until(|net| awaits_floors(net, 0));
    // The question is on its way.
    net.filter = Box::new(move |from, _, datagram| {
        record.lock().push((from, datagram.len()));
        true
    });
    net.run_until(|net| !is_in_doubt(net, 0, 1));
    net.run(Duration::from_millis(1));
    let seen = seen.lock().clone();
    assert!(seen.iter().all(|&(_, len)| len < 150), "{seen:?}");
    // What comes beside them is the status of who is in step.
    assert!(seen.iter().filter(|&&(from, _)| from == 0).count() <= 2, "{seen:?}");
    assert_eq!(seen.iter().filter(|&&(from, _)| from == 1).count(), 1, "{seen:?}");
}

#[test]
fn thousands_of_floors_come_whole_through_loss_and_small_datagrams() {
    PAYLOAD.set(PAYLOAD_MIN);
    let mut net = Net::settled(1);
    let mut rng = Rng::new(11);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    for segment in (0..4_096).filter(|segment| segment % 7 != 0) {
        net.peers[0].store.raise_floor(segment, HlcTimestamp::at(WallMs(now.wall.0 - 5_000 + u64::from(segment))));
    }
    net.filter = Box::new(move |_, _, _| !rng.percent(30));
    net.peers.push(Peer::new(2, Keyring::public("tests"), net.now));
    net.run_until(|net| net.peers[1].protocol.is_ready());
    net.run_until(|net| !is_in_doubt(net, 1, 0));
    let floors = |at: usize| (0..4_096).map(|segment| net.peers[at].store.floor(segment)).collect::<Vec<_>>();
    assert_eq!(floors(0), floors(1));
}

#[test]
fn what_comes_late_from_a_third_is_not_confirmed_by_what_both_held_alike() {
    let mut net = Net::settled(3);
    // The third's put reaches the second alone.
    net.filter = Box::new(|from, to, datagram| !(from == 2 && to == 0 && is_data(datagram)));
    let now = net.now;
    net.peers[2].put(b"k", b"old", now);
    net.run_until(|net| net.peers[1].get(b"k").is_some());
    let floor = forget_newer(&net, 1, b"k");
    let second = session(&net, 1);
    net.peers[0].protocol.doubt(second, Duration::ZERO);
    net.run_until(|net| awaits_floors(net, 0));
    // Before the floors come, the put does.
    net.filter = Box::new(|from, to, _| !(from == 1 && to == 0));
    net.run_until(|net| net.peers[0].get(b"k").is_some());
    assert!(awaits_floors(&net, 0));
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| !is_in_doubt(net, 0, 1));
    assert!(net.peers[0].get(b"k").is_none(), "the second forgot something newer");
    let segment = u16::try_from(net.peers[0].store.segment_of(b"k")).expect("a segment");
    assert_eq!(net.peers[0].store.floor(segment), floor);
}

#[test]
fn a_doubt_that_comes_up_again_outlives_the_comparison_under_way() {
    let mut net = Net::settled(2);
    let other = session(&net, 1);
    net.peers[0].protocol.doubt(other, SECOND);
    net.run_until(|net| awaits_floors(net, 0));
    net.peers[0].protocol.doubt(other, Duration::ZERO);
    net.run_until(|net| net.peers[0].protocol.transfers.is_empty());
    assert!(is_in_doubt(&net, 0, 1));
    net.run(SECOND);
    assert!(!is_in_doubt(&net, 0, 1));
}

#[test]
fn what_was_doubted_of_who_leaves_is_doubted_of_the_others() {
    for leaves in [true, false] {
        let mut net = Net::settled(3);
        let now = net.now;
        net.peers[0].put(b"k", b"old", now);
        net.run(SECOND);
        forget_newer(&net, 1, b"k");
        net.run(20 * SECOND);
        assert!(net.peers[0].get(b"k").is_some());
        // The third knew what the second forgot, and is gone before it could be compared with.
        let third = session(&net, 2);
        net.filter = Box::new(|from, to, _| from != 2 && to != 2);
        net.peers[0].protocol.doubt(third, 25 * SECOND);
        let now = net.now;
        if leaves {
            net.peers[0].protocol.remove_member(third, MemberState::Left, now.mono);
        }
        net.run_until(|net| net.peers[0].get(b"k").is_none());
        net.run(SECOND);
        assert!(!is_in_doubt(&net, 0, 1));
    }
}

#[test]
fn what_was_told_before_a_loss_does_not_end_what_the_loss_began() {
    PAYLOAD.set(PAYLOAD_MIN);
    let mut net = Net::settled(2);
    let caches: Vec<CacheId> = (100..140).map(CacheId).collect();
    let key = Keyring::public("tests").hash_key();
    let mut stores: Vec<Vec<Arc<Store>>> = vec![Vec::new(), Vec::new()];
    let now = net.now;
    for &cache in &caches {
        for (peer, stores) in net.peers.iter_mut().zip(&mut stores) {
            let limits = Limits { max_entries: usize::MAX, max_bytes: usize::MAX };
            let store = Arc::new(Store::with_seed(limits, key, true, 1));
            peer.protocol.open_cache(cache, store.clone(), now);
            stores.push(store);
        }
    }
    net.run_until(|net| net.peers.iter().all(|peer| peer.protocol.is_ready()));
    net.run(5 * SECOND);
    // Something of each cache is lost, and what the heartbeats tell of it.
    net.filter = Box::new(|from, _, _| from != 0);
    let version = net.peers[0].hlc.tick(now.wall);
    let (codec, deadline) = (Codec::RAW, Deadline::NEVER);
    let update = Update { kind: UpdateKind::Put, key: b"k", value: b"v", codec, version, deadline };
    for (&cache, store) in caches.iter().zip(&stores[0]) {
        store.apply(&update, Source::Local, Precondition::Any, now.wall);
        assert!(store.take_dirty(b"k").is_some());
        net.peers[0].protocol.send_update(cache, &update, now);
    }
    net.run(SECOND);
    let first = session(&net, 0);
    net.peers[1].protocol.reconcile_again(first);
    net.filter = Box::new(|from, _, datagram| from != 0 || !is_data(datagram));
    let (end, mut told_by) = (net.now.mono + 4 * SECOND, 0);
    while net.now.mono < end {
        net.step();
        let member = &net.peers[1].protocol.members[&first];
        if std::mem::replace(&mut told_by, member.told_by) == member.told_by {
            continue;
        }
        let unreconciled = &member.unreconciled;
        for (cache, (ours, theirs)) in caches.iter().zip(stores[1].iter().zip(&stores[0])) {
            let is_equal = ours.digest_all() == theirs.digest_all();
            assert!(is_equal || unreconciled.contains(cache), "{cache:?} counts as compared");
        }
    }
    assert!(net.peers[1].protocol.members[&first].unreconciled.is_empty());
}
