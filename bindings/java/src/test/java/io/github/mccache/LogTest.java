package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.StreamHandler;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The core's log in a System.Logger, and with listeners. */
class LogTest extends ClusterCase {
    private static final Logger LOGGER = Logger.getLogger("io.github.mccache");

    private final List<String> logged = new CopyOnWriteArrayList<>();
    private final Handler handler = new Handler() {
        @Override
        public void publish(LogRecord entry) {
            logged.add(entry.getLevel() + " " + entry.getMessage());
        }

        @Override
        public void flush() {}

        @Override
        public void close() {}
    };

    @AfterEach
    void restore() {
        LOGGER.removeHandler(handler);
        LOGGER.setUseParentHandlers(true);
        LOGGER.setLevel(null);
        quiet();
    }

    private void toSystemLogger(java.util.logging.Level level) {
        LOGGER.setUseParentHandlers(false);
        LOGGER.addHandler(handler);
        LOGGER.setLevel(level);
        Mccache.setLog(Level.ALL, null);
    }

    /** Two members who find each other and part. */
    private void meet() {
        meet("one", "two");
    }

    private void meet(String first, String second) {
        try (Node one = node(Map.of("node_name", first)); Node two = node(Map.of("node_name", second))) {
            eventually("the members", () -> !one.members().isEmpty() && !two.members().isEmpty());
        }
    }

    private boolean wasLogged(String part) {
        return logged.stream().anyMatch(line -> line.contains(part));
    }

    private static long threads() {
        return Thread.getAllStackTraces().keySet().stream()
                .filter(thread -> thread.getName().equals("mccache-log"))
                .count();
    }

    /** Nodes that earlier tests dropped end when they are collected. */
    private static void alone() {
        eventually("the end of other nodes", () -> {
            System.gc();
            return threads() == 0;
        });
    }

    @Test
    void theSystemLoggerHearsTheCoreAndItsLastWords() {
        alone();
        toSystemLogger(java.util.logging.Level.INFO);
        meet();
        assertTrue(logged.stream().anyMatch(line -> line.matches("INFO mccache::\\S+: member joined .*")), logged.toString());
        assertTrue(wasLogged("member left"), "the last words come before the close is over: " + logged);
        assertFalse(wasLogged("FINE "), logged.toString());
    }

    @Test
    void whatNobodyAskedForIsNotWritten() throws Exception {
        Ended ended = java(List.of(), Meeting.class, cluster);
        assertEquals(0, ended.code);
        // The JDK's own logger writes two lines: when and who, and what.
        assertTrue(ended.output.lines().noneMatch(line -> line.contains("member")), ended.output);
        assertTrue(ended.output.contains("WARNING: mccache") && ended.output.contains("`congestion`"), ended.output);
        assertEquals(2, ended.output.lines().count(), ended.output);
    }

    @Test
    void whatAProgramOrItsLoggerAskedForIsWritten() throws Exception {
        Ended asked = java(List.of(), Meeting.class, cluster, "INFO");
        assertTrue(asked.output.contains("INFO: mccache") && asked.output.contains("member joined"), asked.output);
        Path properties = Files.createTempFile("mccache-java", ".properties");
        try {
            Files.writeString(properties, "handlers=java.util.logging.ConsoleHandler\n"
                    + "java.util.logging.ConsoleHandler.level=ALL\nio.github.mccache.level=FINE\n");
            Ended fine = java(List.of("-Djava.util.logging.config.file=" + properties), Meeting.class, cluster);
            assertTrue(fine.output.contains("member joined") && fine.output.contains("FINE: mccache"), fine.output);
        } finally {
            Files.delete(properties);
        }
    }

    /** A program that uses the library and says nothing of its log, or from which level on. */
    static final class Meeting {
        private Meeting() {}

        public static void main(String[] arguments) throws InterruptedException {
            if (arguments.length > 1) {
                Mccache.setLog(Level.valueOf(arguments[1]), null);
            }
            Map<String, ?> settings = Map.of("cluster", arguments[0], "congestion", 1);
            try (Node one = Node.open(settings); Node two = Node.open(settings)) {
                // Nothing of ClusterCase's, which is quiet by itself.
                while (one.members().isEmpty() || two.members().isEmpty()) {
                    Thread.sleep(2);
                }
            }
        }
    }

    @Test
    void theLastWordsOfAProcessAreHeard() throws Exception {
        for (String way : List.of("return", "exit")) {
            Ended ended = java(List.of(), LastWords.class, cluster + way, way);
            assertEquals(0, ended.code);
            // Which of the two leaves first is nobody's promise.
            assertTrue(ended.output.contains("member left member="), way + ": " + ended.output);
        }
    }

    /** Ends with its nodes open, and with a listener so slow that the end has to wait for it. */
    static final class LastWords {
        private LastWords() {}

        public static void main(String[] arguments) throws InterruptedException {
            Mccache.setLog(Level.INFO, line -> {
                try {
                    Thread.sleep(100);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
                System.out.println(line.message());
            });
            Node one = Node.open(Map.of("cluster", arguments[0]));
            Node two = Node.open(Map.of("cluster", arguments[0]));
            while (one.members().isEmpty() || two.members().isEmpty()) {
                Thread.sleep(2);
            }
            if (arguments[1].equals("exit")) {
                System.exit(0);
            }
        }
    }

    @Test
    void theSystemLoggersLevelIsFollowed() {
        toSystemLogger(java.util.logging.Level.WARNING);
        node();
        meet();
        assertFalse(wasLogged("INFO"), logged.toString());
        LOGGER.setLevel(java.util.logging.Level.FINE);
        // Within a second, and there is more to come then.
        eventually("the level", () -> {
            meet();
            return wasLogged("INFO ") && wasLogged("FINE ");
        });
    }

    @Test
    void aListenerTakesThePlaceOfTheSystemLogger() throws InterruptedException {
        toSystemLogger(java.util.logging.Level.INFO);
        BlockingQueue<LogLine> heard = new LinkedBlockingQueue<>();
        Mccache.setLog(Level.INFO, heard::add);
        long before = System.currentTimeMillis();
        meet();
        LogLine line = heard.poll(SOON.toSeconds(), TimeUnit.SECONDS);
        while (line != null && !line.message().startsWith("member joined")) {
            line = heard.poll(SOON.toSeconds(), TimeUnit.SECONDS);
        }
        assertTrue(line != null, "no member was told of");
        assertEquals(Level.INFO, line.level());
        assertTrue(line.target().startsWith("mccache::"), line.target());
        assertTrue(Math.abs(line.time().toEpochMilli() - before) < SOON.toMillis(), line.time().toString());
        assertEquals(0, line.dropped());
        assertEquals(line.target() + ": " + line.message(), line.toString());
        assertFalse(wasLogged("member"), logged.toString());
        assertThrows(NullPointerException.class, () -> Mccache.setLog(null, heard::add));
    }

    @Test
    void offIsSilence() {
        alone();
        toSystemLogger(java.util.logging.Level.ALL);
        List<LogLine> heard = new CopyOnWriteArrayList<>();
        Mccache.setLog(Level.OFF, heard::add);
        meet();
        Mccache.setLog(Level.OFF, null);
        meet();
        assertEquals(List.of(), heard);
        assertEquals(List.of(), logged);
    }

    @Test
    void whatASlowListenerMissesIsCounted() throws InterruptedException {
        toSystemLogger(java.util.logging.Level.INFO);
        Node node = node(Map.of("crypto_key", "1:" + "0f".repeat(32), "interface", "127.0.0.1"));
        CountDownLatch go = new CountDownLatch(1);
        List<LogLine> heard = new CopyOnWriteArrayList<>();
        Mccache.setLog(Level.INFO, line -> {
            try {
                go.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            heard.add(line);
        });
        // Two lines each; a queue holds 1,024.
        for (int round = 0; round < KEY_CHANGES; round++) {
            changeKeys(node);
        }
        go.countDown();
        eventually("all that was said", () -> said(heard) >= 2 * KEY_CHANGES);
        assertEquals(2 * KEY_CHANGES, said(heard));
        assertEquals(1, heard.stream().filter(line -> line.dropped() > 0).count(), "the gap is told once");
        assertTrue(heard.get(heard.size() - 1).message().startsWith("key removed"), "the oldest were dropped");
    }

    private static final int KEY_CHANGES = 700;

    private static void changeKeys(Node node) {
        node.addKey("2:" + "1e".repeat(32));
        node.removeKey(2);
    }

    /** Lines about keys, and those that were dropped: there is nothing else to be said. */
    private static long said(List<LogLine> heard) {
        return heard.stream().mapToLong(line -> line.dropped() + (line.message().startsWith("key ") ? 1 : 0)).sum();
    }

    @Test
    void theSystemLoggerIsToldWhatASlowHandlerMissed() {
        CountDownLatch go = new CountDownLatch(1);
        Handler slow = new StreamHandler() {
            @Override
            public synchronized void publish(LogRecord entry) {
                try {
                    go.await();
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        };
        LOGGER.addHandler(slow);
        try {
            toSystemLogger(java.util.logging.Level.INFO);
            Node node = node(Map.of("crypto_key", "1:" + "0f".repeat(32), "interface", "127.0.0.1"));
            for (int round = 0; round < KEY_CHANGES; round++) {
                changeKeys(node);
            }
            go.countDown();
            eventually("the gap", () -> wasLogged("lines of the log were dropped"));
            assertTrue(logged.stream().anyMatch(line -> line.matches("WARNING [1-9]\\d* lines of the log were dropped.*")));
        } finally {
            go.countDown();
            LOGGER.removeHandler(slow);
        }
    }

    @Test
    void theThreadEndsWithTheLastNode() {
        alone();
        Node one = node();
        Node two = node();
        assertEquals(1, threads());
        one.close();
        one.close();
        assertEquals(1, threads());
        two.close();
        assertEquals(0, threads());
        assertThrows(MccacheException.class, () -> node(Map.of("interface", "nowhere")));
        assertEquals(0, threads());
    }

    @Test
    void aListenerMayUseTheCacheFailAndCloseTheNode() throws InterruptedException {
        alone();
        toSystemLogger(java.util.logging.Level.INFO);
        Node node = node(Map.of("node_name", "stays"));
        Cache<String, Object> c = node.cache("c");
        CountDownLatch calls = new CountDownLatch(3);
        CountDownLatch closed = new CountDownLatch(1);
        Mccache.setLog(Level.INFO, line -> {
            c.put("last", line.message());
            calls.countDown();
            if (calls.getCount() == 0) {
                node.close();
                closed.countDown();
            }
            throw new IllegalStateException("a listener that fails");
        });
        Node other = node(Map.of("node_name", "other"));
        eventually("the members", () -> !other.members().isEmpty());
        other.close();
        // The first is of the node's, the others are of the nodes that come now.
        for (int round = 0; round < 5 && calls.getCount() > 0; round++) {
            meet();
        }
        assertTrue(closed.await(SOON.toSeconds(), TimeUnit.SECONDS));
        assertTrue(node.isClosed());
        eventually("the thread's end", () -> threads() == 0);
        assertTrue(wasLogged("the listener of mccache's log threw"), logged.toString());
    }

    @Test
    void aSlowListenerHoldsUpTheLastCloseForASecondAndTheOrderStays() throws InterruptedException {
        alone();
        CountDownLatch go = new CountDownLatch(1);
        List<String> heard = new CopyOnWriteArrayList<>();
        Mccache.setLog(Level.INFO, line -> {
            try {
                go.await();
            } catch (InterruptedException interrupted) {
                Thread.currentThread().interrupt();
            }
            if (line.message().startsWith("member joined")) {
                heard.add(line.message().replaceAll(".* member=(\\w+) .*", "$1"));
            }
        });
        meet();
        assertEquals(1, threads(), "the thread still waits");
        meet("three", "four");
        assertEquals(2, threads(), "and so does its follower");
        assertEquals(List.of(), heard);
        go.countDown();
        eventually("the threads' end", () -> threads() == 0);
        assertEquals(List.of("one", "two"), heard.subList(0, 2).stream().sorted().collect(Collectors.toList()));
        assertEquals(List.of("four", "three"), heard.subList(2, 4).stream().sorted().collect(Collectors.toList()));
    }
}
