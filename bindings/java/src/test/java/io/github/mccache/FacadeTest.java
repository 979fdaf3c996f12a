package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.ReadOnlyBufferException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** What the facade promises beside the smoke test: the map, the records, listeners, nodes. */
class FacadeTest extends ClusterCase {
    @Test
    void theMapAnswersWhatWasThere() {
        Cache<String, Object> c = cache();
        Map<String, Object> map = c.asMap();
        assertTrue(map.isEmpty());
        assertNull(map.put("k", 1L));
        assertEquals(1L, map.put("k", 2L));
        assertEquals(2L, map.putIfAbsent("k", 3L));
        assertNull(map.putIfAbsent("new", 4L));
        assertEquals(4L, map.remove("new"));
        assertNull(map.remove("new"));
        assertEquals(2L, map.computeIfAbsent("k", key -> 5L));
        assertEquals("k!", map.computeIfAbsent("k!", key -> key));
        assertEquals(3L, map.merge("k", 1L, (before, more) -> (Long) before + (Long) more));
        assertEquals(3L, c.get("k"));
        assertEquals(2, map.size());
        assertTrue(map.containsKey("k") && map.containsValue("k!") && map.keySet().contains("k"));
        map.entrySet().forEach(entry -> entry.setValue("set"));
        assertEquals(Map.of("k", "set", "k!", "set"), map);
        assertTrue(map.keySet().remove("k!"));
        map.keySet().removeIf(key -> key.equals("k"));
        assertEquals(0, c.size());
        map.putAll(Map.of("a", 1L, "b", 2L));
        map.values().remove(1L);
        assertEquals(Map.of("b", 2L), map);
        map.entrySet().clear();
        assertTrue(map.isEmpty());
        assertThrows(NullPointerException.class, () -> map.get(null));
    }

    @Test
    void aNullThatWasPutIsAValue() {
        Cache<String, Object> c = cache();
        c.put("k", null);
        assertNull(c.get("k"));
        assertTrue(c.containsKey("k"));
        assertNull(c.getOrDefault("k", 1));
        assertNull(c.asMap().getOrDefault("k", 1));
        assertFalse(c.putIfAbsent("k", 1));
        assertTrue(c.getAll(List.of("k", "nobody")).containsKey("k"));
        assertEquals(1, c.getAll(List.of("k", "nobody")).size());
    }

    @Test
    void putIfAbsentAndTakeAreOneStep() {
        Cache<String, Object> c = cache();
        assertTrue(c.putIfAbsent("k", "first", Duration.ofMinutes(1)));
        assertFalse(c.putIfAbsent("k", "second"));
        assertTrue(c.metadata("k").orElseThrow().timeToLive().isPresent());
        assertEquals("first", c.getAndRemove("k"));
        assertNull(c.getAndRemove("k"));
    }

    @Test
    void iterationRemovesAndEnds() {
        Cache<String, Object> c = cache();
        c.putAll(Map.of("a", 1L, "b", 2L));
        Iterator<Map.Entry<String, Object>> entries = c.iterator();
        assertThrows(IllegalStateException.class, entries::remove);
        String first = entries.next().getKey();
        assertTrue(entries.hasNext());
        entries.remove();
        assertFalse(c.containsKey(first));
        entries.next();
        assertFalse(entries.hasNext());
        assertThrows(NoSuchElementException.class, entries::next);
    }

    @Test
    void keysThatAreNoTextAreSeenAsBytesOnly() {
        Cache<String, Object> c = cache();
        Cache<byte[], Object> raw = c.withKeys(Keys.BYTES);
        raw.put(bytes(0xFF), 1L);
        c.put("text", 2L);
        assertEquals(2, c.size());
        assertEquals(Map.of("text", 2L), Map.copyOf(c.asMap()));
        int seen = 0;
        for (Map.Entry<byte[], Object> entry : raw) {
            assertEquals(entry.getKey()[0] == 't' ? 2L : 1L, entry.getValue());
            seen++;
        }
        assertEquals(2, seen);
        assertEquals(1L, raw.get(bytes(0xFF)));
    }

    @Test
    void metadataTellsOfTheEntry() {
        Cache<String, Object> c = cache();
        Instant before = Instant.now().minusSeconds(1);
        c.put("k", "text", Duration.ofMinutes(10));
        Metadata known = c.metadata("k").orElseThrow();
        assertEquals(4, known.size());
        assertTrue(known.weight() > known.size());
        assertEquals(Encoded.TEXT, known.codec());
        assertTrue(known.written().isAfter(before) && known.age().compareTo(Duration.ofSeconds(20)) < 0);
        assertTrue(c.touch("k", Duration.ofMinutes(20)));
        Metadata touched = c.metadata("k").orElseThrow();
        assertTrue(touched.timeToLive().orElseThrow().compareTo(Duration.ofMinutes(15)) > 0);
        assertTrue(touched.version().compareTo(known.version()) > 0);
        assertTrue(known.version().toString().matches("\\d+\\.\\d+@[0-9a-f]{16}"), known.version().toString());
    }

    @Test
    void figuresCount() {
        Cache<String, Object> c = cache();
        c.put("k", 1L);
        c.get("k");
        c.get("nobody");
        c.remove("k");
        Stats stats = c.stats();
        assertEquals("0 1 1 1 1", String.format("%d %d %d %d %d",
                stats.entries(), stats.hits(), stats.misses(), stats.puts(), stats.deletes()));
        assertEquals(1, stats.tombstones());
        assertTrue(c.node().metrics().get("cache_puts") == 1, c.node().metrics().toString());
    }

    @Test
    void membersAgree() throws InterruptedException {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = node(Map.of("node_name", "b")).cache("c");
        a.node().awaitReady(SOON);
        b.node().ready(SOON).join();
        a.put("k", 1L);
        a.sync(SOON);
        assertEquals(1L, b.get("k"));
        a.syncAsync(SOON).join();
        assertEquals(a.checksum(), b.checksum());
        Map<String, Optional<Checksum>> sums = a.clusterChecksum(SOON);
        assertEquals(2, sums.size());
        assertEquals(a.node().name(), sums.keySet().iterator().next());
        sums.values().forEach(sum -> assertEquals(a.checksum(), sum.orElseThrow()));
        assertEquals(2, a.node().clusterMetrics(SOON).size());
        assertTrue(a.node().clusterMetrics(SOON).get(b.node().name()).orElseThrow().size() > 10);
        List<Member> members = a.node().members();
        assertEquals(1, members.size());
        assertEquals(b.node().name(), members.get(0).name());
        assertEquals(MemberState.ALIVE, members.get(0).state());
        assertEquals(Mccache.version(), members.get(0).version());
        assertTrue(members.get(0).session().matches("[0-9a-f]{24}"), members.get(0).session());
        assertTrue(members.get(0).address().contains(":"), members.get(0).address());
    }

    @Test
    void tokensAreWaitedForHereAndAskedForThere() throws InterruptedException {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        Token put = a.putToken("k", List.of(1L, "two"));
        assertEquals(a.metadata("k").orElseThrow().version(), put.version());
        a.syncToken(put, 1, SOON);
        assertEquals(List.of(1L, "two"), b.getAtLeast("k", put));
        a.syncToken(put, SOON);
        Token sent = new Token(put.version().clock(), put.version().origin(), 0);
        assertEquals(List.of(1L, "two"), b.getAtLeast("k", sent));
        assertEquals(put, new Token(sent.version().clock(), sent.version().origin(), put.position()));
        Token removed = a.removeToken("k");
        a.syncToken(removed, 1, SOON);
        assertNull(b.getAtLeast("k", put));
        assertTrue(a.removeToken("k").version().compareTo(removed.version()) > 0);
        assertThrows(WaitTimeoutException.class, () -> a.syncToken(removed, 2, Duration.ofMillis(20)));
        assertThrows(InvalidArgumentException.class, () -> b.syncToken(removed, SOON));
        assertThrows(InvalidArgumentException.class, () -> a.syncToken(removed, 0, SOON));
        a.syncTokenAsync(removed, SOON).join();
        a.syncTokenAsync(removed, 1, SOON).join();
        assertThrows(InvalidArgumentException.class, () -> a.syncTokenAsync(removed, 0, SOON));
        assertTrue(assertThrows(CompletionException.class, () -> a.syncTokenAsync(removed, 2, Duration.ofMillis(30)).join())
                .getCause() instanceof WaitTimeoutException);
        assertNotNull(a.putToken("t", 1L, Duration.ofMinutes(1)).toString());
    }

    @Test
    void membersOfOneNameAreToldApart() throws InterruptedException {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        a.put("k", 1L);
        a.sync(SOON);
        eventually("the put's arrival", () -> b.containsKey("k"));
        assertEquals(a.node().name(), b.node().name());
        assertEquals(List.of(a.node().name(), a.node().name() + " (2)"), List.copyOf(a.clusterChecksum(SOON).keySet()));
        assertEquals(2, a.node().clusterMetrics(SOON).size());
    }

    @Test
    void listenersHearAndAreForgotten() throws InterruptedException {
        Cache<String, Object> c = cache();
        BlockingQueue<Event> heard = new LinkedBlockingQueue<>();
        BlockingQueue<Event> all = new LinkedBlockingQueue<>();
        Cache<String, Object> other = c.node().cache("other");
        try (Subscription everything = c.node().addListener(all::add)) {
            Subscription mine = c.addListener(heard::add);
            Subscription bad = c.addListener(event -> {
                throw new IllegalStateException("of the test's listener");
            });
            other.put("x", 1L);
            c.put("k", 1L);
            Event event = heard.poll(20, TimeUnit.SECONDS);
            assertNotNull(event);
            assertEquals("c k PUT true", event.cache() + " " + event.key() + " " + event.kind() + " " + event.local());
            c.remove("k");
            assertEquals(EventKind.DELETE, heard.poll(20, TimeUnit.SECONDS).kind());
            mine.close();
            mine.close();
            bad.close();
            c.put("k", 2L);
            eventually("the node's listener to hear all", () -> all.size() == 4);
            assertEquals("other", all.take().cache());
            assertTrue(heard.isEmpty());
        }
        // The last one has gone, and another one can come.
        try (Subscription anew = c.addListener(heard::add)) {
            c.clear();
            assertEquals(EventKind.CLEAR, heard.poll(20, TimeUnit.SECONDS).kind());
        }
    }

    @Test
    void listenersRunOnADaemonThreadOfOurs() throws InterruptedException {
        Cache<String, Object> c = cache();
        BlockingQueue<Thread> threads = new LinkedBlockingQueue<>();
        try (Subscription subscription = c.addListener(event -> threads.add(Thread.currentThread()))) {
            c.put("k", 1L);
            Thread thread = threads.poll(20, TimeUnit.SECONDS);
            assertNotNull(thread);
            assertTrue(thread.isDaemon());
            assertEquals("mccache-events-" + c.node().name(), thread.getName());
        }
    }

    @Test
    void anEventQueueGivesWhatIsQueuedAndThenIsClosed() throws InterruptedException {
        Cache<String, Object> c = cache();
        Events events = c.events();
        assertNull(events.next(Duration.ZERO));
        c.withKeys(Keys.BYTES).put(bytes(0xFE), 1L);
        Event event = events.next(SOON);
        assertArrayEquals(bytes(0xFE), event.keyBytes());
        assertThrows(CodecException.class, event::key);
        assertNull(c.keyOf(event));
        c.put("last", 1L);
        events.close();
        events.close();
        assertEquals("last", events.next(SOON).key());
        assertThrows(ClosedException.class, events::next);
    }

    @Test
    void aWaitForAnEventEndsInTimeWhileOthersWaitForEver() throws InterruptedException {
        Events events = cache().events();
        List<Thread> takers = new ArrayList<>();
        for (int number = 0; number < 3; number++) {
            Thread taker = new Thread(() -> assertThrows(ClosedException.class, events::next));
            taker.start();
            takers.add(taker);
        }
        long begun = System.nanoTime();
        for (int wait = 0; wait < 20; wait++) {
            assertNull(events.next(Duration.ofMillis(5)));
        }
        assertTrue(System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(10));
        events.close();
        for (Thread taker : takers) {
            taker.join();
        }
    }

    @Test
    void anErrorOfOneListenerDoesNotKeepTheOthersFromBeingTold() throws InterruptedException {
        Cache<String, Object> c = cache();
        BlockingQueue<Event> heard = new LinkedBlockingQueue<>();
        try (Subscription bad = c.addListener(event -> {
                    throw new NoClassDefFoundError("of the test's listener");
                });
                Subscription good = c.addListener(heard::add)) {
            c.put("k", 1L);
            c.put("l", 1L);
            assertEquals("k", heard.poll(20, TimeUnit.SECONDS).key());
            assertEquals("l", heard.poll(20, TimeUnit.SECONDS).key());
        }
    }

    @Test
    void viewsAreReadOnlyAndStayWhatTheyAre() {
        Cache<String, Object> c = cache();
        byte[] value = new byte[100_000];
        value[99_999] = 7;
        c.put("k", value);
        ByteBuffer view = c.view("k");
        ByteBuffer part = view.slice();
        assertTrue(view.isDirect() && view.isReadOnly());
        assertThrows(ReadOnlyBufferException.class, () -> view.put(0, (byte) 1));
        c.put("k", new byte[100_000]);
        c.node().close();
        assertEquals(7, view.get(99_999));
        assertEquals(7, part.get(99_999));
    }

    @Test
    void settingsAreCheckedAndTold() {
        Node node = node(Map.of("cache_ttl", Duration.ofMinutes(2), "cache_max", 500, "cache_size", 1e6));
        assertEquals("120", node.setting("cache_ttl").orElseThrow());
        assertEquals("500", node.setting("cache_max").orElseThrow());
        assertEquals(cluster, node.setting("cluster").orElseThrow());
        assertThrows(InvalidArgumentException.class, () -> node.setting("no_such"));
        assertTrue(assertThrows(ConfigException.class, () -> Node.open(Map.of("cache_tll", 1)))
                .getMessage().contains("cache_ttl"));
        assertThrows(InvalidArgumentException.class, () -> Node.open(Map.of("cluster", List.of())));
        Exception notHis = assertThrows(
                ConfigException.class, () -> node.cache("d", CacheOptions.defaults().set("cluster", "x")));
        assertTrue(notHis.getMessage().contains("settings of caches (cache_ttl"), notHis.getMessage());
        Cache<String, Object> brief = node.cache("brief", CacheOptions.defaults().set("cache_ttl", 1));
        brief.put("k", 1);
        assertTrue(brief.metadata("k").orElseThrow().timeToLive().orElseThrow().compareTo(Duration.ofSeconds(1)) <= 0);
        assertThrows(InvalidArgumentException.class, () -> node.cache("brief", CacheOptions.defaults().set("cache_ttl", 2)));
    }

    @Test
    void aCacheTakesSizeLimitsOfItsOwn() {
        Cache<String, Object> c = node().cache("c", CacheOptions.defaults().set("max_value", 10).set("cache_mode", "local"));
        assertThrows(TooLargeException.class, () -> c.put("k", new byte[11]));
        c.put("k", new byte[10]);
        assertEquals(1, c.size());
    }

    @Test
    void aDurationMeansTheSameInASettingOfMinutes() {
        Node node = node(Map.of("cache_pulse", Duration.ofSeconds(90), "cache_ttl", Duration.ofMillis(1_500)));
        assertEquals("1.5", node.setting("cache_pulse").orElseThrow());
        assertEquals("1.5", node.setting("cache_ttl").orElseThrow());
        assertThrows(ConfigException.class, () -> node(Map.of("cache_pulse", Duration.ofMillis(500))));
    }

    @Test
    void aTagTakesWhatWasPutWithIt() {
        Cache<String, Object> c = cache();
        c.putTagged("a", 1, null, "user:7", "prices");
        c.putTagged("b", "two", Duration.ofMinutes(1), "user:8");
        c.putTagged("c", 3, null);
        assertEquals("two", c.get("b"));
        c.invalidateTag("prices");
        assertNull(c.get("a"));
        assertEquals("two", c.get("b"));
        assertNotNull(c.get("c"));
        c.putTagged("a", 4, null, "prices");
        assertNotNull(c.get("a"));
        String[] many = new String[17];
        Arrays.fill(many, "t");
        for (String[] bad : new String[][] {{""}, {"a\0b"}, {"t".repeat(256)}, many}) {
            assertThrows(InvalidArgumentException.class, () -> c.putTagged("b", "lost", null, bad));
        }
        assertThrows(InvalidArgumentException.class, () -> c.invalidateTag(""));
        assertThrows(NullPointerException.class, () -> c.invalidateTag(null));
        assertEquals("two", c.get("b"));
    }

    @Test
    void anInvalidatedTagIsToldWithItsSource() throws InterruptedException {
        Cache<String, Object> a = node(Map.of("node_name", "source")).cache("c");
        Cache<String, Object> b = node(Map.of("node_name", "other")).cache("c");
        a.node().awaitReady(SOON);
        b.node().awaitReady(SOON);
        BlockingQueue<Event> heard = new LinkedBlockingQueue<>();
        try (Events here = a.events(); Subscription there = b.addListener(heard::add)) {
            a.putTagged("k", 1, null, "user:7");
            assertEquals(EventKind.PUT, here.next(SOON).kind());
            assertEquals(EventKind.PUT, heard.poll(SOON.toSeconds(), TimeUnit.SECONDS).kind());
            a.invalidateTag("user:7");
            Event told = heard.poll(SOON.toSeconds(), TimeUnit.SECONDS);
            assertEquals(EventKind.TAG_INVALIDATED, told.kind());
            assertEquals("source c user:7 false", told.member() + " " + told.cache() + " " + told.key() + " " + told.local());
            assertNull(b.keyOf(told), "a tag is no key");
            assertNull(b.get("k"));
            Event own = here.next(SOON);
            assertEquals(EventKind.TAG_INVALIDATED, own.kind());
            assertTrue(own.local());
            assertEquals(told.version(), own.version());
        }
    }

    @Test
    void changesOfWhatWasReadAreToldAndNoOthers() throws InterruptedException {
        Cache<String, Object> c = cache();
        c.put("read", 1);
        c.put("unread", 1);
        try (Events events = c.eventsOfLookups(SOON)) {
            assertNotNull(c.get("read"));
            c.put("unread", 2);
            c.put("read", 2);
            Event told = events.next(SOON);
            assertEquals("PUT read true", told.kind() + " " + told.key() + " " + told.local());
            c.remove("read");
            assertEquals(EventKind.DELETE, events.next(SOON).kind());
            assertNull(events.next(Duration.ZERO));
        }
        assertThrows(InvalidArgumentException.class, () -> c.eventsOfLookups(Duration.ZERO));
    }

    @Test
    void aTransactionIsPutBetweenTwoSteps() throws Exception {
        Cache<String, Object> c = cache();
        c.put("a", "before");
        c.put("b", "before");
        Invalidation first = c.invalidating(Duration.ofSeconds(10), Duration.ofSeconds(20), "a", "b");
        try (first) {
            assertTrue(first.isComplete());
            assertFalse(c.containsKey("a") || c.containsKey("b"));
            assertEquals("loaded", c.getOrLoad("a", key -> "loaded"));
            assertFalse(c.containsKey("a"));
        }
        assertTrue(first.isInTime());
        assertThrows(InvalidArgumentException.class, first::abort);
        assertEquals("after", c.getOrLoad("a", key -> "after"));
        assertEquals("after", c.get("a"));
        try (Invalidation aborted = c.invalidating("a")) {
            aborted.abort();
            c.put("a", "kept");
        }
        assertEquals("kept", c.get("a"));
        Invalidation late = c.invalidating(Duration.ofMillis(1), Duration.ofSeconds(20), "a");
        while (!c.containsKey("a")) {
            c.getOrLoad("a", key -> "too early");
        }
        late.close();
        assertFalse(late.isInTime());
        assertNull(c.get("a"));
        assertThrows(InvalidArgumentException.class, () -> c.invalidating());
        assertThrows(InvalidArgumentException.class, () -> c.invalidating(Duration.ZERO, Duration.ZERO, "a"));
        assertThrows(InvalidArgumentException.class, () -> c.invalidating(Duration.ofSeconds(601), Duration.ZERO, "a"));
    }

    @Test
    void timesAreCheckedAndRoundedUp() {
        Cache<String, Object> c = cache();
        assertThrows(InvalidArgumentException.class, () -> c.put("k", 1, Duration.ZERO));
        assertThrows(InvalidArgumentException.class, () -> c.put("k", 1, Duration.ofSeconds(-1)));
        assertThrows(InvalidArgumentException.class, () -> c.sync(Duration.ofMillis(-1)));
        assertThrows(NullPointerException.class, () -> c.sync(null));
        assertEquals(1, Times.ttlMs(Duration.ofNanos(1)));
        assertEquals(2, Times.ttlMs(Duration.ofNanos(1_000_001)));
        assertEquals(Long.MAX_VALUE, Times.ttlMs(Cache.FOREVER));
        assertEquals(Long.MAX_VALUE, Times.timeoutMs(Duration.ofDays(200 * 366)));
        assertEquals(0, Times.ttlMs(null));
        c.put("k", 1, null);
    }

    @Test
    void theProcesssOwnNodeIsStartedAgainIfItWasClosed() throws Exception {
        Ended ended = java(List.of(), OwnNode.class, cluster);
        assertEquals("same true, again v, gone null\n", ended.output);
        assertEquals(0, ended.code);
    }

    /** In a process of its own, whose settings are the environment's. */
    static final class OwnNode {
        private OwnNode() {}

        public static void main(String[] arguments) {
            quiet();
            Cache<String, Object> c = Mccache.cache(arguments[0]);
            c.put("k", "v");
            boolean same = Mccache.node() == c.node();
            Object again = Mccache.cache(arguments[0]).get("k");
            Mccache.node().close();
            System.out.println("same " + same + ", again " + again + ", gone " + Mccache.cache(arguments[0]).get("k"));
        }
    }

    @Test
    void objectsTellWhatTheyAre() {
        Cache<String, Object> c = cache();
        c.put("k", 1);
        assertTrue(c.toString().contains("c of node " + c.node().name() + ": 1 entries"), c.toString());
        assertTrue(c.node().toString().contains(c.node().name()));
        assertTrue(c.stats().toString().contains("entries=1"));
        assertTrue(c.checksum().toString().endsWith("of 1 entries"));
        assertSame(c.node(), c.withKeys(Keys.BYTES).node());
    }
}
