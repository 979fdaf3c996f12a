//! How far away senders are, by the times to live of what comes from them.
//!
//! The invariant: nothing is taken out of a socket here. quinn-udp tells no time to live, so while somebody asks, the head
//! of the unicast socket's queue is looked at (`MSG_PEEK`) before each batch is taken from it; while nobody does, the
//! system is not even told to hand them on. Only the unicast socket's: what goes to a group starts with the few hops of
//! `multicast_hops`, of which nobody can tell afterwards how many there were.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use mio::net::UdpSocket;

/// Senders that are kept apart; of more, the first so many. Anybody can be a sender.
const SENDERS_MAX: usize = 1_024;

/// What systems send unicast with: Linux and macOS 64, Windows 128, some routers 255.
const STARTS: [u8; 3] = [64, 128, 255];

/// What came by unicast since somebody asked: from where, and over how many routers, as seen last.
#[derive(Debug, Default)]
pub(super) struct Hops(BTreeMap<SocketAddr, u8>);

impl Hops {
    /// Begins to look; None where the system does not tell.
    pub(super) fn watch(socket: &UdpSocket, is_v6: bool) -> Option<Hops> {
        match system::tell(socket, is_v6, true) {
            Ok(()) => Some(Hops::default()),
            Err(error) => {
                tracing::debug!(%error, "no times to live known here");
                None
            }
        }
    }

    /// Looks no more.
    pub(super) fn end(self, socket: &UdpSocket, is_v6: bool) {
        if let Err(error) = system::tell(socket, is_v6, false) {
            tracing::debug!(%error, "times to live are still told");
        }
    }

    /// Looks at what is about to be received.
    pub(super) fn look(&mut self, socket: &UdpSocket) {
        let Some((from, ttl)) = system::peek(socket) else { return };
        if self.0.len() < SENDERS_MAX || self.0.contains_key(&from) {
            self.0.insert(from, passed(ttl));
        }
    }

    /// Senders, each with the number of routers between.
    pub(super) fn seen(&self) -> Vec<(SocketAddr, u8)> {
        self.0.iter().map(|(&from, &hops)| (from, hops)).collect()
    }
}

/// Routers that were passed by what arrives with `ttl`: each takes one from what it started with, the next of [`STARTS`].
fn passed(ttl: u8) -> u8 {
    STARTS.into_iter().find(|&start| start >= ttl).map_or(0, |start| start - ttl)
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod system {
    use std::io::{self, IoSliceMut};
    use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
    use std::os::fd::AsRawFd;

    use mio::net::UdpSocket;
    use nix::sys::socket::sockopt::{Ipv4RecvTtl, Ipv6RecvHopLimit};
    use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt};

    /// Room for this and for what quinn-udp has the system tell: a few small messages.
    const CONTROL_LEN: usize = 256;

    pub(super) fn tell(socket: &UdpSocket, is_v6: bool, whether: bool) -> io::Result<()> {
        let done = if is_v6 {
            setsockopt(socket, Ipv6RecvHopLimit, &whether)
        } else {
            setsockopt(socket, Ipv4RecvTtl, &whether)
        };
        done.map_err(io::Error::from)
    }

    /// Sender and time to live of the datagram at the head of the queue, which stays there.
    pub(super) fn peek(socket: &UdpSocket) -> Option<(SocketAddr, u8)> {
        let (mut byte, mut control) = ([0], [0; CONTROL_LEN]);
        let mut room = [IoSliceMut::new(&mut byte)];
        let flags = MsgFlags::MSG_PEEK | MsgFlags::MSG_DONTWAIT;
        // An error is the receiver's to meet, who comes next.
        let seen = recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut room, Some(&mut control), flags).ok()?;
        let ttl = seen.cmsgs().ok()?.find_map(|message| match message {
            ControlMessageOwned::Ipv4Ttl(ttl) | ControlMessageOwned::Ipv6HopLimit(ttl) => u8::try_from(ttl).ok(),
            _ => None,
        })?;
        let from = seen.address?;
        let v4 = from.as_sockaddr_in().map(|v4| SocketAddr::V4(SocketAddrV4::from(*v4)));
        Some((v4.or_else(|| from.as_sockaddr_in6().map(|v6| SocketAddr::V6(SocketAddrV6::from(*v6))))?, ttl))
    }
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
mod system {
    use std::io;
    use std::net::SocketAddr;

    use mio::net::UdpSocket;

    pub(super) fn tell(_socket: &UdpSocket, _is_v6: bool, _whether: bool) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn peek(_socket: &UdpSocket) -> Option<(SocketAddr, u8)> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routers_are_counted_from_what_systems_start_with() {
        for (ttl, hops) in [(64, 0), (62, 2), (1, 63), (65, 63), (128, 0), (126, 2), (129, 126), (255, 0), (0, 64)] {
            assert_eq!(passed(ttl), hops, "{ttl}");
        }
    }
}
