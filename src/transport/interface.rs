//! Following the interface: one that goes and comes back, with the same address, is another one to the kernel. What was
//! joined on the old one is not joined on the new one, and what was sent by it is refused.
//!
//! The invariant: once the interface's address is back, a look ([`Udp::follow_interface`]) leaves the sockets as an
//! opening would have made them. An address that changed is not followed: it is where members know this node to be. Nor is
//! an address of one link alone (fe80::/10), or a group of one (ff02::/16): sockets are bound to these with the interface.

use std::io;
use std::net::{IpAddr, SocketAddr};

use mio::net::UdpSocket;
use socket2::SockRef;

use super::socket::{Plan, aim};
use super::udp::Udp;

/// The kernel's number of the interface that has `address`; 0, the system's choice, if none has it or it is not told.
pub(super) fn index_of(address: IpAddr) -> u32 {
    let all = if_addrs::get_if_addrs().unwrap_or_default();
    all.iter().find(|interface| interface.ip() == address).and_then(|interface| interface.index).unwrap_or(0)
}

impl Udp {
    /// Looks whether the interface is another one than before, and if so joins the group and aims the sending anew; true
    /// if it did. To be called about once a second: while nothing changes it costs one system call on Linux.
    pub fn follow_interface(&mut self) -> bool {
        // The loopback interface lasts as long as the host, and without a number nothing can be told apart. Unicast needs
        // no mending: it is routed by the address.
        if self.plan.loopback || self.plan.index == 0 || exists(self.unicast_socket(), self.plan.index) {
            return false;
        }
        let (Some(group), Some(socket)) = (self.plan.group, self.group_socket()) else { return false };
        let mut plan = self.plan.clone();
        plan.index = index_of(plan.interface);
        if plan.index == 0 || plan.index == self.plan.index {
            return false;
        }
        match rejoin(&self.plan, &plan, group, socket, self.unicast_socket()) {
            Ok(()) => {
                tracing::warn!(interface = %plan.interface, "the interface was away; group joined again");
                self.plan = plan;
                true
            }
            Err(error) => {
                tracing::debug!(%error, interface = %plan.interface, "the interface is back, but not yet usable");
                false
            }
        }
    }
}

/// From the interface of `before` to that of `plan`.
fn rejoin(before: &Plan, plan: &Plan, group: SocketAddr, socket: &UdpSocket, unicast: &UdpSocket) -> io::Result<()> {
    // Where the kernel has dropped the old membership already, there is nothing to leave.
    match (group.ip(), plan.interface) {
        (IpAddr::V4(group), IpAddr::V4(interface)) => {
            let _left = socket.leave_multicast_v4(&group, &interface);
            socket.join_multicast_v4(&group, &interface)?;
        }
        (IpAddr::V6(group), _) => {
            let _left = socket.leave_multicast_v6(&group, before.index);
            socket.join_multicast_v6(&group, plan.index)?;
        }
        (IpAddr::V4(_), IpAddr::V6(_)) => return Err(io::ErrorKind::InvalidInput.into()),
    }
    aim(&SockRef::from(unicast), plan)
}

/// Whether an interface still has this number.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn exists(socket: &UdpSocket, index: u32) -> bool {
    rustix::net::netdevice::index_to_name_inlined(socket, index).is_ok()
}

/// Whether an interface still has this number: elsewhere only the list of all of them tells.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn exists(_socket: &UdpSocket, index: u32) -> bool {
    if_addrs::get_if_addrs().unwrap_or_default().iter().any(|interface| interface.index == Some(index))
}

#[cfg(test)]
#[expect(clippy::print_stdout, reason = "a skip is told")]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};
    use std::time::Duration;

    use super::*;
    use crate::transport::tests::{drain_for, open, options};
    use crate::transport::{Destination, Options};

    /// No host has an interface of this number.
    const GONE: u32 = 0x7fff_fff0;

    #[test]
    fn an_interface_is_known_by_its_address() {
        let loopback = index_of(Ipv4Addr::LOCALHOST.into());
        let udp = open(&options());
        assert!(exists(udp.unicast_socket(), loopback));
        assert!(!exists(udp.unicast_socket(), GONE));
        // TEST-NET-1 of RFC 5737: nobody's.
        assert_eq!(index_of(Ipv4Addr::new(192, 0, 2, 1).into()), 0);
    }

    fn is_followed(mut udp: Udp, options: &Options) {
        let present = index_of(options.interface);
        assert_eq!(udp.plan.index, present);
        assert!(!udp.follow_interface(), "loopback is not looked at");
        // As a node on a network whose interface had another number: `exists` denies it, and the address is there.
        udp.plan.loopback = false;
        assert!(!udp.follow_interface(), "it is the one that was joined");
        udp.plan.index = GONE;
        let group = options.group.expect("it has one");
        let socket = udp.group_socket().expect("it has one");
        match (group.ip(), options.interface) {
            (IpAddr::V4(group), IpAddr::V4(interface)) => socket.leave_multicast_v4(&group, &interface),
            (IpAddr::V6(group), _) => socket.leave_multicast_v6(&group, present),
            (IpAddr::V4(_), IpAddr::V6(_)) => unreachable!("the two are of one version"),
        }
        .expect("it is a member");
        drain_for(&mut udp, Duration::from_millis(1));
        udp.send(Destination::Group, b"unheard", 7).expect("sent");
        assert_eq!(drain_for(&mut udp, Duration::from_millis(20)).len(), 0, "it has left the group");
        assert!(udp.follow_interface());
        assert_eq!(udp.plan.index, present);
        udp.send(Destination::Group, b"heard", 5).expect("sent");
        assert_eq!(drain_for(&mut udp, Duration::from_secs(5)).len(), 1);
        assert!(!udp.follow_interface(), "once is enough");
        udp.plan.index = 0;
        assert!(!udp.follow_interface(), "a system that gives no numbers");
    }

    #[test]
    fn an_interface_that_went_and_came_back_is_joined_and_aimed_at_again() {
        let options = options();
        is_followed(open(&options), &options);
    }

    #[test]
    fn so_is_one_of_ipv6() {
        let group =
            SocketAddr::from((Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0x8077, 7), options().group.expect("one").port()));
        let options = Options { group: Some(group), interface: Ipv6Addr::LOCALHOST.into(), ..options() };
        match Udp::open(&options) {
            Ok(udp) => is_followed(udp, &options),
            Err(error) => println!("skipped: {error}"),
        }
    }
}
