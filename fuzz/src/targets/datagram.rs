//! Datagrams of somebody without the key: whatever they are, the node says nothing, learns nothing and forgets nothing.

use std::net::SocketAddr;

use mccache::crypto::Keyring;
use mccache::ids::SessionId;
use mccache::protocol::Via;
use mccache::time::WallMs;
use mccache::wire::{Header, Kind};

use super::input::Input;
use super::intruder::{Attack, CLUSTER, FROM, INTRUDER, NODE};

/// Runs one input: datagrams, each with its length before it.
pub(super) fn run(input: &[u8]) {
    let mut input = Input(input);
    // Half of them attack a node that has a member, in whose name one may try to speak.
    let mut attack = if input.u8() & 1 == 0 { Attack::begin() } else { Attack::begin_inside() };
    attack.turn();
    let held = attack.store.checksum(WallMs(0));
    let members = attack.protocol.members(attack.now).len();
    while !input.is_empty() {
        let mut datagram = Vec::new();
        match input.below(4) {
            0 => {}
            choice => forge(&mut input, choice, &mut datagram),
        }
        datagram.extend_from_slice(input.string());
        attack.protocol.handle_datagram(SocketAddr::from(FROM), Via::Group, &mut datagram, attack.now);
        let mut said = Vec::new();
        assert!(attack.protocol.poll_transmit(attack.now, &mut said).is_none(), "a stranger was answered");
        assert!(attack.protocol.poll_event().is_none());
    }
    assert_eq!(attack.store.checksum(WallMs(0)), held);
    assert_eq!(attack.protocol.members(attack.now).len(), members);
    attack.turn();
}

/// A header that is looked at further: of this cluster, by somebody.
fn forge(input: &mut Input<'_>, choice: u8, datagram: &mut Vec<u8>) {
    let mut other = [0; 12];
    for (to, from) in other.iter_mut().zip(input.bytes(2)) {
        *to = *from;
    }
    let session = match choice {
        1 => INTRUDER,
        2 => NODE,
        _ => SessionId(other),
    };
    let header = Header {
        kind: if input.u8() & 1 == 0 { Kind::Data } else { Kind::Control },
        key_id: input.below(4),
        key_phase: input.u8(),
        flags: input.u16(),
        cluster_tag: Keyring::public(CLUSTER).cluster_tag(),
        session,
        number: input.u64(),
    };
    header.encode(datagram);
}
