//! Stories of members and strangers that ask for too much, and of a node that was copied.

use super::tests::{Net, Peer, REPHASE};
use super::*;
use crate::crypto::ClusterKey;
use crate::wire::{Flags, Frames, Hello, Range, Ranges};

const CACHE: CacheId = CacheId(7);
/// What a member may have answered in the second of a flood, and the heartbeats.
const ONE_SECOND: u64 = (128 + 4 + 1) << 20;

/// A second in which the second of three peers asks the first as fast as its queue lets it.
fn flood(net: &mut Net, mut ask: impl FnMut(&mut Protocol, To)) {
    let victim = To::Member(net.peers[0].address);
    for _ in 0..100 {
        for _ in 0..300 {
            ask(&mut net.peers[1].protocol, victim);
        }
        net.run(Duration::from_millis(10));
    }
}

/// The first peer answered at most what one member may have, refused some, and still serves the third.
fn assert_bounded(net: &mut Net, sent_before: u64) {
    let sent = net.peers[0].metrics.bytes_sent.get() - sent_before;
    assert!(sent < ONE_SECOND, "{sent} bytes in a second");
    assert!(net.peers[0].metrics.requests_refused.get() > 0);
    net.peers[0].put(b"after", b"v", net.now);
    net.run_until(|net| net.peers[2].get(b"after").is_some());
    assert_eq!(net.peers[0].metrics.members_failed.get(), 0);
}

fn filled() -> Net {
    let mut net = Net::settled(3);
    for number in 0..5_000_u32 {
        let now = net.now;
        net.peers[0].put(&number.to_be_bytes(), &[7; 300], now);
        if number % 100 == 0 {
            net.run(Duration::from_millis(1));
        }
    }
    net.run(Duration::from_millis(500));
    net
}

#[test]
fn requests_for_state_are_answered_within_an_allowance() {
    let mut net = filled();
    let (before, mut request) = (net.peers[0].metrics.bytes_sent.get(), 0);
    flood(&mut net, |protocol, to| {
        request += 1;
        let segments = &[];
        protocol.send_control(to, &[Frame::StateRequest { cache: CACHE, request, cursor: 0, have: 0, segments }]);
    });
    assert_bounded(&mut net, before);
}

#[test]
fn requests_that_look_at_everything_and_find_nothing_are_counted_by_what_they_look_at() {
    let mut net = filled();
    let (before, mut request) = (net.peers[0].metrics.bytes_sent.get(), 0);
    flood(&mut net, |protocol, to| {
        request += 1;
        let segments = &[0; 512];
        protocol.send_control(to, &[Frame::StateRequest { cache: CACHE, request, cursor: 0, have: 0, segments }]);
    });
    // 5,000 slots of 16 bytes each: some 1,700 of the 30,000 that were asked.
    assert_bounded(&mut net, before);
    assert!(net.peers[0].metrics.requests_refused.get() > 20_000);
}

#[test]
fn repairs_are_sent_within_an_allowance() {
    let mut net = filled();
    let before = net.peers[0].metrics.bytes_sent.get();
    let packed = Ranges::pack(&[Range { first: 1, count: u32::MAX }]);
    flood(&mut net, |protocol, to| {
        protocol.send_control(to, &[Frame::Nack { ranges: Ranges::new(&packed) }]);
    });
    assert_bounded(&mut net, before);
}

#[test]
fn checksums_are_worked_out_within_an_allowance() {
    let mut net = filled();
    let (before, mut id) = (net.peers[0].metrics.bytes_sent.get(), 0);
    flood(&mut net, |protocol, to| {
        id += 1;
        protocol.send_control(to, &[Frame::Query { id, what: Query::Checksum, cache: CACHE }]);
    });
    // Each counts for 5,000 entries of 64 bytes.
    assert!(net.peers[0].metrics.requests_refused.get() > 20_000);
    assert_bounded(&mut net, before);
}

#[test]
fn who_speaks_badly_in_a_newcomers_name_does_not_keep_it_out() {
    let mut net = Net::settled(2);
    let session = SessionId([3; 12]);
    let keys = Keyring::public("tests");
    for round in 0..50 {
        if round == 10 {
            net.peers.push(Peer::new(3, keys.clone(), net.now));
        }
        let mut forged = Vec::new();
        let (kind, flags, number) = (Kind::Control, 0, 1);
        let (key_id, cluster_tag) = (0, keys.cluster_tag());
        Header { kind, key_id, key_phase: 0, flags, cluster_tag, session, number }.encode(&mut forged);
        forged.extend_from_slice(&[9; 100]);
        let from = SocketAddr::from(([127, 0, 0, 1], 66));
        net.peers[0].protocol.handle_datagram(from, Via::Unicast, &mut forged, net.now);
        net.run(Duration::from_millis(10));
    }
    assert_eq!(net.peers[0].protocol.members.len(), 2, "it was admitted within 400 ms");
    assert!(net.peers[0].metrics.rejected_rate.get() > 0, "the forger was looked at once a second");
}

#[test]
fn there_are_as_many_members_as_may_be_and_no_more() {
    let mut net = Net::of(1);
    net.run(Duration::from_secs(1));
    let key = ClusterKey::public("tests");
    for number in 0..1_030_u16 {
        let mut session = [5; 12];
        session[..2].copy_from_slice(&number.to_le_bytes());
        admit(&mut net, &key, SessionId(session), number);
    }
    assert_eq!(net.peers[0].protocol.members.len(), 1_024);
    assert_eq!(net.peers[0].metrics.members_refused.get(), 6);
}

/// Somebody with the key greets the first peer and answers its probe.
fn admit(net: &mut Net, key: &ClusterKey, session: SessionId, port: u16) {
    let from = SocketAddr::from(([127, 0, 0, 1], 2_000 + port));
    let hello = Hello { name: format!("guest-{port}"), boot_hlc: 1, ..Hello::default() }.encode();
    let now = net.now;
    let protocol = &mut net.peers[0].protocol;
    let seal = |number: u64, frame: &Frame<'_>| {
        let mut datagram = Vec::new();
        let (kind, flags, cluster_tag) = (Kind::Control, 0, key.cluster_tag());
        Header { kind, key_id: 0, key_phase: 0, flags, cluster_tag, session, number }.encode(&mut datagram);
        Preamble { hlc: HlcTimestamp::ZERO, trail: 1 }.encode(&mut datagram);
        frame.encode(&mut datagram);
        key.session_key(session, 0).seal(kind.number(), number, &mut datagram, HEADER_LEN);
        datagram
    };
    protocol.handle_datagram(from, Via::Unicast, &mut seal(1, &Frame::Hello(&hello)), now);
    let mut out = Vec::new();
    while let Some(to) = protocol.poll_transmit(now, &mut out) {
        let header = Header::decode(&out).expect("its own");
        let opener = key.session_key(header.session, header.key_phase);
        let plain = opener.open(header.kind.number(), header.number, &mut out, HEADER_LEN).expect("its seal");
        let frames: Vec<_> = Frames::new(Preamble::decode(plain).expect("a preamble").1).flatten().collect();
        for frame in frames.iter().filter(|_| to == To::Member(from)) {
            if let Frame::Probe { nonce } = *frame {
                let ack = Frame::ProbeAck { nonce, next: 1, flags: Flags(0) };
                protocol.handle_datagram(from, Via::Unicast, &mut seal(2, &ack), now);
            }
        }
        out.clear();
    }
}

#[test]
fn a_node_that_was_copied_falls_silent_when_it_hears_the_copy() {
    REPHASE.set(Rephase { datagrams: 20, age: Duration::from_secs(3_600) });
    let mut net = Net::settled(2);
    // What a restored snapshot is: the same session with the same numbers, which now go their own way.
    let (sender, victim) = (net.peers[0].address, 0);
    let mut next = Vec::new();
    for _ in 0..40 {
        next.clear();
        let now = net.now;
        net.peers[victim].protocol.send_urgent(To::Group, &[Frame::Bye]);
        net.peers[victim].protocol.poll_transmit(now, &mut next).expect("what was just queued");
    }
    let known = net.peers[victim].metrics.own_echoes.get();
    net.peers[victim].protocol.handle_datagram(sender, Via::Unicast, &mut next.clone(), net.now);
    assert!(!net.peers[victim].protocol.is_cloned(), "its own echo is none");
    net.peers[victim].protocol.control_number -= 1;
    let mut damaged = next.clone();
    damaged[40] ^= 1;
    net.peers[victim].protocol.handle_datagram(sender, Via::Unicast, &mut damaged, net.now);
    assert!(!net.peers[victim].protocol.is_cloned(), "nobody without the key can say so");
    net.peers[victim].protocol.handle_datagram(sender, Via::Unicast, &mut next.clone(), net.now);
    assert!(net.peers[victim].protocol.is_cloned());
    assert_eq!(net.peers[victim].metrics.own_echoes.get(), known + 3);
    let now = net.now;
    net.peers[victim].put(b"k", b"v", now);
    assert_eq!(net.peers[victim].protocol.poll_transmit(net.now, &mut Vec::new()), None, "no nonce is used twice");
}
