package io.github.mccache;

import static org.junit.jupiter.api.Assertions.fail;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Timeout;

/** A test with a cluster that nothing else uses, and waiting for a condition instead of a time. */
@Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
abstract class ClusterCase {
    /** For what happens in milliseconds, on a machine that is busy. */
    static final Duration SOON = Duration.ofSeconds(20);

    private static final AtomicInteger NUMBERS = new AtomicInteger();

    static {
        quiet();
    }

    private final List<Node> nodes = new ArrayList<>();
    final String cluster = "java-" + ProcessHandle.current().pid() + "-" + NUMBERS.incrementAndGet();

    /** Members come and go in every test. */
    static void quiet() {
        Mccache.setLog(System.Logger.Level.WARNING, null);
    }

    @AfterEach
    void closeNodes() {
        nodes.forEach(Node::close);
    }

    /** Another node of the test's cluster, in this process. */
    Node node() {
        return node(Map.of());
    }

    Node node(Map<String, ?> settings) {
        Map<String, Object> all = new HashMap<>(settings);
        all.putIfAbsent("cluster", cluster);
        Node node = Node.open(all);
        nodes.add(node);
        return node;
    }

    /** A cache of a new node. */
    Cache<String, Object> cache() {
        return node().cache("c");
    }

    /** Waits for a condition, and fails if it does not come. */
    static void eventually(String what, BooleanSupplier condition) {
        long deadline = System.nanoTime() + SOON.toNanos();
        while (!condition.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                fail(what + " did not come true in " + SOON);
            }
            pause();
        }
    }

    /** Two milliseconds between two looks. */
    static void pause() {
        try {
            Thread.sleep(2);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            fail("interrupted");
        }
    }

    static byte[] bytes(int... values) {
        byte[] bytes = new byte[values.length];
        for (int index = 0; index < values.length; index++) {
            bytes[index] = (byte) values[index];
        }
        return bytes;
    }

    /** The bytes of a view. */
    static byte[] viewed(Cache<String, ?> cache, String key) {
        return AnyValues.bytesOf(cache.view(key));
    }

    /** How a program in another process ended, and both its outputs. */
    static final class Ended {
        final int code;
        final String output;

        Ended(int code, String output) {
            this.code = code;
            this.output = output;
        }
    }

    /** Runs a class of the tests in another process, with options of the virtual machine. */
    static Ended java(List<String> options, Class<?> program, String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>();
        command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        command.addAll(options);
        command.addAll(List.of("-cp", classPath(), program.getName()));
        command.addAll(Arrays.asList(arguments));
        File output = File.createTempFile("mccache-java", ".log");
        try {
            Process process =
                    new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output).start();
            if (!process.waitFor(60, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
                fail("no end within a minute: " + command);
            }
            return new Ended(process.exitValue(), new String(Files.readAllBytes(output.toPath()), StandardCharsets.UTF_8));
        } finally {
            Files.delete(output.toPath());
        }
    }

    /** Surefire may have put it into a jar's manifest, which another process can read too. */
    private static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }
}
