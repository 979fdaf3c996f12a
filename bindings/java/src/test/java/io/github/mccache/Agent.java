package io.github.mccache;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Random;

/**
 * A member that other languages' programs talk with: it does what each line of its standard input says, and answers with one
 * line. Settings are the environment's; the argument is the cache's name.
 */
final class Agent {
    private static final int WORK_KEYS = 100;

    private final Cache<String, Object> cache;

    private Agent(Cache<String, Object> cache) {
        this.cache = cache;
    }

    public static void main(String[] arguments) throws IOException {
        Mccache.setLog(System.Logger.Level.WARNING, null);
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Agent agent = new Agent(Mccache.cache(arguments[0]));
        out.println("ready java");
        String line = in.readLine();
        while (line != null && !line.equals("quit")) {
            out.println(agent.answer(line.split(" ")));
            line = in.readLine();
        }
        agent.cache.node().close();
        out.println("bye");
    }

    private String answer(String[] words) {
        try {
            return act(words);
        } catch (Exception | StackOverflowError failure) {
            return "error: " + failure.toString().replaceAll("\\s+", " ");
        }
    }

    private String act(String[] words) throws InterruptedException {
        switch (words[0]) {
            case "put":
                cache.put(words[1], ofCase(words[2]));
                return "ok";
            case "check":
                return check(words[1], ofCase(words[2]));
            case "work":
                return "ok " + work(Long.parseLong(words[1]), Long.parseLong(words[2]));
            case "sync":
                return sync(Long.parseLong(words[1]));
            case "sum":
                Checksum sum = cache.checksum();
                return Long.toUnsignedString(sum.sum()) + " " + sum.entries();
            case "members":
                return Integer.toString(cache.node().members().size());
            case "clear":
                cache.clear();
                return "ok";
            default:
                return "error: no such command: " + words[0];
        }
    }

    private static Object ofCase(String name) {
        if (!Matrix.VALUES.containsKey(name)) {
            throw new IllegalArgumentException("no such case: " + name);
        }
        return Matrix.VALUES.get(name);
    }

    private String check(String key, Object expected) {
        if (!cache.containsKey(key)) {
            return "missing";
        }
        Object read = cache.get(key);
        if (Matrix.equal(expected, read)) {
            return "equal";
        }
        String told = (read == null ? "null" : read.getClass().getSimpleName() + " " + read).replaceAll("\\s+", " ");
        return "differs: " + told.substring(0, Math.min(told.length(), 200));
    }

    /** Look-ups, new values, updates and deletes over a hundred keys. */
    private long work(long milliseconds, long seed) {
        Random random = new Random(seed);
        long end = System.nanoTime() + milliseconds * 1_000_000;
        long operations = 0;
        while (System.nanoTime() < end) {
            String key = "w" + random.nextInt(WORK_KEYS);
            int choice = random.nextInt(100);
            if (choice < 55) {
                cache.get(key);
            } else if (choice < 75) {
                cache.put(key, "java " + seed + " " + operations);
            } else if (choice < 95) {
                Object before = cache.get(key);
                cache.put(key, before instanceof String ? "java after " + ((String) before).length() + " " + operations : "java");
            } else {
                cache.remove(key);
            }
            operations++;
        }
        return operations;
    }

    private String sync(long milliseconds) throws InterruptedException {
        try {
            cache.sync(Duration.ofMillis(milliseconds));
            return "ok";
        } catch (WaitTimeoutException late) {
            return "timeout";
        }
    }
}
