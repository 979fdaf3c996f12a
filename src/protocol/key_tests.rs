//! Stories of keys that change: phases, rotation under writes and loss, keys that some have and others do not.

use super::tests::{Net, Peer, REPHASE, is_data};
use super::*;
use crate::config::{RingKey, Secret};
use crate::crypto::KeyRole;

fn key(id: u8) -> RingKey {
    RingKey { id, secret: Secret([id; 32]) }
}

fn ring(ids: &[u8]) -> Keyring {
    let keys: Vec<RingKey> = ids.iter().copied().map(key).collect();
    Keyring::of("tests", &keys).expect("different ids")
}

/// Three peers with these keys that know each other.
fn settled(ids: &[u8]) -> Net {
    let mut net = Net::with_keys((0..3).map(|_| ring(ids)).collect());
    net.run_until(|net| net.peers.iter().all(|p| p.protocol.is_ready() && p.protocol.members.len() == 2));
    net.run(Duration::from_secs(1));
    net
}

fn put_some(net: &mut Net, round: u32) {
    let now = net.now;
    for (place, peer) in (0_u32..).zip(&mut net.peers) {
        peer.put(format!("{place}/{}", round % 50).as_bytes(), &round.to_be_bytes(), now);
    }
}

fn no_member_was_lost(net: &Net) -> bool {
    net.peers.iter().take(3).all(|p| p.protocol.members.len() == 2 && p.metrics.members_failed.get() == 0)
}

fn are_equal(net: &Net) -> bool {
    let sum = |p: &Peer| p.store.checksum(WallMs(0));
    net.peers.iter().all(|p| sum(p) == sum(&net.peers[0]))
}

#[test]
fn a_key_is_changed_under_writes_and_loss_without_losing_an_update_or_a_member() {
    let mut net = settled(&[1]);
    let mut rng = Rng::new(11);
    net.filter = Box::new(move |_, _, _| !rng.percent(10));
    let mut round = 0;
    let mut step = |net: &mut Net, change: &dyn Fn(&mut Protocol, Now)| {
        for place in 0..3 {
            change(&mut net.peers[place].protocol, net.now);
            for _ in 0..100 {
                round += 1;
                put_some(net, round);
                net.run(Duration::from_millis(1));
            }
        }
    };
    step(&mut net, &|protocol, _| protocol.add_key(&key(2)).expect("room for it"));
    step(&mut net, &|protocol, now| protocol.set_primary_key(2, now).expect("it is there"));
    assert!(net.peers.iter().all(|p| p.protocol.keys()[1] == KeyInfo { id: 2, role: KeyRole::Primary, members: 2 }));
    step(&mut net, &|protocol, now| protocol.remove_key(1, now).expect("it is retired"));
    net.run_until(are_equal);
    assert!(no_member_was_lost(&net));
    assert_eq!(net.peers[0].store.len(), 150);
    assert!(net.peers.iter().all(|p| p.protocol.keys().iter().map(|key| key.id).eq([2])));
    // Who comes with the new key alone is filled, although the others have known another one.
    net.peers.push(Peer::new(4, ring(&[2]), net.now));
    net.run_until(|net| net.peers[3].protocol.is_ready());
    net.run_until(are_equal);
}

#[test]
fn an_old_key_that_is_removed_too_early_costs_a_comparison_and_no_update() {
    let mut net = settled(&[1, 2]);
    // The third peer misses everything while the others go on to the new key and forget the old one.
    net.filter = Box::new(|_, to, datagram| to != 2 || !is_data(datagram));
    put_some(&mut net, 1);
    net.run(Duration::from_millis(20));
    for place in 0..3 {
        let now = net.now;
        net.peers[place].protocol.set_primary_key(2, now).expect("it is there");
        net.peers[place].protocol.remove_key(1, now).expect("it is retired");
    }
    net.filter = Box::new(|_, _, _| true);
    net.run_until(are_equal);
    assert_eq!(net.peers[2].get(b"0/1").as_deref(), Some(&1_u32.to_be_bytes()[..]));
    assert!(net.peers[2].metrics.lost.get() > 0, "its repair could not be opened any more");
    assert!(no_member_was_lost(&net));
}

#[test]
fn whoever_has_not_got_the_new_key_is_down_until_it_has() {
    let mut net = settled(&[1]);
    for place in 0..2 {
        let now = net.now;
        net.peers[place].protocol.add_key(&key(2)).expect("room for it");
        net.peers[place].protocol.set_primary_key(2, now).expect("it is there");
    }
    net.run_until(|net| net.peers[2].protocol.members.is_empty());
    assert!(net.peers[2].metrics.rejected_key.get() > 0, "it counts what it cannot open");
    assert_eq!(net.peers[2].metrics.rejected_seal.get(), 0);
    assert!(net.peers[0].protocol.members.len() == 2, "the others hear it, and wait");
    net.peers[2].protocol.add_key(&key(2)).expect("room for it");
    net.run_until(|net| net.peers[2].protocol.members.len() == 2);
    put_some(&mut net, 7);
    net.run_until(are_equal);
}

#[test]
fn what_is_sealed_with_a_removed_key_is_not_heard() {
    let mut net = settled(&[1, 2]);
    for place in 0..2 {
        let now = net.now;
        net.peers[place].protocol.set_primary_key(2, now).expect("it is there");
        net.peers[place].protocol.remove_key(1, now).expect("it is retired");
    }
    net.run_until(|net| net.peers[0].protocol.members.len() == 1);
    assert!(net.peers[0].metrics.rejected_key.get() > 0, "the third goes on to seal with the old one");
    let now = net.now;
    net.peers[2].protocol.set_primary_key(2, now).expect("it is there");
    net.run_until(|net| net.peers[0].protocol.members.len() == 2);
}

#[test]
fn the_same_id_with_another_secret_is_a_wrong_key() {
    let mut net = settled(&[1]);
    let other = Keyring::of("tests", &[RingKey { id: 1, secret: Secret([9; 32]) }]).expect("one key");
    net.peers.push(Peer::new(4, other, net.now));
    net.run(Duration::from_secs(1));
    assert!(net.peers[3].protocol.members.is_empty() && no_member_was_lost(&net));
    assert!(net.peers.iter().all(|p| p.metrics.rejected_seal.get() > 0));
}

#[test]
fn phases_follow_each_other_past_the_end_of_their_number_and_nothing_is_lost() {
    REPHASE.set(Rephase { datagrams: 5, age: Duration::from_secs(3_600) });
    let mut net = settled(&[1]);
    let mut rng = Rng::new(12);
    net.filter = Box::new(move |_, _, _| !rng.percent(5));
    for round in 0..1_500 {
        put_some(&mut net, round);
        net.run(Duration::from_millis(1));
    }
    net.run_until(are_equal);
    assert!(no_member_was_lost(&net));
    assert!(net.peers.iter().all(|p| p.metrics.key_phases.get() > 256), "{}", net.peers[0].metrics.key_phases.get());
}

#[test]
fn a_key_is_derived_anew_after_its_time_even_if_it_sealed_little() {
    REPHASE.set(Rephase { datagrams: u64::MAX, age: Duration::from_secs(2) });
    let mut net = settled(&[1]);
    net.run(Duration::from_secs(9));
    assert!(net.peers.iter().all(|p| (4..=6).contains(&p.metrics.key_phases.get())));
    assert!(no_member_was_lost(&net));
}

#[test]
fn no_key_and_nonce_seal_two_datagrams() {
    REPHASE.set(Rephase { datagrams: 50, age: Duration::from_secs(3_600) });
    let mut net = settled(&[1, 2]);
    let seen = Arc::new(crate::lock::Mutex::new(BTreeMap::<_, Vec<u8>>::new()));
    let record = seen.clone();
    let mut rng = Rng::new(13);
    net.filter = Box::new(move |from, _, datagram| {
        let header = Header::decode(datagram).expect("the peers' own");
        let nonce = (from, header.key_id, header.key_phase, header.kind, header.number);
        let known = record.lock().entry(nonce).or_insert_with(|| datagram.to_vec()) == datagram;
        assert!(known, "{header:?} seals something else");
        !rng.percent(20)
    });
    for round in 0..400 {
        put_some(&mut net, round);
        let now = net.now;
        let id = if round % 40 < 20 { 1 } else { 2 };
        net.peers[0].protocol.set_primary_key(id, now).expect("it is there");
        net.run(Duration::from_millis(1));
    }
    net.run_until(are_equal);
    assert!(seen.lock().len() > 1_000);
}
