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
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Loading what is not there: once, whatever the loader does. */
class LoaderTest extends ClusterCase {
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
        assertEquals(1L, c.<RuntimeException>getOrLoad("k", key -> 1L, null, Duration.ZERO));
        assertThrows(InvalidArgumentException.class, () -> c.getOrLoad("odd", key -> new Object()));
        assertEquals(1L, c.<RuntimeException>getOrLoad("odd", key -> 1L, null, Duration.ZERO));
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
                "k", key -> c.getOrLoad(key, again -> 1L, null, Duration.ofMillis(250))));
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
        CompletableFuture<Object> first = c.getOrLoadAsync("k", key -> database, null);
        CompletableFuture<Object> second = c.getOrLoadAsync("k", key -> CompletableFuture.completedFuture("not asked"), null);
        assertFalse(first.isDone() || second.isDone());
        database.complete("row");
        assertEquals("row", first.join());
        assertEquals("row", second.join());
        assertEquals("row", c.get("k"));
        assertEquals("row", c.getOrLoadAsync("k", key -> database, null).join());
        CompletableFuture<Object> failing = CompletableFuture.failedFuture(new IOException("down"));
        assertTrue(assertThrows(CompletionException.class, () -> c.getOrLoadAsync("f", key -> failing, null).join()).getCause()
                instanceof IOException);
        CompletableFuture<Object> thrown = c.getOrLoadAsync("f", key -> {
            throw new IllegalStateException("at once");
        }, null);
        assertTrue(assertThrows(CompletionException.class, thrown::join).getCause() instanceof IllegalStateException);
        assertEquals(1L, c.getOrLoadAsync("f", key -> CompletableFuture.completedFuture(1L), Duration.ofMinutes(1)).join());
    }
}
