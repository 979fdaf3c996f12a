package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ObjectInputFilter;
import java.io.Serializable;
import java.time.DayOfWeek;
import java.time.LocalDateTime;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Java's own serialization: off, refused without a key, and filtered. */
class SerializationTest extends ClusterCase {
    private static final ObjectInputFilter OURS =
            ObjectInputFilter.Config.createFilter("io.github.mccache.*;java.base/*;!*");
    private static final String KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

    /** Something that CBOR does not carry. */
    static final class Price implements Serializable {
        private static final long serialVersionUID = 1L;
        final String currency;
        final long cents;

        Price(String currency, long cents) {
            this.currency = currency;
            this.cents = cents;
        }
    }

    /** Cannot be written: one of its fields is not serializable. */
    static final class Broken implements Serializable {
        private static final long serialVersionUID = 1L;
        @SuppressWarnings("serial")
        final Object inside = new Object();
    }

    private Cache<String, Object> opened(ObjectInputFilter filter) {
        return node(Map.of("crypto_key", KEY)).cache("c", CacheOptions.defaults().values(Values.serialized(filter)));
    }

    @Test
    void whatCborCannotCarryIsSerialized() {
        Cache<String, Object> c = opened(OURS);
        c.put("price", new Price("EUR", 120));
        assertEquals(Encoded.JAVA, c.metadata("price").orElseThrow().codec());
        Price read = (Price) c.get("price");
        assertEquals("EUR 120", read.currency + " " + read.cents);
        c.put("list", List.of(DayOfWeek.MONDAY, LocalDateTime.of(2026, 1, 1, 0, 0)));
        assertEquals(List.of(DayOfWeek.MONDAY, LocalDateTime.of(2026, 1, 1, 0, 0)), c.get("list"));
        c.put("plain", List.of(1L));
        assertEquals(Encoded.CBOR, c.metadata("plain").orElseThrow().codec());
        assertThrows(InvalidArgumentException.class, () -> c.put("k", new Object()));
        assertThrows(CodecException.class, () -> c.put("k", new Broken()));
        // What is wrong with it is not its type.
        assertThrows(InvalidArgumentException.class, () -> c.put("k", "\uD800"));
    }

    @Test
    void aNodeWithoutAKeyRefuses() {
        Node node = node();
        Exception refused = assertThrows(
                ConfigException.class, () -> node.cache("c", CacheOptions.defaults().values(Values.serialized(OURS))));
        assertTrue(refused.getMessage().contains("crypto_key"), refused.getMessage());
        Cache<String, Object> plain = node.cache("c");
        assertThrows(InvalidArgumentException.class, () -> plain.withValues(Values.serialized(OURS)));
        assertThrows(InvalidArgumentException.class, () -> plain.put("k", new Price("EUR", 1)));
    }

    @Test
    void withoutTheOptionReadingTellsHowToOptIn() {
        Cache<String, Object> c = opened(OURS);
        c.put("k", new Price("EUR", 120));
        Exception refused = assertThrows(CodecException.class, () -> c.node().cache("c").get("k"));
        assertTrue(refused.getMessage().contains("Values.serialized(filter)"), refused.getMessage());
    }

    @Test
    void theFilterDecides() {
        Cache<String, Object> c = opened(OURS);
        c.put("k", new Price("EUR", 120));
        Cache<String, Object> strict =
                c.withValues(Values.serialized(ObjectInputFilter.Config.createFilter("java.base/*;!*")));
        Exception refused = assertThrows(CodecException.class, () -> strict.get("k"));
        assertTrue(refused.getMessage().contains("REJECTED"), refused.getMessage());
        c.withValues(Values.BYTES).put("raw", new byte[] {1});
        assertThrows(NullPointerException.class, () -> Values.serialized(null));
    }
}
