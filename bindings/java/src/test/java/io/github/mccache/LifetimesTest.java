package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Objects that go in any order, under collection, while other threads use what is left. */
class LifetimesTest extends ClusterCase {
    /** Runs in threads until told to stop; what they throw but for the end of the cache is kept. */
    private static final class Load implements AutoCloseable {
        final ConcurrentLinkedQueue<Throwable> unexpected = new ConcurrentLinkedQueue<>();
        final AtomicInteger calls = new AtomicInteger();
        private final AtomicBoolean stop = new AtomicBoolean();
        private final List<Thread> threads = new ArrayList<>();

        void run(Runnable call) {
            Thread thread = new Thread(() -> {
                while (!stop.get()) {
                    try {
                        call.run();
                        calls.incrementAndGet();
                    } catch (ClosedException closed) {
                        return;
                    } catch (Throwable other) {
                        unexpected.add(other);
                        return;
                    }
                }
            });
            threads.add(thread);
            thread.start();
        }

        @Override
        public void close() {
            stop.set(true);
            for (Thread thread : threads) {
                try {
                    thread.join(SOON.toMillis());
                } catch (InterruptedException interrupted) {
                    unexpected.add(interrupted);
                }
                if (thread.isAlive()) {
                    unexpected.add(new IllegalStateException("a thread of the load goes on"));
                }
            }
        }
    }

    private static void use(Cache<String, Object> c, int number) {
        String key = "k" + number % 100;
        c.put(key, number);
        c.get(key);
        c.put("long", new byte[5_000]);
        ByteBuffer view = c.view("long");
        if (view != null && view.get(4_999) != 0) {
            throw new IllegalStateException("the view has other bytes");
        }
        Iterator<String> keys = c.keys().iterator();
        if (keys.hasNext()) {
            keys.next();
        }
        c.getAndRemove(key);
        c.stats();
        c.metadata("long");
    }

    @Test
    void closingUnderLoadAndCollectionEndsEveryCall() throws InterruptedException {
        for (int round = 0; round < 6; round++) {
            Node node = node();
            Load load = new Load();
            AtomicInteger numbers = new AtomicInteger();
            for (int thread = 0; thread < 4; thread++) {
                Cache<String, Object> c = node.cache("c" + thread % 2);
                load.run(() -> use(c, numbers.incrementAndGet()));
            }
            Events events = node.events();
            load.run(() -> {
                try {
                    events.next();
                } catch (InterruptedException interrupted) {
                    throw new IllegalStateException(interrupted);
                }
            });
            Subscription subscription = node.addListener(event -> numbers.incrementAndGet());
            eventually("some load", () -> load.calls.get() > 200);
            System.gc();
            node.close();
            System.gc();
            load.close();
            subscription.close();
            assertEquals(List.of(), new ArrayList<>(load.unexpected));
        }
    }

    @Test
    void objectsThatNobodyClosedAreFreed() {
        Node kept = node();
        for (int round = 0; round < 300; round++) {
            Node node = round % 30 == 0 ? Node.open(Map.of("cluster", cluster + "-" + round)) : kept;
            Cache<String, Object> c = node.cache("c");
            c.put("k", new byte[10_000]);
            Iterator<Map.Entry<String, Object>> entries = c.iterator();
            ByteBuffer view = c.view("k").slice();
            Events events = c.events();
            c = null;
            node = null;
            if (round % 30 == 29) {
                System.gc();
            }
            assertEquals("k", entries.next().getKey());
            assertEquals(0, view.get(9_999));
            events.close();
        }
        System.gc();
        // The cleaner's thread works through what was found.
        eventually("the end of the nodes that nobody closed", () -> {
            System.gc();
            return nodesRunning() <= 1;
        });
    }

    /** Each has one native thread of this name. */
    private static long nodesRunning() {
        java.io.File[] tasks = new java.io.File("/proc/self/task").listFiles();
        long found = 0;
        for (java.io.File task : tasks) {
            try {
                found += java.nio.file.Files.readString(task.toPath().resolve("comm")).equals("mccache\n") ? 1 : 0;
            } catch (java.io.IOException ended) {
                continue;
            }
        }
        return found;
    }

    @Test
    void viewsKeepTheirBytesUnderCollection() {
        Cache<String, Object> c = cache();
        List<ByteBuffer> views = new ArrayList<>();
        for (int round = 0; round < 2_000; round++) {
            byte[] value = new byte[3_000];
            java.util.Arrays.fill(value, (byte) round);
            c.put("k", value);
            ByteBuffer view = c.view("k");
            if (round % 20 == 0) {
                view.position(1_000);
                views.add(view.slice());
            }
            if (round % 500 == 0) {
                System.gc();
            }
        }
        c.node().close();
        System.gc();
        for (int index = 0; index < views.size(); index++) {
            ByteBuffer view = views.get(index);
            assertEquals((byte) (index * 20), view.get(0));
            assertEquals((byte) (index * 20), view.get(1_999));
        }
    }

    @Test
    void anIterationEndsWhenTheCacheIsClosed() {
        Cache<String, Object> c = cache();
        for (int index = 0; index < 100; index++) {
            c.put("k" + index, index);
        }
        Iterator<String> keys = c.keys().iterator();
        keys.next();
        c.close();
        assertThrows(ClosedException.class, () -> keys.forEachRemaining(key -> { }));
        assertThrows(java.util.NoSuchElementException.class, keys::next);
    }

    @Test
    void closingWhileEventsComeEndsTheirWait() throws InterruptedException {
        for (int round = 0; round < 20; round++) {
            Cache<String, Object> c = node().cache("c");
            CountDownLatch ended = new CountDownLatch(2);
            Events events = c.events();
            for (int thread = 0; thread < 2; thread++) {
                new Thread(() -> {
                    try {
                        while (true) {
                            events.next();
                        }
                    } catch (ClosedException closed) {
                        ended.countDown();
                    } catch (InterruptedException interrupted) {
                        Thread.currentThread().interrupt();
                    }
                }).start();
            }
            for (int put = 0; put < 50; put++) {
                c.put("k" + put, put);
            }
            if (round % 2 == 0) {
                c.node().close();
            } else {
                events.close();
            }
            ended.await();
        }
    }

    @Test
    void aListenerMayCloseItsNode() throws InterruptedException {
        Node node = node();
        CountDownLatch closed = new CountDownLatch(1);
        Cache<String, Object> c = node.cache("c");
        c.addListener(event -> {
            node.close();
            closed.countDown();
        });
        c.put("k", 1);
        closed.await();
        assertThrows(ClosedException.class, () -> c.get("k"));
        assertThrows(ClosedException.class, () -> c.addListener(event -> { }));
    }

    @Test
    void aProcessEndsByItselfAndSaysGoodbye() throws Exception {
        Node here = node();
        Events events = here.events();
        Ended ended = java(List.of(), Leaving.class, cluster);
        assertEquals("", ended.output);
        assertEquals(0, ended.code);
        Event event = events.next(SOON);
        while (event != null && event.kind() != EventKind.MEMBER_LEFT) {
            assertTrue(event.kind() != EventKind.MEMBER_FAILED, event.toString());
            event = events.next(SOON);
        }
        assertTrue(event != null, "no goodbye was heard");
    }

    /** Closes nothing. */
    static final class Leaving {
        private Leaving() {}

        public static void main(String[] arguments) throws InterruptedException {
            quiet();
            Node node = Node.open(Map.of("cluster", arguments[0]));
            Cache<String, Object> c = node.cache("c");
            c.addListener(event -> { });
            node.awaitReady(SOON);
            while (node.members().isEmpty()) {
                pause();
            }
            c.put("k", 1L);
            if (!Long.valueOf(1).equals(c.get("k"))) {
                throw new IllegalStateException("not read");
            }
        }
    }

    @Test
    void aCacheOpenedAnewIsFilledFromTheMembers() {
        Cache<String, Object> a = cache();
        Node other = node();
        Cache<String, Object> b = other.cache("c");
        a.put("k", 1L);
        eventually("the put's arrival", () -> b.containsKey("k"));
        b.close();
        assertThrows(ClosedException.class, () -> b.get("k"));
        Cache<String, Object> again = other.cache("c");
        eventually("being filled", () -> again.containsKey("k"));
        assertNull(again.get("nobody"));
    }
}
