//! Sockets. Opaque bytes in, opaque bytes out.
//!
//! A node has two UDP sockets. The *group* socket is bound to the group's address and port, shared by all nodes of the
//! host, and only receives. The *unicast* socket has a port of its own, sends everything and receives what is meant for
//! this node alone: unicast to a port that several processes share would reach only one of them. Where there is no
//! multicast there is no group socket. Both are of one IP version, the interface's.
//!
//! The invariant: what was sent as one datagram is handed up as one datagram, whatever the kernel merged or split on the
//! way; loss, duplication and reordering are the protocol's business. Without a named interface nothing leaves the host.
//!
//! What does not live here: any reading of a datagram's content (but for the probe of this room's own), when to send,
//! what to repair. Clocks are read only to bound the two waits on the system that this room does itself: until a socket
//! is writable and until the probe is heard.
//!
//! | file | what |
//! |---|---|
//! | `udp.rs` | [`Udp`]: wait, receive, send |
//! | `socket.rs` | how the two sockets are made, option by option |
//! | `interface.rs` | an interface that goes and comes back |
//! | `hops.rs` | how many routers a sender is away |
//! | `probe.rs` | the datagram a node sends to itself at the start, and what its silence means |
//! | `fault.rs` | the system's errors, in an operator's words |

mod fault;
mod hops;
mod interface;
mod probe;
mod socket;
#[cfg(test)]
mod tests;
mod udp;

pub use udp::{Udp, Waker};

use std::net::{IpAddr, SocketAddr};

/// How a node reaches the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Group address and port, of the interface's IP version; the port is not 0. None: unicast alone.
    pub group: Option<SocketAddr>,
    /// The address of the interface to use; a loopback address: this host only (TTL 0).
    pub interface: IpAddr,
    /// The port of the unicast socket. If it is taken, and if None, the system chooses one.
    pub port: Option<u16>,
    /// Whether a group that cannot be joined or sent to is an error; if not, it is told and there is unicast alone.
    pub needs_group: bool,
    /// Multicast TTL beyond this host; 0 is implied on loopback.
    pub hops: u8,
    /// Bytes of receive buffer to ask for, for each socket.
    pub receive_buffer: usize,
}

/// Which socket a datagram came in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channel {
    /// The group socket.
    Group,
    /// The unicast socket.
    Unicast,
}

/// Where to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Destination {
    /// All members.
    Group,
    /// One.
    Unicast(SocketAddr),
}
