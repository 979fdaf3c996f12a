package io.github.mccache;

import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The values that every language writes and reads: tests/values.tsv has the bytes of each name, this has Java's objects. */
final class Matrix {
    /** One line of tests/values.tsv. */
    static final class Row {
        final String name;
        final int codec;
        final byte[] bytes;

        Row(String name, int codec, byte[] bytes) {
            this.name = name;
            this.codec = codec;
            this.bytes = bytes;
        }
    }

    static final Map<String, Object> VALUES = values();

    private Matrix() {}

    private static Map<String, Object> values() {
        Map<String, Object> values = new LinkedHashMap<>();
        scalars(values);
        values.put("text_empty", "");
        values.put("text_ascii", "plain text");
        values.put("text_astral", "\uD83E\uDD80 \uD834\uDD1E \u00E9");
        values.put("text_zero", "a\0b");
        values.put("text_long", "x".repeat(100_000) + "\uD83E\uDD80");
        values.put("bytes_empty", new byte[0]);
        values.put("bytes_zero", new byte[] {0, 1, 0, (byte) 0xFF});
        byte[] pattern = new byte[65_536];
        for (int index = 0; index < pattern.length; index++) {
            pattern[index] = (byte) (index % 251);
        }
        values.put("bytes_long", pattern);
        values.put("list_empty", List.of());
        values.put("list_nested", List.of(1L, List.of(2L, List.of(3L, List.of())), "x"));
        values.put("list_mixed", Arrays.asList(null, true, -1L, 1.5, "t", new byte[] {0, (byte) 0xFF}));
        values.put("map_empty", Map.of());
        Map<String, Object> inner = new LinkedHashMap<>();
        inner.put("d", null);
        Map<String, Object> nested = new LinkedHashMap<>();
        nested.put("a", 1L);
        nested.put("b", List.of(1L, 2L));
        nested.put("c", inner);
        values.put("map_nested", nested);
        Map<Long, String> byNumber = new LinkedHashMap<>();
        byNumber.put(1L, "one");
        byNumber.put(-2L, "minus two");
        values.put("map_int_keys", byNumber);
        OffsetDateTime utc = OffsetDateTime.parse("2026-11-25T12:34:56.789123Z");
        values.put("datetime_utc", utc);
        values.put("datetime_offset", OffsetDateTime.parse("2026-11-25T12:34:56+05:30"));
        values.put("date", LocalDate.of(2026, 11, 25));
        values.put("list_of_dates", List.of(LocalDate.of(2026, 11, 25), utc));
        values.put("list_floats", List.of(Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY, -0.0));
        BigInteger unsignedMax = BigInteger.ONE.shiftLeft(64).subtract(BigInteger.ONE);
        values.put("list_int_edges", List.of(Long.MIN_VALUE, Long.MAX_VALUE, unsignedMax));
        values.put("map_astral", Map.of("\uD83E\uDD80", "\uD834\uDD1E"));
        values.put("datetime_before_1970", OffsetDateTime.parse("1969-12-31T23:59:59.000001Z"));
        values.put("date_leap", LocalDate.of(2024, 2, 29));
        return values;
    }

    private static void scalars(Map<String, Object> values) {
        BigInteger two64 = BigInteger.ONE.shiftLeft(64);
        values.put("null", null);
        values.put("true", true);
        values.put("false", false);
        for (long number : new long[] {0, 23, 24, 255, 256, 65_535, 65_536}) {
            values.put("int_" + number, number);
        }
        for (long number : new long[] {1, 24, 25, 256, 257}) {
            values.put("int_minus_" + number, -number);
        }
        values.put("int_u32_max", 0xFFFF_FFFFL);
        values.put("int_u32_max_plus_1", 0x1_0000_0000L);
        values.put("int_2_53_plus_1", (1L << 53) + 1);
        values.put("int_i64_max", Long.MAX_VALUE);
        values.put("int_i64_min", Long.MIN_VALUE);
        values.put("int_u64_max", two64.subtract(BigInteger.ONE));
        values.put("big_2_64", two64);
        values.put("big_minus_2_64_minus_1", two64.negate().subtract(BigInteger.ONE));
        values.put("float_0", 0.0);
        values.put("float_minus_0", -0.0);
        values.put("float_1_5", 1.5);
        values.put("float_1e300", 1e300);
        values.put("float_tiny", Double.MIN_VALUE);
        values.put("float_nan", Double.NaN);
        values.put("float_inf", Double.POSITIVE_INFINITY);
        values.put("float_minus_inf", Double.NEGATIVE_INFINITY);
    }

    /** Equal in value and in type; -0.0 is not 0.0, NaN is NaN, arrays are equal by content, wherever they are. */
    static boolean equal(Object left, Object right) {
        if (left instanceof byte[] && right instanceof byte[]) {
            return Arrays.equals((byte[]) left, (byte[]) right);
        }
        if (left instanceof List && right instanceof List) {
            List<?> a = (List<?>) left;
            List<?> b = (List<?>) right;
            boolean same = a.size() == b.size();
            for (int index = 0; same && index < a.size(); index++) {
                same = equal(a.get(index), b.get(index));
            }
            return same;
        }
        if (left instanceof Map && right instanceof Map) {
            Map<?, ?> a = (Map<?, ?>) left;
            Map<?, ?> b = (Map<?, ?>) right;
            return a.keySet().equals(b.keySet()) && a.keySet().stream().allMatch(key -> equal(a.get(key), b.get(key)));
        }
        return left == null ? right == null : left.equals(right);
    }

    static List<Row> rows(Path file) throws IOException {
        List<Row> rows = new ArrayList<>();
        for (String line : Files.readAllLines(file)) {
            if (!line.isEmpty() && !line.startsWith("#")) {
                String[] fields = line.split("\t");
                rows.add(new Row(fields[0], Integer.parseInt(fields[1]), bytes(fields[2])));
            }
        }
        return rows;
    }

    /** {@code -}: none; {@code 3*78+f0}: 787878f0. */
    static byte[] bytes(String told) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (String part : told.equals("-") ? new String[0] : told.split("\\+")) {
            String[] repeated = part.split("\\*");
            int times = repeated.length == 2 ? Integer.parseInt(repeated[0]) : 1;
            byte[] once = unhex(repeated[repeated.length - 1]);
            for (int time = 0; time < times; time++) {
                bytes.writeBytes(once);
            }
        }
        return bytes.toByteArray();
    }

    static byte[] unhex(String hex) {
        byte[] bytes = new byte[hex.length() / 2];
        for (int index = 0; index < bytes.length; index++) {
            bytes[index] = (byte) Integer.parseInt(hex.substring(2 * index, 2 * index + 2), 16);
        }
        return bytes;
    }

    static String hex(byte[] bytes) {
        StringBuilder hex = new StringBuilder();
        for (byte each : bytes) {
            hex.append(String.format("%02x", each));
        }
        return hex.toString();
    }
}
