package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

/** Values as they cross to other languages: the matrix of tests/values.tsv, and what is beside it. */
class ValuesTest extends ClusterCase {
    @Test
    void everyValueOfTheMatrixIsReadAndWritten() throws IOException {
        Cache<String, Object> c = cache();
        List<Matrix.Row> rows = Matrix.rows(Path.of(System.getProperty("mccache.test.values")));
        Set<String> names = new HashSet<>();
        for (Matrix.Row row : rows) {
            names.add(row.name);
            Object own = Matrix.VALUES.get(row.name);
            Cache<String, Encoded> raw = c.withValues(new Passing());
            raw.put("k", Encoded.of(row.bytes, row.codec));
            assertTrue(Matrix.equal(own, c.get("k")), row.name + ": " + c.get("k"));
            c.put("k", own);
            assertEquals(row.codec, c.metadata("k").orElseThrow().codec(), row.name);
            assertEquals(Matrix.hex(row.bytes), Matrix.hex(viewed(c, "k")), row.name);
        }
        assertEquals(Matrix.VALUES.keySet(), names);
    }

    /** Bytes and codec as they are. */
    static final class Passing implements ValueCodec<Encoded> {
        @Override
        public Encoded encode(Encoded value) {
            return value;
        }

        @Override
        public Encoded decode(Encoded encoded) {
            return encoded;
        }
    }

    private static Object read(String hex) {
        return Values.ANY.decode(Encoded.of(Matrix.unhex(hex), Encoded.CBOR));
    }

    private static String written(Object value) {
        return Matrix.hex(Values.ANY.encode(value).bytes());
    }

    private static Object again(Object value) {
        return Values.ANY.decode(Values.ANY.encode(value));
    }

    @Test
    void equalityOfTheMatrixTellsTypesApart() {
        assertTrue(!Matrix.equal(1L, 1.0) && !Matrix.equal(0.0, -0.0) && !Matrix.equal("a", new byte[] {'a'}));
        assertTrue(!Matrix.equal(List.of(1L), List.of(1L, 2L)) && !Matrix.equal(Map.of("a", 1L), Map.of("a", 1.0)));
    }

    @Test
    void everyIntegerIsWrittenInTheFewestBytesAndReadFromMore() {
        assertEquals(read("1b0000000000000001"), 1L);
        assertEquals(read("180a"), 10L);
        assertEquals(read("3bffffffffffffffff"), BigInteger.ONE.shiftLeft(64).negate());
        assertEquals("3bffffffffffffffff", written(BigInteger.ONE.shiftLeft(64).negate()));
        assertEquals("05", written(BigInteger.valueOf(5)));
        assertEquals("20", written((byte) -1));
        assertEquals("3a7fffffff", written(Integer.MIN_VALUE));
        assertEquals(read("c24101"), 1L);
        assertEquals(read("c240"), 0L);
        Random random = new Random(7);
        for (int round = 0; round < 10_000; round++) {
            BigInteger number = new BigInteger(random.nextInt(140), random);
            BigInteger signed = random.nextBoolean() ? number : number.negate();
            Object expected = signed.bitLength() < 64 ? (Object) signed.longValue() : signed;
            assertEquals(expected, again(signed));
            long narrow = random.nextLong() >> random.nextInt(64);
            assertEquals(narrow, again(narrow));
            assertEquals(written(BigInteger.valueOf(narrow)), written(narrow));
        }
    }

    @Test
    void floatsOfEveryWidthAreRead() {
        assertEquals(1.5, read("f93e00"));
        assertEquals(1.5, read("fa3fc00000"));
        assertEquals(Double.NaN, read("f97e00"));
        assertEquals(Double.NaN, read("fb7ff8000000000001"));
        assertEquals(Double.NEGATIVE_INFINITY, read("f9fc00"));
        assertEquals(5.960464477539063e-8, read("f90001"));
        assertEquals(-0.0, read("f98000"));
        assertEquals("fb3ff8000000000000", written(1.5f));
        assertEquals("81fb3ff8000000000000", written(new float[] {1.5f}));
    }

    @Test
    void whatHasNoLengthIsRead() {
        assertEquals(List.of(1L, 2L), read("9f0102ff"));
        assertEquals(Map.of("a", 1L), read("bf616101ff"));
        assertEquals("ab", read("7f61616162ff"));
        assertArrayEquals(bytes(1, 2), (byte[]) read("5f41014102ff"));
        assertNull(read("f7"));
        assertNull(((List<?>) read("81f7")).get(0));
    }

    @Test
    void ofKeysThatComeTwiceTheLastCounts() {
        assertEquals(Map.of("a", 2L), read("a2616101616102"));
    }

    @Test
    void datesAndTimesAreReadInBothForms() {
        OffsetDateTime expected = OffsetDateTime.of(2013, 3, 21, 20, 4, 0, 0, ZoneOffset.UTC);
        assertEquals(expected, read("c074323031332d30332d32315432303a30343a30305a"));
        assertEquals(expected, read("c11a514b67b0"));
        assertEquals(expected.plusNanos(500_000_000), read("c1fb41d452d9ec200000"));
        assertEquals(LocalDate.of(1969, 12, 31), read("d86420"));
        for (Object time : new Object[] {
            expected.toInstant(), expected.atZoneSameInstant(ZoneId.of("UTC")), Date.from(expected.toInstant())
        }) {
            assertEquals(expected, again(time));
        }
        // A zone goes as its offset.
        ZonedDateTime summer = ZonedDateTime.of(2026, 7, 1, 12, 0, 0, 0, ZoneId.of("Europe/Berlin"));
        assertEquals(summer.toOffsetDateTime(), again(summer));
        assertEquals(OffsetDateTime.parse("2026-07-01T12:00:00+02:00"), again(summer));
        Instant fine = Instant.ofEpochSecond(1, 123_456_789);
        assertEquals(fine.atOffset(ZoneOffset.UTC), again(fine));
        assertEquals("2026-01-01T00:00:00Z", text(OffsetDateTime.parse("2026-01-01T00:00Z")));
    }

    private static String text(OffsetDateTime time) {
        byte[] bytes = Values.ANY.encode(time).bytes();
        // A tag, and the head of a short text.
        return new String(bytes, 2, bytes.length - 2, java.nio.charset.StandardCharsets.US_ASCII);
    }

    @Test
    void aTimeWithoutAZoneIsRefused() {
        Exception refused =
                assertThrows(InvalidArgumentException.class, () -> Values.ANY.encode(LocalDateTime.of(2026, 1, 1, 0, 0)));
        assertTrue(refused.getMessage().contains("no zone"), refused.getMessage());
        assertThrows(CodecException.class, () -> written(LocalDate.of(10_000, 1, 1)));
        OffsetDateTime odd = OffsetDateTime.of(1900, 1, 1, 0, 0, 0, 0, ZoneOffset.ofHoursMinutesSeconds(0, 19, 32));
        assertThrows(CodecException.class, () -> written(odd));
    }

    @Test
    void moreOfJavasTypesComeBackEqual() {
        UUID uuid = UUID.randomUUID();
        assertEquals(uuid, again(uuid));
        assertEquals(new BigDecimal("1.20"), again(new BigDecimal("1.20")));
        assertEquals(new BigDecimal("-1E+40"), again(new BigDecimal("-1E+40")));
        assertEquals(new BigDecimal("123456789012345678901234567890.5"), again(new BigDecimal("123456789012345678901234567890.5")));
        assertEquals(Set.of("a", 1L), again(Set.of("a", 1)));
        assertEquals(List.of(1L, 2L), again(new int[] {1, 2}));
        assertEquals(List.of("a", List.of(1.5)), again(new Object[] {"a", new double[] {1.5}}));
        assertEquals("c", again('c'));
        assertEquals("built", again(new StringBuilder("built")));
        assertArrayEquals(bytes(2, 3), (byte[]) again(ByteBuffer.wrap(bytes(1, 2, 3), 1, 2)));
        assertEquals(new Tagged(32, "http://example.com"), again(new Tagged(32, "http://example.com")));
        assertEquals(Map.of(ByteBuffer.wrap(bytes(1)), true), again(Map.of(ByteBuffer.wrap(bytes(1)), true)));
        assertEquals(List.of(Map.of(List.of(1L), "k")), again(List.of(Map.of(List.of(1), "k"))));
    }

    @Test
    void whatIsMalformedIsACodecError() {
        for (String hex : new String[] {
            "", "ff", "18", "1c", "81", "9f", "a1", "a101", "61", "61ff", "62c328", "7f01ff", "5f6161ff", "0101", "f818", "f0", "f8ff",
            "c001", "c0616b", "c16161", "c1f97e00", "c201", "d9010201", "d9010261", "d8644100", "d903ec01", "d903ec6161", "d82543010203",
            "c48101", "c4820101f6", "c482616101", "dbffffffffffffffff01", "9bffffffffffffffff", "bbffffffffffffffff",
            "5bffffffffffffffff", "9b7fffffffffffffff01", "7b7fffffffffffffff61", "9a7fffffff", "ba7fffffff01", "5a7fffffff00",
            "c11b7fffffffffffffff", "d8641b7fffffffffffffff", "c4821b7fffffffffffffff01", "c1fb7e37e43c8800759c"
        }) {
            assertThrows(CodecException.class, () -> read(hex), hex);
        }
    }

    @Test
    void anyBytesAreAValueOrACodecError() {
        Random random = new Random(11);
        for (int round = 0; round < 20_000; round++) {
            byte[] bytes = new byte[random.nextInt(40)];
            random.nextBytes(bytes);
            try {
                Values.ANY.decode(Encoded.of(bytes, Encoded.CBOR));
            } catch (CodecException refused) {
                assertTrue(refused.getMessage().length() > 10);
            }
        }
    }

    @Test
    void listsNest200DeepAndNoDeeper() {
        Object nested = List.of();
        for (int depth = 1; depth < 200; depth++) {
            nested = List.of(nested);
        }
        assertEquals(nested, again(nested));
        Object deeper = List.of(nested);
        assertThrows(CodecException.class, () -> Values.ANY.encode(deeper));
        assertEquals(nested, read("81".repeat(199) + "80"));
        assertThrows(CodecException.class, () -> read("81".repeat(200) + "80"));
        assertThrows(CodecException.class, () -> read("81".repeat(100_000) + "80"));
        assertThrows(CodecException.class, () -> read("c7".repeat(100_000) + "80"));
        assertThrows(CodecException.class, () -> read("9f".repeat(100_000)));
        List<Object> endless = new ArrayList<>();
        endless.add(endless);
        assertThrows(CodecException.class, () -> Values.ANY.encode(endless));
    }

    @Test
    void textMustBeValidUnicode() {
        for (String bad : new String[] {"\uD800", "a\uDC00", "\uD800\uD800", "\u00E9\uD800b", "?\uD83E"}) {
            assertThrows(InvalidArgumentException.class, () -> Values.ANY.encode(bad));
            assertThrows(InvalidArgumentException.class, () -> Values.ANY.encode(List.of(bad)));
            assertThrows(InvalidArgumentException.class, () -> Values.ANY.encode(Map.of(bad, 1)));
            assertThrows(InvalidArgumentException.class, () -> Keys.TEXT.encode(bad));
        }
        assertEquals("??\uFFFD?", again("??\uFFFD?"));
        assertThrows(CodecException.class, () -> Values.ANY.decode(Encoded.of(bytes('a', 0xFF), Encoded.TEXT)));
    }

    @Test
    void anUnknownCodecIsNamedAndTheViewStillWorks() {
        Cache<String, Object> c = cache();
        for (int codec : new int[] {3, 4, 5, 6, 7, 255}) {
            c.withValues(new Passing()).put("k", Encoded.of(bytes(1, 2), codec));
            Exception refused = assertThrows(CodecException.class, () -> c.get("k"));
            assertTrue(refused.getMessage().contains("codec " + codec), refused.getMessage());
            assertArrayEquals(bytes(1, 2), viewed(c, "k"));
            assertArrayEquals(bytes(1, 2), c.withValues(Values.BYTES).get("k"));
        }
        c.withValues(new Passing()).put("k", Encoded.of(bytes(1), 5));
        assertTrue(assertThrows(CodecException.class, () -> c.get("k")).getMessage().contains("Values.serialized"));
    }

    @Test
    void valuesOfOneTypeAreChecked() {
        Cache<String, Object> c = cache();
        c.put("n", 300);
        assertEquals(300, c.withValues(Values.of(Integer.class)).get("n"));
        assertEquals((short) 300, c.withValues(Values.of(Short.class)).get("n"));
        assertEquals(BigInteger.valueOf(300), c.withValues(Values.of(BigInteger.class)).get("n"));
        Exception refused = assertThrows(CodecException.class, () -> c.withValues(Values.of(Byte.class)).get("n"));
        assertTrue(refused.getMessage().contains("java.lang.Byte") && refused.getMessage().contains("java.lang.Long"));
        assertThrows(CodecException.class, () -> c.withValues(Values.TEXT).get("n"));
        c.put("t", Instant.EPOCH);
        assertEquals(Instant.EPOCH, c.withValues(Values.of(Instant.class)).get("t"));
        assertEquals(Instant.EPOCH.atOffset(ZoneOffset.UTC).toZonedDateTime(), c.withValues(Values.of(ZonedDateTime.class)).get("t"));
        c.put("f", 1.5);
        assertEquals(1.5f, c.withValues(Values.of(Float.class)).get("f"));
        c.put("d", 0.1);
        assertThrows(CodecException.class, () -> c.withValues(Values.of(Float.class)).get("d"));
        assertThrows(InvalidArgumentException.class, () -> Values.of(int.class));
        c.put("null", null);
        assertNull(c.withValues(Values.of(Long.class)).get("null"));
    }

    @Test
    void aProgramsOwnFormIsRawBytes() {
        Cache<String, Object> c = cache();
        Cache<String, Integer> own = c.withValues(Values.of(
                value -> Integer.toString(value).getBytes(java.nio.charset.StandardCharsets.US_ASCII),
                bytes -> Integer.valueOf(new String(bytes, java.nio.charset.StandardCharsets.US_ASCII))));
        own.put("k", 42);
        assertEquals(42, own.get("k"));
        assertArrayEquals(bytes('4', '2'), (byte[]) c.get("k"));
        c.put("k", bytes('x'));
        assertTrue(assertThrows(CodecException.class, () -> own.get("k")).getCause() instanceof NumberFormatException);
        c.put("k", "42");
        assertThrows(CodecException.class, () -> own.get("k"));
    }

    @Test
    void valuesAreCopiedInAndOut() {
        Cache<String, Object> c = cache();
        byte[] mine = bytes(1, 2);
        List<Object> list = new ArrayList<>(Collections.singletonList(1L));
        c.put("b", mine);
        c.put("l", list);
        mine[0] = 9;
        list.add(2L);
        ((byte[]) c.get("b"))[1] = 9;
        assertArrayEquals(bytes(1, 2), (byte[]) c.get("b"));
        assertEquals(List.of(1L), c.get("l"));
    }
}
