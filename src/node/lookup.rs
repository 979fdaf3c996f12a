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
    /// Names without an address of this node's IP version.
    pub(super) unknown: Vec<String>,
}

/// Ends the thread when it is dropped.
#[derive(Debug)]
pub(super) struct Lookup {
    _ends: Sender<()>,
}

/// Whether there is anything to look up.
pub(super) fn is_needed(contacts: &[Contact]) -> bool {
    contacts.iter().any(|contact| matches!(contact, Contact::Name { .. }))
}

/// Those that need no look-up.
pub(super) fn addresses(contacts: &[Contact]) -> Vec<SocketAddr> {
    let known = contacts.iter().filter_map(|contact| match contact {
        Contact::Address(address) => Some(*address),
        Contact::Name { .. } => None,
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
        let found = look_up(members, own);
        if found.unknown != said {
            if !found.unknown.is_empty() {
                tracing::warn!(names = ?found.unknown, "not found in DNS: is the name in `members` right?");
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

fn look_up(members: &[Contact], own: IpAddr) -> Found {
    let mut found = Found { addresses: addresses(members), unknown: Vec::new() };
    for member in members {
        let Contact::Name { host, port } = member else { continue };
        let all = (host.as_str(), *port).to_socket_addrs().map(Vec::from_iter).unwrap_or_default();
        let before = found.addresses.len();
        found.addresses.extend(all.into_iter().filter(|address| address.is_ipv6() == own.is_ipv6()));
        if found.addresses.len() == before {
            found.unknown.push(host.clone());
        }
    }
    found.addresses.sort_unstable();
    found.addresses.dedup();
    found.addresses.truncate(ADDRESSES_MAX);
    found
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn names_become_addresses_of_the_node_s_ip_version_and_unknown_ones_are_named() {
        let address = "127.0.0.1:7".parse().expect("an address");
        let name = |host: &str, port| Contact::Name { host: host.to_owned(), port };
        // RFC 6761: localhost is this host, and nothing is under invalid.
        let members = [name("localhost", 9), Contact::Address(address), name("no-such-host.invalid", 9)];
        assert!(is_needed(&members) && !is_needed(&members[1..2]));
        let found = look_up(&members, Ipv4Addr::LOCALHOST.into());
        assert_eq!(found.addresses, [address, "127.0.0.1:9".parse().expect("an address")]);
        assert_eq!(found.unknown, ["no-such-host.invalid"]);
    }
}
