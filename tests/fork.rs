//! A process that forks: its children never use its session, sockets or locks, and are members of their own.
//!
//! No test harness, as its threads would not survive a fork; the node's driver is the only other thread here. Each child
//! ends by `_exit` with what became of it; one that does not end in time fails the test.

#![expect(clippy::disallowed_methods, reason = "deadlines of waits")]

#[cfg(unix)]
fn main() {
    forked::run();
}

#[cfg(not(unix))]
fn main() {}

#[cfg(unix)]
mod forked {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::time::{Duration, Instant};

    use mccache::config::Config;
    use mccache::error::Error;
    use mccache::logging::{Records, Waited};
    use mccache::node::{Cache, Events, Node, Ttl};
    use mccache::update::Codec;
    use tracing::Level;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Threads that use one cache while their process forks, and how often it does.
    const BUSY_THREADS: u32 = 4;
    const BUSY_CHILDREN: u32 = 30;

    pub(super) fn run() {
        let node = Node::open(&config()).expect("a node on this host");
        let cache = node.cache("c").expect("a cache");
        let events = node.events().expect("events");
        put(&cache, "parent", b"1");
        node.wait_ready(PATIENCE).expect("ready");

        a_child_is_a_member_of_its_own(&node, &cache, &events);
        a_child_of_a_child_is_another_one(&cache);
        a_child_that_does_nothing_ends_at_once(&node);
        a_child_may_close_what_it_never_used(&node, &cache);
        many_threads_of_a_child_open_one_node(&node, &cache);
        a_child_has_the_keys_that_its_parent_has_now();
        a_child_has_no_log_queue_but_its_own();

        put(&cache, "after", b"1");
        assert!(holds(&cache, "after", b"1"), "the parent has noticed nothing");
        assert!(!events.is_closed());
        node.close();
        drop((events, cache, node));
        children_of_a_busy_parent_get_to_work();
    }

    fn a_child_is_a_member_of_its_own(node: &Node, cache: &Cache, events: &Events) {
        let inherited = sockets();
        assert!(inherited.len() >= 2, "two sockets at least");
        let child = fork(|| {
            assert!(events.is_closed() && events.next(PATIENCE).is_none());
            cache.node().wait_ready(PATIENCE).expect("ready");
            assert!(sockets().is_disjoint(&inherited), "none of the parent's is left open");
            assert_ne!(node.local_addr().port(), 0);
            assert!(holds(cache, "parent", b"1"), "filled by the parent");
            put(cache, "child", b"2");
            cache.sync(PATIENCE).expect("the parent has it");
            let late = node.cache("late").expect("a cache by the inherited node handle");
            put(&late, "key", b"3");
            assert!(!node.is_closed() && node.members().expect("members").len() == 1);
            node.close();
            assert!(matches!(cache.get(b"parent"), Err(Error::Closed { .. })));
        });
        until("the child's put arrives", || holds(cache, "child", b"2"));
        child.join();
        until("the child has left", || alive(node) == 0);
    }

    fn a_child_has_no_log_queue_but_its_own() {
        let inherited = Records::new(Level::INFO);
        let is_a_join = |waited| match waited {
            Waited::Record(record) => record.message.starts_with("member joined"),
            other => panic!("{other:?} instead of a record"),
        };
        fork(|| {
            let own = Records::new(Level::INFO);
            assert_eq!(inherited.wait(PATIENCE), Waited::Closed);
            let pair = [(); 2].map(|()| Node::open(&config()).expect("a node on this host"));
            while !is_a_join(own.wait(PATIENCE)) {}
            drop(pair);
            assert_eq!(inherited.wait(PATIENCE), Waited::Closed);
        })
        .join();
        let pair = [(); 2].map(|()| Node::open(&config()).expect("a node on this host"));
        while !is_a_join(inherited.wait(PATIENCE)) {}
        drop(pair);
    }

    fn a_child_has_the_keys_that_its_parent_has_now() {
        let mut config = config();
        let key = |id: u8| format!("{id}:{}", format!("{id:02x}").repeat(32));
        for (name, value) in [("cluster", "forked-keys"), ("crypto_key", key(1).as_str()), ("interface", "host")] {
            config.set(name, value).expect("a known setting");
        }
        let node = Node::open(&config).expect("a node on this host");
        let cache = node.cache("c").expect("a cache");
        node.wait_ready(PATIENCE).expect("ready");
        node.add_key(&key(2)).expect("room for it");
        node.set_primary_key(2).expect("it is there");
        node.remove_key(1).expect("it is retired");
        put(&cache, "parent", b"1");
        fork(|| {
            cache.node().wait_ready(PATIENCE).expect("ready");
            assert!(holds(&cache, "parent", b"1"), "filled by the parent, which it can hear");
            assert_eq!(node.keys().expect("keys").iter().map(|key| key.id).collect::<Vec<u8>>(), [2]);
            node.close();
        })
        .join();
        node.close();
    }

    fn a_child_of_a_child_is_another_one(cache: &Cache) {
        fork(|| {
            cache.node().wait_ready(PATIENCE).expect("ready");
            put(cache, "first", b"1");
            cache.sync(PATIENCE).expect("the parent has it");
            fork(|| {
                cache.node().wait_ready(PATIENCE).expect("ready");
                assert!(holds(cache, "first", b"1"));
                until("it knows both", || alive(&cache.node()) == 2);
                put(cache, "second", b"2");
                cache.sync(PATIENCE).expect("both have it");
            })
            .join();
            assert!(holds(cache, "second", b"2"));
        })
        .join();
        assert!(holds(cache, "second", b"2"));
    }

    fn a_child_that_does_nothing_ends_at_once(node: &Node) {
        let second = Node::open(&config()).expect("a second node of this process");
        let cache = second.cache("c").expect("a cache");
        until("they know each other", || alive(node) == 1);
        // The last handles, in the child and in the parent: the child must neither say goodbye nor wait for a thread that
        // it does not have.
        fork(move || {
            assert_eq!(cache.name(), "c");
            assert!(!second.metrics().is_empty());
            let start = Instant::now();
            drop((second, cache));
            assert!(start.elapsed() < Duration::from_millis(400), "a drop in the child took {:?}", start.elapsed());
        })
        .join();
        until("the parent's drop has left", || alive(node) == 0);
    }

    fn a_child_may_close_what_it_never_used(node: &Node, cache: &Cache) {
        fork(|| {
            node.close();
            node.close();
            assert!(node.is_closed());
            assert!(matches!(cache.get(b"parent"), Err(Error::Closed { .. })));
            assert!(matches!(node.cache("c"), Err(Error::Closed { .. })));
        })
        .join();
        assert!(!node.is_closed());
    }

    fn many_threads_of_a_child_open_one_node(node: &Node, cache: &Cache) {
        fork(|| {
            std::thread::scope(|scope| {
                for number in 0..8 {
                    scope.spawn(move || put(cache, &format!("thread{number}"), b"1"));
                }
            });
            cache.sync(PATIENCE).expect("the parent has it");
            let names: BTreeSet<_> = node.members().expect("members").into_iter().map(|m| m.name).collect();
            assert_eq!(names.len(), 1, "one parent, and no second node of this process");
            node.close();
        })
        .join();
        for number in 0..8 {
            assert!(holds(cache, &format!("thread{number}"), b"1"));
        }
    }

    /// Threads of the parent are in the midst of anything when it forks; nothing the child does may wait for them.
    fn children_of_a_busy_parent_get_to_work() {
        // A cluster of its own: the children end without a goodbye.
        let mut own = config();
        own.set("cluster", &format!("fork-busy-{}", std::process::id())).expect("a known setting");
        // One shard, so that the threads meet at its lock.
        own.set("cache_max", "64").expect("a known setting");
        let node = Node::open(&own).expect("a node on this host");
        let cache = node.cache("c").expect("a cache");
        let (done, rounds) = (AtomicBool::new(false), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..BUSY_THREADS {
                let (cache, done, rounds) = (&cache, &done, &rounds);
                scope.spawn(move || {
                    for number in 0.. {
                        if done.load(Ordering::Relaxed) {
                            return;
                        }
                        put(cache, &format!("{thread}-{}", number % 32), b"1");
                        assert!(cache.get(b"0-1").is_ok());
                        rounds.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            let ended = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                for child in 0..BUSY_CHILDREN {
                    let before = rounds.load(Ordering::Relaxed);
                    until("the threads work", || rounds.load(Ordering::Relaxed) > before + 100);
                    fork(|| two_threads_write(&cache, child)).join();
                }
            }));
            // Else the scope would wait for its threads for ever, and hide what failed.
            done.store(true, Ordering::Relaxed);
            ended.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        });
        node.close();
    }

    fn two_threads_write(cache: &Cache, child: u32) {
        std::thread::scope(|scope| {
            for thread in 0..2 {
                scope.spawn(move || {
                    for number in 0..200 {
                        put(cache, &format!("child{child}-{thread}-{}", number % 8), b"2");
                    }
                });
            }
        });
        assert!(cache.get(b"0-1").is_ok());
    }

    fn config() -> Config {
        let mut config = Config::new();
        let process = std::process::id();
        let port = 46_000 + process % 4_000;
        let own = [("cluster", format!("fork-{process}")), ("multicast_ip", format!("239.192.78.78:{port}"))];
        for (name, value) in own {
            config.set(name, &value).expect("a known setting");
        }
        config
    }

    fn put(cache: &Cache, key: &str, value: &[u8]) {
        cache.put(key.as_bytes(), value, Codec::RAW, Ttl::Default).expect("a put");
    }

    fn holds(cache: &Cache, key: &str, value: &[u8]) -> bool {
        cache.get(key.as_bytes()).expect("a get").is_some_and(|found| *found == *value)
    }

    fn alive(node: &Node) -> usize {
        node.members().expect("members").len()
    }

    fn until(what: &str, mut condition: impl FnMut() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !condition() {
            assert!(Instant::now() < deadline, "waited in vain until {what}");
            std::thread::park_timeout(Duration::from_millis(1));
        }
    }

    /// The open sockets of this process, as the system names them.
    fn sockets() -> BTreeSet<String> {
        let Ok(entries) = std::fs::read_dir("/proc/self/fd") else { return ["1".into(), "2".into()].into() };
        let links = entries.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok());
        links.map(|link| link.display().to_string()).filter(|link| link.starts_with("socket:")).collect()
    }

    struct Child(libc::pid_t);

    /// Runs `story` in a child.
    fn fork(story: impl FnOnce()) -> Child {
        #[expect(unsafe_code, reason = "the thing under test")]
        // SAFETY: the child runs Rust code after a fork of a process with a second thread. That thread, a driver, holds
        // no lock of the allocator at the fork, as glibc takes those around it, and none that the child waits for: this
        // is what the crate promises.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "fork: {}", std::io::Error::last_os_error());
        if pid > 0 {
            return Child(pid);
        }
        let code = i32::from(std::panic::catch_unwind(std::panic::AssertUnwindSafe(story)).is_err());
        #[expect(unsafe_code, reason = "a child must not run its parent's exit handlers")]
        // SAFETY: ends the process; nothing is used after it.
        unsafe {
            libc::_exit(code)
        }
    }

    impl Child {
        /// Waits for its end; anything but success, and an end that does not come, is a failure.
        fn join(self) {
            let mut status = 0;
            until("the child ends", || {
                #[expect(unsafe_code, reason = "waiting for a process that std did not start")]
                // SAFETY: the pointer is to a local that outlives the call.
                let ended = unsafe { libc::waitpid(self.0, &raw mut status, libc::WNOHANG) };
                ended == self.0
            });
            assert_eq!(status, 0, "the child failed; its message is above");
        }
    }
}
