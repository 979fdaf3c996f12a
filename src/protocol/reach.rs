//! Who is reached how: the list of contacts, members who tell of members, and copies by unicast for those who do not hear
//! this node's multicast.
//!
//! Each receiver finds out whose multicast it hears and tells it, in `Peers`, together with where the members are. The
//! sender then sends a copy of each of its multicasts to those who do not hear it: the same sealed bytes. So each direction
//! between two nodes is judged by the one who can know, and mended by the one who can mend it. A network without any
//! multicast is the case in which nobody hears anybody.
//!
//! Unasked, a node sends to an address only if it is in the list it was given or if a member, who has the key and was
//! proved alive, told it of it; and then a greeting, bounded in number.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::liveness::{SUSPECT, take_turn};
use super::{Protocol, To};
use crate::ids::{Origin, Seq, SessionId};
use crate::time::Mono;
use crate::wire::{FRAME_OVERHEAD, Frame, Hearing, Peer, Peers};

/// A member of which unicast is heard, but no multicast for this long, ten heartbeats, does not reach this node by it.
const MULTICAST_BROKEN: Duration = Duration::from_secs(5);
/// The same for one that was never heard by multicast since it was admitted: three heartbeats.
const MULTICAST_ABSENT: Duration = Duration::from_millis(1_500);
/// Members that get copies because they do not hear this node, in a cluster that has multicast and no list: beyond, the
/// network is to be mended, or a list to be given.
const COPIES_MAX: usize = 16;
/// How often a contact that is no member is greeted; it bounds how long a healed network goes unnoticed.
const GREET_EVERY: Duration = Duration::from_secs(1);
/// How often members are told of members, where that is needed.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// How often where multicast seems to work: two who cannot hear each other do not know that there is anything amiss, but
/// somebody who knows both tells them.
const TELL_SELDOM: Duration = Duration::from_secs(4);
/// A member sends copies here if one came within this span; then it is told whether they are needed.
const COPIED_LATELY: Duration = Duration::from_secs(5);
/// Addresses told of by members, or of members that went down, that are greeted at once.
const TOLD_MAX: usize = 256;
/// The first pause between two greetings of one of them: a greeting, its answer or the proof may be lost.
const TOLD_PAUSE_MIN: Duration = Duration::from_millis(250);
/// The longest one; they double until then.
const TOLD_PAUSE_MAX: Duration = Duration::from_secs(2);
/// An address that was told of is greeted for this long after it was told of last.
const TOLD_KEPT: Duration = Duration::from_secs(60);
/// That of a member that went down, for as long as tombstones are kept: whoever comes back later asks for all anyway.
const DOWN_KEPT: Duration = Duration::from_secs(600);

/// Which way a datagram came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Via {
    /// By multicast.
    Group,
    /// By unicast.
    Unicast,
}

/// How a node reaches others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Links {
    /// Where this node's datagrams come from. Only addresses of the same IP version are used, and loopback ones only if
    /// it is one.
    pub own: SocketAddr,
    /// Whether there is a group; without one, what is for all goes to each by unicast.
    pub multicast: bool,
    /// Where members may be found.
    pub contacts: Vec<SocketAddr>,
    /// More contacts follow by [`Protocol::set_contacts`]; discovery waits for them, but for two seconds at most.
    pub awaits_contacts: bool,
}

impl Links {
    /// By multicast, without any list.
    #[must_use]
    pub fn multicast(own: SocketAddr) -> Links {
        Links { own, multicast: true, contacts: Vec::new(), awaits_contacts: false }
    }
}

/// What this node knows of ways.
#[derive(Debug)]
pub(super) struct Reach {
    contacts: BTreeSet<SocketAddr>,
    contacts_due: Mono,
    told: BTreeMap<SocketAddr, Told>,
    tell_due: Mono,
    told_last: Mono,
    turn: usize,
    copies: Vec<SocketAddr>,
    /// The limit of copies was met, and that was said.
    said_too_many: bool,
}

/// An address where a member is said to be.
#[derive(Debug)]
struct Told {
    due: Mono,
    pause: Duration,
    until: Mono,
}

impl Reach {
    pub(super) fn new(links: &Links, now: Mono) -> Reach {
        let mut reach = Reach {
            contacts: BTreeSet::new(),
            contacts_due: now + GREET_EVERY,
            told: BTreeMap::new(),
            tell_due: now + TELL_EVERY,
            told_last: now,
            turn: 0,
            copies: Vec::new(),
            said_too_many: false,
        };
        reach.set_contacts(links, &links.contacts);
        reach
    }

    fn set_contacts(&mut self, links: &Links, contacts: &[SocketAddr]) {
        self.contacts = contacts.iter().copied().filter(|&contact| may_reach(links.own, contact)).collect();
    }

    pub(super) fn due(&self) -> Mono {
        self.tell_due
    }
}

/// What is known of the ways from and to one member.
#[derive(Debug)]
pub(super) struct Ways {
    admitted: Mono,
    /// Its multicast was last heard then.
    heard: Option<Mono>,
    /// The highest control number that came by multicast.
    heard_number: Seq,
    /// It is heard, but not by multicast.
    unheard: bool,
    /// It last sent a copy here then.
    copied_here: Option<Mono>,
    /// Whether it hears this node's multicast, as it says.
    hears: Hearing,
    /// It found this node by a list, or was found by one, rather than by multicast.
    met_by_unicast: bool,
    /// It gets copies.
    copied: bool,
    warned: bool,
}

impl Ways {
    /// Those of a session that was heard for the first time.
    pub(super) fn new(via: Via, number: Seq, now: Mono) -> Ways {
        let mut ways = Ways {
            admitted: now,
            heard: None,
            heard_number: 0,
            unheard: false,
            copied_here: None,
            hears: Hearing::Unknown,
            met_by_unicast: true,
            copied: false,
            warned: false,
        };
        ways.note_pending(via, number, now);
        ways
    }

    /// A datagram of a session that is not admitted yet.
    pub(super) fn note_pending(&mut self, via: Via, number: Seq, now: Mono) {
        if via == Via::Group {
            self.met_by_unicast = false;
            self.heard = Some(now);
            self.heard_number = self.heard_number.max(number);
        }
    }

    pub(super) fn admit(&mut self, hears_group: bool, now: Mono) {
        self.admitted = now;
        self.hears = if hears_group { Hearing::Heard } else { Hearing::Unknown };
    }

    /// Whether its multicast has been heard.
    pub(super) fn is_heard(&self) -> bool {
        self.heard.is_some() && !self.unheard
    }

    /// What is told of it.
    fn hearing(&self) -> Hearing {
        match self {
            Ways { unheard: true, .. } => Hearing::Unheard,
            Ways { heard: Some(_), .. } => Hearing::Heard,
            _ => Hearing::Unknown,
        }
    }

    fn sends_copies(&self, now: Mono) -> bool {
        self.copied_here.is_some_and(|at| now.saturating_since(at) < COPIED_LATELY)
    }

    /// Whether it is in doubt if its multicast is heard, so that even a duplicate that comes by it is worth a look. A number
    /// seen by multicast before proves nothing: anybody can repeat that.
    pub(super) fn wants_proof(&self, number: Seq, now: Mono) -> bool {
        (self.unheard || self.sends_copies(now)) && number > self.heard_number
    }

    /// Whether it is to get copies.
    fn wants_copies(&self, multicast: bool) -> bool {
        match self.hears {
            _ if !multicast => true,
            Hearing::Unheard => true,
            Hearing::Unknown => self.met_by_unicast,
            Hearing::Heard => false,
        }
    }

    /// (Is its multicast heard here, does it hear this node's, does it get copies), as far as that is known.
    pub(super) fn facts(&self) -> (Option<bool>, Option<bool>, bool) {
        let known = |hearing| match hearing {
            Hearing::Unknown => None,
            Hearing::Heard => Some(true),
            Hearing::Unheard => Some(false),
        };
        (known(self.hearing()), known(self.hears), self.copied)
    }
}

impl Protocol {
    // The application speaks.

    /// Takes another list of contacts in the place of the one before: names were looked up anew.
    pub fn set_contacts(&mut self, contacts: &[SocketAddr], now: Mono) {
        let before = std::mem::take(&mut self.reach.contacts);
        self.reach.set_contacts(&self.setup.links, contacts);
        self.admission.end_wait_for_contacts(now);
        let new: Vec<SocketAddr> = self.reach.contacts.difference(&before).copied().collect();
        for contact in new {
            self.greet_at(contact);
        }
        self.refresh_copies();
    }

    // The core answers.

    /// Where a datagram [`To::Group`] goes beside the group, or in its place if there is none.
    #[must_use]
    pub fn copies(&self) -> &[SocketAddr] {
        &self.reach.copies
    }

    /// The contacts, each with whether a member is there.
    #[must_use]
    pub fn contacts(&self) -> Vec<(SocketAddr, bool)> {
        self.reach.contacts.iter().map(|&contact| (contact, self.is_member_at(contact))).collect()
    }

    // Used by the parts.

    fn is_member_at(&self, address: SocketAddr) -> bool {
        self.members.values().any(|member| member.address == address)
    }

    /// Greets each contact that is no member.
    pub(super) fn greet_contacts(&mut self) {
        let absent: Vec<SocketAddr> =
            self.reach.contacts.iter().copied().filter(|&contact| !self.is_member_at(contact)).collect();
        for contact in absent {
            self.greet_at(contact);
        }
    }

    fn greet_at(&mut self, address: SocketAddr) {
        let hello = self.hello();
        self.send_control(To::Member(address), &[Frame::Hello(&hello)]);
    }

    /// Does what is due, a few times a second.
    pub(super) fn tend_reach(&mut self, now: Mono) {
        if self.reach.contacts_due <= now {
            self.reach.contacts_due = now + GREET_EVERY;
            self.greet_contacts();
        }
        self.greet_told(now);
        self.judge_hearing(now);
    }

    fn greet_told(&mut self, now: Mono) {
        self.reach.told.retain(|_, told| told.until > now);
        let due: Vec<SocketAddr> =
            self.reach.told.iter().filter(|(_, told)| told.due <= now).map(|(&address, _)| address).collect();
        for address in due {
            if self.is_member_at(address) {
                self.reach.told.remove(&address);
                continue;
            }
            self.greet_at(address);
            if let Some(told) = self.reach.told.get_mut(&address) {
                told.due = now + told.pause;
                told.pause = (told.pause * 2).min(TOLD_PAUSE_MAX);
            }
        }
    }

    /// A member is said to be, or was, at `address`.
    fn note_told(&mut self, address: SocketAddr, kept: Duration, now: Mono) {
        if let Some(told) = self.reach.told.get_mut(&address) {
            told.until = told.until.max(now + kept);
        } else if self.reach.told.len() < TOLD_MAX {
            self.reach.told.insert(address, Told { due: now, pause: TOLD_PAUSE_MIN, until: now + kept });
        }
    }

    /// A member went down that might not be found by multicast again.
    pub(super) fn note_down(&mut self, address: SocketAddr, ways: &Ways, now: Mono) {
        if !ways.is_heard() || ways.copied {
            self.note_told(address, DOWN_KEPT, now);
        }
    }

    /// Finds out whose multicast is heard.
    fn judge_hearing(&mut self, now: Mono) {
        let multicast = self.setup.links.multicast;
        let mut changed = false;
        for member in self.members.values_mut() {
            let lives = now.saturating_since(member.heard) < SUSPECT;
            let ways = &mut member.ways;
            let silent = match ways.heard {
                Some(heard) => now.saturating_since(heard) >= MULTICAST_BROKEN,
                None => now.saturating_since(ways.admitted) >= MULTICAST_ABSENT,
            };
            // One that is not heard at all is no sign of what is wrong with multicast.
            if !ways.unheard && (!multicast || (silent && lives)) {
                ways.unheard = true;
                changed = true;
            }
        }
        if changed {
            self.reach.tell_due = now;
        }
    }

    /// An authenticated datagram of a member.
    pub(super) fn note_via(&mut self, session: SessionId, via: Via, control: Option<Seq>, now: Mono) {
        let Some(member) = self.members.get_mut(&session).filter(|_| via == Via::Group) else { return };
        member.ways.heard = Some(now);
        member.ways.heard_number = member.ways.heard_number.max(control.unwrap_or(0));
        if std::mem::take(&mut member.ways.unheard) {
            tracing::debug!(member = %member.hello.name, "its multicast is heard");
            self.reach.tell_due = now;
        }
    }

    /// What is for all came from a member by unicast.
    pub(super) fn note_copy(&mut self, session: SessionId, via: Via, now: Mono) {
        if let Some(member) = self.members.get_mut(&session).filter(|_| via == Via::Unicast) {
            member.ways.copied_here = Some(now);
        }
    }

    /// Tells the members of each other; often, if anybody might need it.
    pub(super) fn tell_peers_if_due(&mut self, now: Mono) {
        if self.reach.tell_due > now {
            return;
        }
        self.reach.tell_due = now + TELL_EVERY;
        let needs = |ways: &Ways| ways.unheard || ways.sends_copies(now);
        let needed = !self.reach.contacts.is_empty()
            || !self.reach.copies.is_empty()
            || self.members.values().any(|member| needs(&member.ways));
        if !needed && now.saturating_since(self.reach.told_last) < TELL_SELDOM {
            return;
        }
        self.reach.told_last = now;
        let known = self.members.values().filter(|member| !member.suspect);
        let peers: Vec<Peer> =
            known.map(|m| Peer { origin: m.session.origin(), hearing: m.ways.hearing(), address: m.address }).collect();
        if peers.is_empty() {
            return;
        }
        self.reach.turn = self.reach.turn.wrapping_add(1);
        let most = (self.room - FRAME_OVERHEAD - 2) / Peers::RECORD_LEN;
        let packed = Peers::pack(&take_turn(peers, most, self.reach.turn));
        let frame = Frame::Peers { peers: Peers::new(&packed) };
        self.send_control(To::Group, &[frame]);
        // Who is not heard may not hear either, and must learn of it all the same.
        let deaf: Vec<SocketAddr> = self
            .members
            .values()
            .filter(|member| needs(&member.ways) && !member.ways.copied)
            .map(|member| member.address)
            .collect();
        for address in deaf {
            self.send_control(To::Member(address), &[frame]);
        }
    }

    /// A member tells of the members it knows, this node among them.
    pub(super) fn handle_peers(&mut self, session: SessionId, number: Seq, peers: Peers<'_>, now: Mono) {
        let own = self.setup.session.origin();
        for peer in peers.iter() {
            if peer.origin == own {
                self.note_hearing(session, number, peer.hearing);
            } else if may_reach(self.setup.links.own, peer.address) && !self.is_known(peer.origin) {
                self.note_told(peer.address, TOLD_KEPT, now);
            }
        }
        self.greet_told(now);
    }

    fn note_hearing(&mut self, session: SessionId, number: Seq, hearing: Hearing) {
        let Some(member) = self.members.get_mut(&session) else { return };
        // One that comes late says what was, not what is; and who knows nothing yet takes nothing back.
        if number > member.hearing_by && hearing != Hearing::Unknown {
            member.hearing_by = number;
            if member.ways.hears != hearing {
                member.ways.hears = hearing;
                self.refresh_copies();
            }
        }
    }

    fn is_known(&self, origin: Origin) -> bool {
        self.members.keys().any(|session| session.origin() == origin) || self.admission.has_met(origin)
    }

    /// Finds out who gets copies.
    pub(super) fn refresh_copies(&mut self) {
        let multicast = self.setup.links.multicast;
        let limited = multicast && self.reach.contacts.is_empty();
        let mut copies = BTreeSet::new();
        let mut too_many = false;
        for member in self.members.values_mut() {
            let wants = member.ways.wants_copies(multicast);
            let gets = wants && (!limited || copies.len() < COPIES_MAX);
            too_many |= wants && !gets;
            let name = &member.hello.name;
            if wants && multicast && member.ways.hears == Hearing::Unheard && !member.ways.warned {
                member.ways.warned = true;
                self.metrics.multicast_broken.inc();
                tracing::warn!(
                    member = %name,
                    address = %member.address,
                    cure = "run `mccache doctor` on both hosts, which says why",
                    "this member does not hear our multicast: it gets copies by unicast"
                );
            } else if gets != member.ways.copied {
                tracing::debug!(member = %name, address = %member.address, copied = gets, "copies by unicast");
            }
            member.ways.copied = gets;
            if gets {
                copies.insert(member.address);
            }
        }
        if too_many && !std::mem::replace(&mut self.reach.said_too_many, true) {
            tracing::warn!(
                most = COPIES_MAX,
                cure = "mend multicast (`mccache doctor`), or list some members in `members` on every node",
                "too many members do not hear our multicast: the rest of them learn of changes late"
            );
        }
        self.reach.copies = copies.into_iter().collect();
        self.metrics.members_copied.set(self.reach.copies.len() as u64);
    }
}

/// Whether a datagram to `address` can leave the socket bound to `own` and is not to this node itself.
///
/// An address of one link alone (fe80::/10) means nothing to who is told of it, as it says not which link.
fn may_reach(own: SocketAddr, address: SocketAddr) -> bool {
    let ip = address.ip();
    let of_one_host = match ip {
        IpAddr::V4(ip) => !ip.is_broadcast(),
        IpAddr::V6(ip) => ip.segments().first().is_none_or(|first| first & 0xffc0 != 0xfe80),
    };
    address != own
        && address.port() != 0
        && ip.is_ipv4() == own.is_ipv4()
        && ip.is_loopback() == own.ip().is_loopback()
        && of_one_host
        && !ip.is_unspecified()
        && !ip.is_multicast()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_can_be_another_node_s_are_greeted() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let lan = address("192.0.2.7:4000");
        assert!(may_reach(lan, address("192.0.2.7:4001")) && may_reach(lan, address("10.0.0.1:4000")));
        for other in ["192.0.2.7:4000", "10.0.0.1:0", "[fd00::1]:4000", "127.0.0.1:4000", "255.255.255.255:1"] {
            assert!(!may_reach(lan, address(other)), "{other}");
        }
        assert!(!may_reach(lan, address("0.0.0.0:4000")) && !may_reach(lan, address("239.1.1.1:4000")));
        assert!(may_reach(address("127.0.0.1:1"), address("127.0.0.1:2")));
        assert!(!may_reach(address("127.0.0.1:1"), address("192.0.2.7:2")), "nothing leaves the host");
        assert!(may_reach(address("[fd00::7]:1"), address("[fd00::8]:1")));
        assert!(!may_reach(address("[fd00::7]:1"), address("[fe80::8]:1")), "of which link?");
    }

    #[test]
    fn a_number_heard_by_multicast_before_is_no_proof() {
        let now = Mono::default();
        let mut ways = Ways::new(Via::Group, 5, now);
        assert!(!ways.wants_proof(6, now), "nothing is in doubt");
        ways.unheard = true;
        assert!(ways.wants_proof(6, now) && !ways.wants_proof(5, now));
        ways.unheard = false;
        ways.copied_here = Some(now);
        assert!(ways.wants_proof(6, now) && !ways.wants_proof(6, now + COPIED_LATELY));
    }
}
