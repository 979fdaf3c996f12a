//! Looking the names of `members` up, again and again.
//!
//! On a thread of its own, since the system's resolver may take many seconds and cannot be interrupted. The invariant: it
//! holds nothing of the node but a weak handle, and ends with the driver, or with the look-up that is under way then. In a
//! forked child it does not exist; the child's own node starts its own.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Weak};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use super::core::{Command, NodeCore};
use super::srv::{Missing, Servers, Target};
use crate::config::Contact;

/// Between two look-ups: the time to live that clusters' own name servers give.
const EVERY: Duration = Duration::from_secs(30);
/// After one in which a name was not found.
const AGAIN: Duration = Duration::from_secs(3);
/// Addresses that all names together may stand for.
const ADDRESSES_MAX: usize = 256;

/// What a round found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// All contacts, those that needed no look-up included.
    pub(super) addresses: Vec<SocketAddr>,
    /// Names without an address of this node's IP version, each with the reason.
    pub(super) unknown: Vec<(String, String)>,
}

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(super) struct Lookup {
    _ends: Sender<()>,
}

/// Whether there is anything to look up.
pub(super) fn is_needed(contacts: &[Contact]) -> bool {
    contacts.iter().any(|contact| !matches!(contact, Contact::Address(_)))
}

/// Those that need no look-up.
pub(super) fn addresses(contacts: &[Contact]) -> Vec<SocketAddr> {
    let known = contacts.iter().filter_map(|contact| match contact {
        Contact::Address(address) => Some(*address),
        Contact::Name { .. } | Contact::Service { .. } => None,
    });
    known.collect()
}

/// Starts the thread, if there is anything to look up.
pub(super) fn start(core: &Arc<NodeCore>) -> Option<Lookup> {
    if !is_needed(&core.settings.members) {
        return None;
    }
    let (ends, ended) = crossbeam_channel::bounded(0);
    let (members, own, weak) = (core.settings.members.clone(), core.settings.interface, Arc::downgrade(core));
    let thread = std::thread::Builder::new().name("mccache-dns".into());
    match thread.spawn(move || run(&members, own, &weak, &ended)) {
        Ok(_detached) => Some(Lookup { _ends: ends }),
        Err(error) => {
            tracing::warn!(%error, "no thread to look members up: names in `members` are not found");
            None
        }
    }
}

fn run(members: &[Contact], own: IpAddr, node: &Weak<NodeCore>, ended: &Receiver<()>) {
    let mut said = Vec::new();
    loop {
        let found = look_up(members, own, Servers::of_system);
        if found.unknown != said {
            for (name, why) in &found.unknown {
                tracing::warn!(%name, %why, "not found in DNS: is the name in `members` right?");
            }
            said.clone_from(&found.unknown);
        }
        let pause = if found.unknown.is_empty() { EVERY } else { AGAIN };
        let told = node.upgrade().is_some_and(|core| core.command(Command::Contacts(found)).is_ok());
        if !told || !matches!(ended.recv_timeout(pause), Err(RecvTimeoutError::Timeout)) {
            return;
        }
    }
}

fn look_up(members: &[Contact], own: IpAddr, servers: impl Fn() -> Result<Servers, Missing>) -> Found {
    let mut found = Found { addresses: addresses(members), unknown: Vec::new() };
    for member in members {
        let (name, all) = match member {
            Contact::Address(_) => continue,
            Contact::Name { host, port } => (host, addresses_of(host, *port)),
            Contact::Service { name } => {
                let targets =
                    servers().and_then(|servers| servers.targets(name)).map_err(|missing| missing.to_string());
                (name, targets.and_then(|targets| addresses_of_all(&targets, own)))
            }
        };
        let of_version: Vec<_> = all
            .as_ref()
            .unwrap_or(&Vec::new())
            .iter()
            .filter(|found| found.is_ipv6() == own.is_ipv6())
            .copied()
            .collect();
        if of_version.is_empty() {
            let version = if own.is_ipv6() { "no IPv6 address" } else { "no IPv4 address" };
            found.unknown.push((name.clone(), all.err().unwrap_or_else(|| version.to_owned())));
        }
        found.addresses.extend(of_version);
    }
    found.addresses.sort_unstable();
    found.addresses.dedup();
    found.addresses.truncate(ADDRESSES_MAX);
    found
}

/// The addresses of a host, by the system's resolver.
fn addresses_of(host: &str, port: u16) -> Result<Vec<SocketAddr>, String> {
    (host, port).to_socket_addrs().map(Vec::from_iter).map_err(|error| error.to_string())
}

/// Those of a service's hosts: what came with the answer, or what each one's name stands for. Only if there are none at all
/// is there a reason.
fn addresses_of_all(targets: &[Target], own: IpAddr) -> Result<Vec<SocketAddr>, String> {
    let (mut all, mut why) = (Vec::new(), None);
    for Target { host, port, addresses } in targets.iter().take(ADDRESSES_MAX) {
        let told = addresses.iter().filter(|address| address.is_ipv6() == own.is_ipv6());
        let told: Vec<_> = told.map(|&address| SocketAddr::from((address, *port))).collect();
        match told.is_empty() {
            false => all.extend(told),
            true => match addresses_of(host, *port) {
                Ok(found) => all.extend(found),
                Err(error) => why = Some(format!("its host {host}: {error}")),
            },
        }
    }
    match why {
        Some(why) if all.is_empty() => Err(why),
        _ => Ok(all),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "a name server answers on a thread of its own")]
mod tests {
    use std::net::{Ipv4Addr, UdpSocket};

    use simple_dns::rdata::{RData, SRV};
    use simple_dns::{CLASS, Name, Packet, PacketFlag, ResourceRecord};

    use super::*;

    fn no_servers() -> Result<Servers, Missing> {
        Err(Missing::NoServer("none in this test".to_owned()))
    }

    fn address(text: &str) -> SocketAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn names_become_addresses_of_the_node_s_ip_version_and_unknown_ones_are_named() {
        let name = |host: &str, port| Contact::Name { host: host.to_owned(), port };
        // RFC 6761: localhost is this host, and nothing is under invalid.
        let members = [name("localhost", 9), Contact::Address(address("127.0.0.1:7")), name("no-such-host.invalid", 9)];
        assert!(is_needed(&members) && !is_needed(&members[1..2]));
        let found = look_up(&members, Ipv4Addr::LOCALHOST.into(), no_servers);
        assert_eq!(found.addresses, [address("127.0.0.1:7"), address("127.0.0.1:9")]);
        assert!(found.unknown.len() == 1 && found.unknown[0].0 == "no-such-host.invalid", "{:?}", found.unknown);
        assert!(!found.unknown[0].1.is_empty(), "there is a reason");
    }

    /// Answers one question with these hosts and ports, none of their addresses, and ends.
    fn name_server(hosts: &'static [(&'static str, u16)]) -> (Servers, std::thread::JoinHandle<()>) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has room");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("an option every socket has");
        let servers = Servers {
            addresses: vec![socket.local_addr().expect("it is bound")],
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(10),
            attempts: 1,
        };
        let answer = move || {
            let mut bytes = [0; 512];
            let (len, asker) = socket.recv_from(&mut bytes).expect("a question within ten seconds");
            let mut packet = Packet::parse(&bytes[..len]).expect("a question").into_reply();
            packet.set_flags(PacketFlag::RESPONSE);
            let name = packet.questions[0].qname.clone();
            for &(host, port) in hosts {
                let target = Name::new(host).expect("a name");
                let srv = RData::SRV(SRV { priority: 0, weight: 0, port, target });
                packet.answers.push(ResourceRecord::new(name.clone(), CLASS::IN, 30, srv));
            }
            socket.send_to(&packet.build_bytes_vec().expect("an answer"), asker).expect("sent");
        };
        (servers, std::thread::spawn(answer))
    }

    #[test]
    fn a_service_is_all_its_hosts_each_at_its_port_and_one_that_is_not_found_keeps_no_other_out() {
        let service = [Contact::Service { name: "_mccache._udp.test".to_owned() }];
        assert!(is_needed(&service));
        for (hosts, addresses, why) in [
            (
                &[("localhost", 41), ("localhost", 42), ("no-such-host.invalid", 43)][..],
                &["127.0.0.1:41", "127.0.0.1:42"][..],
                "",
            ),
            (&[("no-such-host.invalid", 43)][..], &[][..], "its host no-such-host.invalid: "),
            (&[][..], &[][..], "the name has no SRV records"),
        ] {
            let (servers, thread) = name_server(hosts);
            let found = look_up(&service, Ipv4Addr::LOCALHOST.into(), || Ok(servers.clone()));
            thread.join().expect("it was asked");
            assert_eq!(found.addresses, addresses.iter().map(|text| address(text)).collect::<Vec<_>>());
            let unknown: Vec<&str> = found.unknown.iter().map(|(_, why)| why.as_str()).collect();
            assert!(if why.is_empty() { unknown.is_empty() } else { unknown[0].starts_with(why) }, "{unknown:?}");
        }
        let found = look_up(&service, Ipv4Addr::LOCALHOST.into(), no_servers);
        assert!(found.unknown[0].1.contains("no name server to ask"), "{:?}", found.unknown);
    }
}
