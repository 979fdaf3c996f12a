package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ThreadLocalRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Whatever a program passes: an answer or an exception that tells, never a crash. */
class InputsTest extends ClusterCase {
    @Test
    void keysAndValuesOfEveryLengthComeBack() {
        Cache<byte[], byte[]> c = cache().withKeys(Keys.BYTES).withValues(Values.BYTES);
        Random random = new Random(3);
        int[] lengths = {0, 1, 15, 255, 256, 257, 1024, 2047, 2048, 2049, 65_535};
        for (int keyLength : lengths) {
            for (int valueLength : lengths) {
                byte[] key = new byte[keyLength];
                byte[] value = new byte[valueLength];
                random.nextBytes(key);
                random.nextBytes(value);
                c.put(key, value);
                String lengthsOfBoth = keyLength + "/" + valueLength;
                assertArrayEquals(value, c.get(key), lengthsOfBoth);
                assertArrayEquals(value, AnyValues.bytesOf(c.view(key)), lengthsOfBoth);
                assertEquals(valueLength, c.metadata(key).orElseThrow().size());
                assertArrayEquals(value, c.getAndRemove(key), lengthsOfBoth);
            }
        }
    }

    @Test
    void nullsAreRefusedByName() {
        Cache<String, Object> c = cache();
        List<Executable> calls = List.of(
                () -> c.get(null),
                () -> c.put(null, 1),
                () -> c.remove(null),
                () -> c.containsKey(null),
                () -> c.getAndRemove(null),
                () -> c.touch(null, null),
                () -> c.metadata(null),
                () -> c.view(null),
                () -> c.putIfAbsent(null, 1),
                () -> c.getOrLoad(null, key -> 1),
                () -> c.getOrLoad("k", null),
                () -> c.getOrLoad("k", key -> 1, (LoadOptions) null),
                () -> c.addListener(null),
                () -> c.node().cache(null),
                () -> c.node().cache("c", CacheOptions.defaults().keys(null)),
                () -> c.node().cache("c", CacheOptions.defaults().set(null, 1)),
                () -> c.node().setting(null),
                () -> c.withValues(Values.BYTES).put("k", null),
                () -> c.events().next(null));
        for (int number = 0; number < calls.size(); number++) {
            NullPointerException refused = assertThrows(NullPointerException.class, calls.get(number), "call " + number);
            assertTrue(refused.getMessage() != null, "call " + number);
        }
        assertEquals(0, c.size());
    }

    @Test
    void keysOfOtherTypesAreRefusedByTheMap() {
        Map<String, Object> map = cache().asMap();
        for (Object key : new Object[] {1, 'c', bytes('k'), new StringBuilder("k")}) {
            assertThrows(ClassCastException.class, () -> map.get(key));
            assertThrows(ClassCastException.class, () -> map.remove(key));
            assertThrows(ClassCastException.class, () -> map.containsKey(key));
        }
    }

    @Test
    void tooMuchIsTooLarge() {
        Cache<String, Object> c = node(Map.of("max_value", 1000)).cache("c");
        String longKey = "k".repeat(65_536);
        assertThrows(TooLargeException.class, () -> c.get(longKey));
        assertThrows(TooLargeException.class, () -> c.remove(longKey));
        assertThrows(TooLargeException.class, () -> c.containsKey(longKey));
        assertThrows(TooLargeException.class, () -> c.getOrLoad(longKey, key -> 1));
        assertThrows(TooLargeException.class, () -> c.put("k", new byte[1001]));
        assertThrows(TooLargeException.class, () -> c.put("k", new byte[5000]));
        assertThrows(TooLargeException.class, () -> c.putIfAbsent("k", new byte[1001]));
        assertThrows(TooLargeException.class, () -> c.getOrLoad("k", key -> new byte[1001]));
        c.put("k".repeat(65_535), new byte[1000]);
        assertEquals(1, c.size());
    }

    @Test
    void namesOfCachesAreChecked() {
        Node node = node();
        assertThrows(InvalidArgumentException.class, () -> node.cache(""));
        assertThrows(InvalidArgumentException.class, () -> node.cache("n".repeat(256)));
        assertThrows(InvalidArgumentException.class, () -> node.cache("a\0b"));
        assertThrows(InvalidArgumentException.class, () -> node.cache("\uD800"));
        assertEquals("n".repeat(255), node.cache("n".repeat(255)).name());
    }

    @Test
    void messagesAreTheLibrarysOwnAndUnicode() {
        Exception wrong = assertThrows(ConfigException.class, () -> Node.open(Map.of("\uD83E\uDD80", 1)));
        assertTrue(wrong.getMessage().contains("\uD83E\uDD80"), wrong.getMessage());
        assertThrows(InvalidArgumentException.class, () -> Node.open(Map.of("cluster", "a\0b")));
        assertThrows(ConfigException.class, () -> Node.open(java.nio.file.Path.of("no-such-file.toml"), Map.of()));
    }

    @Test
    void codecsAreChecked() {
        assertThrows(InvalidArgumentException.class, () -> Encoded.of(new byte[0], -1));
        assertThrows(InvalidArgumentException.class, () -> Encoded.of(new byte[0], 256));
        assertThrows(NullPointerException.class, () -> Encoded.of(null, 0));
        assertThrows(InvalidArgumentException.class, () -> new Tagged(-1, 1));
    }

    @Test
    void anyTextIsAKeyOrRefused() {
        Cache<String, Object> c = cache();
        ThreadLocalRandom random = ThreadLocalRandom.current();
        for (int round = 0; round < 5_000; round++) {
            StringBuilder key = new StringBuilder();
            for (int length = random.nextInt(8); length > 0; length--) {
                key.append((char) (random.nextBoolean() ? random.nextInt(0x80) : random.nextInt(0x10000)));
            }
            String text = key.toString();
            boolean valid = java.nio.charset.StandardCharsets.UTF_8.newEncoder().canEncode(text);
            if (valid) {
                c.put(text, text);
                assertEquals(text, c.get(text));
            } else {
                assertThrows(InvalidArgumentException.class, () -> c.get(text));
            }
        }
        c.asMap().forEach((key, value) -> assertEquals(key, value));
    }
}
