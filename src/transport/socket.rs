//! How the two sockets are made: what is checked first, then option by option.
//!
//! The invariant: a socket made here cannot send a fragment where the system can forbid it, and cannot send beyond the
//! host unless an interface was named. Reading and writing do not live here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Once;

use socket2::{Domain, Protocol, Socket, Type};

use super::Options;
use super::fault::{self, Step};
use crate::error::{Error, Result};

/// Largest UDP payload without fragments on Ethernet: 1,500 bytes less 20 of IPv4 (RFC 791) and 8 of UDP (RFC 768).
///
/// Also the cap on loopback, whose MTU of 65,536 no other path has.
const PAYLOAD_MAX: usize = 1500 - HEADERS;

/// Bytes of the IPv4 header without options and the UDP header.
const HEADERS: usize = 20 + 8;

/// The least MTU an IPv4 link may have (RFC 791), assumed where the system tells nonsense.
const MTU_MIN: usize = 68;

/// Receive buffer below which loss is likely in a burst: 1 MiB holds some 450 datagrams of 1,400 bytes, as the kernel
/// accounts 2,305 bytes for each (measured on Linux 6.18).
const RECEIVE_BUFFER_LOW: usize = 1 << 20;

/// Most bytes of receive buffer asked for: the option is a C int, and the kernel doubles it.
const RECEIVE_BUFFER_MAX: usize = 1 << 30;

/// Bytes of send buffer asked for: some ten full trains queued at a network card. The system may grant less.
const SEND_BUFFER: usize = 1 << 20;

/// Checked options.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// Group and port, multicast and not 0.
    pub(super) group: SocketAddrV4,
    /// The interface's address; 127.0.0.1 when none was named.
    pub(super) interface: Ipv4Addr,
    /// Whether everything stays on this host.
    pub(super) loopback: bool,
    hops: u8,
    receive_buffer: usize,
}

impl Plan {
    /// Checks `options`.
    pub(super) fn check(options: &Options) -> Result<Plan> {
        let invalid = |name, reason| Err(Error::InvalidArgument { name, reason });
        let SocketAddr::V4(group) = options.group else {
            let reason =
                format!("{} is an IPv6 group; this version uses IPv4 groups (224.0.0.0/4) only", options.group);
            return invalid("multicast", reason);
        };
        if !group.ip().is_multicast() {
            let reason =
                format!("{} is no multicast address; expected one of 224.0.0.0 to 239.255.255.255", group.ip());
            return invalid("multicast", reason);
        }
        if group.port() == 0 {
            return invalid("multicast", "port 0 is no port to meet at; expected 1 to 65535".to_owned());
        }
        let interface = options.interface.unwrap_or(Ipv4Addr::LOCALHOST);
        if interface.is_unspecified() || interface.is_multicast() || interface.is_broadcast() {
            let reason =
                format!("{interface} names no interface; expected the IPv4 address of one of this host's, or nothing");
            return invalid("interface", reason);
        }
        let loopback = interface.is_loopback();
        let receive_buffer = options.receive_buffer.min(RECEIVE_BUFFER_MAX);
        Ok(Plan { group, interface, loopback, hops: options.hops, receive_buffer })
    }
}

/// The two sockets, ready for use, and what the system said about them.
#[derive(Debug)]
pub(super) struct Sockets {
    pub(super) group: Socket,
    pub(super) unicast: Socket,
    /// Where this node's datagrams come from.
    pub(super) local: SocketAddr,
    /// Bytes of receive buffer (asked, granted); the lesser grant of the two sockets.
    pub(super) receive_buffer: (usize, usize),
    /// Largest UDP payload that needs no fragmentation.
    pub(super) max_payload: usize,
}

impl Sockets {
    /// Makes both sockets; the unicast one first, as it fails most tellingly on a wrong interface address.
    pub(super) fn open(plan: &Plan) -> Result<Sockets> {
        let unicast = create(plan)?;
        bind(&unicast, SocketAddrV4::new(plan.interface, 0), Step::BindUnicast, plan)?;
        aim(&unicast, plan).map_err(|e| fault::network(Step::Configure, plan, e))?;

        let group = create(plan)?;
        share(&group).map_err(|e| fault::network(Step::Configure, plan, e))?;
        bind(&group, group_bind_addr(plan), Step::BindGroup, plan)?;
        group.join_multicast_v4(plan.group.ip(), &plan.interface).map_err(|e| fault::network(Step::Join, plan, e))?;

        let granted = [&group, &unicast].map(granted_buffer);
        let granted = granted.into_iter().try_fold(usize::MAX, |least, granted| granted.map(|g| least.min(g)));
        let granted = granted.map_err(|e| fault::network(Step::Configure, plan, e))?;
        warn_of_small_buffer(plan.receive_buffer, granted);
        let local = unicast.local_addr().map_err(|e| fault::network(Step::Configure, plan, e))?;
        let local =
            local.as_socket().ok_or_else(|| Error::Internal("a UDP socket without an IP address".to_owned()))?;
        let max_payload = max_payload(interface_mtu(plan));
        Ok(Sockets { group, unicast, local, receive_buffer: (plan.receive_buffer, granted), max_payload })
    }
}

fn create(plan: &Plan) -> Result<Socket> {
    let create = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Whose setting decides on loopback differs: the sender's on Unix, the receiver's on Windows. So both.
        socket.set_multicast_loop_v4(true)?;
        // Linux silently grants its maximum; BSDs refuse more than theirs, and their default is then kept.
        if let Err(error) = socket.set_recv_buffer_size(plan.receive_buffer) {
            tracing::debug!(%error, asked = plan.receive_buffer, "receive buffer not changed");
        }
        if let Err(error) = socket.set_send_buffer_size(SEND_BUFFER) {
            tracing::debug!(%error, asked = SEND_BUFFER, "send buffer not changed");
        }
        Ok(socket)
    };
    create().map_err(|e| fault::network(Step::Create, plan, e))
}

fn bind(socket: &Socket, addr: SocketAddrV4, step: Step, plan: &Plan) -> Result<()> {
    socket.bind(&SocketAddr::V4(addr).into()).map_err(|e| fault::network(step, plan, e))
}

/// Lets several nodes of this host have the group's port, and receive from this group alone.
fn share(socket: &Socket) -> io::Result<()> {
    // SO_REUSEPORT would let the kernel spread datagrams over the sockets and would demand one user for all of them.
    socket.set_reuse_address(true)?;
    // Otherwise the socket also hears groups that other sockets of the host joined, and this one on every interface.
    #[cfg(target_os = "linux")]
    socket.set_multicast_all_v4(false)?;
    Ok(())
}

/// Sends multicast out of the plan's interface and no farther than its hops.
fn aim(socket: &Socket, plan: &Plan) -> io::Result<()> {
    socket.set_multicast_if_v4(&plan.interface)?;
    socket.set_multicast_ttl_v4(if plan.loopback { 0 } else { u32::from(plan.hops) })
}

/// Binding to the group keeps unicast to the shared port out; Windows allows no such address.
fn group_bind_addr(plan: &Plan) -> SocketAddrV4 {
    if cfg!(windows) { SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, plan.group.port()) } else { plan.group }
}

/// The receive buffer in the unit it is asked in. Linux reports twice the grant, for its own bookkeeping (socket(7)).
fn granted_buffer(socket: &Socket) -> io::Result<usize> {
    let reported = socket.recv_buffer_size()?;
    Ok(if cfg!(any(target_os = "linux", target_os = "android")) { reported / 2 } else { reported })
}

fn warn_of_small_buffer(asked: usize, granted: usize) {
    static WARNED: Once = Once::new();
    if granted >= RECEIVE_BUFFER_LOW {
        return;
    }
    WARNED.call_once(|| {
        let cure = buffer_cure(asked, granted);
        tracing::warn!(asked, granted, %cure, "the receive buffer is small: bursts will be lost and repaired");
    });
}

/// What enlarges the buffer: the system's limit if that was in the way, the setting if no more was asked.
fn buffer_cure(asked: usize, granted: usize) -> String {
    if granted >= asked {
        return format!("set `receive_buffer` to {RECEIVE_BUFFER_LOW} or more");
    }
    let name = if cfg!(target_os = "linux") { "net.core.rmem_max" } else { "kern.ipc.maxsockbuf" };
    format!("sysctl -w {name}={}", asked.max(RECEIVE_BUFFER_LOW))
}

fn max_payload(mtu: Option<usize>) -> usize {
    mtu.map_or(PAYLOAD_MAX, |mtu| mtu.max(MTU_MIN) - HEADERS).min(PAYLOAD_MAX)
}

/// The MTU of the route to the group, read from a socket that is connected to it; `None` if the system does not tell.
#[cfg(target_os = "linux")]
fn interface_mtu(plan: &Plan) -> Option<usize> {
    let mtu = || {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind(&SocketAddr::V4(SocketAddrV4::new(plan.interface, 0)).into())?;
        socket.set_multicast_if_v4(&plan.interface)?;
        // Connecting a UDP socket sends nothing; it looks up the route, which knows the MTU (IP_MTU, ip(7)).
        socket.connect(&SocketAddr::V4(plan.group).into())?;
        Ok::<_, io::Error>(rustix::net::sockopt::ip_mtu(&socket)?)
    };
    match mtu() {
        Ok(mtu) => usize::try_from(mtu).ok(),
        Err(error) => {
            tracing::debug!(%error, interface = %plan.interface, "no MTU known, taking Ethernet's");
            None
        }
    }
}

/// Other systems have no portable way to ask; Ethernet's is assumed, and DF makes a smaller one show as a send error.
#[cfg(not(target_os = "linux"))]
fn interface_mtu(_plan: &Plan) -> Option<usize> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(group: &str, interface: Option<&str>) -> Options {
        Options {
            group: group.parse().expect("an address"),
            interface: interface.map(|text| text.parse().expect("an address")),
            hops: 3,
            receive_buffer: 256 << 10,
        }
    }

    fn refusal(group: &str, interface: Option<&str>) -> String {
        Plan::check(&options(group, interface)).expect_err(group).to_string()
    }

    #[test]
    fn what_cannot_be_a_group_is_refused_by_name() {
        assert!(refusal("192.0.2.1:4000", None).contains("192.0.2.1 is no multicast address"));
        assert!(refusal("[ff15::1]:4000", None).contains("IPv6"));
        assert!(refusal("239.192.1.1:0", None).contains("port 0"));
    }

    #[test]
    fn what_cannot_be_an_interface_is_refused_by_name() {
        for interface in ["0.0.0.0", "239.192.1.1", "255.255.255.255"] {
            let text = refusal("239.192.1.1:4000", Some(interface));
            assert!(text.starts_with("interface:") && text.contains(interface), "{text}");
        }
    }

    #[test]
    fn nothing_leaves_the_host_unless_an_interface_is_named() {
        let ttl = |interface| {
            let plan = Plan::check(&options("239.192.1.1:4000", interface)).expect("valid");
            let socket = create(&plan).expect("a socket");
            // A multicast interface can only be set if the address exists, so only the TTL is looked at off loopback.
            let _ = aim(&socket, &Plan { interface: Ipv4Addr::LOCALHOST, ..plan });
            socket.multicast_ttl_v4().expect("an option every socket has")
        };
        assert_eq!(ttl(None), 0);
        assert_eq!(ttl(Some("127.0.0.1")), 0);
        assert_eq!(ttl(Some("192.0.2.7")), 3);
    }

    #[test]
    fn the_payload_fits_the_mtu_and_ethernet() {
        assert_eq!(max_payload(Some(65_536)), 1472);
        assert_eq!(max_payload(Some(1500)), 1472);
        assert_eq!(max_payload(Some(1400)), 1372);
        assert_eq!(max_payload(Some(0)), 40);
        assert_eq!(max_payload(None), 1472);
    }

    #[test]
    fn the_buffer_granted_is_told_in_the_unit_it_was_asked_in() {
        let plan =
            Plan::check(&Options { receive_buffer: 64 << 10, ..options("239.192.1.1:4000", None) }).expect("valid");
        let granted = granted_buffer(&create(&plan).expect("a socket")).expect("an option every socket has");
        assert_eq!(granted, 64 << 10, "every system grants this little");
    }

    #[test]
    fn an_absurd_receive_buffer_is_cut_and_granted_what_the_system_has() {
        let options = Options { receive_buffer: usize::MAX, ..options("239.192.1.1:4000", None) };
        let plan = Plan::check(&options).expect("valid");
        assert_eq!(plan.receive_buffer, RECEIVE_BUFFER_MAX);
        let granted = granted_buffer(&create(&plan).expect("a socket")).expect("an option every socket has");
        assert!((1024..=RECEIVE_BUFFER_MAX).contains(&granted), "{granted}");
    }

    #[test]
    fn the_cure_for_a_small_buffer_is_the_sysctl_only_if_the_system_was_in_the_way() {
        assert!(buffer_cure(4 << 20, 212_992).starts_with("sysctl -w "));
        assert!(buffer_cure(4 << 20, 212_992).ends_with("=4194304"));
        assert!(buffer_cure(64 << 10, 64 << 10).contains("`receive_buffer`"));
    }
}
