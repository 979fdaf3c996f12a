//! Stories of clocks that disagree, and of members that were away for long.

use super::tests::{Net, Peer};
use super::*;
use crate::time::WallMs;
use std::collections::BTreeSet;

const SECOND: Duration = Duration::from_secs(1);
/// As long as a node remembers what was deleted.
const HORIZON: Duration = Duration::from_secs(600);

fn holds(net: &Net, key: &[u8], value: &[u8]) -> bool {
    net.peers.iter().all(|peer| peer.get(key).as_deref() == Some(value))
}

/// The second member's clock is `clock_ms` off.
fn with_a_clock_off(clock_ms: i64) -> Net {
    let mut net = Net::of(2);
    net.peers[1].clock_ms = clock_ms;
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.is_ready() && p.protocol.members.len() == 1));
    net
}

#[test]
fn a_member_two_seconds_behind_overwrites_and_deletes_what_it_has_seen() {
    let mut net = with_a_clock_off(-2_000);
    let now = net.now;
    net.peers[0].put(b"k", b"by the right clock", now);
    net.run_until(|net| holds(net, b"k", b"by the right clock"));
    let now = net.now;
    net.peers[1].put(b"k", b"by the late one", now);
    net.run_until(|net| holds(net, b"k", b"by the late one"));
    let now = net.now;
    net.peers[1].write(UpdateKind::Delete, b"k", b"", now);
    net.run_until(|net| net.peers.iter().all(|peer| peer.get(b"k").is_none()));
    net.run(SECOND);
    assert!(net.peers.iter().all(|peer| peer.get(b"k").is_none()));
}

#[test]
fn the_offset_of_a_clock_is_told_with_its_sign() {
    let mut net = with_a_clock_off(-2_000);
    net.run(SECOND);
    let offset = |net: &Net, at: usize| net.peers[at].protocol.members(net.now)[0].clock_offset_ms;
    assert_eq!((offset(&net, 0), offset(&net, 1)), (Some(-2_000), Some(2_000)));
}

#[test]
fn what_was_deleted_does_not_come_back_after_the_delete_is_forgotten() {
    let mut net = Net::settled(3);
    let now = net.now;
    net.peers[0].put(b"deleted", b"v", now);
    net.peers[0].put(b"kept", b"v", now);
    net.run_until(|net| holds(net, b"deleted", b"v") && holds(net, b"kept", b"v"));
    net.run(20 * SECOND);
    net.filter = Box::new(|from, to, _| from != 2 && to != 2);
    net.run(SECOND);
    let now = net.now;
    net.peers[0].write(UpdateKind::Delete, b"deleted", b"", now);
    net.run_until(|net| net.peers[2].protocol.members.is_empty());
    assert!(net.peers[1].get(b"deleted").is_none());
    // Nobody is heard for as long as it takes; who stayed forgets the delete.
    net.now.mono = net.now.mono + HORIZON + SECOND;
    net.step();
    let before = HlcTimestamp::at(WallMs(net.now.wall.0 - 600_000));
    for peer in &net.peers[..2] {
        assert_eq!(peer.store.collect_tombstones(before), 1);
    }
    assert!(net.peers[2].get(b"deleted").is_some(), "it has not been told of it");
    net.filter = Box::new(|_, _, _| true);
    net.run_until(|net| net.peers[2].get(b"deleted").is_none());
    net.run(5 * SECOND);
    assert!(net.peers.iter().all(|peer| peer.get(b"deleted").is_none()));
    assert!(holds(&net, b"kept", b"v"), "what the others still have is not dropped");
}

/// Three or more that know each other, with something in their caches, and the last one's clock set by so much.
fn with_one_set(peers: u8, clock_ms: i64) -> Net {
    let mut net = Net::settled(peers);
    let now = net.now;
    net.peers[0].put(b"k", b"before", now);
    net.peers[0].put(b"other", b"before", now);
    net.run_until(|net| holds(net, b"k", b"before") && holds(net, b"other", b"before"));
    net.peers.last_mut().expect("there are some").clock_ms = clock_ms;
    net
}

fn lost_nobody(net: &Net) -> bool {
    let failed = |event: &Event| matches!(event, Event::MemberFailed(_));
    !net.peers.iter().any(|peer| peer.events.iter().any(failed))
}

/// Whether the hybrid clock of each is at most a second ahead of the true time.
fn none_is_ahead(net: &Net) -> bool {
    net.peers.iter().all(|peer| peer.hlc.latest().wall().0 <= net.now.wall.0 + 1_000)
}

#[test]
fn a_clock_set_far_ahead_while_its_node_runs_hurts_nobody_for_long() {
    for clock_ms in [2_000, 3_600_000, 7 * 86_400_000] {
        let mut net = with_one_set(4, clock_ms);
        let now = net.now;
        net.peers[3].put(b"k", b"wild", now);
        net.run(Duration::from_millis(100));
        for peer in &net.peers[..3] {
            assert!(peer.get(b"k").is_none(), "what is known to have changed is not shown, {clock_ms}");
            assert_eq!(peer.get(b"other").as_deref(), Some(&b"before"[..]));
            assert!(peer.hlc.latest().wall().0 <= net.now.wall.0, "a wild clock is not followed");
            assert_eq!(peer.metrics.updates_wild.get(), 1);
        }
        net.run(2 * SECOND);
        assert!(none_is_ahead(&net), "it goes by the others' clock now");
        assert_eq!(net.peers[3].metrics.clock_disowned.get(), 1);
        assert!(net.peers.iter().all(|peer| peer.get(b"k").is_none()));
        let now = net.now;
        net.peers[3].put(b"k", b"after", now);
        net.run_until(|net| holds(net, b"k", b"after"));
        let now = net.now;
        net.peers[0].put(b"k", b"by another", now);
        net.run_until(|net| holds(net, b"k", b"by another"));
        net.run(SECOND);
        assert!(holds(&net, b"other", b"before") && lost_nobody(&net));
        let digests: BTreeSet<u64> = net.peers.iter().map(|peer| peer.store.digest_all()).collect();
        assert_eq!(digests.len(), 1, "{clock_ms}");
    }
}

#[test]
fn a_clock_set_back_while_its_node_runs_is_no_matter() {
    for clock_ms in [-2_000, -900_000] {
        let mut net = with_one_set(3, clock_ms);
        for (at, value) in [(2, &b"by the late one"[..]), (0, b"by another"), (2, b"by the late one again")] {
            let now = net.now;
            net.peers[at].put(b"k", value, now);
            net.run_until(|net| holds(net, b"k", value));
            net.run(SECOND);
        }
        let wild: u64 = net.peers.iter().map(|peer| peer.metrics.updates_wild.get()).sum();
        assert!(wild == 0 && lost_nobody(&net));
        net.run(3 * SECOND);
        let corrected = net.peers[2].hlc.corrected(net.peers[2].reads(net.now).wall);
        assert!(corrected.0.abs_diff(net.now.wall.0) < 100, "it goes by the others' clock");
    }
}

#[test]
fn a_clear_by_a_wild_clock_clears_and_bars_nothing() {
    let mut net = with_one_set(3, 3_600_000);
    let now = net.now;
    net.peers[2].write(UpdateKind::Clear, b"", b"", now);
    net.run(Duration::from_millis(100));
    assert!(net.peers.iter().all(|peer| peer.get(b"other").is_none()));
    let now = net.now;
    net.peers[0].put(b"other", b"after", now);
    net.run(Duration::from_millis(20));
    assert!(net.peers[..2].iter().all(|peer| peer.get(b"other").is_some()), "it comes after the clear");
    net.run(3 * SECOND);
    let now = net.now;
    net.peers[1].put(b"other", b"at last", now);
    net.run_until(|net| holds(net, b"other", b"at last"));
}

#[test]
fn what_was_written_alone_by_a_wild_clock_is_not_taken_over() {
    let mut net = Net::settled(3);
    let mut late = Peer::new(4, Keyring::public("tests"), net.now);
    late.clock_ms = 86_400_000;
    let now = net.now;
    late.put(b"k", b"written alone", now);
    net.peers.push(late);
    net.peers[0].put(b"k", b"by a right clock", now);
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.is_ready() && p.protocol.members.len() == 3));
    net.run(3 * SECOND);
    let shown: Vec<_> = net.peers.iter().map(|peer| peer.get(b"k")).collect();
    assert!(shown.iter().all(|value| value.as_deref() != Some(b"written alone")), "{shown:?}");
    assert!(none_is_ahead(&net) && lost_nobody(&net));
    let now = net.now;
    net.peers[3].put(b"k", b"after", now);
    net.run_until(|net| holds(net, b"k", b"after"));
}

#[test]
fn two_that_disagree_by_days_stay_members_and_equal() {
    for clock_ms in [-900_000, 7 * 86_400_000] {
        let mut net = with_a_clock_off(clock_ms);
        for (at, value) in [(0, &b"one"[..]), (1, b"two"), (0, b"three")] {
            let now = net.now;
            net.peers[at].put(b"k", value, now);
            net.run_until(|net| holds(net, b"k", value));
            net.run(3 * SECOND);
        }
        assert!(lost_nobody(&net));
    }
}

#[test]
fn who_stood_still_does_not_think_that_his_clock_is_ahead() {
    let mut net = Net::settled(3);
    let waiting = Arc::new(crate::lock::Mutex::new(Vec::new()));
    let record = waiting.clone();
    net.filter = Box::new(move |from, to, datagram| {
        if to == 0 {
            record.lock().push((from, datagram.to_vec()));
        }
        to != 0
    });
    net.run(4 * SECOND);
    net.filter = Box::new(|_, _, _| true);
    let waited: Vec<(usize, Vec<u8>)> = std::mem::take(&mut waiting.lock());
    for (from, mut datagram) in waited {
        let (address, now) = (net.peers[from].address, net.now);
        net.peers[0].protocol.handle_datagram(address, Via::Group, &mut datagram, now);
        net.peers[0].protocol.handle_timeout(now);
    }
    net.run(3 * SECOND);
    assert_eq!(net.peers[0].hlc.corrected(net.now.wall), net.now.wall);
    assert_eq!(net.peers[0].metrics.updates_wild.get(), 0);
}

#[test]
fn a_reading_that_no_clock_can_show_is_followed_by_nobody() {
    let mut net = Net::settled(2);
    let now = net.now;
    net.peers[1].hlc.observe(HlcTimestamp(u64::MAX - 5));
    net.peers[1].put(b"k", b"v", now);
    net.run(Duration::from_millis(50));
    assert!(net.peers[0].hlc.latest().wall() < WallMs(2_000_000));
    assert!(net.peers[0].get(b"k").is_none());
}
