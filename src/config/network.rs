//! Which network a node is on: IP version, interface, group, members, port. They depend on each other.
//!
//! The invariant: nothing unauthenticated leaves the host by accident. A node is on a network only if it has a key, or
//! if an interface and `insecure` were both asked for; and all its addresses are of one IP version.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::entry::{Entries, Entry};
use super::host::Host;
use super::resolve::mismatch;
use super::settings::{Contact, Notice};
use super::value::{Place, Value, Wish};
use crate::error::{Error, Result};
use crate::group::{default_group, default_group_v6};

/// What the default route is asked for by; of the blocks for documents (RFC 5737, RFC 3849), and nothing is sent there.
const ELSEWHERE: (Ipv4Addr, Ipv6Addr) = (Ipv4Addr::new(192, 0, 2, 1), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1));

/// What lets a node leave its host.
#[derive(Clone, Copy, Debug)]
pub(super) struct Permits {
    pub(super) key: bool,
    pub(super) insecure: bool,
}

/// The part of the settings that is found here.
#[derive(Debug)]
pub(super) struct Network {
    pub(super) interface: IpAddr,
    pub(super) multicast: Option<SocketAddr>,
    pub(super) members: Vec<Contact>,
    pub(super) unicast_port: Option<u16>,
}

/// Finds it.
pub(super) fn resolve<H: Host>(
    entries: &Entries,
    cluster: &str,
    multicast_port: u16,
    permits: Permits,
    host: &H,
    notices: &mut Vec<Notice>,
) -> Result<Network> {
    let asked = Asked::read(entries)?;
    let v6 = asked.is_v6();
    let multicast = asked.group(v6, cluster, multicast_port);
    let port = multicast.map_or(multicast_port, |group| group.port());
    let wants_port = multicast.is_none() || !asked.places.is_empty();
    let unicast_port = match entries.get("unicast_port").map(|entry| &entry.value) {
        Some(Value::Number(port)) => u16::try_from(*port).map_err(|_too_large| mismatch("unicast_port"))?,
        Some(_) => return Err(mismatch("unicast_port")),
        None if wants_port => port,
        None => 0,
    };
    let unicast_port = (unicast_port != 0).then_some(unicast_port);
    let members: Vec<Contact> = asked.places.iter().map(|place| contact(place, unicast_port.unwrap_or(port))).collect();
    let interface = match asked.interface {
        Some((entry, wish)) => wished(entry, wish, v6, permits.key || permits.insecure, host)?,
        None if permits.key && !are_all_on_this_host(&members) => by_route(v6, multicast, &members, host, notices),
        None => loopback(v6),
    };
    check_members(entries, &members, interface)?;
    Ok(Network { interface, multicast, members, unicast_port })
}

/// What was asked for.
struct Asked<'a> {
    /// Some: `multicast_ip` was given; within, the address unless it is `none`, and the port.
    group: Option<(Option<IpAddr>, Option<u16>)>,
    interface: Option<(&'a Entry, &'a Wish)>,
    places: &'a [Place],
}

impl Asked<'_> {
    fn read(entries: &Entries) -> Result<Asked<'_>> {
        let group = match entries.get("multicast_ip").map(|entry| &entry.value) {
            Some(Value::Group(address, port)) => Some((*address, *port)),
            Some(_) => return Err(mismatch("multicast_ip")),
            None => None,
        };
        let interface = match entries.get("interface").map(|entry| (entry, &entry.value)) {
            Some((entry, Value::Interface(wish))) => Some((entry, wish)),
            Some(_) => return Err(mismatch("interface")),
            None => None,
        };
        match entries.get("members").map(|entry| &entry.value) {
            Some(Value::Members(places)) => Ok(Asked { group, interface, places }),
            _ => Err(mismatch("members")),
        }
    }

    /// Whether the node is on IPv6: as the group says, else the interface, else the first member with an address.
    fn is_v6(&self) -> bool {
        if let Some((Some(group), _)) = self.group {
            return group.is_ipv6();
        }
        match self.interface.map(|(_, wish)| wish) {
            Some(Wish::Address(address)) => return address.is_ipv6(),
            Some(Wish::HostV6) => return true,
            _ => {}
        }
        let first = self.places.iter().find_map(|place| match place {
            Place::Address(address, _) => Some(address),
            Place::Name(..) | Place::Service(_) => None,
        });
        first.is_some_and(IpAddr::is_ipv6)
    }

    fn group(&self, v6: bool, cluster: &str, port: u16) -> Option<SocketAddr> {
        let (address, own_port) = match self.group {
            Some((address, own_port)) => (address?, own_port),
            None if v6 => (default_group_v6(cluster).into(), None),
            None => (default_group(cluster).into(), None),
        };
        Some(SocketAddr::from((address, own_port.unwrap_or(port))))
    }
}

fn loopback(v6: bool) -> IpAddr {
    if v6 { Ipv6Addr::LOCALHOST.into() } else { Ipv4Addr::LOCALHOST.into() }
}

fn contact(place: &Place, port: u16) -> Contact {
    match place {
        Place::Address(address, own) => Contact::Address(SocketAddr::from((*address, own.unwrap_or(port)))),
        Place::Name(host, own) => Contact::Name { host: host.clone(), port: own.unwrap_or(port) },
        Place::Service(name) => Contact::Service { name: name.clone() },
    }
}

fn are_all_on_this_host(members: &[Contact]) -> bool {
    let on_this_host = |member: &Contact| matches!(member, Contact::Address(address) if address.ip().is_loopback());
    !members.is_empty() && members.iter().all(on_this_host)
}

fn refuse(name: &str, entry: &Entry, expected: String) -> Error {
    Error::BadSetting { name: name.to_owned(), value: entry.shown.clone(), source_name: entry.source.clone(), expected }
}

fn version(v6: bool) -> &'static str {
    if v6 { "IPv6" } else { "IPv4" }
}

/// The address of the interface that was asked for, a loopback address for this host only.
fn wished<H: Host>(entry: &Entry, wish: &Wish, v6: bool, may_leave_host: bool, host: &H) -> Result<IpAddr> {
    let refuse = |expected| refuse("interface", entry, expected);
    if matches!(wish, Wish::Host | Wish::HostV6) {
        return Ok(loopback(v6));
    }
    let interfaces = host.interfaces().map_err(|error| refuse(format!("a host that lists its interfaces: {error}")))?;
    let matching = interfaces.iter().filter(|(name, address)| match wish {
        Wish::Host | Wish::HostV6 => false,
        Wish::Address(wanted) => address == wanted,
        Wish::Named(wanted) => name == wanted,
    });
    // A link-local address reaches one link alone, so it is the last choice.
    let found = matching.filter(|(_, address)| address.is_ipv6() == v6).min_by_key(|(_, a)| is_link_local(*a));
    let Some((_, address)) = found else {
        let known: Vec<String> = interfaces.iter().map(|(name, address)| format!("{name} ({address})")).collect();
        let version = version(v6);
        return Err(refuse(format!(
            "`host` or an interface of this host with an {version} address: {}",
            known.join(", ")
        )));
    };
    if address.is_loopback() {
        return Ok(loopback(v6));
    }
    if !may_leave_host {
        return Err(refuse(
            "a `crypto_key` beside it, so that only members can read and write the caches, or `insecure` = true if \
             all on that network may"
                .to_owned(),
        ));
    }
    Ok(*address)
}

/// fe80::/10 (RFC 4291).
fn is_link_local(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(address) if address.segments().first().is_some_and(|first| first & 0xffc0 == 0xfe80))
}

/// The interface of a cluster that has a key and names none: the one datagrams to its group leave by, else the one to
/// its members.
fn by_route(
    v6: bool,
    group: Option<SocketAddr>,
    members: &[Contact],
    host: &impl Host,
    notices: &mut Vec<Notice>,
) -> IpAddr {
    let named = members.iter().find_map(|member| match member {
        Contact::Address(address) if !address.ip().is_loopback() => Some(*address),
        _ => None,
    });
    let elsewhere = (!members.is_empty() || group.is_none())
        .then(|| SocketAddr::from((if v6 { IpAddr::from(ELSEWHERE.1) } else { ELSEWHERE.0.into() }, 9)));
    // Members who are named say more of where the cluster is than a group that every network has.
    let targets = [named, group, elsewhere];
    let mut refusal = None;
    for there in targets.into_iter().flatten() {
        match host.address_towards(there) {
            Ok(address) => return address,
            Err(error) => refusal = refusal.or(Some(format!("{there} ({error})"))),
        }
    }
    let text = format!(
        "no network leads to {}: only nodes of this host are reached; name an `interface`, or set it to `host` if that is \
         meant",
        refusal.unwrap_or_default()
    );
    notices.push(Notice { setting: "interface", text });
    loopback(v6)
}

/// Members that a node on `interface` can never reach are a mistake that is better said at once.
fn check_members(entries: &Entries, members: &[Contact], interface: IpAddr) -> Result<()> {
    let Some(entry) = entries.get("members") else { return Ok(()) };
    let addresses = || {
        members.iter().filter_map(|member| match member {
            Contact::Address(address) => Some(address.ip()),
            Contact::Name { .. } | Contact::Service { .. } => None,
        })
    };
    if let Some(other) = addresses().find(|address| address.is_ipv6() != interface.is_ipv6()) {
        let version = version(interface.is_ipv6());
        return Err(refuse(
            "members",
            entry,
            format!("{version} addresses, as this node is on {interface}; {other} is none"),
        ));
    }
    if let Some(remote) = addresses().find(|address| interface.is_loopback() && !address.is_loopback()) {
        return Err(refuse(
            "members",
            entry,
            format!(
                "addresses of this host, as this node does not leave it; for {remote} set a `crypto_key` (or an `interface` \
                 and `insecure`)"
            ),
        ));
    }
    Ok(())
}
