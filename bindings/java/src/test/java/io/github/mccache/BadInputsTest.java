package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.ObjectInputFilter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.LocalDateTime;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Every line of tests/bad_inputs.tsv. Where the compiler refuses a wrong type, null is what is left of it. */
class BadInputsTest extends ClusterCase {
    private static final Map<String, List<Class<? extends Throwable>>> ERRORS = Map.of(
            "type", List.of(InvalidArgumentException.class, ClassCastException.class, NullPointerException.class),
            "invalid argument", List.of(InvalidArgumentException.class),
            "too large", List.of(TooLargeException.class),
            "codec", List.of(CodecException.class),
            "config", List.of(ConfigException.class),
            "closed", List.of(ClosedException.class),
            "timeout", List.of(WaitTimeoutException.class),
            "the loader's", List.of(FileNotFoundException.class));

    private static final String SURROGATE = "\uD83E";

    @TempDir
    Path folder;

    private Cache<String, Object> c;
    private final Map<String, List<Executable>> calls = new LinkedHashMap<>();

    private void on(String name, Executable... all) {
        calls.put(name, List.of(all));
    }

    /** A read of bytes that another member wrote. */
    private Executable read(int codec, String hex) {
        return () -> {
            c.withValues(new ValuesTest.Passing()).put("read", Encoded.of(Matrix.unhex(hex), codec));
            assertEquals(hex, Matrix.hex(viewed(c, "read")));
            c.get("read");
        };
    }

    private static List<Object> nested(int depth) {
        List<Object> nested = List.of();
        for (int more = 1; more < depth; more++) {
            nested = List.of(nested);
        }
        return nested;
    }

    private void keys() {
        Map<String, Object> map = c.asMap();
        Object[] wrong = {1, List.of(), new Object()};
        on("key_of_wrong_type", () -> map.get(wrong[0]), () -> map.remove(wrong[1]), () -> map.containsKey(wrong[2]));
        on("key_of_nothing", () -> c.get(null), () -> c.put(null, 1), () -> map.get(null), () -> c.remove(null));
        on("key_too_long", () -> c.put("k".repeat(65_536), 1), () -> c.get("\u00E9".repeat(32_768)));
        on("key_of_65535_bytes", () -> c.put("k".repeat(65_535), 1));
        on("key_empty", () -> {
            c.put("", 1);
            assertEquals(1L, c.withKeys(Keys.BYTES).get(new byte[0]));
        });
        on("key_with_lone_surrogate", () -> c.put(SURROGATE, 1), () -> c.get("a" + SURROGATE));
    }

    private void values() {
        List<Object> endless = new ArrayList<>();
        endless.add(endless);
        LocalDateTime noZone = LocalDateTime.of(2026, 11, 25, 12, 0);
        on("value_of_wrong_type", () -> c.put("k", (Runnable) () -> { }), () -> c.put("k", Thread.currentThread()), () -> c.put("k", c.node()));
        on("value_with_wrong_type_inside", () -> c.put("k", Map.of("a", List.of(new Object()))));
        on("value_too_large", () -> c.put("k", new byte[100_001]), () -> c.put("k", "x".repeat(100_001)));
        on("value_with_lone_surrogate", () -> c.put("k", SURROGATE), () -> c.put("k", List.of(SURROGATE)),
                () -> c.put("k", Map.of(SURROGATE, 1)));
        on("value_nested_201_deep", () -> c.put("k", nested(201)));
        on("value_that_contains_itself", () -> c.put("k", endless));
        on("value_of_time_without_zone", () -> c.put("k", noZone), () -> c.put("k", List.of(noZone)));
        on("read_of_malformed_cbor", read(2, ""), read(2, "82f6"), read(2, "1c"), read(2, "9bffffffffffffffff"), read(2, "61ff"));
        on("read_of_two_cbor_items", read(2, "f6f6"), read(2, "0101"));
        on("read_of_cbor_nested_201_deep", read(2, "81".repeat(200) + "80"), read(2, "81".repeat(99_000) + "80"));
        on("read_of_text_not_utf8", read(1, "ff"));
        on("read_of_unknown_codec", read(200, "00"));
        on("read_of_native_without_option", read(3, "00"), read(4, "00"), read(5, "00"), read(6, "00"));
        on("native_without_key", () -> c.node().cache("n", CacheOptions.defaults()
                .values(Values.serialized(ObjectInputFilter.Config.createFilter("!*")))));
    }

    private void settings() {
        Node node = c.node();
        on("cache_name_of_wrong_type", () -> node.cache(null));
        on("cache_name_empty", () -> node.cache(""));
        on("cache_name_too_long", () -> node.cache("n".repeat(256)));
        on("cache_name_with_zero_byte", () -> node.cache("a\0b"));
        on("setting_unknown", () -> names("cache_ttl", () -> Node.open(Map.of("cache_tll", 1))));
        on("setting_of_bad_value", () -> Node.open(Map.of("cache_max", "many")),
                () -> node.cache("d", CacheOptions.defaults().set("cache_max", "many")));
        on("setting_of_node_given_to_cache", () -> node.cache("d", CacheOptions.defaults().set("cluster", "x")));
        on("setting_other_than_open", () -> node.cache("c", CacheOptions.defaults().set("cache_ttl", 17)));
        Path missing = folder.resolve("missing.toml");
        Path wrong = folder.resolve("wrong.toml");
        on("config_file_missing", () -> names("missing.toml", () -> Node.open(missing, Map.of())));
        on("config_file_wrong", () -> {
            Files.writeString(wrong, "\nthis is no TOML\n");
            names("wrong.toml", () -> names("2", () -> Node.open(wrong, Map.of())));
        });
    }

    /** The message names something. */
    private static void names(String what, Executable call) throws Throwable {
        try {
            call.execute();
        } catch (MccacheException failure) {
            assertTrue(failure.getMessage().contains(what), failure.getMessage());
            throw failure;
        }
    }

    private void times() {
        Duration negative = Duration.ofMillis(-1);
        on("ttl_of_zero", () -> c.put("k", 1, Duration.ZERO), () -> c.touch("k", Duration.ZERO));
        on("ttl_negative", () -> c.put("k", 1, negative), () -> c.putIfAbsent("k", 1, negative), () -> c.getOrLoad("k", k -> 1, negative));
        on("ttl_of_wrong_type");
        on("ttl_too_long", () -> c.put("k", 1, Duration.ofDays(1_000_000)), () -> c.put("k", 1, Cache.FOREVER));
        on("timeout_negative", () -> c.sync(negative), () -> c.events().next(negative), () -> LoadOptions.defaults().timeout(negative));
        on("timeout_of_wrong_type", () -> c.sync(null), () -> c.events().next(null), () -> c.node().awaitReady(null));
    }

    private void callbacks() {
        on("loader_of_wrong_type", () -> c.getOrLoad("k", null), () -> c.getOrLoadAsync("k", null));
        on("loader_that_fails", () -> c.getOrLoad("l", key -> {
            throw new FileNotFoundException("of the loader");
        }));
        on("loader_of_bad_value", () -> c.getOrLoad("l", key -> new Object()));
        on("loader_that_asks_for_its_own_key", () -> c.getOrLoad(
                "l", key -> c.getOrLoad(key, again -> 1, LoadOptions.defaults().timeout(Duration.ofMillis(50)))));
        on("listener_of_wrong_type", () -> c.addListener(null), () -> c.node().addListener(null));
    }

    private void ends() {
        Cache<String, Object> closed = cache();
        closed.close();
        Node gone = node();
        Cache<String, Object> ofGone = gone.cache("c");
        Events events = closed.node().cache("other").events();
        gone.close();
        events.close();
        // The smoke test goes through every call on a closed cache.
        on("closed_cache", () -> closed.get("k"), () -> closed.put("k", 1), () -> closed.getOrLoad("k", key -> 1), closed::size);
        on("closed_node", () -> gone.cache("c"), gone::members, gone::events, gone::keys, () -> gone.awaitReady(SOON),
                () -> gone.clusterMetrics(SOON), () -> gone.addListener(event -> { }), () -> ofGone.get("k"));
        on("closed_events", events::next, () -> events.next(Duration.ZERO));
        on("closed_twice", closed::close, gone::close, events::close, closed::close, gone::close, events::close);
        // Of another name: what comes from another member within a clear's millisecond may be later than that.
        Cache<String, Object> closing = node().cache("closing");
        for (int number = 0; number < 10; number++) {
            closing.put("k" + number, number);
        }
        Iterator<String> keys = closing.keys().iterator();
        keys.next();
        closing.close();
        on("iteration_while_closing", keys::next);
    }

    @Test
    void everyLineOfTheTable() throws IOException {
        c = node(Map.of("max_value", 100_000)).cache("c");
        keys();
        values();
        settings();
        times();
        callbacks();
        ends();
        List<String> names = new ArrayList<>();
        Path table = Path.of(System.getProperty("mccache.test.values")).resolveSibling("bad_inputs.tsv");
        for (String line : Files.readAllLines(table)) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                String[] fields = line.split("\t");
                names.add(fields[0]);
                for (Executable call : calls.getOrDefault(fields[0], List.of())) {
                    c.clear();
                    c.put("before", "there");
                    answers(fields[0], fields[2], call);
                }
            }
        }
        assertEquals(names, List.copyOf(calls.keySet()));
    }

    private void answers(String name, String error, Executable call) {
        if (error.equals("fine")) {
            assertDoesNotThrow(call, name);
            return;
        }
        Throwable thrown = assertThrows(Throwable.class, call, name);
        assertTrue(ERRORS.get(error).stream().anyMatch(kind -> kind.isInstance(thrown)), name + ": " + thrown);
        assertFalse(thrown.getMessage() == null || thrown.getMessage().isEmpty(), name);
        c.remove("read");
        if (name.startsWith("loader_that") || name.startsWith("loader_of_bad")) {
            // The key can be loaded at once.
            assertEquals(1L, assertDoesNotThrow(() -> c.getOrLoad("l", key -> 1L, LoadOptions.defaults().timeout(Duration.ZERO))), name);
            c.remove("l");
        }
        assertEquals(Map.of("before", "there"), c.asMap(), name);
    }
}
