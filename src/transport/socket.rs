//! How the two sockets are made: what is checked first, then option by option.
//!
//! The invariant: a socket made here cannot send a fragment where the system can forbid it, and cannot send beyond the
//! host unless an interface was named. Reading and writing do not live here.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Once;

use socket2::{Domain, Protocol, Socket, Type};

use super::Options;
use super::fault::{self, Step};
use super::interface;
use crate::error::{Error, Result};

/// The MTU of Ethernet, which is also the cap on loopback, whose MTU of 65,536 no other path has.
const MTU_MAX: usize = 1500;

/// Bytes of the IPv4 header without options (RFC 791) and the UDP header (RFC 768).
const HEADERS_V4: usize = 20 + 8;

/// Bytes of the IPv6 header without extensions (RFC 8200) and the UDP header.
const HEADERS_V6: usize = 40 + 8;

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
    /// Group and port, multicast and not 0; none: unicast alone.
    pub(super) group: Option<SocketAddr>,
    /// The interface's address; a loopback address when none was named.
    pub(super) interface: IpAddr,
    /// Whether everything stays on this host.
    pub(super) loopback: bool,
    /// The kernel's number of the interface, by which IPv6 knows it and a new one is told from the old; 0 if unknown.
    pub(super) index: u32,
    port: Option<u16>,
    hops: u8,
    receive_buffer: usize,
}

impl Plan {
    /// Checks `options`.
    pub(super) fn check(options: &Options) -> Result<Plan> {
        let invalid = |name, reason| Err(Error::InvalidArgument { name, reason });
        let interface = options.interface;
        if let Some(group) = options.group {
            if !group.ip().is_multicast() {
                let expected = "expected one of 224.0.0.0 to 239.255.255.255 or ff00::/8";
                return invalid("multicast", format!("{} is no multicast address; {expected}", group.ip()));
            }
            if group.port() == 0 {
                return invalid("multicast", "port 0 is no port to meet at; expected 1 to 65535".to_owned());
            }
            if group.is_ipv6() != interface.is_ipv6() {
                let reason = format!("{} and the interface {interface} are of two IP versions", group.ip());
                return invalid("multicast", reason);
            }
        }
        let broadcast = matches!(interface, IpAddr::V4(address) if address.is_broadcast());
        if interface.is_unspecified() || interface.is_multicast() || broadcast {
            let reason = format!("{interface} names no interface; expected the address of one of this host's");
            return invalid("interface", reason);
        }
        let receive_buffer = options.receive_buffer.min(RECEIVE_BUFFER_MAX);
        Ok(Plan {
            group: options.group,
            interface,
            loopback: interface.is_loopback(),
            index: interface::index_of(interface),
            port: options.port,
            hops: options.hops,
            receive_buffer,
        })
    }

    fn domain(&self) -> Domain {
        if self.interface.is_ipv6() { Domain::IPV6 } else { Domain::IPV4 }
    }

    /// The interface's own address with a port; of a link-local one with its link.
    fn own(&self, port: u16) -> SocketAddr {
        match self.interface {
            IpAddr::V4(address) => SocketAddr::from((address, port)),
            IpAddr::V6(address) => {
                let link_local = address.segments().first().is_some_and(|first| first & 0xffc0 == 0xfe80);
                SocketAddrV6::new(address, port, 0, if link_local { self.index } else { 0 }).into()
            }
        }
    }
}

/// The sockets, ready for use, and what the system said about them.
#[derive(Debug)]
pub(super) struct Sockets {
    /// None: unicast alone.
    pub(super) group: Option<Socket>,
    pub(super) unicast: Socket,
    /// Where this node's datagrams come from.
    pub(super) local: SocketAddr,
    /// Bytes of receive buffer (asked, granted); the lesser grant of the two sockets.
    pub(super) receive_buffer: (usize, usize),
    /// Largest UDP payload that needs no fragmentation.
    pub(super) max_payload: usize,
}

impl Sockets {
    /// Makes the sockets of the plan; the unicast one first, as it fails most tellingly on a wrong interface address.
    pub(super) fn open(plan: &Plan) -> Result<Sockets> {
        let unicast = create(plan)?;
        bind_unicast(&unicast, plan)?;
        if plan.group.is_some() {
            aim(&unicast, plan).map_err(|e| fault::network(Step::Configure, plan, e))?;
        }
        let group = plan.group.map(|group| join(plan, group)).transpose()?;
        let mut granted = granted_buffer(&unicast);
        if let (Some(group), Ok(least)) = (&group, &granted) {
            granted = granted_buffer(group).map(|granted| granted.min(*least));
        }
        let granted = granted.map_err(|e| fault::network(Step::Configure, plan, e))?;
        warn_of_small_buffer(plan.receive_buffer, granted);
        let local = unicast.local_addr().map_err(|e| fault::network(Step::Configure, plan, e))?;
        let local =
            local.as_socket().ok_or_else(|| Error::Internal("a UDP socket without an IP address".to_owned()))?;
        let max_payload = max_payload(interface_mtu(plan), plan.interface);
        Ok(Sockets { group, unicast, local, receive_buffer: (plan.receive_buffer, granted), max_payload })
    }
}

/// Binds to the port that was asked for, or where another process has it to any: then this node is not found at that
/// port, but by what it sends.
fn bind_unicast(socket: &Socket, plan: &Plan) -> Result<()> {
    if let Some(port) = plan.port {
        match socket.bind(&plan.own(port).into()) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tracing::info!(port, address = %plan.interface, "another process has the unicast port; taking any");
            }
            Err(error) => return Err(fault::network(Step::BindUnicast, plan, error)),
            Ok(()) => return Ok(()),
        }
    }
    socket.bind(&plan.own(0).into()).map_err(|e| fault::network(Step::BindUnicast, plan, e))
}

fn join(plan: &Plan, group: SocketAddr) -> Result<Socket> {
    let socket = create(plan)?;
    share(&socket, plan).map_err(|e| fault::network(Step::Configure, plan, e))?;
    socket.bind(&group_bind_addr(plan, group).into()).map_err(|e| fault::network(Step::BindGroup, plan, e))?;
    let joined = match (group.ip(), plan.interface) {
        (IpAddr::V4(group), IpAddr::V4(interface)) => socket.join_multicast_v4(&group, &interface),
        (IpAddr::V6(group), _) => socket.join_multicast_v6(&group, plan.index),
        (IpAddr::V4(_), IpAddr::V6(_)) => Err(io::ErrorKind::InvalidInput.into()),
    };
    joined.map_err(|e| fault::network(Step::Join, plan, e))?;
    Ok(socket)
}

fn create(plan: &Plan) -> Result<Socket> {
    let create = || {
        let socket = Socket::new(plan.domain(), Type::DGRAM, Some(Protocol::UDP))?;
        socket.set_nonblocking(true)?;
        // Whose setting decides on loopback differs: the sender's on Unix, the receiver's on Windows. So both.
        if plan.interface.is_ipv6() {
            socket.set_only_v6(true)?;
            socket.set_multicast_loop_v6(true)?;
        } else {
            socket.set_multicast_loop_v4(true)?;
        }
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

/// Lets several nodes of this host have the group's port, and receive from this group alone.
fn share(socket: &Socket, plan: &Plan) -> io::Result<()> {
    // SO_REUSEPORT would let the kernel spread datagrams over the sockets and would demand one user for all of them.
    socket.set_reuse_address(true)?;
    // Otherwise the socket also hears groups that other sockets of the host joined, and this one on every interface.
    #[cfg(target_os = "linux")]
    if plan.interface.is_ipv6() {
        socket.set_multicast_all_v6(false)?;
    } else {
        socket.set_multicast_all_v4(false)?;
    }
    #[cfg(not(target_os = "linux"))]
    let _ = plan;
    Ok(())
}

/// Sends multicast out of the plan's interface and no farther than its hops.
pub(super) fn aim(socket: &Socket, plan: &Plan) -> io::Result<()> {
    let hops = if plan.loopback { 0 } else { u32::from(plan.hops) };
    match plan.interface {
        IpAddr::V4(interface) => {
            socket.set_multicast_if_v4(&interface)?;
            socket.set_multicast_ttl_v4(hops)
        }
        IpAddr::V6(_) => {
            socket.set_multicast_if_v6(plan.index)?;
            socket.set_multicast_hops_v6(hops)
        }
    }
}

/// Binding to the group keeps unicast to the shared port out; Windows allows no such address.
fn group_bind_addr(plan: &Plan, group: SocketAddr) -> SocketAddr {
    match group {
        _ if cfg!(windows) && plan.interface.is_ipv6() => SocketAddr::from((Ipv6Addr::UNSPECIFIED, group.port())),
        _ if cfg!(windows) => SocketAddr::from((Ipv4Addr::UNSPECIFIED, group.port())),
        // A group of a link's own scope (ff02::/16) is one on each link, so it is bound with its link.
        SocketAddr::V6(group) => SocketAddrV6::new(*group.ip(), group.port(), 0, plan.index).into(),
        group => group,
    }
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

fn max_payload(mtu: Option<usize>, interface: IpAddr) -> usize {
    let headers = if interface.is_ipv6() { HEADERS_V6 } else { HEADERS_V4 };
    mtu.unwrap_or(MTU_MAX).clamp(MTU_MIN, MTU_MAX) - headers
}

/// The MTU of the route to the group, or of the interface, read from a socket that is connected; `None` if the system
/// does not tell.
#[cfg(target_os = "linux")]
fn interface_mtu(plan: &Plan) -> Option<usize> {
    let mtu = || {
        let socket = Socket::new(plan.domain(), Type::DGRAM, Some(Protocol::UDP))?;
        socket.bind(&plan.own(0).into())?;
        let Some(group) = plan.group else { return mtu_by_name(plan) };
        aim(&socket, plan)?;
        // Connecting a UDP socket sends nothing; it looks up the route, which knows the MTU (IP_MTU, ip(7)).
        socket.connect(&group.into())?;
        let mtu = if plan.interface.is_ipv6() {
            rustix::net::sockopt::ipv6_mtu(&socket)?
        } else {
            rustix::net::sockopt::ip_mtu(&socket)?
        };
        Ok::<_, io::Error>(mtu)
    };
    match mtu() {
        Ok(mtu) => usize::try_from(mtu).ok(),
        Err(error) => {
            tracing::debug!(%error, interface = %plan.interface, "no MTU known, taking Ethernet's");
            None
        }
    }
}

/// Without a group there is no route to ask about, but the system tells each interface's MTU in a file.
#[cfg(target_os = "linux")]
fn mtu_by_name(plan: &Plan) -> io::Result<u32> {
    let interfaces = if_addrs::get_if_addrs()?;
    let name = interfaces.into_iter().find(|interface| interface.ip() == plan.interface).map(|found| found.name);
    let name = name.ok_or(io::ErrorKind::NotFound)?;
    let text = std::fs::read_to_string(format!("/sys/class/net/{name}/mtu"))?;
    text.trim().parse().map_err(|_not_a_number| io::ErrorKind::InvalidData.into())
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
            group: Some(group.parse().expect("an address")),
            interface: interface.unwrap_or("127.0.0.1").parse().expect("an address"),
            port: None,
            needs_group: true,
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
        assert!(refusal("[ff15::1]:4000", None).contains("two IP versions"));
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
            let _ = aim(&socket, &Plan { interface: Ipv4Addr::LOCALHOST.into(), ..plan });
            socket.multicast_ttl_v4().expect("an option every socket has")
        };
        assert_eq!(ttl(None), 0);
        assert_eq!(ttl(Some("127.0.0.1")), 0);
        assert_eq!(ttl(Some("192.0.2.7")), 3);
    }

    #[test]
    fn the_payload_fits_the_mtu_and_ethernet() {
        let v4 = |mtu| max_payload(mtu, Ipv4Addr::LOCALHOST.into());
        assert_eq!([Some(65_536), Some(1500), Some(1400), Some(0), None].map(v4), [1472, 1472, 1372, 40, 1472]);
        let v6 = |mtu| max_payload(mtu, Ipv6Addr::LOCALHOST.into());
        assert_eq!([Some(65_536), Some(1400), Some(0), None].map(v6), [1452, 1352, 20, 1452]);
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
