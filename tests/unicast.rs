//! Nodes on real sockets where multicast reaches nobody, or not everybody: lists of members on the loopback interface, and
//! network namespaces whose firewall drops multicast. What a machine has not (::1, root) is told and skipped.
//!
//! Every wait is for a condition, with a deadline.

#![cfg(target_os = "linux")]
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "deadlines of waits, threads, and skips that are told"
)]

use std::fs::File;
use std::net::UdpSocket;
use std::os::fd::AsFd;
use std::process::Command;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use mccache::config::Config;
use mccache::node::{Cache, MemberState, Node, Ttl};
use mccache::update::Codec;

const PATIENCE: Duration = Duration::from_secs(30);

/// The base64 of 32 bytes; these clusters never leave the test.
const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A port that no other test of this run uses, nor most other runs.
fn port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let process = u16::try_from(std::process::id() % 400).expect("below 400");
    46_000 + process * 16 + NEXT.fetch_add(1, Ordering::Relaxed)
}

fn node(name: &str, settings: &[(&str, &str)]) -> (Node, Cache) {
    let mut config = Config::new();
    config.set("node_name", name).expect("a name");
    for (setting, value) in settings {
        config.set(setting, value).expect("a known setting");
    }
    let node = Node::open(&config).expect("a node");
    let cache = node.cache("c").expect("a cache");
    (node, cache)
}

fn until(what: &str, condition: impl Fn() -> bool) -> Duration {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
    start.elapsed()
}

fn alive(node: &Node) -> usize {
    node.members().expect("members").iter().filter(|member| member.state == MemberState::Alive).count()
}

fn put(cache: &Cache, key: &str) {
    cache.put(key.as_bytes(), b"value", Codec::RAW, Ttl::Default).expect("a put");
}

fn holds(cache: &Cache, key: &str) -> bool {
    cache.get(key.as_bytes()).expect("a get").is_some()
}

fn metric(node: &Node, name: &str) -> u64 {
    node.metrics().into_iter().find(|(known, _, _)| *known == name).expect("a counter of this name").2
}

/// Three nodes of which only the first is listed, a fourth after the first is gone from the middle, all by unicast.
fn one_seed_is_enough(address: &str) {
    let cluster = format!("seed-{}-{}", std::process::id(), address.len());
    let (first, second) = (format!("{address}:{}", port()), format!("{address}:{}", port()));
    let members = format!("{first}, {second}");
    let common = [("cluster", cluster.as_str()), ("multicast_ip", "none"), ("members", &members)];
    let at = |own: &str| {
        let port = own.rsplit(':').next().expect("a port").to_owned();
        move |name: &str| node(name, &[&common[..], &[("unicast_port", &port)]].concat())
    };
    // The first gets the port; the others find it taken, and are found by their greetings.
    let nodes: Vec<(Node, Cache)> = ["a", "b", "c"].into_iter().map(at(&first)).collect();
    assert_eq!(nodes[0].0.local_addr().to_string(), first);
    until("all know each other", || nodes.iter().all(|(node, _)| alive(node) == 2));
    for (at, (_, cache)) in nodes.iter().enumerate() {
        put(cache, &format!("key {at}"));
    }
    let all = |(_, cache): &(Node, Cache)| (0..3).all(|at| holds(cache, &format!("key {at}")));
    until("all have all", || nodes.iter().all(all));
    assert!(nodes.iter().all(|(node, _)| node.network().expect("a network").group.is_none()));
    assert!(metric(&nodes[1].0, "copies_sent") > 0);
    // The one seed goes. Another takes the second place of the list, and is told of by nobody: it has to greet and be greeted.
    nodes[0].0.close();
    until("the seed is gone", || nodes[1..].iter().all(|(node, _)| alive(node) == 1));
    let (late, cache) = at(&second)("d");
    until("the newcomer is found", || alive(&late) == 2 && nodes[1..].iter().all(|(node, _)| alive(node) == 2));
    until("and has all", || (0..3).all(|at| holds(&cache, &format!("key {at}"))));
}

#[test]
fn without_multicast_one_living_seed_is_enough() {
    one_seed_is_enough("127.0.0.1");
}

#[test]
fn the_same_on_ipv6() {
    if UdpSocket::bind("[::1]:0").is_err() {
        println!("skip: this machine has no ::1");
        return;
    }
    one_seed_is_enough("[::1]");
}

#[test]
fn a_name_is_looked_up_and_a_wrong_one_is_told() {
    let port = port();
    let members = format!("dns:localhost:{port} dns:no-such-host.invalid");
    let cluster = format!("names-{}", std::process::id());
    let common = [("cluster", cluster.as_str()), ("multicast_ip", "none")];
    let (listed, _) = node("listed", &[&common[..], &[("unicast_port", &port.to_string())]].concat());
    let (lists, cache) = node("lists", &[&common[..], &[("members", &members), ("unicast_port", "0")]].concat());
    lists.wait_ready(PATIENCE).expect("ready");
    until("the name led to the member", || alive(&lists) == 1 && alive(&listed) == 1);
    put(&cache, "key");
    let network = lists.network().expect("a network");
    assert_eq!(network.contacts, [(listed.local_addr(), true)]);
    let unknown: Vec<&str> = network.unknown_names.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(unknown, ["no-such-host.invalid"]);
}

#[test]
fn multicast_and_a_list_together_send_no_copies_where_multicast_is_heard() {
    let cluster = format!("both-{}", std::process::id());
    let port = port();
    let (group, members) = (format!("239.192.78.1:{port}"), format!("127.0.0.1:{port}"));
    let settings = [("cluster", cluster.as_str()), ("multicast_ip", &group), ("members", &members)];
    let nodes: Vec<(Node, Cache)> = ["a", "b", "c"].into_iter().map(|name| node(name, &settings)).collect();
    until("all know each other", || nodes.iter().all(|(node, _)| alive(node) == 2));
    until("copies ended", || nodes.iter().all(|(node, _)| metric(node, "members_copied") == 0));
    let sent: Vec<u64> = nodes.iter().map(|(node, _)| metric(node, "copies_sent")).collect();
    for number in 0..100 {
        put(&nodes[0].1, &format!("key {number}"));
    }
    until("all have all", || {
        nodes.iter().all(|(_, cache)| (0..100).all(|number| holds(cache, &format!("key {number}"))))
    });
    assert_eq!(sent, nodes.iter().map(|(node, _)| metric(node, "copies_sent")).collect::<Vec<_>>());
}

/// Two network namespaces with a cable between them. They go with it.
struct Cable {
    names: [String; 2],
}

impl Cable {
    /// None, with the reason told, where this process may not make any.
    fn lay(test: &str) -> Option<Cable> {
        let names = ["a", "b"].map(|side| format!("mcu{side}{test}{}", std::process::id()));
        // Made first: it takes away what there is of it if a step fails.
        let cable = Cable { names };
        if let Err(why) = cable.connect() {
            println!("skip: no network namespaces here, which need root and iproute2: {why}");
            return None;
        }
        // The kernel takes a moment to see the other end, and lays the route of multicast only then.
        for name in &cable.names {
            until("the cable carries", || {
                let output = Command::new("ip").args(["-n", name, "-6", "route", "show", "table", "local"]).output();
                output.is_ok_and(|output| String::from_utf8_lossy(&output.stdout).contains("multicast ff00::/8"))
            });
        }
        Some(cable)
    }

    fn connect(&self) -> Result<(), String> {
        let [a, b] = &self.names;
        ip(&["netns", "add", a])?;
        ip(&["netns", "add", b])?;
        ip(&["-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b])?;
        for (name, host) in [(a, "1"), (b, "2")] {
            ip(&["-n", name, "addr", "add", &format!("10.99.0.{host}/24"), "dev", "eth0"])?;
            ip(&["-n", name, "addr", "add", &format!("fd99::{host}/64"), "dev", "eth0", "nodad"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    /// Has the firewall of one side drop what comes in for a multicast group; false where there is no nftables.
    fn drop_multicast_into(&self, side: usize) -> bool {
        let rules = "add table inet t; add chain inet t in { type filter hook input priority 0; }; \
                     add rule inet t in iifname eth0 meta pkttype multicast udp dport 1-65535 drop";
        run("ip", &["netns", "exec", &self.names[side], "nft", rules])
    }

    /// Opens a node on one side: on a thread that went there, which the node's own thread inherits.
    fn node(&self, side: usize, settings: &[(&str, &str)]) -> (Node, Cache) {
        let name = &self.names[side];
        let opened = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let namespace = File::open(format!("/var/run/netns/{name}")).expect("the namespace");
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(namespace.as_fd(), kind).expect("root may go there");
                node(name, settings)
            });
            thread.join()
        });
        opened.expect("a node on that side")
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in &self.names {
            run("ip", &["netns", "del", name]);
        }
    }
}

/// Runs `ip`; what it was asked and what it said, if it fails.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("`ip` does not run: {error}"))?;
    let why = || format!("`ip {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(()) } else { Err(why()) }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

#[test]
fn a_firewall_that_drops_multicast_one_way_is_found_and_copies_go_that_way_alone() {
    let Some(cable) = Cable::lay("one") else { return };
    if !cable.drop_multicast_into(1) {
        println!("skip: no nftables here");
        return;
    }
    let settings = [("crypto_key", KEY), ("interface", "eth0"), ("cluster", "one-way")];
    let (a, cache_a) = cable.node(0, &settings);
    let (b, cache_b) = cable.node(1, &settings);
    until("they know each other", || alive(&a) == 1 && alive(&b) == 1);
    let took = until("the deaf one gets copies", || metric(&a, "members_copied") == 1);
    println!("copies began {took:?} after they knew each other");
    for number in 0..100 {
        put(&cache_a, &format!("a {number}"));
        put(&cache_b, &format!("b {number}"));
    }
    let all = |cache: &Cache| (0..100).all(|n| holds(cache, &format!("a {n}")) && holds(cache, &format!("b {n}")));
    until("both have all", || all(&cache_a) && all(&cache_b));
    assert_eq!((metric(&a, "multicast_broken"), metric(&b, "multicast_broken")), (1, 0));
    assert_eq!(metric(&b, "copies_sent"), 0, "that way it works");
    let member = &b.members().expect("members")[0];
    assert_eq!((member.multicast_heard, member.hears_multicast), (Some(false), Some(true)));
}

#[test]
fn where_the_firewall_drops_all_multicast_a_list_makes_a_cluster_at_once() {
    let Some(cable) = Cable::lay("all") else { return };
    if !(cable.drop_multicast_into(0) && cable.drop_multicast_into(1)) {
        println!("skip: no nftables here");
        return;
    }
    // Each names both, itself among them.
    let settings = [("crypto_key", KEY), ("members", "10.99.0.1, 10.99.0.2"), ("cluster", "list")];
    let (a, cache_a) = cable.node(0, &settings);
    let (b, cache_b) = cable.node(1, &settings);
    until("they know each other", || alive(&a) == 1 && alive(&b) == 1);
    let start = Instant::now();
    put(&cache_a, "a");
    put(&cache_b, "b");
    until("both have both", || holds(&cache_a, "b") && holds(&cache_b, "a"));
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "{:?}: no need to find out that multicast is broken",
        start.elapsed()
    );
    assert_eq!(
        (a.local_addr().to_string(), b.local_addr().to_string()),
        ("10.99.0.1:4000".into(), "10.99.0.2:4000".into())
    );
}

#[test]
fn ipv6_multicast_carries_a_cluster() {
    let Some(cable) = Cable::lay("six") else { return };
    let settings =
        [("crypto_key", KEY), ("interface", "eth0"), ("multicast_ip", "[ff15::6d63]:4000"), ("cluster", "six")];
    let (a, cache_a) = cable.node(0, &settings);
    let (b, cache_b) = cable.node(1, &settings);
    assert_eq!(a.local_addr().ip().to_string(), "fd99::1");
    until("they know each other", || alive(&a) == 1 && alive(&b) == 1);
    put(&cache_a, "a");
    put(&cache_b, "b");
    until("both have both", || holds(&cache_a, "b") && holds(&cache_b, "a"));
    let heard = |node: &Node| node.members().expect("members")[0].multicast_heard == Some(true);
    until("by multicast", || heard(&a) && heard(&b));
    assert_eq!((metric(&a, "copies_sent"), metric(&b, "copies_sent")), (0, 0));
}
