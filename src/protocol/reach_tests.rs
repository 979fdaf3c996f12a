//! Stories of nodes whose multicast does not reach everybody.

use super::tests::{Net, Peer, without_multicast};
use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn copied(net: &Net, from: usize, to: usize) -> bool {
    let there = net.peers[to].address;
    net.peers[from].protocol.copies().contains(&there)
}

fn nobody_gets_copies(net: &Net) -> bool {
    net.peers.iter().all(|peer| peer.protocol.copies().is_empty())
}

fn all_know_each_other(net: &Net) -> bool {
    net.peers.iter().all(|peer| peer.protocol.is_ready() && peer.protocol.members.len() + 1 == net.peers.len())
}

#[test]
fn where_multicast_works_nobody_gets_copies_or_is_told_of_peers() {
    let mut net = Net::settled(4);
    for _ in 0..20 {
        net.run(SECOND / 2);
        assert!(nobody_gets_copies(&net));
    }
    assert!(
        net.peers.iter().all(|peer| peer.metrics.copies_sent.get() == 0 && peer.metrics.multicast_broken.get() == 0)
    );
}

#[test]
fn who_does_not_hear_the_multicast_gets_copies_by_itself_and_only_in_that_direction() {
    let mut net = Net::settled(3);
    // What the first sends to all does not reach the third.
    net.multicast = Box::new(|from, to| (from, to) != (0, 2));
    let broken = net.now.mono;
    net.run_until(|net| copied(net, 0, 2));
    let took = net.now.mono.saturating_since(broken);
    assert!(took > 4 * SECOND && took < 7 * SECOND, "{took:?}");
    net.run(2 * SECOND);
    assert!(all_know_each_other(&net), "probes by unicast kept the membership");
    assert_eq!(net.peers[0].protocol.copies().len(), 1);
    assert!(net.peers[1].protocol.copies().is_empty() && net.peers[2].protocol.copies().is_empty());
    assert_eq!(net.peers[0].metrics.multicast_broken.get(), 1);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[2].get(b"k").is_some());
    assert!(net.now.mono.saturating_since(now.mono) < Duration::from_millis(2), "no repair was waited for");
    assert_eq!(net.peers[2].metrics.repaired.get(), 0);
}

#[test]
fn copies_end_when_the_multicast_is_heard_again() {
    let mut net = Net::settled(2);
    net.multicast = Box::new(|_, _| false);
    net.run_until(|net| copied(net, 0, 1) && copied(net, 1, 0));
    net.run(3 * SECOND);
    net.multicast = Box::new(|_, _| true);
    net.run_until(nobody_gets_copies);
    net.run(10 * SECOND);
    assert!(nobody_gets_copies(&net));
    let sent = net.peers[0].metrics.copies_sent.get();
    net.run(5 * SECOND);
    assert_eq!(net.peers[0].metrics.copies_sent.get(), sent);
}

#[test]
fn what_was_written_while_the_multicast_was_not_known_to_be_broken_is_not_lost() {
    let mut net = Net::settled(2);
    net.multicast = Box::new(|_, _| false);
    let now = net.now;
    net.peers[0].put(b"k", b"v", now);
    net.run_until(|net| net.peers[1].get(b"k").is_some());
    assert!(net.now.mono.saturating_since(now.mono) < 3 * SECOND, "the first probe's answer tells what is missing");
}

#[test]
fn a_member_that_no_longer_knows_this_node_and_greets_it_is_answered() {
    let mut net = Net::settled(3);
    // The third loses the first, which goes on hearing it.
    net.filter = Box::new(|from, to, _| (from, to) != (0, 2));
    net.run(8 * SECOND);
    assert_eq!((net.peers[0].protocol.members.len(), net.peers[2].protocol.members.len()), (2, 1));
    // The way is open again, but not for multicast: it learns from the second where the first is, and greets it.
    net.filter = Box::new(|_, _, _| true);
    net.multicast = Box::new(|from, to| (from, to) != (0, 2));
    let healed = net.now.mono;
    net.run_until(all_know_each_other);
    assert!(net.now.mono.saturating_since(healed) < 6 * SECOND, "the second tells every four seconds at least");
    net.run_until(|net| copied(net, 0, 2));
    assert!(net.now.mono.saturating_since(healed) < 9 * SECOND, "and then says that it does not hear its multicast");
}

#[test]
fn at_most_sixteen_get_copies_where_there_is_multicast_and_no_list() {
    let mut net = Net::of(19);
    net.multicast = Box::new(|from, _| from != 0);
    net.run(12 * SECOND);
    assert!(all_know_each_other(&net));
    assert_eq!(net.peers[0].protocol.copies().len(), 16);
    assert_eq!(net.peers[0].metrics.members_copied.get(), 16);
}

#[test]
fn without_any_multicast_one_seed_is_enough_and_may_go_then() {
    without_multicast(1);
    let mut net = Net::of(4);
    net.run_until(all_know_each_other);
    assert!(net.now.mono.saturating_since(Mono::default()) < 3 * SECOND);
    let now = net.now;
    net.peers[3].put(b"k", b"v", now);
    net.run_until(|net| net.peers.iter().all(|peer| peer.get(b"k").is_some()));
    assert!(net.now.mono.saturating_since(now.mono) < Duration::from_millis(2));
    // The seed goes; the others are cut from each other until they gave each other up, and find each other again.
    net.filter = Box::new(|_, _, _| false);
    net.run(8 * SECOND);
    assert!(net.peers.iter().all(|peer| peer.protocol.members.is_empty()));
    net.filter = Box::new(|from, to, _| from != 0 && to != 0);
    net.run_until(|net| net.peers[1..].iter().all(|peer| peer.protocol.members.len() == 2));
}

#[test]
fn a_node_that_is_listed_but_lists_nobody_answers_by_unicast() {
    let mut net = Net::settled(2);
    net.multicast = Box::new(|from, to| from < 2 && to < 2);
    tests::list(1);
    let mut remote = Peer::new(3, Keyring::public("tests"), net.now);
    remote.address.set_port(1_003);
    net.peers.push(remote);
    let joined = net.now.mono;
    net.run_until(all_know_each_other);
    assert!(net.now.mono.saturating_since(joined) < 3 * SECOND, "the listed one told the other of it");
    net.run(3 * SECOND);
    assert!(copied(&net, 0, 2) && copied(&net, 1, 2) && copied(&net, 2, 0) && copied(&net, 2, 1));
    assert!(!copied(&net, 0, 1) && !copied(&net, 1, 0), "these two hear each other");
}

#[test]
fn an_address_in_the_list_gets_greetings_and_no_other_address_gets_anything() {
    without_multicast(3);
    let mut net = Net::of(1);
    let mut out = Vec::new();
    let (second, third) = (SocketAddr::from(([127, 0, 0, 1], 1_002)), SocketAddr::from(([127, 0, 0, 1], 1_003)));
    let mut sent: BTreeMap<SocketAddr, usize> = BTreeMap::new();
    for _ in 0..100_000 {
        net.now.mono = net.now.mono + Duration::from_micros(100);
        let peer = &mut net.peers[0].protocol;
        peer.handle_timeout(net.now);
        while let Some(to) = peer.poll_transmit(net.now, &mut out) {
            match to {
                To::Group => assert!(peer.copies().is_empty()),
                To::Member(there) => *sent.entry(there).or_default() += 1,
            }
        }
    }
    assert_eq!(sent.keys().copied().collect::<Vec<_>>(), [second, third], "not even to itself");
    assert!(sent.values().all(|&greetings| greetings < 20), "{sent:?}");
}

#[test]
fn contacts_that_are_looked_up_are_greeted_and_waited_for() {
    LINKS_OF_ONE_NAME.with(|links| tests::use_links(links.clone()));
    let mut net = Net::of(1);
    net.run(SECOND);
    assert!(!net.peers[0].protocol.is_ready(), "the name may stand for members");
    let there = SocketAddr::from(([127, 0, 0, 1], 1_009));
    let now = net.now.mono;
    net.peers[0].protocol.set_contacts(&[there], now);
    assert_eq!(net.peers[0].protocol.contacts(), [(there, false)]);
    let mut out = Vec::new();
    assert_eq!(net.peers[0].protocol.poll_transmit(net.now, &mut out), Some(To::Member(there)));
    net.run(SECOND / 2);
    assert!(net.peers[0].protocol.is_ready(), "nobody answers");
}

thread_local! {
    static LINKS_OF_ONE_NAME: Links = Links {
        multicast: false,
        awaits_contacts: true,
        ..Links::multicast(SocketAddr::from(([127, 0, 0, 1], 1)))
    };
}

#[test]
fn the_offset_of_a_clock_is_told() {
    let mut net = Net::settled(2);
    net.run(SECOND);
    let members = net.peers[0].protocol.members(net.now);
    assert_eq!(members[0].clock_offset_ms, Some(0));
    assert_eq!(members[0].multicast_heard, Some(true));
}
