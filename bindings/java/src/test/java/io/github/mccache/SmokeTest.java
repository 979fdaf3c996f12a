package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.jar.JarFile;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.function.Executable;

/** The smoke test that every language has: the same names in the same order. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class)
class SmokeTest extends ClusterCase {
    private static final int ROUNDS = 100_000;
    /** What 100,000 rounds may add to the resident set: less than two hundred bytes each. */
    private static final long LEAK_MAX_BYTES = 16L << 20;

    @Test
    @Order(1)
    void versionsAgree() throws IOException, URISyntaxException {
        assertTrue(Mccache.version().matches("\\d+\\.\\d+\\.\\d+.*"), Mccache.version());
        assertEquals(NativeLibrary.ABI_VERSION, Native.abi_version());
        String header = Files.readString(Path.of(System.getProperty("mccache.test.header")));
        assertTrue(header.contains("#define MCC_ABI_VERSION " + NativeLibrary.ABI_VERSION + "\n"));
        // What is tested is the jar, and no directory of classes.
        Path jar = Path.of(Mccache.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        try (JarFile file = new JarFile(jar.toFile())) {
            assertEquals(Mccache.version(), file.getManifest().getMainAttributes().getValue("Implementation-Version"));
        }
    }

    @Test
    @Order(2)
    void putGetDel() {
        Cache<String, Object> c = cache();
        c.put("k", bytes('v'));
        assertArrayEquals(bytes('v'), (byte[]) c.get("k"));
        assertTrue(c.containsKey("k"));
        assertEquals(1, c.size());
        c.put("k", bytes('w'));
        assertArrayEquals(bytes('w'), (byte[]) c.get("k"));
        assertTrue(c.remove("k"));
        assertFalse(c.containsKey("k"));
        assertEquals(0, c.size());
    }

    @Test
    @Order(3)
    void zeroByteInKeyAndValue() {
        Cache<String, Object> c = cache();
        c.put("a\0b", bytes('1', 0, '2'));
        c.put("a", "other\0text");
        assertArrayEquals(bytes('1', 0, '2'), (byte[]) c.get("a\0b"));
        assertArrayEquals(bytes('1', 0, '2'), (byte[]) c.withKeys(Keys.BYTES).get(bytes('a', 0, 'b')));
        assertEquals("other\0text", c.get("a"));
        assertEquals(List.of("a", "a\0b"), new ArrayList<>(new TreeSet<>(c.asMap().keySet())));
    }

    @Test
    @Order(4)
    void astralCharacter() {
        Cache<String, Object> c = cache();
        String crab = "\uD83E\uDD80";
        String clef = "\uD834\uDD1E";
        c.put(crab, clef);
        assertEquals(clef, c.get(crab));
        assertEquals(clef, c.withKeys(Keys.BYTES).get(bytes(0xF0, 0x9F, 0xA6, 0x80)));
        assertEquals(crab, c.keys().iterator().next());
        assertArrayEquals(bytes(0xF0, 0x9D, 0x84, 0x9E), viewed(c, crab));
        assertEquals(crab, node().cache(crab).name());
    }

    @Test
    @Order(5)
    void emptyValue() {
        Cache<String, Object> c = cache();
        c.put("bytes", new byte[0]);
        c.put("text", "");
        c.put("", bytes('e'));
        assertArrayEquals(new byte[0], (byte[]) c.get("bytes"));
        assertEquals("", c.get("text"));
        assertArrayEquals(bytes('e'), (byte[]) c.get(""));
        assertEquals(0, c.view("bytes").remaining());
    }

    @Test
    @Order(6)
    void largeValue() {
        Cache<String, Object> c = cache();
        byte[] value = new byte[1 << 20];
        for (int index = 0; index < value.length; index++) {
            value[index] = (byte) (index * 31);
        }
        c.put("k", value);
        assertArrayEquals(value, (byte[]) c.get("k"));
        assertArrayEquals(value, viewed(c, "k"));
    }

    @Test
    @Order(7)
    void missingKey() {
        Cache<String, Object> c = cache();
        assertNull(c.get("nobody"));
        assertEquals(3, c.getOrDefault("nobody", 3));
        assertFalse(c.remove("nobody"));
        assertFalse(c.containsKey("nobody"));
        assertNull(c.getAndRemove("nobody"));
        assertNull(c.view("nobody"));
        assertTrue(c.metadata("nobody").isEmpty());
        assertFalse(c.touch("nobody", null));
    }

    @Test
    @Order(8)
    void ttl() {
        Cache<String, Object> c = cache();
        c.put("short", 1L, Duration.ofMillis(50));
        c.put("long", 2L, Duration.ofHours(1));
        c.put("ever", 3L, Cache.FOREVER);
        assertTrue(c.metadata("long").orElseThrow().timeToLive().orElseThrow().compareTo(Duration.ofSeconds(3500)) > 0);
        assertTrue(c.metadata("ever").orElseThrow().timeToLive().isEmpty());
        eventually("the end of its time", () -> !c.containsKey("short"));
        assertNull(c.get("short"));
        assertEquals(2L, c.get("long"));
        assertEquals(3L, c.get("ever"));
    }

    @Test
    @Order(9)
    void iteration() {
        Cache<String, Object> c = cache();
        Map<String, Object> expected = new HashMap<>();
        for (long index = 0; index < 1000; index++) {
            expected.put("k" + index, index);
        }
        c.putAll(expected);
        assertEquals(expected, c.asMap());
        assertEquals(expected.keySet(), c.asMap().keySet());
        Map<String, Object> seen = new HashMap<>();
        for (Map.Entry<String, Object> entry : c) {
            assertNull(seen.put(entry.getKey(), entry.getValue()), entry.getKey());
        }
        assertEquals(expected, seen);
    }

    @Test
    @Order(10)
    void badArgument() {
        Cache<String, Object> c = cache();
        assertThrows(NullPointerException.class, () -> c.put(null, 1));
        Exception wrong = assertThrows(ClassCastException.class, () -> c.asMap().get(1));
        assertTrue(wrong.getMessage().contains("java.lang.String, not java.lang.Integer"), wrong.getMessage());
        assertThrows(TooLargeException.class, () -> c.put("k".repeat(65_536), 1));
        wrong = assertThrows(InvalidArgumentException.class, () -> c.put("k", new Object()));
        assertTrue(wrong.getMessage().contains("java.lang.Object"), wrong.getMessage());
        assertEquals(0, c.size());
    }

    @Test
    @Order(11)
    void twoNodesPutOnOneReadOnTheOther() {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        List<Object> list = new ArrayList<>(Arrays.asList(1L, 2.5, null, true, "text"));
        a.put("k", Map.of("list", list));
        eventually("the put's arrival", () -> b.containsKey("k"));
        assertEquals(Map.of("list", list), b.get("k"));
    }

    @Test
    @Order(12)
    void deleteOnOneGoneOnTheOther() {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        a.put("k", 1L);
        eventually("the put's arrival", () -> b.containsKey("k"));
        assertTrue(b.remove("k"));
        eventually("the delete's arrival", () -> !a.containsKey("k"));
    }

    @Test
    @Order(13)
    void eventArrives() throws InterruptedException {
        Cache<String, Object> a = cache();
        Cache<String, Object> b = cache();
        try (Events events = b.events()) {
            a.put("k", 1L);
            Event event = events.next(SOON);
            assertNotNull(event);
            assertEquals(EventKind.PUT, event.kind());
            assertFalse(event.local());
            assertEquals("c", event.cache());
            assertEquals("k", event.key());
            assertEquals("k", b.keyOf(event));
            assertEquals(a.node().name(), event.member());
            assertEquals(a.metadata("k").orElseThrow().version(), event.version());
        }
    }

    @Test
    @Order(14)
    void useAfterClose() {
        Cache<String, Object> c = cache();
        c.put("k", 1L);
        ByteBuffer view = c.view("k");
        c.close();
        List<Executable> uses = List.of(
                () -> c.get("k"),
                () -> c.getAndRemove("k"),
                () -> c.containsKey("k"),
                () -> c.put("k", 2L),
                () -> c.put("k", new byte[100_000]),
                () -> c.putIfAbsent("k", 2L),
                () -> c.remove("k"),
                () -> c.touch("k", null),
                () -> c.metadata("k"),
                () -> c.view("k"),
                () -> c.getOrLoad("k", key -> 2L),
                c::size,
                c::clear,
                c::iterator,
                c::stats,
                c::checksum,
                () -> c.clusterChecksum(Duration.ofSeconds(1)),
                () -> c.sync(Duration.ofSeconds(1)),
                c::events,
                () -> c.addListener(event -> { }));
        for (int number = 0; number < uses.size(); number++) {
            assertThrows(ClosedException.class, uses.get(number), "use " + number);
        }
        assertEquals(1, view.get(0));
        assertTrue(c.toString().contains("closed"), c.toString());
        assertTrue(c.isClosed());
    }

    @Test
    @Order(15)
    void doubleClose() {
        Cache<String, Object> c = cache();
        c.close();
        c.close();
        c.node().close();
        c.node().close();
        c.close();
        assertThrows(ClosedException.class, () -> c.node().cache("d"));
    }

    @Test
    @Order(16)
    void noLeakOver100000Rounds() throws IOException {
        Cache<String, Object> c = cache();
        rounds(c, ROUNDS);
        // The cleaner is a thread of its own, and on a busy machine it may be behind: what leaks grows each time.
        long grown = LEAK_MAX_BYTES;
        for (int time = 0; time < 5 && grown >= LEAK_MAX_BYTES; time++) {
            long before = residentBytes();
            rounds(c, ROUNDS);
            grown = residentBytes() - before;
        }
        assertTrue(grown < LEAK_MAX_BYTES, "grew by " + grown + " bytes, each of five times");
    }

    private static void rounds(Cache<String, Object> c, int count) {
        byte[] value = new byte[100];
        byte[] large = new byte[5_000];
        for (int round = 0; round < count; round++) {
            String key = "key-" + round % 10;
            c.put(key, value);
            c.get(key);
            c.put("n", round);
            c.get("n");
            c.get("nobody");
            c.view(key);
            if (round % 100 == 0) {
                c.put("o", List.of(round, Map.of("a", 1)));
                c.get("o");
                c.put("large", large);
                c.get("large");
                c.metadata("o");
                c.stats();
                c.events().close();
                c.iterator().next();
                c.touch("o", Duration.ofMinutes(1));
                c.getAndRemove("large");
                assertThrows(InvalidArgumentException.class, () -> c.put("o", new Object()));
                assertThrows(TooLargeException.class, () -> c.get("k".repeat(70_000)));
            }
            if (round % 10_000 == 0) {
                System.gc();
            }
        }
        System.gc();
    }

    /** Of the process. Java's heap is all there from the start: the tests run with AlwaysPreTouch. */
    private static long residentBytes() throws IOException {
        String[] pages = Files.readString(Path.of("/proc/self/statm")).split(" ");
        return Long.parseLong(pages[1]) * 4096;
    }

    /** What a writer in any language puts is bytes, text or CBOR; the bytes are those of the RFC. */
    @Test
    @Order(17)
    void valuesOfOtherLanguagesAreReadBackEqual() {
        Cache<String, Object> c = cache();
        Map<String, Object> written = new HashMap<>();
        written.put("f6", null);
        written.put("f5", true);
        written.put("00", 0L);
        written.put("17", 23L);
        written.put("1818", 24L);
        written.put("19ffff", 65_535L);
        written.put("1b7fffffffffffffff", Long.MAX_VALUE);
        written.put("3b7fffffffffffffff", Long.MIN_VALUE);
        written.put("20", -1L);
        written.put("fbbff8000000000000", -1.5);
        written.put("80", List.of());
        written.put("82018102", List.of(1L, List.of(2L)));
        written.put("a1616b81f6", Map.of("k", Arrays.asList((Object) null)));
        written.put("a10102", Map.of(1L, 2L));
        written.forEach((hex, value) -> {
            c.put("k", value);
            assertEquals(hex, Matrix.hex(viewed(c, "k")));
            assertEquals(value, c.get("k"));
            assertEquals(Encoded.CBOR, c.metadata("k").orElseThrow().codec());
        });
        c.put("k", "text");
        assertArrayEquals("text".getBytes(StandardCharsets.UTF_8), viewed(c, "k"));
        assertEquals(Encoded.TEXT, c.metadata("k").orElseThrow().codec());
        c.put("k", bytes('r', 'a', 'w'));
        assertArrayEquals(bytes('r', 'a', 'w'), viewed(c, "k"));
        assertEquals(Encoded.RAW, c.metadata("k").orElseThrow().codec());
    }
}
