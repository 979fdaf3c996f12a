//! The datagram a node sends to its own group at the start, to learn whether multicast works here at all.
//!
//! ```text
//! 00 6d 63 70 72 6f 62 65   "\0mcprobe": no protocol datagram begins with a zero byte
//! 16 random bytes           which node's probe it is
//! ```
//!
//! The invariant: no probe, of this node or another, is handed up, and no other datagram that arrives meanwhile is lost
//! but beyond [`EARLY_MAX`]. Hearing the own probe proves the way out of this host's firewall and back in; it does not
//! prove that switches carry the group, which only hearing other members does.

#![expect(clippy::disallowed_methods, reason = "the probe waits for its own echo, a fifth of a second at most")]

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ring::rand::{SecureRandom, SystemRandom};

use super::fault::{self, Step};
use super::socket::Plan;
use super::udp::Udp;
use super::{Channel, Destination};
use crate::error::{Error, Result};

/// How a probe begins.
const MAGIC: [u8; 8] = *b"\0mcprobe";

/// Bytes of a probe: magic and nonce.
const PROBE_LEN: usize = MAGIC.len() + 16;

/// How long each probe is listened for before the next is sent: three in 200 ms, as one may be lost in a full queue.
const LISTEN: [Duration; 3] = [Duration::from_millis(50), Duration::from_millis(50), Duration::from_millis(100)];

/// Most datagrams of others kept while the probe is awaited: a quarter of a second at 4,000 a second. A node that is
/// about to join asks for the state anyway, so what is beyond costs a repair, not a value.
const EARLY_MAX: usize = 1024;

/// A datagram that arrived before anybody asked for it.
#[derive(Debug)]
pub(super) struct Early {
    pub(super) from: SocketAddr,
    pub(super) channel: Channel,
    pub(super) bytes: Vec<u8>,
}

/// Whether `bytes` is a node's probe.
pub(super) fn is_probe(bytes: &[u8]) -> bool {
    bytes.len() == PROBE_LEN && bytes.starts_with(&MAGIC)
}

/// Sends probes until one is heard or 200 ms are over; tells whether one was heard, and warns with a cure if not.
///
/// # Errors
/// [`Error::Network`] if the system refused to send each of them: nothing this node writes would reach anybody.
pub(super) fn run(udp: &mut Udp, plan: &Plan) -> Result<bool> {
    let probe = new_probe()?;
    let mut early = VecDeque::new();
    let mut refusal = None;
    let mut sent = 0_usize;
    let mut heard = false;
    for listen in LISTEN {
        match udp.send(Destination::Group, &probe, PROBE_LEN) {
            Ok(()) => sent += 1,
            Err(error) => refusal = Some(error),
        }
        heard = hear(udp, &probe, listen, &mut early)?;
        if heard {
            break;
        }
    }
    udp.keep(early);
    match refusal {
        Some(error) if sent == 0 => return Err(fault::network(Step::Send, plan, error)),
        refusal if !heard => warn_of_silence(plan, sent, refusal.as_ref()),
        _ => {}
    }
    Ok(heard)
}

fn new_probe() -> Result<[u8; PROBE_LEN]> {
    let mut probe = [0; PROBE_LEN];
    let (magic, nonce) = probe.split_at_mut(MAGIC.len());
    magic.copy_from_slice(&MAGIC);
    SystemRandom::new().fill(nonce).map_err(|_| {
        Error::Internal("the system gives no random bytes (getrandom or /dev/urandom failed)".to_owned())
    })?;
    Ok(probe)
}

/// Whether `probe` comes in by the group socket within `listen`. Others' datagrams go to `early`.
fn hear(udp: &mut Udp, probe: &[u8], listen: Duration, early: &mut VecDeque<Early>) -> Result<bool> {
    let end = Instant::now() + listen;
    let mut heard = false;
    loop {
        udp.receive_all(&mut |from, channel, bytes| {
            if is_probe(bytes) {
                heard |= channel == Channel::Group && bytes == probe;
            } else if early.len() < EARLY_MAX {
                early.push_back(Early { from, channel, bytes: bytes.to_vec() });
            }
        })?;
        let left = end.saturating_duration_since(Instant::now());
        if heard || left.is_zero() {
            return Ok(heard);
        }
        udp.wait(Some(left))?;
    }
}

fn warn_of_silence(plan: &Plan, sent: usize, refusal: Option<&io::Error>) {
    let Some(group) = plan.group else { return };
    let (ip, port, interface) = (group.ip(), group.port(), plan.interface);
    // What carries the joining of groups: IGMP, or MLD within ICMPv6.
    let (tables, joining) = if group.is_ipv6() { ("ip6tables", "ipv6-icmp") } else { ("iptables", "igmp") };
    let refusal = refusal.map(tracing::field::display);
    tracing::warn!(
        %group,
        %interface,
        sent,
        refusal,
        cure = %format_args!(
            "allow it in, for example with `{tables} -I INPUT -d {ip} -p udp --dport {port} -j ACCEPT`, and what tells of \
             groups with `{tables} -I INPUT -p {joining} -j ACCEPT`"
        ),
        "this node's own multicast was not heard: most likely an input firewall drops it"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_is_known_by_magic_and_length_and_differs_each_time() {
        let probe = new_probe().expect("the test machine has randomness");
        assert!(is_probe(&probe));
        assert_ne!(probe, new_probe().expect("the test machine has randomness"));
        assert!(!is_probe(&probe[..PROBE_LEN - 1]));
        assert!(!is_probe(&[&probe[..], &[0]].concat()));
        assert!(!is_probe(&[0; PROBE_LEN]));
        assert!(!is_probe(&[]));
    }

    #[test]
    fn a_probe_cannot_be_taken_for_a_protocol_datagram() {
        // PROTOCOL: a datagram begins with the u16 0x636d, in whichever byte order.
        assert!(!MAGIC.starts_with(&[0x6d, 0x63]) && !MAGIC.starts_with(&[0x63, 0x6d]));
    }
}
