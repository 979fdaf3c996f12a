package io.github.mccache;

import com.upokecenter.cbor.CBORObject;
import com.upokecenter.numbers.EInteger;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Array;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalDateTime;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Collection;
import java.util.Date;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** Java's objects as CBOR (RFC 8949), in the form that all languages of mccache write. Plain scalars are written here. */
final class CborWriter {
    /** Lists and maps nest this deep. */
    static final int DEPTH_MAX = 200;

    static final int FALSE = 0xF4;
    static final int TRUE = 0xF5;
    static final int NULL = 0xF6;
    static final int DOUBLE = 0xFB;

    /** The numbers of CBOR's tags that have a class in Java. */
    static final int TAG_TIME_TEXT = 0;

    static final int TAG_TIME_EPOCH = 1;
    static final int TAG_DECIMAL = 4;
    static final int TAG_UUID = 37;
    static final int TAG_DAYS = 100;
    static final int TAG_SET = 258;
    static final int TAG_DATE = 1004;

    private static final int UNSIGNED = 0;
    private static final int NEGATIVE = 1;
    private static final int BYTES = 2;
    private static final int TEXT = 3;
    private static final int ARRAY = 4;
    private static final int MAP = 5;
    private static final int TAG = 6;
    private static final int BIG_POSITIVE = 2;
    private static final int BIG_NEGATIVE = 3;

    private static final byte[] FALSE_BYTES = {(byte) FALSE};
    private static final byte[] TRUE_BYTES = {(byte) TRUE};
    private static final byte[] NULL_BYTES = {(byte) NULL};

    /** A type that CBOR does not carry, and that a language's own serialization might. */
    static final class UnfitTypeException extends InvalidArgumentException {
        private static final long serialVersionUID = 1L;

        private UnfitTypeException(String message) {
            super(message);
        }
    }

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private CborWriter() {}

    /** The bytes of one item; for scalars without the library. */
    static byte[] write(Object value) {
        if (value == null) {
            return NULL_BYTES;
        }
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return ofLong(((Number) value).longValue());
        }
        if (value instanceof Double || value instanceof Float) {
            return ofBits(DOUBLE, Double.doubleToRawLongBits(((Number) value).doubleValue()), Long.BYTES);
        }
        if (value instanceof Boolean) {
            return (Boolean) value ? TRUE_BYTES : FALSE_BYTES;
        }
        try {
            CborWriter writer = new CborWriter();
            writer.item(value, 0);
            return writer.out.toByteArray();
        } catch (IOException impossible) {
            throw new CodecException("a value of type " + name(value) + " cannot be stored: " + impossible, impossible);
        }
    }

    /** In the fewest bytes. */
    private static byte[] ofLong(long number) {
        int major = number < 0 ? NEGATIVE << 5 : UNSIGNED << 5;
        long magnitude = number < 0 ? ~number : number;
        if (magnitude < 24) {
            return new byte[] {(byte) (major | (int) magnitude)};
        }
        if (magnitude <= 0xFF) {
            return ofBits(major | 24, magnitude, Byte.BYTES);
        }
        if (magnitude <= 0xFFFF) {
            return ofBits(major | 25, magnitude, Short.BYTES);
        }
        return magnitude <= 0xFFFF_FFFFL
                ? ofBits(major | 26, magnitude, Integer.BYTES)
                : ofBits(major | 27, magnitude, Long.BYTES);
    }

    private static byte[] ofBits(int head, long bits, int size) {
        byte[] bytes = new byte[1 + size];
        bytes[0] = (byte) head;
        for (int index = 0; index < size; index++) {
            bytes[1 + index] = (byte) (bits >>> 8 * (size - 1 - index));
        }
        return bytes;
    }

    private void item(Object value, int depth) throws IOException {
        if (value == null || value instanceof Boolean || isShortNumber(value)) {
            out.writeBytes(write(value));
        } else if (value instanceof CharSequence || value instanceof Character) {
            string(TEXT, AnyValues.utf8(value.toString()));
        } else if (value instanceof byte[]) {
            string(BYTES, (byte[]) value);
        } else if (value instanceof ByteBuffer) {
            string(BYTES, AnyValues.bytesOf((ByteBuffer) value));
        } else if (value instanceof BigInteger) {
            big((BigInteger) value);
        } else if (value instanceof BigDecimal) {
            decimal((BigDecimal) value);
        } else if (!time(value)) {
            container(value, depth);
        }
    }

    private static boolean isShortNumber(Object value) {
        return value instanceof Long
                || value instanceof Integer
                || value instanceof Double
                || value instanceof Float
                || value instanceof Short
                || value instanceof Byte;
    }

    private void string(int major, byte[] bytes) throws IOException {
        CBORObject.WriteValue(out, major, bytes.length);
        out.writeBytes(bytes);
    }

    private void tag(long tag) throws IOException {
        CBORObject.WriteValue(out, TAG, tag);
    }

    /** 64 bits and a sign as an integer, more as a bignum. */
    private void big(BigInteger number) throws IOException {
        boolean negative = number.signum() < 0;
        BigInteger magnitude = negative ? number.not() : number;
        if (magnitude.bitLength() <= Long.SIZE) {
            CBORObject.WriteValue(out, negative ? NEGATIVE : UNSIGNED, EInteger.FromBytes(magnitude.toByteArray(), false));
            return;
        }
        byte[] bytes = magnitude.toByteArray();
        int sign = bytes[0] == 0 ? 1 : 0;
        tag(negative ? BIG_NEGATIVE : BIG_POSITIVE);
        CBORObject.WriteValue(out, BYTES, bytes.length - sign);
        out.write(bytes, sign, bytes.length - sign);
    }

    private void decimal(BigDecimal number) throws IOException {
        tag(TAG_DECIMAL);
        CBORObject.WriteValue(out, ARRAY, 2);
        out.writeBytes(ofLong(-(long) number.scale()));
        big(number.unscaledValue());
    }

    /** False if the value is no date or time. */
    private boolean time(Object value) throws IOException {
        if (value instanceof OffsetDateTime) {
            moment((OffsetDateTime) value);
        } else if (value instanceof ZonedDateTime) {
            moment(((ZonedDateTime) value).toOffsetDateTime());
        } else if (value instanceof Instant) {
            moment(((Instant) value).atOffset(ZoneOffset.UTC));
        } else if (value.getClass() == Date.class) {
            moment(((Date) value).toInstant().atOffset(ZoneOffset.UTC));
        } else if (value instanceof LocalDate) {
            LocalDate date = (LocalDate) value;
            checkYear(date.getYear(), value);
            tag(TAG_DATE);
            string(TEXT, AnyValues.utf8(date.toString()));
        } else {
            return false;
        }
        return true;
    }

    private void moment(OffsetDateTime time) throws IOException {
        checkYear(time.getYear(), time);
        if (time.getOffset().getTotalSeconds() % 60 != 0) {
            throw new CodecException(time + " cannot be stored: RFC 3339 has no offsets with seconds");
        }
        tag(TAG_TIME_TEXT);
        string(TEXT, AnyValues.utf8(DateTimeFormatter.ISO_OFFSET_DATE_TIME.format(time)));
    }

    private static void checkYear(int year, Object value) {
        if (year < 0 || year > 9999) {
            throw new CodecException(value + " cannot be stored: RFC 3339 has the years 0 to 9999");
        }
    }

    private void container(Object value, int depth) throws IOException {
        if (value instanceof UUID) {
            UUID uuid = (UUID) value;
            tag(TAG_UUID);
            ByteBuffer bytes = ByteBuffer.allocate(2 * Long.BYTES);
            string(BYTES, bytes.putLong(uuid.getMostSignificantBits()).putLong(uuid.getLeastSignificantBits()).array());
            return;
        }
        if (value instanceof Tagged) {
            tag(((Tagged) value).tag());
            item(((Tagged) value).value(), inside(depth));
            return;
        }
        if (value instanceof Map) {
            map((Map<?, ?>) value, inside(depth));
        } else if (value instanceof Collection) {
            if (value instanceof Set) {
                tag(TAG_SET);
            }
            list((Collection<?>) value, inside(depth));
        } else if (value.getClass().isArray()) {
            array(value, inside(depth));
        } else if (value instanceof LocalDateTime) {
            throw new UnfitTypeException("a value of type " + name(value) + " cannot be stored: it has no zone, and would "
                    + "be another instant elsewhere; use an OffsetDateTime, a ZonedDateTime or an Instant");
        } else {
            throw new UnfitTypeException("a value of type " + name(value) + " cannot be stored: values are byte[], "
                    + "String and what CBOR carries (null, Boolean, numbers, dates and times with a zone, UUID, List, Set, Map "
                    + "and arrays of these)");
        }
    }

    private static int inside(int depth) {
        if (depth >= DEPTH_MAX) {
            throw new CodecException("a value nests deeper than " + DEPTH_MAX + " lists and maps");
        }
        return depth + 1;
    }

    // Sizes are counted by going through what is there, since another thread may add to it meanwhile.

    private void map(Map<?, ?> map, int depth) throws IOException {
        Object[] entries = map.entrySet().toArray();
        CBORObject.WriteValue(out, MAP, entries.length);
        for (Object entry : entries) {
            item(((Map.Entry<?, ?>) entry).getKey(), depth);
            item(((Map.Entry<?, ?>) entry).getValue(), depth);
        }
    }

    private void list(Collection<?> items, int depth) throws IOException {
        Object[] all = items.toArray();
        CBORObject.WriteValue(out, ARRAY, all.length);
        for (Object item : all) {
            item(item, depth);
        }
    }

    private void array(Object array, int depth) throws IOException {
        int length = Array.getLength(array);
        CBORObject.WriteValue(out, ARRAY, length);
        for (int index = 0; index < length; index++) {
            item(Array.get(array, index), depth);
        }
    }

    private static String name(Object value) {
        return value.getClass().getTypeName();
    }
}
