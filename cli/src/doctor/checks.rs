//! The checks, each of one thing that keeps nodes apart.
//!
//! The invariant: a finding says what was seen, not what is supposed; where several causes look the same from here, it
//! names them all, the likeliest first.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use mccache::config::{Config, Contact, Settings};
use mccache::node::{MemberInfo, Network, Node, Strangeness};

use super::report::Report;
use crate::figures::span;

/// How long a silent address is asked whether anybody is there.
const ASKED: Duration = Duration::from_millis(300);
/// Below this a burst is likely to be lost; the library warns below the same.
const BUFFER_LOW: usize = 1 << 20;

/// Where the settings put the node.
pub(super) fn settings(settings: &Settings, report: &mut Report) {
    for notice in &settings.notices {
        report.note("settings", notice.text.clone(), "");
    }
    let keyed = !settings.crypto_key.is_empty();
    let key = if keyed { "a crypto_key" } else { "no crypto_key" };
    let text = format!("cluster `{}`, {key}, on {}", settings.cluster, settings.interface);
    if !settings.interface.is_loopback() {
        report.ok("settings", text);
    } else if keyed {
        report.note(
            "settings",
            format!("{text}: nodes on other hosts are never seen"),
            "name an `interface` for a network",
        );
    } else {
        let cure = "for a network give every node the same `crypto_key` (`mccache keygen`)";
        report.note("settings", format!("{text}: nodes on other hosts are never seen"), cure);
    }
    if !settings.interface.is_loopback() && settings.multicast.is_some() && settings.multicast_hops == 0 {
        report.wrong("ttl", "`multicast_hops` is 0: no multicast leaves this host", "set `multicast_hops` to 1");
    }
}

/// The interfaces of this host, the one in use, and what is known of the bridge it is part of.
pub(super) fn interfaces(settings: &Settings, report: &mut Report) {
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let all: Vec<String> = interfaces.iter().map(|one| format!("{} {}", one.name, one.ip())).collect();
    let Some(used) = interfaces.iter().find(|one| one.ip() == settings.interface) else {
        let cure = "set `interface` to one of these";
        return report.wrong("interface", format!("none has {}: {}", settings.interface, all.join(", ")), cure);
    };
    let mtu = told(&used.name, "mtu").unwrap_or_else(|| "unknown".to_owned());
    let down = told(&used.name, "operstate").is_some_and(|state| state == "down" || state == "lowerlayerdown");
    let text = format!("{} in use, MTU {mtu}; there are {}", used.name, all.join(", "));
    if down {
        let cure = format!("`ip link set {} up`, or plug it in", used.name);
        report.wrong("interface", format!("{} is down", used.name), cure);
    } else {
        report.ok("interface", text);
    }
    if settings.multicast.is_some() {
        bridge(&used.name, report);
    }
}

/// A bridge that remembers who joined which group, and asks nobody again, forgets its members after some minutes.
fn bridge(interface: &str, report: &mut Report) {
    let master = fs::read_link(format!("/sys/class/net/{interface}/master")).ok();
    let master = master.and_then(|path| Some(path.file_name()?.to_string_lossy().into_owned()));
    let name = master.unwrap_or_else(|| interface.to_owned());
    let is = |what: &str, value: &str| told(&name, &format!("bridge/{what}")).is_some_and(|text| text == value);
    if is("multicast_snooping", "1") && is("multicast_querier", "0") {
        report.note(
            "igmp",
            format!(
                "the bridge {name} snoops IGMP and is no querier: unless another one is, groups go deaf after minutes"
            ),
            format!("`ip link set {name} type bridge mcast_querier 1`"),
        );
    }
}

/// What the system says of an interface in a file, where it does.
fn told(interface: &str, what: &str) -> Option<String> {
    fs::read_to_string(format!("/sys/class/net/{interface}/{what}")).ok().map(|text| text.trim().to_owned())
}

/// Whether this node's own multicast comes back to it.
pub(super) fn multicast(config: &Config, settings: &Settings, network: &Network, report: &mut Report) {
    match (network.group, settings.multicast) {
        (Some(group), _) if network.multicast_heard => {
            report.ok("multicast", format!("this host hears its own multicast to {group}"));
        }
        (Some(group), _) => {
            let (tables, joining) = if group.is_ipv6() { ("ip6tables", "ipv6-icmp") } else { ("iptables", "igmp") };
            report.wrong(
                "multicast",
                format!("this host does not hear its own multicast to {group}: an input firewall drops it"),
                format!(
                    "`{tables} -I INPUT -d {} -p udp --dport {} -j ACCEPT` and `{tables} -I INPUT -p {joining} -j ACCEPT`",
                    group.ip(),
                    group.port()
                ),
            );
        }
        (None, None) => report.ok("multicast", "off (`multicast_ip` = none): everything goes by unicast"),
        (None, Some(_)) => {
            // The node did without, since it has a list; one without a list says why it could not.
            let mut alone = config.clone();
            let refusal = alone.set("members", "").and_then(|()| alone.set("unicast_port", "0"));
            match refusal.and_then(|()| Node::open(&alone)) {
                Ok(node) => node.close(),
                Err(error) => {
                    let (what, cure) = super::words(&error);
                    report.note("multicast", format!("none, so everything goes by unicast: {what}"), cure);
                }
            }
        }
    }
}

/// Sizes of datagrams and buffers.
pub(super) fn datagrams(settings: &Settings, network: &Network, report: &mut Report) {
    let (wanted, carried) = (settings.max_payload, network.payload_carried);
    if carried < wanted {
        let text = format!("the interface carries {carried} bytes in one piece, less than `packet_mtu` = {wanted}");
        report.note(
            "mtu",
            text,
            format!("nothing has to be done: {carried} are used; set `packet_mtu` to that to say so"),
        );
    } else {
        report.ok("mtu", format!("datagrams of {wanted} bytes (`packet_mtu`); the interface carries {carried}"));
    }
    let (asked, granted) = network.receive_buffer;
    let text = format!("receive buffer: {asked} bytes asked, {granted} granted");
    if granted >= asked.min(BUFFER_LOW) {
        report.ok("buffer", text);
    } else {
        let cure = format!("`sysctl -w net.core.rmem_max={asked}`");
        report.note("buffer", format!("{text}: bursts will be lost and repaired"), cure);
    }
}

/// Who was heard and not understood.
pub(super) fn strangers(settings: &Settings, network: &Network, report: &mut Report) {
    let cluster = &settings.cluster;
    for stranger in &network.strangers {
        let address = stranger.address;
        match stranger.strangeness {
            Strangeness::OtherCluster => report.note(
                "cluster",
                format!("{address} sends for a cluster of another name than `{cluster}`"),
                "if it is meant to be in this one, set the same `cluster` there",
            ),
            Strangeness::NoKey => report.wrong(
                "key",
                format!("{address} is in cluster `{cluster}`, but has no crypto_key"),
                "give it this node's `crypto_key`",
            ),
            Strangeness::OtherKey if settings.crypto_key.is_empty() => report.wrong(
                "key",
                format!("{address} is in cluster `{cluster}`, but has a crypto_key, and this node has none"),
                "give both the same `crypto_key`",
            ),
            Strangeness::OtherKey => report.wrong(
                "key",
                format!(
                    "{address} is in cluster `{cluster}`, but its datagrams do not open: it has another crypto_key"
                ),
                "give both the same `crypto_key`",
            ),
        }
    }
}

/// The list of members: who answered.
pub(super) fn contacts(settings: &Settings, network: &Network, report: &mut Report) {
    for (name, why) in &network.unknown_names {
        let is_service =
            settings.members.iter().any(|member| matches!(member, Contact::Service { name: of } if of == name));
        let tool = if is_service { format!("dig +search SRV {name}") } else { format!("getent ahosts {name}") };
        let cure = format!("mend the name in `members`; `{tool}` must show its addresses");
        report.wrong("dns", format!("`{name}` is not found in DNS: {why}"), cure);
    }
    let answered = network.contacts.iter().filter(|(_, answered)| *answered).count();
    let all = network.contacts.len();
    if all > 0 && answered == all {
        report.ok("list", format!("all {all} in `members` answered"));
    }
    for (contact, _) in network.contacts.iter().filter(|(_, answered)| !answered) {
        let (seen, cure) = knock(network.local.ip(), *contact);
        let text = format!("{contact} in `members` does not answer: {seen}");
        // One that lives is enough, and the own host's may be yet to start.
        if answered > 0 || contact.ip() == network.local.ip() {
            report.note("list", text, cure);
        } else {
            report.wrong("list", text, cure);
        }
    }
}

/// Asks with an empty datagram, which no node answers, but whose refusal tells that nobody listens.
fn knock(own: IpAddr, contact: SocketAddr) -> (&'static str, String) {
    let knock = || {
        let socket = UdpSocket::bind((own, 0))?;
        socket.set_read_timeout(Some(ASKED))?;
        socket.connect(contact)?;
        socket.send(&[])?;
        socket.recv(&mut [0; 1])
    };
    let port = contact.port();
    match knock().err().map(|error| error.kind()) {
        Some(ErrorKind::ConnectionRefused) => {
            ("nobody listens at that port", format!("start the node there, with `unicast_port` = {port}"))
        }
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            ("there is no way to that address", format!("`ip route get {}`", contact.ip()))
        }
        Some(ErrorKind::PermissionDenied) => {
            ("this host's output firewall drops it", format!("allow UDP to port {port} out"))
        }
        _ => (
            "no such host, a firewall that drops UDP, or a node with another `cluster` or key",
            format!("allow UDP port {port} in there, and compare the settings"),
        ),
    }
}

/// Who was found, how they are heard, and their clocks.
pub(super) fn members(settings: &Settings, network: &Network, members: &[MemberInfo], report: &mut Report) {
    if members.is_empty() {
        let cure = "start a node, or run `mccache doctor --wait 60` on the other host as well; `cluster`, `crypto_key`, \
                    `multicast_ip` and port must be the same, and the network must pass the group on, else list `members`";
        return report.note("members", "nobody was found", cure);
    }
    for member in members {
        let way = match (network.group.is_some() && member.multicast_heard == Some(true), member.copied) {
            (true, false) => "by multicast",
            (true, true) => "heard by multicast, reached by unicast",
            (false, _) => "by unicast",
        };
        let trip = span(member.round_trip);
        let hops = hops_to(network, member.address);
        let place = place(settings.interface, member.address.ip(), hops);
        let text =
            format!("{} at {}, {place}, {trip} away, {way}, version {}", member.name, member.address, member.version);
        report.ok("members", text);
        if let Some(group) = network.group {
            hearing(group, member, (hops, settings.multicast_hops), network.multicast_heard, report);
        }
    }
    clocks(settings.max_clock_skew, members, report);
}

/// Over how many routers an address is, if something came from it.
fn hops_to(network: &Network, address: SocketAddr) -> Option<u8> {
    network.hops.iter().find(|(from, _)| *from == address).map(|&(_, hops)| hops)
}

/// How far away an address is: by what came from it, else as far as the interfaces' networks tell.
fn place(own: IpAddr, address: IpAddr, hops: Option<u8>) -> String {
    if own == address || address.is_loopback() {
        return "this host".to_owned();
    }
    match hops {
        Some(1) => return "1 hop (behind a router)".to_owned(),
        Some(hops @ 2..) => return format!("{} (behind routers)", away(hops)),
        Some(0) | None => {}
    }
    let interfaces = if_addrs::get_if_addrs().unwrap_or_default();
    let prefix = |a: &[u8], b: &[u8], mask: &[u8]| a.iter().zip(b).zip(mask).all(|((a, b), m)| a & m == b & m);
    let near = interfaces.iter().any(|interface| match (&interface.addr, address) {
        (if_addrs::IfAddr::V4(own), IpAddr::V4(there)) => {
            prefix(&own.ip.octets(), &there.octets(), &own.netmask.octets())
        }
        (if_addrs::IfAddr::V6(own), IpAddr::V6(there)) => {
            prefix(&own.ip.octets(), &there.octets(), &own.netmask.octets())
        }
        _ => false,
    });
    match hops {
        None if !near => "1 hop or more (behind a router)".to_owned(),
        _ => "0 hops (same network)".to_owned(),
    }
}

/// What the ways over routers carry in one piece: no interface tells of a narrow one in between, and datagrams that do not
/// fit it are lost, all of them.
pub(super) fn ways(settings: &Settings, network: &Network, members: &[MemberInfo], report: &mut Report) {
    let sent = settings.max_payload.min(network.payload_carried);
    for member in members.iter().filter(|member| hops_to(network, member.address).is_some_and(|hops| hops > 0)) {
        match carried(network.local.ip(), member.address, sent) {
            Some(carried) if carried < sent => report.wrong(
                "mtu",
                format!(
                    "the way to {} carries {carried} bytes in one piece: datagrams of {sent} are lost",
                    member.name
                ),
                format!("set `packet_mtu` to {carried} on every node, or raise the MTU of the routers between"),
            ),
            Some(_) => {
                report.ok("mtu", format!("no router on the way to {} refuses datagrams of {sent} bytes", member.name))
            }
            None => {}
        }
    }
}

/// The largest payload that goes there unbroken, at most `sent`: a router that passes on less says so when one of that size
/// comes, and the system remembers. None if it does not tell.
#[cfg(target_os = "linux")]
fn carried(own: IpAddr, there: SocketAddr, sent: usize) -> Option<usize> {
    const TRIES: usize = 3;
    let socket = UdpSocket::bind((own, 0)).ok()?;
    socket.set_read_timeout(Some(ASKED / 3)).ok()?;
    socket.connect(there).ok()?;
    let told = || {
        let (mtu, headers) = match there.is_ipv6() {
            true => (rustix::net::sockopt::ipv6_mtu(&socket), 48),
            false => (rustix::net::sockopt::ip_mtu(&socket), 28),
        };
        usize::try_from(mtu.ok()?).ok()?.checked_sub(headers)
    };
    for _ in 0..TRIES {
        if told()? < sent {
            break;
        }
        // No datagram of a node begins with a zero byte: it is dropped there, unread. An error is an answer, too.
        let _sent = socket.send(&vec![0; sent]);
        let _nothing = socket.recv(&mut [0; 1]);
    }
    Some(told()?.min(sent))
}

#[cfg(not(target_os = "linux"))]
fn carried(_own: IpAddr, _there: SocketAddr, _sent: usize) -> Option<usize> {
    None
}

fn away(hops: u8) -> String {
    if hops == 1 { "1 hop".to_owned() } else { format!("{hops} hops") }
}

/// What routers have to do with it if multicast does not arrive: where it is sent, and how far it goes.
fn routed(hops: Option<u8>, sender: &str) -> String {
    match hops {
        None => "if it is behind a router, raise `multicast_hops` and route the group, or list `members`".to_owned(),
        Some(0) => "no router is between".to_owned(),
        Some(hops) => {
            let needed = hops.saturating_add(1);
            format!(
                "it is {} away: set `multicast_hops` to {needed} {sender} and route the group, or list `members`",
                away(hops)
            )
        }
    }
}

fn hearing(
    group: SocketAddr,
    member: &MemberInfo,
    (hops, ttl): (Option<u8>, u8),
    heard_itself: bool,
    report: &mut Report,
) {
    let name = &member.name;
    let querier = "else the switch or bridge between needs an IGMP querier";
    if member.multicast_heard == Some(false) {
        let here = if heard_itself { "there: allow it out" } else { "here: allow it in" };
        report.wrong(
            "multicast",
            format!("the multicast of {name} does not arrive here, its unicast does; copies make up for it, at a cost"),
            format!(
                "look at the firewall {here} (UDP to {}, port {}); {querier}; {}",
                group.ip(),
                group.port(),
                routed(hops, "there")
            ),
        );
    }
    if let Some(hops) = hops.filter(|&hops| hops >= ttl && member.hears_multicast == Some(false)) {
        report.wrong(
            "ttl",
            format!(
                "{name} does not hear this host's multicast: it is {} away, and `multicast_hops` is {ttl}",
                away(hops)
            ),
            routed(Some(hops), "here"),
        );
    } else if member.hears_multicast == Some(false) {
        report.wrong(
            "multicast",
            format!("{name} does not hear this host's multicast; copies make up for it, at a cost"),
            format!(
                "look at the firewall there: allow UDP to {}, port {}, in; {querier}; {}",
                group.ip(),
                group.port(),
                routed(hops, "here")
            ),
        );
    }
}

/// The hosts' clocks, beside what most of them show. Of two that differ nobody can say which is right.
fn clocks(skew_max: Duration, members: &[MemberInfo], report: &mut Report) {
    const CURE: &str = "set it right there (`timedatectl set-ntp true`); until then its node goes by the others' clock";
    let mut offsets: Vec<i64> = members.iter().filter_map(|member| member.clock_offset_ms).chain([0]).collect();
    offsets.sort_unstable();
    let (low, high) = (offsets[(offsets.len() - 1) / 2], offsets[offsets.len() / 2]);
    let is_far = |ms: i64| Duration::from_millis(ms.unsigned_abs()) > skew_max;
    let tell = |ms: i64| {
        let by = span(Duration::from_millis(ms.unsigned_abs()));
        if ms > 0 { format!("{by} ahead of") } else { format!("{by} behind") }
    };
    if is_far(high - low) {
        let text = format!(
            "the members' clocks fall into halves {} apart",
            span(Duration::from_millis((high - low).unsigned_abs()))
        );
        return report.wrong(
            "clock",
            text,
            "set all right (`timedatectl set-ntp true`); of two halves the later clock leads",
        );
    }
    let common = 0_i64.clamp(low, high);
    let mut most = 0;
    if is_far(common) {
        report.wrong(
            "clock",
            format!("this host's clock is {} most members'", tell(-common)),
            CURE.replace("there ", "here "),
        );
    }
    for member in members {
        let Some(off) = member.clock_offset_ms.map(|offset| offset - common) else { continue };
        if is_far(off) {
            report.wrong("clock", format!("the clock of {} is {} most members'", member.name, tell(off)), CURE);
        } else {
            most = most.max(off.unsigned_abs());
        }
    }
    if offsets.len() > 1 && offsets.iter().all(|&offset| !is_far(offset - common)) {
        report.ok("clock", format!("the hosts' clocks agree to {}", span(Duration::from_millis(most.max(1)))));
    }
}

#[cfg(test)]
mod tests {
    use mccache::ids::{Origin, SessionId};
    use mccache::node::MemberState;

    use super::*;

    #[test]
    fn a_clock_that_is_off_is_told_with_its_direction() {
        let member = |clock_offset_ms| MemberInfo {
            session: SessionId([1; 12]),
            origin: Origin(1),
            name: "web".to_owned(),
            address: SocketAddr::from(([127, 0, 0, 1], 1)),
            state: MemberState::Alive,
            version: String::new(),
            heard_ago: Duration::ZERO,
            round_trip: Duration::ZERO,
            multicast_heard: None,
            hears_multicast: None,
            copied: false,
            clock_offset_ms,
        };
        let cases: [(&[Option<i64>], Option<&str>); 6] = [
            (&[None], None),
            (&[Some(-500)], None),
            (&[Some(3_200)], Some("fall into halves 3.20 s apart")),
            (&[Some(3_200), Some(10)], Some("the clock of web is 3.19 s ahead of most")),
            (&[Some(20), Some(-700)], Some("the clock of web is 700 ms behind most")),
            (&[Some(3_200), Some(3_210)], Some("this host's clock is 3.20 s behind most")),
        ];
        for (offsets, said) in &cases {
            let members: Vec<MemberInfo> = offsets.iter().copied().map(member).collect();
            let mut report = Report::default();
            clocks(Duration::from_millis(500), &members, &mut report);
            assert_eq!(report.is_well(), said.is_none(), "{offsets:?}");
            assert!(said.is_none_or(|said| format!("{report:?}").contains(said)), "{report:?}");
        }
    }

    #[test]
    fn an_address_is_on_this_host_or_how_far_away_its_network_tells() {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(place(address("127.0.0.1"), address("127.0.0.1"), Some(0)), "this host");
        // TEST-NET-3 (RFC 5737): nobody is in it.
        let far = |hops| place(address("127.0.0.1"), address("203.0.113.9"), hops);
        assert_eq!(far(None), "1 hop or more (behind a router)");
        assert_eq!(far(Some(0)), "0 hops (same network)", "a network that no interface of this host is configured for");
        assert_eq!(
            (far(Some(1)).as_str(), far(Some(3)).as_str()),
            ("1 hop (behind a router)", "3 hops (behind routers)")
        );
    }

    #[test]
    fn multicast_that_ends_at_a_router_is_told_with_the_hops_it_needs() {
        assert!(routed(None, "here").starts_with("if it is behind a router"));
        assert_eq!(routed(Some(0), "here"), "no router is between");
        assert!(routed(Some(2), "there").contains("set `multicast_hops` to 3 there"));
    }
}
