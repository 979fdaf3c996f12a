//! Stories of clocks that disagree, and of members that were away for long.

use super::tests::Net;
use super::*;
use crate::time::WallMs;

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
