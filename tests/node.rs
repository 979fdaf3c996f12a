//! Nodes on real sockets, host-local: what one process writes, the others see.
//!
//! Each test is a cluster of its own, by name and port. Nothing sleeps for an order of events: every wait is for a
//! condition, with a deadline.

#![expect(clippy::disallowed_methods, reason = "deadlines of waits, and threads that use a node")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use mccache::config::Config;
use mccache::error::Error;
use mccache::node::{Cache, Event, EventKind, Events, Lookup, MemberState, Node, Precondition, SyncTo, Token, Ttl};
use mccache::store::{Store, Value};
use mccache::update::Codec;

const PATIENCE: Duration = Duration::from_secs(30);

/// A cluster that no other test and no other run on this host is in.
struct Cluster {
    name: String,
    port: u16,
}

impl Cluster {
    fn new(test: &str) -> Cluster {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let process = u16::try_from(std::process::id() % 400).expect("below 400");
        let port = 20_000 + process * 64 + NEXT.fetch_add(1, Ordering::Relaxed);
        Cluster { name: format!("{test}-{}", std::process::id()), port }
    }

    fn config(&self, node: &str, more: &[(&str, &str)]) -> Config {
        let mut config = Config::new();
        let group = format!("239.192.77.77:{}", self.port);
        let own = [("cluster", self.name.as_str()), ("node_name", node), ("multicast_ip", &group)];
        for (name, value) in own.iter().chain(more) {
            config.set(name, value).expect("a known setting");
        }
        config
    }

    fn node(&self, name: &str) -> Node {
        self.node_with(name, &[])
    }

    fn node_with(&self, name: &str, more: &[(&str, &str)]) -> Node {
        Node::open(&self.config(name, more)).expect("a node on this host")
    }

    /// Nodes `n0`, `n1` ... that know each other, each with the cache `c` open.
    fn nodes(&self, count: usize, more: &[(&str, &str)]) -> (Vec<Node>, Vec<Cache>) {
        let nodes: Vec<Node> = (0..count).map(|number| self.node_with(&format!("n{number}"), more)).collect();
        let caches: Vec<Cache> = nodes.iter().map(|node| node.cache("c").expect("a cache")).collect();
        for node in &nodes {
            node.wait_ready(PATIENCE).expect("ready");
            until("all know each other", || alive(node) == count - 1);
        }
        (nodes, caches)
    }
}

/// Settings of one cache.
fn of_a_cache(settings: &[(&str, &str)]) -> Config {
    let mut config = Config::new();
    for (name, value) in settings {
        config.set(name, value).expect("a known setting");
    }
    config
}

fn alive(node: &Node) -> usize {
    let members = node.members().expect("members");
    members.iter().filter(|member| member.state == MemberState::Alive).count()
}

fn until(what: &str, condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        std::thread::yield_now();
        std::thread::park_timeout(Duration::from_millis(1));
    }
}

/// Waits until the comparisons that a start begins are over. In mode `invalidate` they drop what was written shortly before.
fn settle(nodes: &[Node]) {
    // Heartbeats begin them, twice a second at least.
    let quiet = Duration::from_millis(1_500);
    let transfers = || nodes.iter().map(|node| metric(node, "state_transfers")).sum::<u64>();
    let last = std::cell::Cell::new((transfers(), Instant::now()));
    until("no comparison has begun for a while", || {
        let (seen, since) = last.get();
        let now = transfers();
        if now != seen {
            last.set((now, Instant::now()));
        }
        now == seen && since.elapsed() > quiet
    });
}

fn put(cache: &Cache, key: &str, value: &[u8]) {
    cache.put(key.as_bytes(), value, Codec::RAW, Ttl::Default).expect("a put");
}

fn holds(cache: &Cache, key: &str, value: &[u8]) -> bool {
    cache.get(key.as_bytes()).expect("a get").is_some_and(|found| *found == *value)
}

fn lacks(cache: &Cache, key: &str) -> bool {
    cache.get(key.as_bytes()).expect("a get").is_none()
}

fn metric(node: &Node, name: &str) -> u64 {
    node.metrics().into_iter().find(|(known, _, _)| *known == name).expect("a counter of this name").2
}

fn next_of(events: &Events, kind: EventKind) -> Event {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if let Some(event) = events.next(Duration::from_millis(100)).filter(|event| event.kind == kind) {
            return event;
        }
    }
    panic!("waited in vain for {kind:?}");
}

#[test]
fn what_one_puts_deletes_and_clears_the_other_sees() {
    let (_nodes, caches) = Cluster::new("coherent").nodes(2, &[]);
    let (a, b) = (&caches[0], &caches[1]);
    put(a, "key", b"one");
    assert!(holds(a, "key", b"one"), "visible at once where it was written");
    until("the put arrives", || holds(b, "key", b"one"));
    put(b, "key", b"two");
    until("the answer arrives", || holds(a, "key", b"two"));
    assert!(a.delete(b"key").expect("a delete"));
    until("the delete arrives", || lacks(b, "key"));
    put(a, "x", b"1");
    put(b, "y", b"2");
    until("both are everywhere", || holds(a, "y", b"2") && holds(b, "x", b"1"));
    b.clear().expect("a clear");
    until("all is gone", || a.is_empty().expect("len") && b.is_empty().expect("len"));
}

#[test]
fn a_joiner_gets_the_state_with_its_large_values() {
    let cluster = Cluster::new("joiner");
    let (nodes, caches) = cluster.nodes(1, &[]);
    let large: Vec<u8> = (0..1_u32 << 20).map(|i| i.to_le_bytes()[(i % 3) as usize]).collect();
    put(&caches[0], "large", &large);
    for number in 0..500 {
        put(&caches[0], &format!("key{number}"), format!("value{number}").as_bytes());
    }
    let joiner = cluster.node("joiner");
    let cache = joiner.cache("c").expect("a cache");
    joiner.wait_ready(PATIENCE).expect("ready");
    assert!(holds(&cache, "large", &large), "ready means that the state is here");
    assert_eq!(cache.checksum().expect("here"), caches[0].checksum().expect("there"));
    assert_eq!(alive(&nodes[0]), 1);
}

#[test]
fn a_cache_opened_after_the_start_is_filled_before_the_node_is_ready_again() {
    let cluster = Cluster::new("late-cache");
    let (_nodes, caches) = cluster.nodes(1, &[]);
    for number in 0..2_000 {
        put(&caches[0], &format!("key{number}"), b"value");
    }
    let late = cluster.node("late");
    late.wait_ready(PATIENCE).expect("ready without a cache");
    let cache = late.cache("c").expect("a cache");
    late.wait_ready(PATIENCE).expect("ready with the cache");
    assert_eq!(cache.len().expect("len"), 2_000);
}

#[test]
fn an_entry_expires_on_both_and_its_event_is_told() {
    let (nodes, caches) = Cluster::new("ttl").nodes(2, &[]);
    let events = nodes[1].events().expect("events");
    caches[0].put(b"brief", b"1", Codec::RAW, Ttl::For(Duration::from_millis(700))).expect("a put");
    until("the put arrives", || holds(&caches[1], "brief", b"1"));
    until("nobody reads it", || lacks(&caches[0], "brief") && lacks(&caches[1], "brief"));
    until("its memory is given back", || caches.iter().all(|cache| cache.len().expect("len") == 0));
    let expired = next_of(&events, EventKind::Expire);
    assert_eq!((&*expired.key, expired.local), (b"brief".as_slice(), false));
}

#[test]
fn a_key_written_often_is_sent_seldom() {
    let (nodes, caches) = Cluster::new("conflation").nodes(2, &[]);
    // Some 256 of these are taken before the protocol's backlog is full and the writer is faster than the network.
    let value = vec![7; 1_000];
    for _ in 0..10_000 {
        put(&caches[0], "hot", &value);
    }
    put(&caches[0], "hot", b"last");
    until("the last one arrives", || holds(&caches[1], "hot", b"last"));
    let sent = metric(&nodes[0], "updates_sent");
    assert!(sent < 5_000, "{sent} of 10,001 were sent");
    assert_eq!(sent + metric(&nodes[0], "updates_conflated"), 10_001);
}

#[test]
fn after_a_sync_every_member_has_what_was_written() {
    let (_nodes, caches) = Cluster::new("sync").nodes(3, &[]);
    for round in 0..50 {
        let value = format!("value{round}");
        put(&caches[0], "key", value.as_bytes());
        caches[0].sync(PATIENCE).expect("a sync");
        assert!(caches.iter().all(|cache| holds(cache, "key", value.as_bytes())), "round {round}");
    }
}

fn put_token(cache: &Cache, key: &[u8], value: &[u8]) -> Token {
    cache.put_token(key, value, Codec::RAW, Ttl::Default).expect("a put")
}

#[test]
fn a_token_is_waited_for_on_so_many_members_and_asked_for_on_each() {
    let (nodes, caches) = Cluster::new("token").nodes(3, &[]);
    for round in 0..50_u8 {
        let token = put_token(&caches[0], b"key", &[round]);
        for cache in &caches[1..] {
            let early = cache.get_at_least(b"key", token.version).expect("a get");
            assert!(early.is_none_or(|value| *value == [round]), "never an older one");
        }
        let to = [SyncTo::All, SyncTo::Members(2)][usize::from(round % 2)];
        caches[0].sync_token(&token, to, PATIENCE).expect("all have it");
        for cache in &caches {
            let value = cache.get_at_least(b"key", token.version).expect("a get").expect("it has arrived");
            assert_eq!(*value, [round]);
        }
    }
    let (token, found) = caches[0].delete_token(b"key").expect("a delete");
    caches[0].sync_token(&token, SyncTo::Members(2), PATIENCE).expect("all have it");
    assert!(found && caches.iter().all(|cache| lacks(cache, "key")));
    let (_, found) = caches[0].delete_token(b"key").expect("a delete");
    assert!(!found);
    let three = caches[0].sync_token(&token, SyncTo::Members(3), Duration::from_millis(50));
    assert!(matches!(three, Err(Error::Timeout { .. })), "there are two others");
    nodes[2].close();
    until("it has left", || alive(&nodes[0]) == 1);
    let token = put_token(&caches[0], b"key", b"later");
    caches[0].sync_token(&token, SyncTo::All, PATIENCE).expect("who is left has it");
    caches[0].sync_token(&token, SyncTo::Members(1), PATIENCE).expect("one is left");
    let two = caches[0].sync_token(&token, SyncTo::Members(2), Duration::from_millis(50));
    assert!(matches!(two, Err(Error::Timeout { .. })));
}

#[test]
fn a_token_of_a_put_that_was_conflated_with_another_thread_s_is_waited_for_as_well() {
    let (_nodes, caches) = Cluster::new("token-threads").nodes(2, &[]);
    let (a, b) = (&caches[0], &caches[1]);
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            scope.spawn(move || {
                for round in 0..200_u8 {
                    let token = put_token(a, b"one key", &[thread, round]);
                    if round % 8 == 0 {
                        a.sync_token(&token, SyncTo::Members(1), PATIENCE).expect("the other has it");
                        assert!(b.get_at_least(b"one key", token.version).expect("a get").is_some());
                    }
                }
            });
        }
    });
}

#[test]
fn a_token_is_its_writer_s_alone_and_a_local_cache_has_all_at_once() {
    let cluster = Cluster::new("token-other");
    let (nodes, caches) = cluster.nodes(2, &[]);
    let token = put_token(&caches[0], b"key", b"value");
    let refused = caches[1].sync_token(&token, SyncTo::All, PATIENCE);
    assert!(matches!(refused, Err(Error::InvalidArgument { name: "token", .. })));
    let ahead = Token { position: u64::MAX, ..token };
    let refused = caches[0].sync_token(&ahead, SyncTo::All, PATIENCE);
    assert!(matches!(refused, Err(Error::InvalidArgument { name: "token", .. })));
    let local = nodes[0].cache_with("local", &of_a_cache(&[("cache_mode", "local")])).expect("a cache");
    let token = put_token(&local, b"key", b"value");
    local.sync_token(&token, SyncTo::All, Duration::ZERO).expect("nothing to wait for");
    let refused = local.sync_token(&token, SyncTo::Members(1), PATIENCE);
    assert!(matches!(refused, Err(Error::InvalidArgument { name: "members", .. })));
    assert!(local.get_at_least(b"key", token.version).expect("a get").is_some());
    let newer = put_token(&local, b"key", b"newer");
    assert!(local.get_at_least(b"key", token.version).expect("a get").is_some_and(|value| *value == *b"newer"));
    local.delete(b"key").expect("a delete");
    assert!(local.get_at_least(b"key", newer.version).expect("a get").is_none());
}

#[test]
fn a_sync_without_members_returns_at_once_and_one_that_cannot_end_says_so() {
    let cluster = Cluster::new("sync-alone");
    let (nodes, caches) = cluster.nodes(1, &[]);
    put(&caches[0], "key", b"1");
    let start = Instant::now();
    caches[0].sync(PATIENCE).expect("nobody to wait for");
    assert!(start.elapsed() < Duration::from_secs(5));
    let other = cluster.node("other");
    until("they know each other", || alive(&nodes[0]) == 1);
    until("one is not done in no time", || {
        put(&caches[0], "key", b"2");
        matches!(caches[0].sync(Duration::ZERO), Err(Error::Timeout { .. }))
    });
    other.close();
}

#[test]
fn a_change_of_what_was_read_is_told_with_its_writer() {
    let (_nodes, caches) = Cluster::new("lookups").nodes(2, &[]);
    for key in [&b"read"[..], b"unread"] {
        caches[0].put(key, b"1", Codec::RAW, Ttl::Default).expect("open");
    }
    caches[0].sync(PATIENCE).expect("all have it");
    let events = caches[1].changes_of_lookups(Some(PATIENCE)).expect("events");
    assert!(caches[1].get(b"read").expect("open").is_some());
    for key in [&b"unread"[..], b"read"] {
        caches[0].put(key, b"2", Codec::RAW, Ttl::Default).expect("open");
    }
    let told = events.next(PATIENCE).expect("a change");
    assert_eq!((told.kind, &*told.key, told.local), (EventKind::Put, &b"read"[..], false));
    assert!(!told.member.is_empty());
    caches[0].delete(b"unread").expect("open");
    caches[0].delete(b"read").expect("open");
    assert_eq!(events.next(PATIENCE).map(|told| (told.kind, told.key)), Some((EventKind::Delete, (*b"read").into())));
}

#[test]
fn events_tell_who_did_what_to_which_cache() {
    let (nodes, caches) = Cluster::new("events").nodes(2, &[]);
    let (here, there) = (nodes[0].events().expect("events"), caches[1].events().expect("events"));
    put(&caches[0], "key", b"1");
    let own = next_of(&here, EventKind::Put);
    assert!(own.local && &*own.member == "n0" && &*own.cache == "c" && *own.key == *b"key");
    let remote = next_of(&there, EventKind::Put);
    assert!(!remote.local && &*remote.member == "n0" && remote.version == own.version);
    caches[1].delete(b"key").expect("a delete");
    assert_eq!(&*next_of(&here, EventKind::Delete).member, "n1");
    caches[1].clear().expect("a clear");
    assert!(!next_of(&here, EventKind::Clear).local);
    caches[1].close();
    until("its queue is closed", || there.is_closed());
    assert!(!here.is_closed());
}

#[test]
fn members_are_told_when_they_join_and_leave() {
    let cluster = Cluster::new("membership");
    let first = cluster.node("first");
    let events = first.events().expect("events");
    let second = cluster.node("second");
    assert_eq!(&*next_of(&events, EventKind::MemberJoined).member, "second");
    assert_eq!(first.members().expect("members").first().map(|member| member.name.clone()), Some("second".into()));
    second.close();
    assert_eq!(&*next_of(&events, EventKind::MemberLeft).member, "second");
    until("it is forgotten", || alive(&first) == 0);
}

#[test]
fn a_close_sends_what_was_written_and_ends_every_handle() {
    let (nodes, caches) = Cluster::new("close").nodes(2, &[]);
    let events = nodes[0].events().expect("events");
    for number in 0..3_000 {
        put(&caches[0], &format!("key{number}"), b"value");
    }
    let read = caches[0].get(b"key7").expect("a get").expect("a value");
    nodes[0].close();
    nodes[0].close();
    assert_eq!(caches[1].len().expect("len"), 3_000, "closed when it has arrived");
    assert!(matches!(caches[0].get(b"key7"), Err(Error::Closed { .. })));
    assert!(matches!(caches[0].sync(PATIENCE), Err(Error::Closed { .. })));
    assert!(matches!(nodes[0].cache("c"), Err(Error::Closed { .. })));
    assert!(matches!(nodes[0].members(), Err(Error::Closed { .. })));
    assert!(matches!(nodes[0].wait_ready(PATIENCE), Err(Error::Closed { .. })));
    assert_eq!(*read, *b"value", "what was read stays");
    assert!(nodes[0].is_closed() && events.is_closed());
}

#[test]
fn what_a_short_lived_node_wrote_outlives_it() {
    let cluster = Cluster::new("brief");
    let (_nodes, caches) = cluster.nodes(2, &[]);
    for round in 0..5 {
        let brief = cluster.node("brief");
        put(&brief.cache("c").expect("a cache"), "key", format!("{round}").as_bytes());
        brief.close();
        assert!(caches.iter().any(|cache| holds(cache, "key", format!("{round}").as_bytes())), "round {round}");
    }
}

#[test]
fn a_close_while_threads_hammer_ends_them_all() {
    let (nodes, caches) = Cluster::new("hammer").nodes(2, &[]);
    let began = Arc::new(AtomicBool::new(false));
    let threads: Vec<_> = (0..4)
        .map(|thread| {
            let (cache, node, began) = (caches[0].clone(), nodes[0].clone(), Arc::clone(&began));
            std::thread::spawn(move || {
                for number in 0_u64.. {
                    began.store(true, Ordering::Relaxed);
                    let key = (number % 1_000).to_le_bytes();
                    let result = match (thread + number) % 5 {
                        0 | 1 => cache.put(&key, b"value", Codec::RAW, Ttl::Default),
                        2 => cache.get(&key).map(|_| ()),
                        3 => cache.delete(&key).map(|_| ()),
                        _ if number % 64 == 0 => node.members().map(|_| ()),
                        _ => cache.len().map(|_| ()),
                    };
                    match result {
                        Ok(()) => {}
                        Err(Error::Closed { .. }) => return,
                        Err(other) => panic!("{other}"),
                    }
                }
            })
        })
        .collect();
    until("they hammer", || began.load(Ordering::Relaxed) && metric(&nodes[0], "updates_sent") > 1_000);
    let closers: Vec<_> = (0..2)
        .map(|_| {
            let node = nodes[0].clone();
            std::thread::spawn(move || node.close())
        })
        .collect();
    for thread in threads.into_iter().chain(closers) {
        thread.join().expect("no panic");
    }
    until("the other has seen it go", || alive(&nodes[1]) == 0);
}

#[test]
fn a_close_ends_the_wait_of_everyone_who_asks_the_members() {
    let cluster = Cluster::new("askers");
    for round in 0..20 {
        let node = cluster.node("asked");
        let cache = node.cache("c").expect("a cache");
        let asked = Arc::new(AtomicU64::new(0));
        let askers: Vec<_> = (0..6)
            .map(|asker| {
                let (node, cache, asked) = (node.clone(), cache.clone(), Arc::clone(&asked));
                std::thread::spawn(move || {
                    loop {
                        let start = Instant::now();
                        let answer = match asker % 3 {
                            0 => node.cluster_metrics(PATIENCE).map(|_| ()),
                            1 => cache.cluster_checksum(PATIENCE).map(|_| ()),
                            _ => node.members().map(|_| ()),
                        };
                        asked.fetch_add(1, Ordering::Relaxed);
                        let took = start.elapsed();
                        assert!(took < Duration::from_secs(5), "round {round}: {answer:?} after {took:?}");
                        match answer {
                            Ok(()) => {}
                            Err(Error::Closed { .. }) => return,
                            Err(other) => panic!("{other}"),
                        }
                    }
                })
            })
            .collect();
        until("they ask", || asked.load(Ordering::Relaxed) > 100);
        node.close();
        for asker in askers {
            asker.join().expect("no panic");
        }
    }
}

#[test]
fn dropping_the_last_handle_leaves_the_cluster() {
    let (mut nodes, mut caches) = Cluster::new("drop").nodes(2, &[]);
    let second = nodes.pop().expect("two");
    let cache = caches.pop().expect("two");
    drop(second);
    assert_eq!(alive(&nodes[0]), 1, "its cache keeps it open");
    put(&cache, "key", b"1");
    until("it works on", || holds(&caches[0], "key", b"1"));
    drop(cache);
    until("it is gone", || alive(&nodes[0]) == 0);
}

#[test]
fn another_cluster_key_is_another_cluster() {
    let cluster = Cluster::new("keys");
    let secret = |letter: &str| format!("{}=", letter.repeat(43));
    let first = cluster.node_with("first", &[("crypto_key", &secret("A")), ("interface", "host")]);
    let second = cluster.node_with("second", &[("crypto_key", &secret("Q")), ("interface", "host")]);
    let caches = [first.cache("c").expect("a cache"), second.cache("c").expect("a cache")];
    put(&caches[0], "key", b"1");
    until("it is counted", || metric(&second, "rejected_cluster") + metric(&second, "rejected_seal") > 2);
    first.wait_ready(PATIENCE).expect("ready alone");
    second.wait_ready(PATIENCE).expect("ready alone");
    assert!(lacks(&caches[1], "key") && alive(&first) == 0 && alive(&second) == 0);
}

#[test]
fn a_fifth_of_all_datagrams_lost_changes_nothing_in_the_end() {
    let (nodes, caches) = Cluster::new("loss").nodes(3, &[("test_drop_percent", "20")]);
    for number in 0..3_000_u32 {
        let cache = &caches[number as usize % 3];
        put(cache, &format!("key{}", number % 1_000), &vec![number.to_le_bytes()[0]; (number % 700) as usize]);
        if number % 17 == 0 {
            cache.delete(format!("key{}", number % 1_000).as_bytes()).expect("a delete");
        }
    }
    put(&caches[0], "large", &vec![9; 300_000]);
    until("all hold the same", || {
        let sums: Vec<_> = caches.iter().map(|cache| cache.checksum().expect("a checksum")).collect();
        sums.iter().all(|sum| *sum == sums[0]) && holds(&caches[2], "large", &[9; 300_000])
    });
    assert!(nodes.iter().all(|node| metric(node, "dropped_on_purpose") > 100));
}

#[test]
fn members_tell_their_counters_and_checksums() {
    let (nodes, caches) = Cluster::new("queries").nodes(3, &[]);
    put(&caches[0], "key", b"1");
    caches[0].sync(PATIENCE).expect("a sync");
    let sums = caches[0].cluster_checksum(PATIENCE).expect("checksums");
    assert_eq!(sums.len(), 3);
    assert!(sums.iter().all(|(_, sum)| *sum == sums[0].1), "{sums:?}");
    let counters = nodes[0].cluster_metrics(PATIENCE).expect("counters");
    let mut names: Vec<_> = counters.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["n0", "n1", "n2"]);
    for (name, counters) in &counters {
        let counters = counters.as_ref().expect("an answer");
        assert!(counters.iter().any(|(known, value)| known == "datagrams_sent" && *value > 0), "{name}");
    }
}

#[test]
fn a_question_takes_nothing_back_of_what_local_and_closed_caches_counted() {
    let cluster = Cluster::new("counted");
    let (nodes, _caches) = cluster.nodes(2, &[]);
    let local = nodes[1].cache_with("local", &of_a_cache(&[("cache_mode", "local")])).expect("a cache");
    let closed = nodes[1].cache("closed").expect("a cache");
    for cache in [&local, &closed] {
        put(cache, "key", b"value");
        assert!(cache.delete(b"key").expect("a delete"));
    }
    closed.close();
    assert_eq!((metric(&nodes[1], "cache_puts"), metric(&nodes[1], "cache_deletes")), (2, 2));
    let told = nodes[0].cluster_metrics(PATIENCE).expect("counters");
    let of_n1 =
        told.iter().find(|(name, _)| name == "n1").and_then(|(_, counters)| counters.as_ref()).expect("an answer");
    for name in ["cache_puts", "cache_deletes"] {
        let value = of_n1.iter().find(|(known, _)| known == name).expect("a counter of this name").1;
        assert_eq!(value, 2, "{name}");
    }
}

#[test]
fn names_lengths_and_lives_are_checked() {
    let cluster = Cluster::new("limits");
    let node = cluster.node("n0");
    let cache = node.cache_with("c", &of_a_cache(&[("cache_size", "100000")])).expect("a cache");
    assert!(matches!(node.cache(""), Err(Error::InvalidArgument { name: "name", .. })));
    let long = vec![0; 65_536];
    assert!(matches!(cache.put(&long, b"", Codec::RAW, Ttl::Default), Err(Error::TooLarge { what: "key", .. })));
    assert!(matches!(
        cache.put(b"k", b"", Codec::RAW, Ttl::For(Duration::ZERO)),
        Err(Error::InvalidArgument { name: "ttl", .. })
    ));
    put(&cache, "k", b"small");
    let heavy = cache.put(b"k", &vec![0; 200_000], Codec::RAW, Ttl::Default);
    assert!(matches!(heavy, Err(Error::TooLarge { what: "entry", limit: 100_000, .. })), "{heavy:?}");
    assert!(holds(&cache, "k", b"small"), "nothing was changed");
    assert_eq!(cache.get(&long).expect("a get").map(|_| ()), None);
    let other = node.cache_with("c", &of_a_cache(&[("cache_size", "200000")]));
    assert!(matches!(other, Err(Error::InvalidArgument { name: "config", .. })));
    assert!(node.cache("c").is_ok());
    assert_eq!(node.caches(), ["c"]);
}

#[test]
fn a_value_too_heavy_for_its_writer_changes_nothing_anywhere() {
    let cluster = Cluster::new("heavy");
    let (_nodes, caches) = cluster.nodes(2, &[("cache_size", "100000")]);
    put(&caches[0], "k", b"small");
    until("it arrives", || holds(&caches[1], "k", b"small"));
    // One byte more than there is room for beside the key, then exactly as much.
    let room = 100_000 - Store::weight_of(1, 0);
    assert!(caches[0].put(b"k", &vec![0; room + 1], Codec::RAW, Ttl::Default).is_err());
    caches[0].sync(PATIENCE).expect("a sync");
    assert!(caches.iter().all(|cache| holds(cache, "k", b"small")));
    put(&caches[0], "k", &vec![0; room]);
    until("what just fits arrives", || holds(&caches[1], "k", &vec![0; room]));
}

#[test]
fn an_entry_evicted_unsent_leaves_no_older_one_behind() {
    let cluster = Cluster::new("evicted");
    let (_nodes, caches) = cluster.nodes(1, &[]);
    let small = cluster.node("small");
    let tight = small.cache_with("c", &of_a_cache(&[("cache_max", "50")])).expect("a cache");
    small.wait_ready(PATIENCE).expect("ready");
    for number in 0..20_000 {
        put(&tight, &format!("key{}", number % 500), format!("{number}").as_bytes());
    }
    tight.sync(PATIENCE).expect("a sync");
    // Later than all that was evicted: an older one might be refused for what was forgotten of its segment.
    put(&caches[0], "mark", b"1");
    until("it arrives", || holds(&tight, "mark", b"1"));
    tight.sync(PATIENCE).expect("a sync");
    for key in tight.keys() {
        let key = key.expect("a key");
        let Some(value) = tight.get(&key).expect("a get") else { continue };
        let theirs = caches[0].get(&key).expect("a get");
        assert!(theirs.is_some_and(|theirs| *theirs == *value), "of {:?}", String::from_utf8_lossy(&key));
    }
    for number in 0..500 {
        if let Some(value) = caches[0].get(format!("key{number}").as_bytes()).expect("a get") {
            assert_eq!(*value, *format!("{}", 19_500 + number).as_bytes(), "an older value of key{number} was left");
        }
    }
}

#[test]
fn what_one_writes_the_others_drop_and_load_again() {
    let (nodes, caches) = Cluster::new("invalidate").nodes(3, &[("cache_mode", "invalidate")]);
    settle(&nodes);
    let load = |cache: &Cache, value: &'static [u8]| {
        let loaded = cache.get_or_load(b"k", Ttl::Default, PATIENCE, || Ok::<_, Error>(Value::new(value, Codec::RAW)));
        loaded.expect("loaded").to_vec()
    };
    let events = caches[1].events().expect("events");
    for cache in &caches {
        assert_eq!(load(cache, b"first"), b"first");
    }
    caches[0].sync(PATIENCE).expect("told");
    assert!(caches.iter().all(|cache| holds(cache, "k", b"first")), "what one loads costs nobody anything");
    put(&caches[0], "k", b"second");
    until("the others have dropped it", || lacks(&caches[1], "k") && lacks(&caches[2], "k"));
    assert!(holds(&caches[0], "k", b"second"));
    let event = next_of(&events, EventKind::Evict);
    assert_eq!((&*event.key, &*event.member, event.local), (&b"k"[..], "n0", false));
    assert_eq!(load(&caches[1], b"second"), b"second");
    assert!(caches[1].touch(b"k", Ttl::Forever).expect("open"));
    assert!(caches[1].delete(b"k").expect("open"));
    caches[1].sync(PATIENCE).expect("told");
    assert!(caches.iter().all(|cache| lacks(cache, "k")));
    put(&caches[2], "k", b"third");
    caches[2].clear().expect("open");
    assert_eq!(load(&caches[2], b"fourth"), b"fourth");
    assert_eq!(metric(&nodes[1], "cache_mode_conflicts"), 0);
}

#[test]
fn what_one_writes_goes_to_who_holds_it_and_to_nobody_else() {
    let (nodes, caches) = Cluster::new("partial").nodes(3, &[("cache_mode", "partial")]);
    settle(&nodes);
    put(&caches[0], "k", b"first");
    caches[0].sync(PATIENCE).expect("told");
    assert!(lacks(&caches[1], "k") && lacks(&caches[2], "k"), "nobody pulls what is held elsewhere");
    let load = || Ok::<_, Error>(Value::new(b"first", Codec::RAW));
    caches[1].get_or_load(b"k", Ttl::Default, PATIENCE, load).expect("loaded");
    caches[1].sync(PATIENCE).expect("nothing to tell");
    assert!(holds(&caches[1], "k", b"first") && lacks(&caches[2], "k"), "what is loaded stays");
    // Within one tick of the kernel's coarse clock, 10 ms at most, the versions of two members do not tell which was first,
    // and what was loaded goes.
    let loaded = caches[1].metadata(b"k").expect("metadata").expect("an entry").version.hlc.wall();
    let now_ms = || std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis();
    until("a later tick", || now_ms() > u128::from(loaded.0) + 20);
    put(&caches[0], "k", b"second");
    caches[0].sync(PATIENCE).expect("told");
    assert!(holds(&caches[1], "k", b"second") && lacks(&caches[2], "k"));
    put(&caches[2], "k", b"third");
    caches[2].sync(PATIENCE).expect("told");
    assert!(caches.iter().all(|cache| holds(cache, "k", b"third")), "a put makes a holder");
    assert!(caches[1].delete(b"k").expect("open"));
    caches[1].sync(PATIENCE).expect("told");
    assert!(caches.iter().all(|cache| lacks(cache, "k")));
    assert_eq!(metric(&nodes[1], "cache_mode_conflicts"), 0);
}

#[test]
fn what_was_put_with_a_tag_goes_everywhere_at_once() {
    for mode in ["replicate", "partial", "invalidate", "local"] {
        let (nodes, caches) = Cluster::new("tags").nodes(2, &[("cache_mode", mode)]);
        settle(&nodes);
        let [one, two] = &caches[..] else { panic!("two of them") };
        one.put_tagged(b"a", b"v", Codec::RAW, Ttl::Default, &[b"user:7", b"prices"]).expect("open");
        one.put_tagged(b"b", b"v", Codec::RAW, Ttl::Default, &[b"user:8"]).expect("open");
        put(one, "c", b"v");
        let Ok(Lookup::Lease(lease)) = two.lease(b"d", PATIENCE) else { panic!("a lease") };
        assert!(lease.fill_tagged(b"v", Codec::RAW, Ttl::Default, &[b"user:7"]).expect("open"));
        let Ok(Lookup::Lease(lease)) = one.lease(b"e", PATIENCE) else { panic!("a lease") };
        one.sync(PATIENCE).expect("told");
        let events = two.events().expect("events");
        one.invalidate_tag(b"user:7").expect("open");
        assert!(!lease.fill_tagged(b"old", Codec::RAW, Ttl::Default, &[b"user:7"]).expect("open"), "{mode}");
        one.sync(PATIENCE).expect("told");
        for key in ["a", "e"] {
            assert!(lacks(one, key) && lacks(two, key), "{mode}");
        }
        assert!(holds(one, "b", b"v") && holds(one, "c", b"v"), "{mode}");
        assert_eq!((holds(two, "b", b"v"), holds(two, "d", b"v")), (mode == "replicate", mode == "local"), "{mode}");
        if mode != "local" {
            let event = next_of(&events, EventKind::TagInvalidated);
            assert_eq!((&*event.key, &*event.member, event.local), (&b"user:7"[..], "n0", false), "{mode}");
        }
        one.put_tagged(b"a", b"new", Codec::RAW, Ttl::Default, &[b"user:7"]).expect("open");
        assert!(holds(one, "a", b"new"), "{mode}");
        let many: Vec<&[u8]> = vec![b"t"; 17];
        let refused = [
            one.put_tagged(b"a", b"w", Codec::RAW, Ttl::Default, &many),
            one.put_tagged(b"a", b"w", Codec::RAW, Ttl::Default, &[b""]),
            one.invalidate_tag(&[b't'; 256]),
        ];
        assert!(refused.iter().all(|refused| matches!(refused, Err(Error::InvalidArgument { name: "tags", .. }))));
        assert!(holds(one, "a", b"new"), "{mode}");
    }
}

#[test]
fn members_that_open_a_cache_in_different_modes_count_it_and_stay_coherent() {
    let cluster = Cluster::new("modes");
    let (one, two) = (cluster.node("one"), cluster.node("two"));
    let values_stay = one.cache_with("c", &of_a_cache(&[("cache_mode", "invalidate")])).expect("a cache");
    let replicated = two.cache("c").expect("a cache");
    until("both say so", || [&one, &two].iter().all(|node| metric(node, "cache_mode_conflicts") == 1));
    put(&values_stay, "k", b"old");
    values_stay.sync(PATIENCE).expect("told");
    put(&replicated, "k", b"new");
    // Without this the third write might have the lower clock: a doubt at the start drops the older value, too.
    replicated.sync(PATIENCE).expect("told");
    until("the older is dropped", || lacks(&values_stay, "k"));
    assert!(holds(&replicated, "k", b"new"));
    put(&values_stay, "k", b"newest");
    until("the older is dropped", || lacks(&replicated, "k"));
}

#[test]
fn a_local_cache_is_its_process_s_alone() {
    let cluster = Cluster::new("local");
    let nodes = [cluster.node("n0"), cluster.node("n1")];
    let local = |node: &Node| node.cache_with("c", &of_a_cache(&[("cache_mode", "local")])).expect("a cache");
    let caches = [local(&nodes[0]), local(&nodes[1])];
    let shared = [nodes[0].cache("shared").expect("a cache"), nodes[1].cache("shared").expect("a cache")];
    until("they know each other", || alive(&nodes[0]) == 1);
    put(&caches[0], "key", b"1");
    caches[0].sync(Duration::ZERO).expect("nothing to wait for");
    put(&shared[0], "key", b"1");
    until("the shared one arrives", || holds(&shared[1], "key", b"1"));
    assert!(lacks(&caches[1], "key"));
}

#[test]
fn conditional_puts_take_and_touch_do_what_they_say() {
    let (_nodes, caches) = Cluster::new("operations").nodes(1, &[]);
    let cache = &caches[0];
    let put_if = |only_if| cache.put_if(b"k", b"2", Codec::RAW, Ttl::Default, only_if).expect("a put");
    assert!(!put_if(Precondition::Present));
    assert!(put_if(Precondition::Absent));
    assert!(!put_if(Precondition::Absent));
    assert!(!cache.touch(b"missing", Ttl::Forever).expect("a touch"));
    assert!(cache.touch(b"k", Ttl::For(Duration::from_secs(100))).expect("a touch"));
    let entry = cache.metadata(b"k").expect("metadata").expect("an entry");
    assert!(entry.deadline.0.0 > cache.wall_ms() + 90_000);
    assert!(put_if(Precondition::Version(entry.version)));
    assert_eq!(cache.take(b"k").expect("a take").map(|value| value.to_vec()), Some(b"2".to_vec()));
    assert!(cache.take(b"k").expect("a take").is_none() && !cache.contains(b"k").expect("contains"));
}

#[test]
fn keys_are_each_given_once_and_end_with_the_cache() {
    let (nodes, caches) = Cluster::new("keys-iterator").nodes(1, &[]);
    for number in 0..5_000 {
        put(&caches[0], &format!("key{number}"), b"");
    }
    let mut keys: Vec<_> = caches[0].keys().map(|key| key.expect("a key").to_vec()).collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys.len(), 5_000);
    let mut keys = caches[0].keys();
    assert!(matches!(keys.next(), Some(Ok(_))));
    caches[0].close();
    assert!(matches!(keys.next(), Some(Err(Error::Closed { .. }))));
    assert!(keys.next().is_none());
    let again = nodes[0].cache("c").expect("opened anew");
    assert!(again.is_empty().expect("len"));
}

/// A machine that is busy may hold up some of them; a node that waits for discovery needs all of it each time.
#[test]
fn a_node_that_wrote_nothing_closes_without_waiting_to_learn_who_is_there() {
    const DISCOVERY: Duration = Duration::from_millis(250);
    let cluster = Cluster::new("close-alone");
    let quickest = (0..10).map(|_| {
        let node = cluster.node("a");
        let _cache = node.cache("c").expect("a cache");
        let start = Instant::now();
        node.close();
        start.elapsed()
    });
    assert!(quickest.min().is_some_and(|time| time < DISCOVERY / 2));
}
