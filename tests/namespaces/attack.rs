//! A stranger on the network who has no key: sends to the group as fast as the system takes it, for some seconds.
//!
//! One datagram in four is noise. The others have the header of the cluster under attack, for only what is in the clear
//! there can be copied: a new session each time, then one and the same session, then lengths around every limit.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use mccache::rng::Rng;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{number, say, text};

/// Longest payload that is no fragment.
const LONGEST: u64 = 1_472;

pub(crate) fn run(group: &str, interface: &str, cluster: &str, seconds: &str) -> Result<(), String> {
    let group: SocketAddrV4 = group.parse().map_err(|_| format!("`{group}` is no group"))?;
    let interface: Ipv4Addr = interface.parse().map_err(|_| format!("`{interface}` is no address"))?;
    let span = Duration::from_secs(number(seconds)?);
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(text)?;
    socket.bind(&SocketAddr::V4(SocketAddrV4::new(interface, 0)).into()).map_err(text)?;
    socket.set_multicast_if_v4(&interface).map_err(text)?;
    socket.set_multicast_loop_v4(false).map_err(text)?;
    let to = SocketAddr::V4(group).into();
    let tag = ring::digest::digest(&ring::digest::SHA256, format!("mcc1{cluster}").as_bytes());
    let tag: Vec<u8> = tag.as_ref().iter().take(4).copied().collect();

    let (mut rng, begun, mut sent, mut refused) = (Rng::new(7), Instant::now(), 0u64, 0u64);
    let mut datagram = Vec::new();
    while begun.elapsed() < span {
        forge(&mut rng, &tag, &mut datagram)?;
        // A full buffer slows an attacker down, as it would a member.
        match socket.send_to(&datagram, &to) {
            Ok(_) => sent += 1,
            Err(_) => refused += 1,
        }
    }
    say(&format!("sent={sent} refused={refused} seconds={:.2}", begun.elapsed().as_secs_f64()));
    Ok(())
}

fn forge(rng: &mut Rng, tag: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    let len = match rng.below(4) {
        0 => rng.below(80),
        _ => rng.below(LONGEST + 1),
    };
    out.clear();
    while (out.len() as u64) < len {
        out.extend_from_slice(&rng.next_u64().to_le_bytes());
    }
    out.truncate(usize::try_from(len).map_err(text)?);
    let kind = rng.below(4);
    if kind == 0 || out.len() < 32 {
        return Ok(());
    }
    let data_or_control = 1 + u8::from(rng.below(2) == 0);
    let flags = u8::from(rng.below(2) == 0);
    let head = [b'm', b'c', 1, data_or_control, 1, 0, flags, 0];
    out.splice(..8, head);
    out.splice(8..12, tag.iter().copied());
    if kind == 1 {
        out.splice(12..24, [7; 12]);
    }
    Ok(())
}
