package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Many threads at once, and waits that end when they are told to. */
class ThreadsTest extends ClusterCase {
    private static final int THREADS = 8;

    private static void atOnce(Callable<?> work) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(THREADS);
        try {
            List<Future<?>> all = new ArrayList<>();
            for (int thread = 0; thread < THREADS; thread++) {
                all.add(threads.submit(work));
            }
            for (Future<?> each : all) {
                each.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }

    @Test
    void valuesNeverMix() throws Exception {
        Cache<String, Object> c = cache();
        AtomicInteger numbers = new AtomicInteger();
        atOnce(() -> {
            int mine = numbers.getAndIncrement();
            for (int round = 0; round < 5_000; round++) {
                String key = "k" + (mine * 1000 + round % 50);
                String value = key + "=" + round + "x".repeat(round % 3_000);
                c.put(key, value);
                assertEquals(value, c.get(key));
                String shared = (String) c.get("shared");
                assertTrue(shared == null || shared.startsWith("shared="), shared);
                c.put("shared", "shared=" + "y".repeat(mine * 300));
            }
            return null;
        });
    }

    @Test
    void ofThreadsThatPutIfAbsentOneWins() throws Exception {
        Cache<String, Object> c = cache();
        for (int round = 0; round < 200; round++) {
            String key = "k" + round;
            AtomicInteger won = new AtomicInteger();
            AtomicInteger took = new AtomicInteger();
            if (round % 20 == 0) {
                atOnce(() -> c.putIfAbsent(key, 1) && won.incrementAndGet() > 0);
                atOnce(() -> c.getAndRemove(key) != null && took.incrementAndGet() > 0);
                assertEquals("1 1", won + " " + took);
            }
        }
    }

    @Test
    void iterationGoesOnWhileOthersWrite() throws Exception {
        Cache<String, Object> c = cache();
        for (int index = 0; index < 200; index++) {
            c.put("stays" + index, (long) index);
        }
        AtomicInteger numbers = new AtomicInteger();
        atOnce(() -> {
            int mine = numbers.getAndIncrement();
            for (int round = 0; round < 50; round++) {
                if (mine % 2 == 0) {
                    c.put("comes" + mine + round, "v");
                    c.remove("comes" + mine + (round - 1));
                } else {
                    long stayed = 0;
                    for (Map.Entry<String, Object> entry : c) {
                        stayed += entry.getKey().startsWith("stays") ? 1 : 0;
                    }
                    assertEquals(200, stayed);
                }
            }
            return null;
        });
    }

    @Test
    void waitsCanBeInterrupted() throws Exception {
        Cache<String, Object> c = cache();
        Events events = c.events();
        interrupted(() -> events.next());
        interrupted(() -> {
            Thread.currentThread().interrupt();
            c.sync(SOON);
            return null;
        });
        interrupted(() -> {
            Thread.currentThread().interrupt();
            c.node().awaitReady(SOON);
            return null;
        });
        interrupted(() -> {
            Thread.currentThread().interrupt();
            return c.clusterChecksum(SOON);
        });
        assertFalse(Thread.currentThread().isInterrupted());
        c.put("k", 1L);
        assertEquals("k", events.next(SOON).key());
    }

    /** In a thread that is interrupted once it waits. */
    private static void interrupted(Callable<?> wait) throws Exception {
        AtomicInteger heard = new AtomicInteger();
        Thread thread = new Thread(() -> {
            try {
                wait.call();
            } catch (InterruptedException expected) {
                heard.incrementAndGet();
            } catch (Exception other) {
                throw new IllegalStateException(other);
            }
        });
        thread.start();
        while (thread.isAlive() && thread.getState() == Thread.State.NEW) {
            pause();
        }
        Thread.sleep(50);
        thread.interrupt();
        thread.join(SOON.toMillis());
        assertFalse(thread.isAlive());
        assertEquals(1, heard.get());
    }

    @Test
    void aWaitForWhatDoesNotHappenTimesOut() throws Exception {
        Cache<String, Object> c = cache();
        long begun = System.nanoTime();
        assertEquals(null, c.events().next(Duration.ofMillis(150)));
        assertTrue(System.nanoTime() - begun >= Duration.ofMillis(140).toNanos());
        // A member that is there and stands still: it answers nothing.
        assertThrows(WaitTimeoutException.class, () -> node().awaitReady(Duration.ZERO));
    }

    @Test
    void threadsThatOnlyPassByGiveTheirMemoryBack() throws Exception {
        Cache<String, Object> c = cache();
        c.put("k", 1L);
        AtomicInteger read = new AtomicInteger();
        for (int round = 0; round < 500; round++) {
            Thread thread = new Thread(() -> read.addAndGet(((Long) c.get("k")).intValue()));
            thread.start();
            thread.join();
        }
        assertEquals(500, read.get());
    }
}
