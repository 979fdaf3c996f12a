//! Real nodes whose cluster changes its key while everybody writes: no update is lost, and no member.

#![expect(clippy::disallowed_methods, reason = "deadlines of waits, and threads that write")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mccache::config::Config;
use mccache::crypto::generate_key;
use mccache::node::{Cache, EventKind, KeyRole, MemberState, Node, Ttl};
use mccache::update::Codec;

const PATIENCE: Duration = Duration::from_secs(30);
const NODES: usize = 3;

fn config(cluster: &str, name: &str, keys: &str) -> Config {
    let mut config = Config::new();
    let port = (20_000 + std::process::id() % 20_000).to_string();
    for (setting, value) in [
        ("cluster", cluster),
        ("node_name", name),
        ("crypto_key", keys),
        ("interface", "host"),
        ("multicast_port", &port),
        // Some of what is sealed with the old key is only heard as a repair.
        ("test_drop_percent", "5"),
    ] {
        config.set(setting, value).expect("a known setting");
    }
    config
}

fn key(id: u8) -> String {
    generate_key(Some(id)).expect("the test machine has randomness")
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

fn alive(node: &Node) -> usize {
    let members = node.members().expect("members");
    members.iter().filter(|member| member.state == MemberState::Alive).count()
}

fn metric(node: &Node, name: &str) -> u64 {
    node.metrics().into_iter().find(|(known, _, _)| *known == name).expect("a counter of this name").2
}

/// Writes 100 keys of its own over and over until it is told to stop; returns the last round.
fn write_until(stop: &AtomicBool, cache: &Cache, place: usize) -> u32 {
    let mut round = 0_u32;
    while !stop.load(Ordering::Relaxed) {
        round += 1;
        for number in 0..100 {
            let key = format!("{place}/{number}");
            cache.put(key.as_bytes(), &round.to_be_bytes(), Codec::RAW, Ttl::Default).expect("a put");
        }
        std::thread::park_timeout(Duration::from_millis(1));
    }
    round
}

#[test]
fn a_cluster_changes_its_key_under_writes_and_loses_no_update_and_no_member() {
    let cluster = format!("rotation-{}", std::process::id());
    let (old, new) = (key(10), key(20));
    let nodes: Vec<Node> = (0..NODES)
        .map(|number| Node::open(&config(&cluster, &format!("n{number}"), &old)).expect("a node on this host"))
        .collect();
    let caches: Vec<Cache> = nodes.iter().map(|node| node.cache("c").expect("a cache")).collect();
    for node in &nodes {
        node.wait_ready(PATIENCE).expect("ready");
        until("all know each other", || alive(node) == NODES - 1);
    }
    let events: Vec<_> = nodes.iter().map(|node| node.events().expect("events")).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..NODES)
        .map(|place| {
            let (stop, cache) = (Arc::clone(&stop), caches[place].clone());
            std::thread::Builder::new().spawn(move || write_until(&stop, &cache, place)).expect("a thread")
        })
        .collect();

    for node in &nodes {
        node.add_key(&new).expect("room for it");
    }
    for node in &nodes {
        node.set_primary_key(20).expect("it is there");
    }
    for node in &nodes {
        until("nobody uses the old key", || {
            let keys = node.keys().expect("keys");
            let used = |id: u8| keys.iter().find(|key| key.id == id).map(|key| (key.role, key.members));
            used(10) == Some((KeyRole::Retired, 0)) && used(20) == Some((KeyRole::Primary, NODES - 1))
        });
    }
    for cache in &caches {
        cache.sync(PATIENCE).expect("what was sealed with the old key has arrived");
    }
    for node in &nodes {
        node.remove_key(10).expect("it is retired");
    }
    std::thread::park_timeout(Duration::from_millis(200));

    stop.store(true, Ordering::Relaxed);
    let rounds: Vec<u32> = writers.into_iter().map(|writer| writer.join().expect("it wrote")).collect();
    for cache in &caches {
        cache.sync(PATIENCE).expect("a sync");
    }
    for (place, round) in rounds.iter().enumerate() {
        for (number, cache) in (0..100).flat_map(|number| caches.iter().map(move |cache| (number, cache))) {
            let held = cache.get(format!("{place}/{number}").as_bytes()).expect("a get").expect("held");
            assert_eq!(*held, round.to_be_bytes(), "key {place}/{number}");
        }
    }
    for (node, events) in nodes.iter().zip(&events) {
        assert_eq!((alive(node), metric(node, "members_failed")), (NODES - 1, 0));
        while let Some(event) = events.next(Duration::ZERO) {
            assert!(!matches!(event.kind, EventKind::MemberFailed | EventKind::MemberLeft), "{event:?}");
        }
    }

    // Whoever comes now needs the new key alone; whoever still has the old one alone is a stranger.
    let late = Node::open(&config(&cluster, "late", &new)).expect("a node on this host");
    let cache = late.cache("c").expect("a cache");
    late.wait_ready(PATIENCE).expect("ready");
    assert_eq!(cache.len().expect("len"), NODES * 100);
    assert_eq!(cache.checksum().expect("late"), caches[0].checksum().expect("early"), "the hash is the name's");
    let stranger = Node::open(&config(&cluster, "stranger", &old)).expect("a node on this host");
    stranger.wait_ready(PATIENCE).expect("ready alone");
    assert_eq!(alive(&stranger), 0);
    assert!(metric(&stranger, "rejected_key") > 0);
}

#[test]
fn what_is_refused_says_why_and_never_repeats_a_key() {
    let cluster = format!("refusals-{}", std::process::id());
    let (first, second) = (key(1), key(2));
    let secret = |key: &str| key.split_once(':').expect("an id").1.to_owned();
    let node = Node::open(&config(&cluster, "n", &first)).expect("a node on this host");
    node.add_key(&second).expect("room for it");
    node.add_key(&second).expect("it is there already");
    let other = format!("2:{}", secret(&first));
    let refusals = [
        (node.add_key(&other), "another key has the id 2"),
        (node.add_key("2:short"), "base64"),
        (node.add_key(&format!("0:{}", secret(&second))), "key id of 1 to 255"),
        (node.set_primary_key(9), "no key 9; it has 1, 2"),
        (node.remove_key(1), "make another one primary first"),
        (node.remove_key(9), "no key 9"),
    ];
    for (refused, expected) in refusals {
        let said = refused.expect_err(expected).to_string();
        assert!(said.contains(expected), "{said}");
        assert!(!said.contains(&secret(&first)[..12]) && !said.contains(&secret(&second)[..12]), "{said}");
    }
    let shown = format!("{node:?} {:?}", node.keys());
    assert!(!shown.contains(&secret(&first)[..12]), "{shown}");
    let public = Node::open(&config(&format!("public-{cluster}"), "n", "")).expect("a node on this host");
    let said = public.add_key(&second).expect_err("no key at all").to_string();
    assert!(said.contains("without a `crypto_key`"), "{said}");
    assert_eq!(public.keys().expect("keys").len(), 1);
}
