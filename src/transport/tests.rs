//! The room as a whole, over real sockets on loopback. Each test has a group and a port of its own.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "deadlines of waits, a thread that wakes another, and skips that are told"
)]

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use super::*;
use crate::error::Error;

/// How long anything is waited for before a test fails.
const PATIENCE: Duration = Duration::from_secs(5);

type Heard = (SocketAddr, Channel, Vec<u8>);

/// A group nobody else uses: the process id and a counter in the address, a port that was free a moment ago.
pub(super) fn options() -> Options {
    static NEXT: AtomicU8 = AtomicU8::new(0);
    let [low, ..] = std::process::id().to_le_bytes();
    let ip = Ipv4Addr::new(239, 255, low, NEXT.fetch_add(1, Ordering::Relaxed));
    let free = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).expect("a free port");
    let port = free.local_addr().expect("it is bound").port();
    Options {
        group: Some(SocketAddr::from((ip, port))),
        interface: Ipv4Addr::LOCALHOST.into(),
        port: None,
        needs_group: true,
        hops: 1,
        receive_buffer: 1 << 20,
    }
}

pub(super) fn open(options: &Options) -> Udp {
    Udp::open(options).expect("loopback multicast works on the test machine")
}

/// Receives until `done` says so of all that was heard; fails after [`PATIENCE`].
fn receive_until(udp: &mut Udp, mut done: impl FnMut(&[Heard]) -> bool) -> Vec<Heard> {
    let end = Instant::now() + PATIENCE;
    let mut heard = Vec::new();
    while !done(&heard) {
        let left = end.saturating_duration_since(Instant::now());
        assert!(!left.is_zero(), "heard only {} datagrams", heard.len());
        udp.wait(Some(left)).expect("the poll works");
        receive_into(udp, &mut heard);
    }
    heard
}

/// Receives once something is there, but waits for `patience` at most.
pub(super) fn drain_for(udp: &mut Udp, patience: Duration) -> Vec<Heard> {
    let mut heard = Vec::new();
    udp.wait(Some(patience)).expect("the poll works");
    receive_into(udp, &mut heard);
    heard
}

fn receive_into(udp: &mut Udp, heard: &mut Vec<Heard>) {
    udp.receive(&mut |from, channel, bytes| heard.push((from, channel, bytes.to_vec()))).expect("the sockets work");
}

#[test]
fn all_nodes_of_a_host_hear_the_group_and_one_hears_unicast() {
    let options = options();
    let mut nodes = [open(&options), open(&options), open(&options)];
    let [from, _, to] = nodes.each_ref().map(Udp::local_addr);
    nodes[0].send(Destination::Unicast(to), b"to one", 6).expect("sent");
    nodes[0].send(Destination::Group, b"to all", 6).expect("sent");
    let all = (from, Channel::Group, b"to all".to_vec());
    let one = (from, Channel::Unicast, b"to one".to_vec());
    for (i, node) in nodes.iter_mut().enumerate() {
        assert!(node.multicast_heard());
        let heard = receive_until(node, |heard| heard.contains(&all) && (i != 2 || heard.contains(&one)));
        // The sender hears its own multicast; nobody hears anything else, probes of the others least of all.
        assert_eq!(heard.len(), if i == 2 { 2 } else { 1 }, "{heard:?}");
    }
}

#[test]
fn a_train_arrives_as_its_datagrams_whole_and_in_order() {
    let options = options();
    let (mut sender, mut receiver) = (open(&options), open(&options));
    let mut train = Vec::new();
    for number in 0..20_u8 {
        train.extend([number; 1400]);
    }
    train.truncate(19 * 1400 + 77);
    for to in [Destination::Group, Destination::Unicast(receiver.local_addr())] {
        sender.send(to, &train, 1400).expect("sent");
        let heard = receive_until(&mut receiver, |heard| heard.len() >= 20);
        let sent: Vec<&[u8]> = train.chunks(1400).collect();
        let received: Vec<&[u8]> = heard.iter().map(|(_, _, bytes)| &bytes[..]).collect();
        assert_eq!(received, sent, "{to:?}");
    }
}

#[test]
fn more_than_a_train_takes_is_sent_in_several() {
    let options = options();
    let (mut sender, mut receiver) = (open(&options), open(&options));
    let bytes: Vec<u8> = (0..100_u8).flat_map(|number| [number; 1000]).collect();
    sender.send(Destination::Unicast(receiver.local_addr()), &bytes, 1000).expect("sent");
    let heard = receive_until(&mut receiver, |heard| heard.len() >= 100);
    assert_eq!(heard.iter().flat_map(|(_, _, bytes)| bytes).copied().collect::<Vec<u8>>(), bytes);
}

#[test]
fn a_loaded_socket_gives_way_after_a_bounded_number_of_datagrams() {
    let options = options();
    let (mut sender, mut receiver) = (open(&options), open(&options));
    let to = Destination::Unicast(receiver.local_addr());
    for _ in 0..100 {
        sender.send(to, b"alone, so that the kernel merges nothing", 64).expect("sent");
    }
    let mut heard = Vec::new();
    let more = receiver
        .receive(&mut |from, channel, bytes| heard.push((from, channel, bytes.to_vec())))
        .expect("the sockets work");
    assert!(more && heard.len() < 100, "{} at once", heard.len());
    let rest = 100 - heard.len();
    assert_eq!(receive_until(&mut receiver, |heard| heard.len() >= rest).len(), rest, "a wait sleeps over nothing");
}

#[test]
fn a_probe_is_not_handed_up_while_its_neighbours_are() {
    let options = options();
    let mut first = open(&options);
    let raw = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let probe = [&b"\0mcprobe"[..], &[9; 16]].concat();
    let near_probe = [&b"\0mcprobe"[..], &[9; 17]].concat();
    for bytes in [&probe[..], b"", &near_probe, b"end"] {
        raw.send_to(bytes, first.local_addr()).expect("sent");
    }
    let second = open(&options);
    assert!(second.multicast_heard());
    let heard = receive_until(&mut first, |heard| heard.iter().any(|(_, _, bytes)| bytes == b"end"));
    let heard: Vec<&[u8]> = heard.iter().map(|(_, _, bytes)| &bytes[..]).collect();
    assert_eq!(heard, [&b""[..], &near_probe, b"end"]);
}

#[test]
fn datagrams_that_arrive_while_the_probe_is_awaited_are_kept() {
    let options = options();
    let (mut sender, mut early) = (open(&options), open(&options));
    drain_for(&mut early, Duration::from_millis(1));
    sender.send(Destination::Group, b"early", 5).expect("sent");
    // Probing again stands for a datagram that comes between the first probe's sending and its hearing.
    let plan = socket::Plan::check(&options).expect("valid");
    assert!(probe::run(&mut early, &plan).expect("loopback multicast works"));
    let heard = receive_until(&mut early, |heard| !heard.is_empty());
    assert_eq!(heard, [(sender.local_addr(), Channel::Group, b"early".to_vec())]);
}

#[test]
fn a_wake_ends_a_wait_from_another_thread() {
    let mut udp = open(&options());
    drain_for(&mut udp, Duration::from_millis(1));
    let waker = udp.waker();
    let thread = std::thread::spawn(move || waker.clone().wake());
    // Without the wake this would wait for ever, and the test with it.
    udp.wait(None).expect("the poll works");
    thread.join().expect("it only wakes");
}

#[test]
fn a_wake_before_the_wait_is_kept_and_used_once() {
    let mut udp = open(&options());
    drain_for(&mut udp, Duration::from_millis(1));
    udp.waker().wake();
    udp.waker().wake();
    udp.wait(None).expect("the poll works");
    let start = Instant::now();
    udp.wait(Some(Duration::from_millis(20))).expect("the poll works");
    assert!(start.elapsed() >= Duration::from_millis(20), "woken by nothing after {:?}", start.elapsed());
}

#[test]
fn a_closed_port_answered_by_icmp_disturbs_neither_sending_nor_receiving() {
    let options = options();
    let mut udp = open(&options);
    let closed = {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        socket.local_addr().expect("it is bound")
    };
    for _ in 0..10 {
        udp.send(Destination::Unicast(closed), b"nobody there", 12).expect("sent, into the void");
    }
    udp.send(Destination::Group, b"still here", 10).expect("sent");
    let heard = receive_until(&mut udp, |heard| !heard.is_empty());
    assert_eq!(heard, [(udp.local_addr(), Channel::Group, b"still here".to_vec())]);
}

#[test]
fn what_cannot_be_sent_is_an_error_and_leaves_trains_working() {
    let options = options();
    let (mut sender, mut receiver) = (open(&options), open(&options));
    let v6 = "[::1]:4000".parse().expect("an address");
    let no_port = "127.0.0.1:0".parse().expect("an address");
    for (to, segment) in [(Destination::Unicast(v6), 4), (Destination::Unicast(no_port), 4), (Destination::Group, 0)] {
        let error = sender.send(to, b"four", segment).expect_err("it cannot be sent");
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput, "{to:?}");
    }
    sender.send(Destination::Group, &vec![0; 70_000], 70_000).expect_err("no UDP datagram is that long");
    sender.send(Destination::Group, b"", 1400).expect("nothing to send is sent at once");
    sender.send(Destination::Unicast(receiver.local_addr()), &[7; 4000], 1000).expect("sent");
    assert_eq!(receive_until(&mut receiver, |heard| heard.len() >= 4).len(), 4);
}

#[test]
fn nodes_of_other_groups_on_the_same_port_are_not_heard() {
    let ours = options();
    let mut theirs = options();
    theirs.group = theirs.group.zip(ours.group).map(|(theirs, ours)| SocketAddr::new(theirs.ip(), ours.port()));
    let (mut us, mut them) = (open(&ours), open(&theirs));
    them.send(Destination::Group, b"theirs", 6).expect("sent");
    us.send(Destination::Group, b"ours", 4).expect("sent");
    // Loopback delivers in order: what was sent before "ours" would have been heard before it.
    let heard = receive_until(&mut us, |heard| !heard.is_empty());
    assert_eq!(heard.iter().map(|(_, _, bytes)| &bytes[..]).collect::<Vec<_>>(), [b"ours"]);
}

#[test]
fn a_port_held_by_another_program_is_an_error_that_says_so() {
    let options = options();
    let group = options.group.expect("a group");
    let holder = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, group.port())).expect("the port is free");
    let error = Udp::open(&options).expect_err("the port is held");
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    let text = error.to_string();
    assert!(text.contains(&group.to_string()) && text.contains("another program holds UDP port"), "{text}");
    drop(holder);
    open(&options);
}

#[test]
fn an_interface_of_another_host_is_an_error_that_says_so() {
    // TEST-NET-3 (RFC 5737): no host has it.
    let options = Options { interface: Ipv4Addr::new(203, 0, 113, 77).into(), ..options() };
    let error = Udp::open(&options).expect_err("no such interface");
    assert!(matches!(error, Error::Network { .. }), "{error:?}");
    assert!(error.to_string().contains("203.0.113.77 is no address of this host"), "{error}");
}

#[test]
fn what_was_opened_is_told() {
    let udp = open(&options());
    assert_eq!(udp.local_addr().ip(), Ipv4Addr::LOCALHOST);
    assert_ne!(udp.local_addr().port(), 0);
    assert_eq!(udp.max_payload(), 1472);
    let (asked, granted) = udp.receive_buffer();
    assert_eq!(asked, 1 << 20);
    assert!((1..=asked).contains(&granted), "{granted}");
    let fds: BTreeMap<i32, ()> = udp.raw_fds().into_iter().map(|fd| (fd, ())).collect();
    assert_eq!(fds.len(), 3);
}

#[test]
fn without_a_group_there_is_unicast_alone_and_the_port_that_was_asked_for() {
    let free =
        UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port").local_addr().expect("it is bound").port();
    let options = Options { group: None, port: Some(free), ..options() };
    let (mut first, mut second) = (open(&options), open(&options));
    assert_eq!((first.local_addr().port(), first.group(), first.multicast_heard()), (free, None, false));
    assert_ne!(second.local_addr().port(), free, "the port is taken, so the system chose another");
    let error = first.send(Destination::Group, b"all", 3).expect_err("there is no group");
    assert_eq!(error.kind(), std::io::ErrorKind::NotConnected);
    second.send(Destination::Unicast(first.local_addr()), b"one", 3).expect("sent");
    let heard = receive_until(&mut first, |heard| !heard.is_empty());
    assert_eq!(heard, [(second.local_addr(), Channel::Unicast, b"one".to_vec())]);
    assert_eq!(first.raw_fds().len(), 2);
}

/// Where the system has ::1. Linux has no route for IPv6 multicast on the loopback interface.
#[test]
fn ipv6_unicast_works_on_loopback_and_a_group_that_cannot_be_had_is_told_or_done_without() {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        println!("skip: this machine has no ::1");
        return;
    }
    let group = "[ff15::6d63:1]:4000".parse().expect("an address");
    let v6 = Options { group: Some(group), interface: Ipv6Addr::LOCALHOST.into(), needs_group: false, ..options() };
    let (mut first, mut second) = (open(&v6), open(&v6));
    assert_eq!(first.max_payload(), 1452);
    let train: Vec<u8> = (0..20_u8).flat_map(|number| [number; 1400]).collect();
    second.send(Destination::Unicast(first.local_addr()), &train, 1400).expect("sent");
    let heard = receive_until(&mut first, |heard| heard.len() >= 20);
    assert!(heard.iter().all(|(from, channel, _)| *from == second.local_addr() && *channel == Channel::Unicast));
    if first.group().is_none() {
        let error = Udp::open(&Options { needs_group: true, ..v6 }).expect_err("the group is needed").to_string();
        assert!(error.contains("no IPv6 multicast on the loopback interface"), "{error}");
    }
}

/// Who sends with fewer hops looks farther away by as many, on either IP version.
#[cfg(target_os = "linux")]
#[test]
fn hops_are_told_of_those_who_send_while_they_are_watched_and_of_nobody_else() {
    for interface in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let Ok(sender) = UdpSocket::bind((interface, 0)) else {
            println!("skip: this machine has no {interface}");
            continue;
        };
        let mut udp = open(&Options { group: None, interface, needs_group: false, ..options() });
        let (to, from) = (udp.local_addr(), sender.local_addr().expect("it is bound"));
        let sent = |ttl: u8| match interface {
            IpAddr::V4(_) => sender.set_ttl(ttl.into()).expect("an option every socket has"),
            IpAddr::V6(_) => {
                rustix::net::sockopt::set_ipv6_unicast_hops(&sender, Some(ttl)).expect("an option every socket has");
            }
        };
        let receive = |udp: &mut Udp, ttl| {
            sent(ttl);
            sender.send_to(b"datagram", to).expect("sent");
            let heard = receive_until(udp, |heard| !heard.is_empty());
            assert_eq!(
                heard,
                [(from, Channel::Unicast, b"datagram".to_vec())],
                "looked at or not, it is received once"
            );
        };
        receive(&mut udp, 61);
        assert_eq!(udp.hops(), []);
        udp.watch_hops(true);
        receive(&mut udp, 61);
        assert_eq!(udp.hops(), [(from, 3)]);
        udp.watch_hops(true);
        receive(&mut udp, 126);
        assert_eq!(udp.hops(), [(from, 2)], "the latest counts");
        udp.watch_hops(false);
        receive(&mut udp, 61);
        assert_eq!(udp.hops(), []);
    }
}
