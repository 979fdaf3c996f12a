//! What `mccache doctor` finds: on this host, and in network namespaces with one thing wrong in each. What a machine may not
//! make (namespaces need root, rules need nftables) is told and skipped.

#![cfg(target_os = "linux")]
#![expect(clippy::print_stdout, reason = "skips are told")]

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use mccache::config::Config;
use mccache::node::Node;

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
const OTHER_KEY: &str = "HwECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHgA=";

/// `mccache doctor` with these variables alone; in a namespace if one is named.
fn doctor(namespace: Option<&str>, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_mccache");
    let mut command = match namespace {
        None => Command::new(program),
        Some(name) => {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", name, program]);
            command
        }
    };
    command.arg("doctor").args(arguments).current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(variables.iter().copied());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn said(output: Output) -> (String, Option<i32>) {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code())
}

fn run(command: &mut Command) -> (String, Option<i32>) {
    said(command.output().expect("the program was built for this test"))
}

/// The lines of this level and topic.
fn found<'a>(text: &'a str, level: &str, topic: &str) -> Vec<&'a str> {
    let is = |line: &&str| line.split_whitespace().take(2).eq([level, topic]);
    text.lines().filter(is).collect()
}

/// Variables of a cluster on this host that no other test is in.
fn alone(test: &str, number: u32) -> [(&'static str, String); 2] {
    let cluster = format!("{test}-{}", std::process::id());
    let port = 30_000 + std::process::id() % 2_000 * 8 + number;
    [("MCCACHE_CLUSTER", cluster), ("MCCACHE_MULTICAST_IP", format!("239.192.79.1:{port}"))]
}

fn node(variables: &[(&str, &str)]) -> Node {
    let mut config = Config::new();
    for (variable, value) in variables {
        let name = variable.strip_prefix("MCCACHE_").expect("a variable of ours").to_ascii_lowercase();
        config.set(&name, value).expect("a known setting");
    }
    Node::open(&config).expect("a node on this host")
}

#[test]
fn a_node_of_this_host_is_found_and_nothing_is_wrong() {
    let own = alone("well", 0);
    let variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let running = node(&[&variables[..], &[("MCCACHE_NODE_NAME", "the one")]].concat());
    let (text, code) = run(&mut doctor(None, &variables, &[]));
    assert_eq!(code, Some(0), "{text}");
    assert!(text.ends_with("Nothing is wrong.\n"), "{text}");
    let members = found(&text, "ok", "members");
    assert!(members.len() == 1 && members[0].contains("the one at 127.0.0.1:"), "{text}");
    assert!(members[0].contains("this host") && members[0].contains("by multicast"), "{text}");
    for topic in ["interface", "multicast", "mtu"] {
        assert_eq!(found(&text, "ok", topic).len(), 1, "{topic}: {text}");
    }
    let (json, code) = run(&mut doctor(None, &variables, &["--json", "--wait", "1"]));
    assert_eq!((code, json.lines().count()), (Some(0), 1), "{json}");
    assert!(json.starts_with("{\"ok\":true,\"findings\":[{\"level\":\""), "{json}");
    running.close();
}

#[test]
fn another_key_no_key_and_another_cluster_are_told_apart() {
    let own = alone("keys", 1);
    let variables: Vec<(&str, &str)> = own.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let with =
        |key: &'static str| [&variables[..], &[("MCCACHE_CRYPTO_KEY", key), ("MCCACHE_INTERFACE", "host")]].concat();
    let foreign = node(&[("MCCACHE_CLUSTER", "foreign"), variables[1]]);
    for (theirs, ours, said) in [
        (KEY, OTHER_KEY, "another crypto_key"),
        ("", KEY, "has no crypto_key"),
        (KEY, "", "has a crypto_key, and this node has none"),
    ] {
        let running = node(&with(theirs));
        let (text, code) = run(&mut doctor(None, &with(ours), &["--wait", "2"]));
        assert_eq!(code, Some(1), "{text}");
        let wrong = found(&text, "WRONG", "key");
        assert!(wrong.len() == 1 && wrong[0].contains(said) && wrong[0].contains(" -> "), "{said}: {text}");
        assert!(!text.contains(KEY) && !text.contains(OTHER_KEY), "{text}");
        assert_eq!(found(&text, "note", "cluster").len(), 1, "{text}");
        running.close();
    }
    foreign.close();
}

#[test]
fn a_wrong_setting_and_a_wrong_name_are_findings_too() {
    let (text, code) = run(&mut doctor(None, &[("MCCACHE_CACHE_TTI", "1")], &[]));
    assert_eq!(code, Some(1));
    assert!(found(&text, "WRONG", "settings")[0].contains("MCCACHE_CACHE_TTL"), "{text}");
    let list = [("MCCACHE_MULTICAST_IP", "none"), ("MCCACHE_MEMBERS", "dns:no-such-host.invalid, 127.0.0.1:9")];
    let (text, code) = run(&mut doctor(None, &list, &["--wait", "2"]));
    assert_eq!(code, Some(1));
    assert_eq!(found(&text, "WRONG", "dns").len(), 1, "{text}");
    assert!(found(&text, "note", "list")[0].contains("nobody listens"), "{text}");
}

/// Namespaces of this test, with a cable between the first two, or with a router. They go with it.
struct Lab(Vec<String>);

impl Lab {
    fn build(test: &str) -> Option<Lab> {
        let names: Vec<String> =
            ["a", "b"].iter().map(|side| format!("mcd{side}{test}{}", std::process::id())).collect();
        // Made first: it takes away what there is of it if a step fails.
        let lab = Lab(names);
        if let Err(why) = lab.connect() {
            println!("skip: no network namespaces here, which need root and iproute2: {why}");
            return None;
        }
        lab.wait();
        Some(lab)
    }

    /// The same with a router between, which is the third.
    fn with_router(test: &str) -> Option<Lab> {
        let names: Vec<String> =
            ["a", "b", "r"].iter().map(|side| format!("mcd{side}{test}{}", std::process::id())).collect();
        if !succeeds("ip", &["netns", "add", &names[0]]) {
            println!("skip: no network namespaces here; they need root and iproute2");
            return None;
        }
        let lab = Lab(names);
        let router = &lab.0[2];
        for name in &lab.0[1..] {
            assert!(succeeds("ip", &["netns", "add", name]), "another one where the first could be made");
        }
        assert!(succeeds("ip", &["-n", router, "link", "set", "lo", "up"]));
        for (name, port, network) in [(&lab.0[0], "eth0", "10.98.1"), (&lab.0[1], "eth1", "10.98.2")] {
            let to_router = ["type", "veth", "peer", "name", port, "netns", router];
            assert!(succeeds("ip", &[&["-n", name, "link", "add", "eth0"][..], &to_router].concat()));
            let ends = [(name, "eth0", format!("{network}.1/24")), (router, port, format!("{network}.254/24"))];
            for (namespace, interface, address) in ends {
                assert!(succeeds("ip", &["-n", namespace, "addr", "add", &address, "dev", interface]));
                assert!(succeeds("ip", &["-n", namespace, "link", "set", interface, "up"]));
            }
            assert!(succeeds("ip", &["-n", name, "link", "set", "lo", "up"]));
            assert!(succeeds("ip", &["-n", name, "route", "add", "default", "via", &format!("{network}.254")]));
        }
        assert!(succeeds("ip", &["netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"]));
        lab.wait();
        Some(lab)
    }

    /// The kernel takes a moment to see the other end of a cable.
    fn wait(&self) {
        for name in &self.0[..2] {
            let is_up = || {
                let shown = Command::new("ip").args(["-n", name, "link", "show", "eth0"]).output();
                shown.is_ok_and(|shown| String::from_utf8_lossy(&shown.stdout).contains("state UP"))
            };
            for _ in 0..1_000 {
                if is_up() {
                    break;
                }
                std::thread::park_timeout(std::time::Duration::from_millis(10));
            }
            assert!(is_up(), "the cable carries");
        }
    }

    /// Opens a node on one side: on a thread that went there, which the node's own thread inherits.
    fn node(&self, side: usize, variables: &[(&str, &str)]) -> Node {
        let opened = std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let namespace = File::open(format!("/var/run/netns/{}", self.0[side])).expect("the namespace");
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(namespace.as_fd(), kind).expect("root may go there");
                node(&[&[("MCCACHE_CRYPTO_KEY", KEY)][..], variables].concat())
            });
            thread.join()
        });
        opened.expect("a node on that side")
    }

    fn connect(&self) -> Result<(), String> {
        let [a, b] = [&self.0[0], &self.0[1]];
        ip(&["netns", "add", a])?;
        ip(&["netns", "add", b])?;
        ip(&["-n", a, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", b])?;
        for (name, address) in [(a, "10.98.0.1/24"), (b, "10.98.0.2/24")] {
            ip(&["-n", name, "addr", "add", address, "dev", "eth0"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
            ip(&["-n", name, "link", "set", "eth0", "up"])?;
        }
        Ok(())
    }

    /// Adds firewall rules on one side; false where there is no nftables.
    fn rule(&self, side: usize, hook: &str, rule: &str) -> bool {
        let rules = format!(
            "add table inet t; add chain inet t {hook} {{ type filter hook {hook} priority 0; }}; add rule inet t {hook} {rule}"
        );
        succeeds("ip", &["netns", "exec", &self.0[side], "nft", &rules])
    }

    fn doctor(&self, side: usize, variables: &[(&str, &str)], arguments: &[&str]) -> Command {
        doctor(Some(&self.0[side]), &[&[("MCCACHE_CRYPTO_KEY", KEY)][..], variables].concat(), arguments)
    }

    /// What the doctors of both sides say, who find each other.
    fn both(&self, variables: &[(&str, &str)]) -> [(String, Option<i32>); 2] {
        let start = |side: usize| -> Child {
            self.doctor(side, variables, &["--wait", "9"]).spawn().expect("ip was there a moment ago")
        };
        let children = [start(0), start(1)];
        children.map(|child| said(child.wait_with_output().expect("it ends by itself")))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        for name in &self.0 {
            succeeds("ip", &["netns", "del", name]);
        }
    }
}

/// Runs `ip`; what it was asked and what it said, if it fails.
fn ip(arguments: &[&str]) -> Result<(), String> {
    let output = Command::new("ip").args(arguments).output().map_err(|error| format!("`ip` does not run: {error}"))?;
    let why = || format!("`ip {}`: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    if output.status.success() { Ok(()) } else { Err(why()) }
}

fn succeeds(program: &str, arguments: &[&str]) -> bool {
    Command::new(program).args(arguments).output().is_ok_and(|output| output.status.success())
}

const ON_ETH0: &[(&str, &str)] = &[("MCCACHE_INTERFACE", "eth0")];

#[test]
fn two_hosts_that_hear_each_other_find_nothing_wrong() {
    let Some(lab) = Lab::build("w") else { return };
    for (text, code) in lab.both(ON_ETH0) {
        assert_eq!(code, Some(0), "{text}");
        let members = found(&text, "ok", "members");
        assert!(members.len() == 1 && members[0].contains("0 hops (same network)"), "{text}");
    }
}

#[test]
fn a_firewall_that_drops_multicast_on_its_way_in_is_told_on_both_hosts() {
    let Some(lab) = Lab::build("i") else { return };
    if !lab.rule(1, "input", "ip daddr 224.0.0.0/4 drop") {
        return println!("skip: no nftables here");
    }
    let [(a, code_a), (b, code_b)] = lab.both(ON_ETH0);
    assert_eq!((code_a, code_b), (Some(1), Some(1)), "{a}{b}");
    assert!(found(&a, "WRONG", "multicast")[0].contains("does not hear this host's multicast"), "{a}");
    let wrong = found(&b, "WRONG", "multicast").join("\n");
    assert!(
        wrong.contains("does not hear its own multicast") && wrong.contains("iptables -I INPUT -d 239.192."),
        "{b}"
    );
    assert!(wrong.contains("does not arrive here") && wrong.contains("the firewall here"), "{b}");
}

#[test]
fn a_firewall_that_drops_multicast_on_its_way_out_is_told_with_its_cure() {
    let Some(lab) = Lab::build("o") else { return };
    if !lab.rule(0, "output", "ip daddr 224.0.0.0/4 udp dport 4000 drop") {
        return println!("skip: no nftables here");
    }
    let (text, code) = run(&mut lab.doctor(0, ON_ETH0, &["--wait", "1"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(found(&text, "WRONG", "multicast")[0].contains("iptables -I OUTPUT"), "{text}");
}

#[test]
fn a_bridge_without_querier_a_small_mtu_and_no_hops_are_told() {
    let Some(lab) = Lab::build("b") else { return };
    let name = &lab.0[0];
    let bridge = ["type", "bridge", "mcast_snooping", "1", "mcast_querier", "0"];
    if !succeeds("ip", &[&["-n", name, "link", "add", "br0"][..], &bridge].concat()) {
        return println!("skip: no bridges here");
    }
    assert!(succeeds("ip", &["-n", name, "addr", "add", "10.97.0.1/24", "dev", "br0"]));
    assert!(succeeds("ip", &["-n", name, "link", "set", "br0", "mtu", "1300", "up"]));
    let variables = [("MCCACHE_INTERFACE", "br0"), ("MCCACHE_MULTICAST_HOPS", "0")];
    let (text, code) = run(&mut lab.doctor(0, &variables, &["--wait", "1"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(found(&text, "WRONG", "ttl")[0].contains("`multicast_hops` is 0"), "{text}");
    assert!(found(&text, "note", "mtu")[0].contains("carries 1272 bytes"), "{text}");
    // A namespace shows its own interfaces in /sys only if that is mounted anew, as `ip netns exec` does.
    assert!(found(&text, "note", "igmp")[0].contains("mcast_querier 1"), "{text}");
}

#[test]
fn a_listed_host_where_nothing_listens_or_that_is_not_there_is_told() {
    let Some(lab) = Lab::build("l") else { return };
    let list = [("MCCACHE_MEMBERS", "10.98.0.2:4000"), ("MCCACHE_MULTICAST_IP", "none")];
    let (text, code) = run(&mut lab.doctor(0, &list, &["--wait", "1"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(found(&text, "WRONG", "list")[0].contains("nobody listens at that port"), "{text}");
    let list = [("MCCACHE_MEMBERS", "10.98.0.77:4000"), ("MCCACHE_MULTICAST_IP", "none")];
    let (text, code) = run(&mut lab.doctor(0, &list, &["--wait", "1"]));
    assert_eq!(code, Some(1), "{text}");
    assert!(found(&text, "WRONG", "list")[0].contains("does not answer"), "{text}");
}

#[test]
fn a_router_between_is_a_hop_and_one_that_passes_on_less_is_told() {
    let Some(lab) = Lab::with_router("r") else { return };
    let list = [("MCCACHE_MULTICAST_IP", "none"), ("MCCACHE_INTERFACE", "eth0"), ("MCCACHE_MEMBERS", "10.98.2.1:4000")];
    let running =
        lab.node(1, &[&list[..2], &[("MCCACHE_UNICAST_PORT", "4000"), ("MCCACHE_NODE_NAME", "far")]].concat());
    let (text, code) = run(&mut lab.doctor(0, &list, &["--wait", "4"]));
    assert_eq!(code, Some(0), "{text}");
    let members = found(&text, "ok", "members");
    assert!(members.len() == 1 && members[0].contains("far at 10.98.2.1:4000, 1 hop (behind a router)"), "{text}");
    assert!(found(&text, "ok", "mtu")[1].contains("no router on the way to far refuses"), "{text}");
    assert!(succeeds("ip", &["-n", &lab.0[2], "link", "set", "eth1", "mtu", "1300"]));
    let (text, code) = run(&mut lab.doctor(0, &list, &["--wait", "4"]));
    assert_eq!(code, Some(1), "{text}");
    let wrong = found(&text, "WRONG", "mtu");
    assert!(
        wrong.len() == 1 && wrong[0].contains("carries 1272 bytes") && wrong[0].contains("`packet_mtu` to 1272"),
        "{text}"
    );
    running.close();
}

#[test]
fn multicast_that_no_router_passes_on_is_told_with_the_hops_it_would_need() {
    let Some(lab) = Lab::with_router("t") else { return };
    let list = [("MCCACHE_INTERFACE", "eth0"), ("MCCACHE_MEMBERS", "10.98.2.1:4000")];
    let running = lab.node(
        1,
        &[
            &list[..1],
            &[("MCCACHE_UNICAST_PORT", "4000"), ("MCCACHE_NODE_NAME", "far"), ("MCCACHE_MEMBERS", "10.98.1.1")],
        ]
        .concat(),
    );
    let (text, _) = run(&mut lab.doctor(0, &list, &["--wait", "9"]));
    let wrong = [found(&text, "WRONG", "multicast"), found(&text, "WRONG", "ttl")].concat().join("\n");
    assert!(
        wrong.contains("the multicast of far does not arrive here") && wrong.contains("`multicast_hops` to 2 there"),
        "{text}"
    );
    assert!(
        wrong.contains("it is 1 hop away, and `multicast_hops` is 1") && wrong.contains("`multicast_hops` to 2 here"),
        "{text}"
    );
    running.close();
}
