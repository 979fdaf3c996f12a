package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Loading what is not there: once, whatever the loader does. */
class LoaderTest extends ClusterCase {
    private static final LoadOptions AT_ONCE = LoadOptions.defaults().timeout(Duration.ZERO);

    @Test
    void aValueIsLoadedOnceAndPut() throws InterruptedException {
        Cache<String, Object> c = cache();
        AtomicInteger loads = new AtomicInteger();
        for (int round = 0; round < 3; round++) {
            assertEquals("v of k", c.getOrLoad("k", key -> "v of " + key + loads.getAndIncrement()).toString().substring(0, 6));
        }
        assertEquals(1, loads.get());
        assertEquals("v of k0", c.get("k"));
        c.getOrLoad("brief", key -> 1L, Duration.ofMinutes(1));
        assertTrue(c.metadata("brief").orElseThrow().timeToLive().orElseThrow().compareTo(Duration.ofMinutes(1)) <= 0);
        assertEquals("1 3", c.stats().misses() - 1 + " " + c.stats().hits());
    }

    @Test
    void ofManyThreadsOneLoads() throws Exception {
        Cache<String, Object> c = cache();
        AtomicInteger loads = new AtomicInteger();
        CountDownLatch go = new CountDownLatch(1);
        List<CompletableFuture<Object>> answers = new ArrayList<>();
        for (int thread = 0; thread < 16; thread++) {
            answers.add(CompletableFuture.supplyAsync(() -> {
                try {
                    go.await();
                    return c.getOrLoad("k", key -> {
                        Thread.sleep(50);
                        return (Object) (long) loads.incrementAndGet();
                    });
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
            }, Background.THREADS));
        }
        go.countDown();
        for (CompletableFuture<Object> answer : answers) {
            assertEquals(1L, answer.get());
        }
        assertEquals(1, loads.get());
    }

    @Test
    void whatTheLoaderThrowsComesOutAsItIs() throws InterruptedException {
        Cache<String, Object> c = cache();
        FileNotFoundException mine = new FileNotFoundException("mine");
        try {
            // The compiler knows what this loader throws, and nothing else has to be caught.
            c.getOrLoad("k", key -> {
                throw mine;
            });
            throw new AssertionError("nothing was thrown");
        } catch (FileNotFoundException thrown) {
            assertSame(mine, thrown);
        }
        assertFalse(c.containsKey("k"));
        assertThrows(StackOverflowError.class, () -> c.getOrLoad("k", key -> {
            throw new StackOverflowError("mine too");
        }));
        // Neither holds anybody up.
        assertEquals(1L, c.<RuntimeException>getOrLoad("k", key -> 1L, AT_ONCE));
        assertThrows(InvalidArgumentException.class, () -> c.getOrLoad("odd", key -> new Object()));
        assertEquals(1L, c.<RuntimeException>getOrLoad("odd", key -> 1L, AT_ONCE));
    }

    @Test
    void theNextOfThoseThatWaitLoadsIfALoaderFails() throws Exception {
        Cache<String, Object> c = cache();
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch fail = new CountDownLatch(1);
        CompletableFuture<Object> failing = CompletableFuture.supplyAsync(() -> {
            try {
                return c.getOrLoad("k", key -> {
                    begun.countDown();
                    fail.await();
                    throw new IllegalStateException("no database");
                });
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        }, Background.THREADS);
        begun.await();
        CompletableFuture<Object> waiting = CompletableFuture.supplyAsync(() -> {
            try {
                return c.getOrLoad("k", key -> "second");
            } catch (InterruptedException interrupted) {
                throw new AssertionError(interrupted);
            }
        }, Background.THREADS);
        fail.countDown();
        assertEquals("second", waiting.get());
        assertTrue(assertThrows(ExecutionException.class, failing::get).getCause() instanceof IllegalStateException);
    }

    @Test
    void aWriteMeanwhileWins() throws InterruptedException {
        Cache<String, Object> c = cache();
        assertEquals("loaded", c.getOrLoad("k", key -> {
            c.put("k", "written");
            return "loaded";
        }));
        assertEquals("written", c.get("k"));
        assertEquals("loaded", c.getOrLoad("d", key -> {
            c.remove("d");
            return "loaded";
        }));
        assertNull(c.get("d"));
    }

    @Test
    void aNullIsNotPut() throws InterruptedException {
        Cache<String, Object> c = cache();
        assertNull(c.getOrLoad("k", key -> null));
        assertFalse(c.containsKey("k"));
        c.put("null", null);
        assertNull(c.getOrLoad("null", key -> "not asked"));
    }

    @Test
    void aLoaderThatAsksForItsOwnKeyWaitsForItsTimeout() throws InterruptedException {
        Cache<String, Object> c = cache();
        long begun = System.nanoTime();
        WaitTimeoutException thrown = assertThrows(WaitTimeoutException.class, () -> c.getOrLoad(
                "k", key -> c.getOrLoad(key, again -> 1L, LoadOptions.defaults().timeout(Duration.ofMillis(250)))));
        assertTrue(System.nanoTime() - begun >= Duration.ofMillis(240).toNanos());
        assertTrue(thrown.getMessage().contains("PT0.25S"), thrown.getMessage());
        assertEquals(2L, c.getOrLoad("k", key -> 2L));
    }

    @Test
    void whoWaitsCanBeInterrupted() throws Exception {
        Cache<String, Object> c = cache();
        CountDownLatch done = new CountDownLatch(1);
        c.getOrLoad("k", key -> {
            Thread waiting = new Thread(() -> {
                try {
                    c.getOrLoad("k", again -> "not asked");
                } catch (InterruptedException heard) {
                    done.countDown();
                }
            });
            waiting.start();
            Thread.sleep(50);
            waiting.interrupt();
            done.await();
            return 1L;
        });
        // Through the map the flag is left set.
        c.getOrLoad("m", key -> {
            Thread.currentThread().interrupt();
            assertThrows(WaitTimeoutException.class, () -> c.asMap().computeIfAbsent("m", again -> 1L));
            assertTrue(Thread.interrupted());
            return 1L;
        });
    }

    @Test
    void closingEndsTheWait() throws InterruptedException {
        Cache<String, Object> c = cache();
        CompletableFuture<Throwable> waiting = new CompletableFuture<>();
        assertThrows(ClosedException.class, () -> c.getOrLoad("k", key -> {
            new Thread(() -> {
                try {
                    c.getOrLoad("k", again -> "not asked");
                } catch (Throwable thrown) {
                    waiting.complete(thrown);
                }
            }).start();
            Thread.sleep(50);
            c.close();
            return 1L;
        }));
        assertTrue(waiting.join() instanceof ClosedException, waiting.join().toString());
    }

    @Test
    void loadingWithoutWaiting() {
        Cache<String, Object> c = cache();
        CompletableFuture<Object> database = new CompletableFuture<>();
        CompletableFuture<Object> first = c.getOrLoadAsync("k", key -> database);
        CompletableFuture<Object> second = c.getOrLoadAsync("k", key -> CompletableFuture.completedFuture("not asked"));
        assertFalse(first.isDone() || second.isDone());
        database.complete("row");
        assertEquals("row", first.join());
        assertEquals("row", second.join());
        assertEquals("row", c.get("k"));
        assertEquals("row", c.getOrLoadAsync("k", key -> database).join());
        CompletableFuture<Object> failing = CompletableFuture.failedFuture(new IOException("down"));
        assertTrue(assertThrows(CompletionException.class, () -> c.getOrLoadAsync("f", key -> failing).join()).getCause()
                instanceof IOException);
        CompletableFuture<Object> thrown = c.getOrLoadAsync("f", key -> {
            throw new IllegalStateException("at once");
        });
        assertTrue(assertThrows(CompletionException.class, thrown::join).getCause() instanceof IllegalStateException);
        LoadOptions brief = LoadOptions.defaults().ttl(Duration.ofMinutes(1));
        assertEquals(1L, c.getOrLoadAsync("f", key -> CompletableFuture.completedFuture(1L), brief).join());
        assertTrue(c.metadata("f").orElseThrow().timeToLive().orElseThrow().compareTo(Duration.ofMinutes(1)) <= 0);
    }

    @Test
    void aTagTakesWhatWasLoadedWithIt() throws InterruptedException {
        Cache<String, Object> c = cache();
        LoadOptions tagged = LoadOptions.defaults().tags("user:7", "prices").ttl(Duration.ofMinutes(1));
        assertEquals(1L, c.getOrLoad("a", key -> 1L, tagged));
        assertEquals(2L, c.getOrLoadAsync("b", key -> CompletableFuture.completedFuture(2L), tagged).join());
        assertEquals(3L, c.getOrLoad("c", key -> 3L, LoadOptions.defaults().tags("user:8")));
        assertEquals(4L, c.getOrLoad("d", key -> 4L));
        assertTrue(c.metadata("a").orElseThrow().timeToLive().orElseThrow().compareTo(Duration.ofMinutes(1)) <= 0);
        c.invalidateTag("prices");
        assertEquals(Map.of("c", 3L, "d", 4L), c.getAll(List.of("a", "b", "c", "d")));
        assertEquals(5L, c.getOrLoad("a", key -> 5L, tagged), "what is loaded afterwards is read");
        assertEquals(5L, c.get("a"));
    }

    @Test
    void aTagThatIsInvalidatedMeanwhileWins() throws InterruptedException {
        Cache<String, Object> c = cache();
        assertEquals(1L, c.getOrLoad("k", key -> {
            c.invalidateTag("prices");
            return 1L;
        }, LoadOptions.defaults().tags("user:7", "prices")));
        assertNull(c.get("k"));
        CompletableFuture<Object> database = new CompletableFuture<>();
        CompletableFuture<Object> answer = c.getOrLoadAsync("k", key -> database, LoadOptions.defaults().tags("prices"));
        c.invalidateTag("prices");
        database.complete(2L);
        assertEquals(2L, answer.join());
        assertNull(c.get("k"));
    }

    @Test
    void aTagOfALoadIsInvalidatedByAnotherNode() throws InterruptedException {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        a.node().awaitReady(SOON);
        b.node().awaitReady(SOON);
        a.getOrLoad("k", key -> 1L, LoadOptions.defaults().tags("prices"));
        a.sync(SOON);
        assertEquals(1L, b.get("k"));
        b.invalidateTag("prices");
        b.sync(SOON);
        assertNull(a.get("k"));
    }

    @Test
    void optionsThatCannotBeAreRefusedBeforeTheLoad() {
        LoadOptions options = LoadOptions.defaults();
        String[] many = new String[17];
        Arrays.fill(many, "t");
        for (String[] bad : new String[][] {{""}, {"a", "b\0c"}, {"\u00E9".repeat(128)}, {"\uD800"}, many}) {
            String said = assertThrows(InvalidArgumentException.class, () -> options.tags(bad)).getMessage();
            assertTrue(said.contains("tags") || said.contains("Unicode"), said);
        }
        assertThrows(InvalidArgumentException.class, () -> options.ttl(Duration.ZERO));
        assertThrows(InvalidArgumentException.class, () -> options.timeout(Duration.ofMillis(-1)));
        for (Executable none : List.<Executable>of(
                () -> options.tags("a", null), () -> options.tags((String[]) null), () -> options.timeout(null),
                () -> options.policy(null), () -> cache().getOrLoad("k", key -> 1L, (LoadOptions) null))) {
            assertTrue(assertThrows(NullPointerException.class, none).getMessage().contains("null"));
        }
        options.tags("\u00E9".repeat(127) + "e");
        options.tags();
        options.ttl(null);
    }
}
