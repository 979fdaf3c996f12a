//! Stories of caches whose values stay with each member.

use super::tests::{MARKING, Net, Peer};
use super::*;
use crate::store::Fate;
use crate::time::WallMs;

const SECOND: Duration = Duration::from_secs(1);

fn settled(peers: u8) -> Net {
    MARKING.set(true);
    Net::settled(peers)
}

/// Each of them has loaded the key.
fn filled(net: &mut Net, key: &[u8]) {
    let now = net.now;
    for peer in &mut net.peers {
        assert_eq!(peer.fill(key, b"loaded", now), Fate::Applied);
    }
}

fn cut_off(net: &mut Net, place: usize) {
    net.filter = Box::new(move |from, to, _| from != place && to != place);
}

fn heal(net: &mut Net) {
    net.filter = Box::new(|_, _, _| true);
}

#[test]
fn a_fill_disturbs_nobody_and_a_write_drops_what_the_others_hold() {
    let mut net = settled(3);
    filled(&mut net, b"k");
    net.run(SECOND);
    assert!(net.peers.iter().all(|peer| peer.get(b"k").is_some()), "what one loads the others keep");
    for (kind, own) in [(UpdateKind::Put, Some(&b"new"[..])), (UpdateKind::Delete, None)] {
        let now = net.now;
        net.peers[1].write(kind, b"k", own.unwrap_or_default(), now);
        net.run_until(|net| [0, 2].iter().all(|&at| net.peers[at].get(b"k").is_none()));
        assert_eq!(net.peers[1].get(b"k").as_deref(), own);
        let now = net.now;
        assert_eq!(net.peers[0].fill(b"k", b"loaded after it", now), Fate::Applied);
        net.run(SECOND);
        assert_eq!(net.peers[0].get(b"k").as_deref(), Some(&b"loaded after it"[..]));
        assert!(net.peers[2].get(b"k").is_none(), "values do not travel");
    }
}

#[test]
fn who_was_cut_off_drops_what_was_written_meanwhile_and_nothing_else() {
    let mut net = settled(3);
    for key in [&b"written"[..], b"deleted", b"kept"] {
        filled(&mut net, key);
    }
    cut_off(&mut net, 2);
    let now = net.now;
    net.peers[0].put(b"written", b"new", now);
    net.peers[0].write(UpdateKind::Delete, b"deleted", b"", now);
    net.run_until(|net| net.peers[2].protocol.members.is_empty());
    assert!(net.peers[2].get(b"written").is_some(), "it has heard of nothing");
    heal(&mut net);
    net.run(SECOND);
    let held = |net: &Net, key: &[u8]| net.peers[2].get(key).is_some();
    assert!(!held(&net, b"written") && !held(&net, b"deleted") && held(&net, b"kept"));
}

#[test]
fn what_is_remembered_by_nobody_any_more_is_dropped_by_its_floor() {
    let mut net = settled(3);
    filled(&mut net, b"written");
    filled(&mut net, b"kept");
    cut_off(&mut net, 2);
    net.run(Duration::from_secs(15));
    let now = net.now;
    net.peers[0].put(b"written", b"new", now);
    net.run(SECOND);
    for peer in &net.peers[..2] {
        assert_eq!(peer.store.collect_tombstones(HlcTimestamp(u64::MAX)), 1);
    }
    assert!(net.peers.iter().all(|peer| peer.store.digest_all() == 0), "all digests are alike");
    heal(&mut net);
    net.run_until(|net| net.peers[2].get(b"written").is_none());
    assert!(net.peers.iter().all(|peer| peer.get(b"kept").is_some()));
}

#[test]
fn a_value_in_doubt_goes_and_no_mark_is_made_of_that() {
    let mut net = settled(3);
    let now = net.now;
    net.peers[2].put(b"k", b"v", now);
    net.run(SECOND);
    let known = net.peers[2].store.digest_all();
    cut_off(&mut net, 2);
    net.run(Duration::from_secs(15));
    let now = net.now;
    net.peers[0].put(b"k", b"new", now);
    net.run(SECOND);
    for peer in &net.peers[..2] {
        assert_eq!(peer.store.collect_tombstones(HlcTimestamp(u64::MAX)), 1);
    }
    heal(&mut net);
    net.run_until(|net| net.peers[2].get(b"k").is_none());
    net.run(SECOND);
    assert_eq!(net.peers[2].store.digest_all(), known);
}

#[test]
fn who_joins_takes_nothing_over_and_costs_the_others_nothing() {
    let mut net = settled(2);
    filled(&mut net, b"k");
    let now = net.now;
    net.peers[0].put(b"put", b"v", now);
    net.run(20 * SECOND);
    let joiner = Peer::new(3, Keyring::public("tests"), net.now);
    net.peers.push(joiner);
    net.run_until(|net| net.peers[2].protocol.is_ready());
    net.run(SECOND);
    assert!(net.peers[2].store.is_empty(), "values do not travel");
    assert!(net.peers[..2].iter().all(|peer| peer.get(b"k").is_some()) && net.peers[0].get(b"put").is_some());
    assert!(net.peers.iter().all(|peer| peer.store.digest_all() == net.peers[0].store.digest_all()));
}

#[test]
fn a_fill_that_began_before_a_write_was_told_of_is_not_kept() {
    let mut net = settled(2);
    let now = net.now;
    let lease = (net.peers[1].store.watch(b"k"), net.peers[1].hlc.tick(now.wall));
    net.peers[0].put(b"k", b"new", now);
    net.run(SECOND);
    let put = Update {
        kind: UpdateKind::Put,
        key: b"k",
        value: b"old",
        codec: crate::update::Codec::RAW,
        // As if its clock were far ahead.
        version: Version { hlc: HlcTimestamp::at(WallMs(now.wall.0 + 100_000)), ..lease.1 },
        deadline: crate::time::Deadline::NEVER,
    };
    let only_if = crate::store::Precondition::QuietSince(lease.0);
    let fate = net.peers[1].store.apply(&put, crate::store::Source::Fill, only_if, now.wall).fate;
    assert_eq!((fate, net.peers[1].get(b"k")), (Fate::Refused, None));
}

#[test]
fn members_whose_modes_differ_are_told_once_and_drop_what_the_other_writes() {
    MARKING.set(true);
    let mut net = Net::of(1);
    MARKING.set(false);
    let other = Peer::new(2, Keyring::public("tests"), net.now);
    net.peers.push(other);
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.is_ready() && p.protocol.members.len() == 1));
    let now = net.now;
    net.peers[0].fill(b"a", b"loaded", now);
    net.peers[1].put(b"b", b"replicated", now);
    net.run(5 * SECOND);
    assert!(net.peers[0].get(b"b").is_none(), "values do not come where they would stay");
    let told = |peer: &Peer| {
        let modes = peer.events.iter().filter_map(|event| match event {
            Event::ModeDiffers { theirs, ours, .. } => Some((*theirs, *ours)),
            _ => None,
        });
        modes.collect::<Vec<_>>()
    };
    assert_eq!(told(&net.peers[0]), [(Mode::REPLICATE, Mode::INVALIDATE)]);
    assert_eq!(told(&net.peers[1]), [(Mode::INVALIDATE, Mode::REPLICATE)]);
    let now = net.now;
    net.peers[1].put(b"a", b"new", now);
    net.peers[0].put(b"b", b"new", now);
    net.run(SECOND);
    assert!(net.peers[0].get(b"a").is_none() && net.peers[1].get(b"b").is_none());
    assert_eq!(net.peers[1].get(b"a").as_deref(), Some(&b"new"[..]));
}
