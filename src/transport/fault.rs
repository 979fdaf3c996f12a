//! The system's errors, in an operator's words: what was tried, what the system answered, what cures it.
//!
//! The invariant: each cure is one line, names the setting or the command, and fits the error it stands beside. What was
//! measured about a fault does not live here (`probe.rs` finds out, this file phrases).

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;

use super::socket::Plan;
use crate::error::Error;

/// What was being done when the system refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Creating sockets, the poll or the waker.
    Create,
    /// Binding the unicast socket to the interface's address.
    BindUnicast,
    /// Binding the group socket to group and port.
    BindGroup,
    /// Joining the group on the interface.
    Join,
    /// Setting a socket option.
    Configure,
    /// Sending to the group.
    Send,
    /// Waiting for or receiving datagrams.
    Receive,
}

/// The error of `step` under `plan`, with its cure.
pub(super) fn network(step: Step, plan: &Plan, source: io::Error) -> Error {
    let interface = plan.interface;
    let group = Shown(plan.group);
    let what = match step {
        Step::Create => "cannot create a UDP socket or its poll".to_owned(),
        Step::BindUnicast => format!("cannot bind a UDP socket to the interface address {interface}"),
        Step::BindGroup => format!("cannot bind a UDP socket to the group {group}"),
        Step::Join => format!("cannot join the group {} on the interface {interface}", group.ip()),
        Step::Configure => format!("cannot set up the UDP sockets of {interface} and the group {group}"),
        Step::Send => format!("cannot send to the group {group} from {interface}"),
        Step::Receive => format!("cannot receive at {interface} or from the group {group}"),
    };
    let cure = cure(step, plan, &source);
    Error::Network { what, source, cure }
}

fn cure(step: Step, plan: &Plan, source: &io::Error) -> String {
    let Plan { interface, loopback, .. } = plan;
    let group = Shown(plan.group);
    let ip = group.ip();
    let (ip_tool, tables, whole) =
        if interface.is_ipv6() { ("ip -6", "ip6tables", 128) } else { ("ip -4", "iptables", 32) };
    match (source.kind(), source.raw_os_error()) {
        (ErrorKind::AddrInUse, _) if step == Step::BindGroup => format!(
            "another program holds UDP port {port} for itself: find it with `ss -ulnp sport = :{port}` and stop it, or set \
             `multicast_ip` to another port on all nodes",
            port = group.port()
        ),
        (ErrorKind::AddrNotAvailable, _) if *loopback => {
            "the loopback interface has no address: bring it up with `ip link set lo up`".to_owned()
        }
        (ErrorKind::AddrNotAvailable, _) => format!(
            "{interface} is no address of this host: set `interface` to one that `{ip_tool} -brief addr` lists, or leave it out \
             to stay on this host"
        ),
        (ErrorKind::PermissionDenied, _) if step == Step::Send => format!(
            "an output firewall drops it: allow it, for example with `{tables} -I OUTPUT -d {ip} -p udp --dport {} -j ACCEPT`",
            group.port()
        ),
        (ErrorKind::PermissionDenied, _) => {
            "a security policy (SELinux, AppArmor, seccomp) refuses it: allow this program UDP sockets".to_owned()
        }
        (ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable, _) | (_, Some(libc::ENODEV))
            if *loopback && interface.is_ipv6() =>
        {
            "this system has no IPv6 multicast on the loopback interface: set `members` to [::1] with ports, or stay on \
             IPv4 for this host alone"
                .to_owned()
        }
        (ErrorKind::NetworkUnreachable | ErrorKind::HostUnreachable, _) | (_, Some(libc::ENODEV)) => format!(
            "no way to the group from {interface}: bring its interface up (`ip -brief link`), give it the route \
             (`{ip_tool} route add {ip}/{whole} dev <interface>`), set `interface` to another address, or list `members`"
        ),
        (ErrorKind::NetworkDown, _) => {
            format!("the interface with the address {interface} is down: bring it up with `ip link set <interface> up`")
        }
        (_, Some(libc::EMFILE | libc::ENFILE)) => {
            "too many files are open: raise the limit (`ulimit -n`, LimitNOFILE=)".to_owned()
        }
        (_, Some(libc::ENOBUFS)) if step == Step::Join => {
            "too many groups are joined: raise the limit with `sysctl -w net.ipv4.igmp_max_memberships=100`".to_owned()
        }
        _ => format!("check the settings `multicast_ip` and `interface` against `{ip_tool} addr` and `{ip_tool} route`"),
    }
}

/// A group for people, who may have none.
struct Shown(Option<SocketAddr>);

impl Shown {
    fn ip(&self) -> String {
        self.0.map_or_else(|| "none".to_owned(), |group| group.ip().to_string())
    }

    fn port(&self) -> u16 {
        self.0.map_or(0, |group| group.port())
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(group) => write!(f, "{group}"),
            None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Options;

    fn plan(interface: Option<&str>) -> Plan {
        let interface: std::net::IpAddr = interface.unwrap_or("127.0.0.1").parse().expect("an address");
        let group = if interface.is_ipv6() { "[ff15::1:2]:4000" } else { "239.192.1.2:4000" };
        let group = Some(group.parse().expect("an address"));
        let options = Options { group, interface, port: None, needs_group: true, hops: 1, receive_buffer: 1 << 20 };
        Plan::check(&options).expect("valid")
    }

    fn text(step: Step, interface: Option<&str>, errno: i32) -> String {
        network(step, &plan(interface), io::Error::from_raw_os_error(errno)).to_string()
    }

    #[test]
    fn each_error_an_operator_can_meet_has_its_own_cure() {
        let lan = Some("192.0.2.7");
        let cases = [
            (text(Step::BindGroup, None, libc::EADDRINUSE), "ss -ulnp sport = :4000"),
            (text(Step::BindUnicast, lan, libc::EADDRNOTAVAIL), "192.0.2.7 is no address of this host"),
            (text(Step::BindUnicast, None, libc::EADDRNOTAVAIL), "ip link set lo up"),
            (text(Step::Send, lan, libc::EPERM), "output firewall"),
            (text(Step::Create, lan, libc::EPERM), "security policy"),
            (text(Step::Send, lan, libc::ENETUNREACH), "ip -4 route add 239.192.1.2/32 dev"),
            (text(Step::Join, lan, libc::ENODEV), "ip -4 route add 239.192.1.2/32 dev"),
            (text(Step::Send, Some("::1"), libc::ENETUNREACH), "set `members` to [::1]"),
            (text(Step::Send, Some("2001:db8::7"), libc::ENETUNREACH), "ip -6 route add ff15::1:2/128 dev"),
            (text(Step::Send, Some("2001:db8::7"), libc::EPERM), "ip6tables -I OUTPUT"),
            (text(Step::Send, lan, libc::ENETDOWN), "is down"),
            (text(Step::Create, lan, libc::EMFILE), "ulimit -n"),
            (text(Step::Join, lan, libc::ENOBUFS), "igmp_max_memberships"),
            (text(Step::Configure, lan, libc::EINVAL), "`multicast_ip` and `interface`"),
        ];
        for (text, expected) in cases {
            assert!(text.contains(expected), "{text}");
            assert!(text.starts_with("cannot ") && !text.contains('\n'), "{text}");
        }
    }
}
