package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What is served when a load fails, takes long, or could be early; for threads and futures. */
class LoadPolicyTest extends ClusterCase {
    private static final Duration BRIEF = Duration.ofMillis(20);

    private Cache<String, Object> cache(Map<String, ?> settings) {
        CacheOptions<String, Object> options = CacheOptions.defaults();
        for (Map.Entry<String, ?> setting : settings.entrySet()) {
            options = options.set(setting.getKey(), setting.getValue());
        }
        return node().cache("c", options);
    }

    private static void expired(Cache<String, Object> c, String key) {
        c.put(key, "old", Duration.ofMillis(1));
        eventually("the end of " + key, () -> !c.containsKey(key));
    }

    private static long counter(Cache<?, ?> c, String name) {
        return c.node().metrics().get(name);
    }

    private static Object notAsked(String key) {
        throw new AssertionError(key + " is not to be loaded");
    }

    @Test
    void anExpiredValueIsServedWhileTheLoaderFails() throws Exception {
        Cache<String, Object> c = cache(Map.of("fail_safe", 60));
        AtomicInteger calls = new AtomicInteger();
        CacheLoader<String, Object, IOException> fails = key -> {
            calls.incrementAndGet();
            throw new IOException("no database");
        };
        expired(c, "k");
        for (int round = 0; round < 3; round++) {
            assertEquals("old", c.getOrLoad("k", fails));
        }
        assertEquals(1, calls.get(), "for half a minute it is not tried again");
        assertNull(c.get("k"), "others read nothing");
        assertEquals(
                "1 3 2",
                counter(c, "load_failures") + " " + counter(c, "stale_served") + " " + counter(c, "loads_throttled"));
        assertThrows(IOException.class, () -> c.getOrLoad("another", fails));
        LoadPolicy strict = c.loadPolicy(Map.of("fail_safe", 0));
        assertEquals("new", c.getOrLoad("k", key -> "new", LoadOptions.defaults().policy(strict)));
        assertEquals("new", c.get("k"));
    }

    @Test
    void anErrorIsNoFailureOfTheDatabase() {
        Cache<String, Object> c = cache(Map.of("fail_safe", 60));
        expired(c, "k");
        assertThrows(StackOverflowError.class, () -> c.getOrLoad("k", key -> {
            throw new StackOverflowError("mine");
        }));
        assertThrows(InterruptedException.class, () -> c.getOrLoad("k", key -> {
            throw new InterruptedException();
        }));
        assertEquals(0, counter(c, "load_failures"));
    }

    @Test
    void aSlowLoadIsNotWaitedForAndFills() throws Exception {
        Cache<String, Object> c = cache(Map.of("fail_safe", 60, "load_soft_timeout", BRIEF));
        CountDownLatch go = new CountDownLatch(1);
        expired(c, "k");
        assertEquals("old", c.getOrLoad("k", key -> {
            go.await();
            return "new";
        }));
        assertEquals("old", c.getOrLoad("k", LoadPolicyTest::notAsked), "who waits for it is served as well");
        assertEquals(2, counter(c, "loads_slow"));
        go.countDown();
        eventually("the fill", () -> "new".equals(c.get("k")));
    }

    @Test
    void beyondTheHardTimeoutALoadIsAnErrorAndFills() throws Exception {
        Cache<String, Object> c = cache(Map.of("load_hard_timeout", BRIEF));
        CountDownLatch go = new CountDownLatch(1);
        assertThrows(WaitTimeoutException.class, () -> c.getOrLoad("k", key -> {
            go.await();
            return "new";
        }));
        assertThrows(WaitTimeoutException.class, () -> c.getOrLoad("k", LoadPolicyTest::notAsked));
        assertEquals(2, counter(c, "loads_timed_out"));
        go.countDown();
        eventually("the fill", () -> "new".equals(c.get("k")));
    }

    @Test
    void whatIsLoadedInTimeByAThreadIsReturnedAndWhatItThrowsIsThrown() throws Exception {
        Cache<String, Object> c = cache(Map.of("load_hard_timeout", 20));
        Object name = c.getOrLoad("k", key -> Thread.currentThread().getName());
        assertTrue(name.toString().startsWith("mccache-load-"), name.toString());
        assertThrows(IOException.class, () -> c.getOrLoad("another", key -> {
            throw new IOException("no database");
        }));
    }

    @Test
    void aValueIsRefreshedEarlyByOneAndInTheBackground() throws Exception {
        Cache<String, Object> c = cache();
        LoadOptions eager = LoadOptions.defaults().policy(c.loadPolicy(Map.of("eager_refresh", 0.05)));
        CountDownLatch go = new CountDownLatch(1);
        AtomicInteger calls = new AtomicInteger();
        CacheLoader<String, Object, InterruptedException> load = key -> {
            calls.incrementAndGet();
            go.await();
            return "new";
        };
        c.put("k", "old", Duration.ofSeconds(10));
        long begun = System.nanoTime();
        while (counter(c, "refreshes") == 0) {
            assertEquals("old", c.getOrLoad("k", load, eager.ttl(Duration.ofMinutes(1))));
            assertTrue(System.nanoTime() - begun < Duration.ofSeconds(9).toNanos(), "it is not refreshed");
        }
        for (int round = 0; round < 5; round++) {
            assertEquals("old", c.getOrLoad("k", load, eager));
        }
        go.countDown();
        eventually("the fill", () -> "new".equals(c.get("k")));
        assertEquals(1, calls.get());
    }

    @Test
    void theSameForFutures() {
        Cache<String, Object> c =
                cache(Map.of("fail_safe", 60, "load_soft_timeout", BRIEF, "load_hard_timeout", BRIEF));
        expired(c, "failed");
        CompletableFuture<Object> failing = CompletableFuture.failedFuture(new IOException("down"));
        assertEquals("old", c.getOrLoadAsync("failed", key -> failing).join());
        assertEquals("old", c.getOrLoadAsync("failed", key -> failing).join(), "paused");
        assertEquals(1, counter(c, "load_failures"));
        CompletableFuture<Object> database = new CompletableFuture<>();
        expired(c, "slow");
        assertEquals("old", c.getOrLoadAsync("slow", key -> database).join());
        assertEquals("old", c.getOrLoadAsync("slow", key -> failing).join(), "who waits for it is served as well");
        for (CompletableFuture<Object> stage : List.of(database, failing)) {
            CompletionException late = assertThrows(
                    CompletionException.class, () -> c.getOrLoadAsync("missing", key -> stage).join());
            assertTrue(late.getCause() instanceof WaitTimeoutException, late.toString());
        }
        assertEquals("2 2", counter(c, "loads_slow") + " " + counter(c, "loads_timed_out"));
        database.complete("new");
        assertEquals("new", c.get("slow"));
        assertEquals("new", c.get("missing"));
        LoadOptions eager = LoadOptions.defaults()
                .ttl(Duration.ofMinutes(1))
                .policy(c.loadPolicy(Map.of("eager_refresh", 0.05, "load_soft_timeout", 0)));
        c.put("eager", "old", Duration.ofSeconds(10));
        eventually("the refresh", () -> {
            Object given = c.getOrLoadAsync("eager", key -> database, eager).join();
            return given.equals("new");
        });
    }

    @Test
    void eachDegradationIsTold() throws Exception {
        Cache<String, Object> c = cache(Map.of("fail_safe", 60));
        expired(c, "k");
        List<EventKind> kinds = new ArrayList<>();
        try (Events events = c.events()) {
            c.getOrLoad("k", key -> {
                throw new IOException("no database");
            });
            while (kinds.size() < 2) {
                Event event = events.next(SOON);
                if (event.kind().compareTo(EventKind.OVERFLOW) > 0) {
                    kinds.add(event.kind());
                }
            }
        }
        assertEquals(List.of(EventKind.LOAD_FAILED, EventKind.STALE), kinds);
    }

    @Test
    void aPolicyTakesSettingsOfLoadsInTheirRange() {
        Cache<String, Object> c = cache();
        List<Map<String, ?>> wrong = List.of(
                Map.of("fail_safe", 86_401), Map.of("eager_refresh", 1), Map.of("load_soft_timeout", -1),
                Map.of("cluster", "x"), Map.of("x", 1));
        for (Map<String, ?> settings : wrong) {
            assertThrows(ConfigException.class, () -> c.loadPolicy(settings), settings.toString());
        }
    }
}
