package io.github.mccache;

import com.upokecenter.cbor.CBOREncodeOptions;
import com.upokecenter.cbor.CBORException;
import com.upokecenter.cbor.CBORObject;
import com.upokecenter.cbor.CBORType;
import com.upokecenter.numbers.EInteger;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** CBOR (RFC 8949) that any member in any language has written, as Java's objects. Plain scalars are read here. */
final class CborReader {
    // The last of keys that come twice counts, and members keep their order.
    private static final CBOREncodeOptions OPTIONS =
            new CBOREncodeOptions("allowduplicatekeys=true;keepkeyorder=true;resolvereferences=false");

    private static final int BIG_POSITIVE = 2;
    private static final int BIG_NEGATIVE = 3;
    private static final int UUID_BYTES = 16;
    private static final int SIMPLE_NULL = 22;
    private static final int SIMPLE_UNDEFINED = 23;
    private static final long NANOS = 1_000_000_000L;

    private CborReader() {}

    /** Reads one item and nothing behind it; anything else is a {@link CodecException}. */
    static Object read(byte[] bytes) {
        if (bytes.length > 0 && bytes.length <= 9) {
            int head = bytes[0] & 0xFF;
            int size = bytes.length - 1;
            if (size == 0) {
                switch (head) {
                    case CborWriter.NULL:
                        return null;
                    case CborWriter.TRUE:
                        return Boolean.TRUE;
                    case CborWriter.FALSE:
                        return Boolean.FALSE;
                    default:
                        break;
                }
            }
            if (head == CborWriter.DOUBLE && size == Long.BYTES) {
                return Double.longBitsToDouble(number(bytes));
            }
            if (head < 0x40 && size == sizeOf(head & 0x1F)) {
                long number = size == 0 ? head & 0x1F : number(bytes);
                // 64 bits without a sign that need all of them are the library's.
                if (number >= 0) {
                    return head < 0x20 ? number : ~number;
                }
            }
        }
        return readAny(bytes);
    }

    /** The bytes that follow the head of an integer; -1 if it is none. */
    private static int sizeOf(int information) {
        return information < 24 ? 0 : information < 28 ? 1 << (information - 24) : -1;
    }

    private static long number(byte[] bytes) {
        long number = 0;
        for (int index = 1; index < bytes.length; index++) {
            number = number << 8 | bytes[index] & 0xFF;
        }
        return number;
    }

    private static Object readAny(byte[] bytes) {
        try {
            return object(CBORObject.DecodeFromBytes(bytes, OPTIONS), 0);
        } catch (CBORException | DateTimeException | ArithmeticException | IllegalStateException failure) {
            throw new CodecException("a value of " + bytes.length + " bytes is not readable CBOR: " + failure.getMessage()
                    + "; view(key) gives its bytes", failure);
        } catch (StackOverflowError failure) {
            throw tooDeep();
        }
    }

    private static CodecException tooDeep() {
        return new CodecException("a value nests deeper than " + CborWriter.DEPTH_MAX + " lists and maps");
    }

    private static Object object(CBORObject item, int depth) {
        if (item.isTagged()) {
            return tagged(item.getMostOuterTag(), item.UntagOne(), depth);
        }
        switch (item.getType()) {
            case Boolean:
                return item.AsBoolean();
            case Integer:
                return integer(item);
            case FloatingPoint:
                return item.AsDoubleValue();
            case ByteString:
                return item.GetByteString();
            case TextString:
                return item.AsString();
            case Array:
                return list(item, new ArrayList<>(item.size()), depth);
            case Map:
                return map(item, depth);
            default:
                return simple(item);
        }
    }

    private static int inside(int depth) {
        if (depth >= CborWriter.DEPTH_MAX) {
            throw tooDeep();
        }
        return depth + 1;
    }

    private static Object simple(CBORObject item) {
        int number = item.getSimpleValue();
        if (number == SIMPLE_NULL || number == SIMPLE_UNDEFINED) {
            return null;
        }
        throw new CBORException("simple value " + number + " stands for nothing in Java");
    }

    private static Object integer(CBORObject item) {
        return item.CanValueFitInInt64() ? (Object) item.AsInt64Value() : big(item.AsEIntegerValue());
    }

    private static BigInteger big(EInteger number) {
        return new BigInteger(number.ToBytes(false));
    }

    private static <C extends Collection<Object>> C list(CBORObject array, C into, int depth) {
        boolean asKeys = into instanceof Set;
        int inside = inside(depth);
        for (CBORObject item : array.getValues()) {
            Object object = object(item, inside);
            into.add(asKeys ? comparable(object) : object);
        }
        return into;
    }

    private static Map<Object, Object> map(CBORObject map, int depth) {
        Map<Object, Object> into = new LinkedHashMap<>(map.size() * 4 / 3 + 1);
        int inside = inside(depth);
        for (Map.Entry<CBORObject, CBORObject> entry : map.getEntries()) {
            into.put(comparable(object(entry.getKey(), inside)), object(entry.getValue(), inside));
        }
        return into;
    }

    /** Arrays of bytes are compared by identity in Java: where a map looks for them they are buffers. */
    private static Object comparable(Object key) {
        return key instanceof byte[] ? ByteBuffer.wrap((byte[]) key).asReadOnlyBuffer() : key;
    }

    private static Object tagged(EInteger number, CBORObject item, int depth) {
        if (!number.CanFitInInt64()) {
            throw new CBORException("tag " + number + " is beyond 63 bits");
        }
        long tag = number.ToInt64Checked();
        switch ((int) Math.min(tag, Integer.MAX_VALUE)) {
            case CborWriter.TAG_TIME_TEXT:
                return OffsetDateTime.parse(text(tag, item));
            case CborWriter.TAG_TIME_EPOCH:
                return moment(tag, object(item, depth));
            case BIG_POSITIVE:
                return shortest(new BigInteger(1, bytes(tag, item)));
            case BIG_NEGATIVE:
                return shortest(new BigInteger(1, bytes(tag, item)).not());
            case CborWriter.TAG_DECIMAL:
                return decimal(tag, object(item, depth));
            case CborWriter.TAG_UUID:
                return uuid(bytes(tag, item));
            case CborWriter.TAG_DATE:
                return LocalDate.parse(text(tag, item));
            case CborWriter.TAG_DAYS:
                return LocalDate.ofEpochDay(whole(tag, object(item, depth)));
            case CborWriter.TAG_SET:
                check(tag, item.getType() == CBORType.Array && !item.isTagged());
                return list(item, new LinkedHashSet<>(), depth);
            default:
                return new Tagged(tag, object(item, inside(depth)));
        }
    }

    private static void check(long tag, boolean fits) {
        if (!fits) {
            throw new CBORException("tag " + tag + " is on an item of a kind that it does not take");
        }
    }

    private static String text(long tag, CBORObject item) {
        check(tag, item.getType() == CBORType.TextString && !item.isTagged());
        return item.AsString();
    }

    private static byte[] bytes(long tag, CBORObject item) {
        check(tag, item.getType() == CBORType.ByteString && !item.isTagged());
        return item.GetByteString();
    }

    private static long whole(long tag, Object number) {
        check(tag, number instanceof Long);
        return (Long) number;
    }

    private static Object shortest(BigInteger number) {
        return number.bitLength() < Long.SIZE ? (Object) number.longValueExact() : number;
    }

    /** Seconds since 1970, with a fraction or without. */
    private static OffsetDateTime moment(long tag, Object seconds) {
        if (seconds instanceof Long) {
            return Instant.ofEpochSecond((Long) seconds).atOffset(ZoneOffset.UTC);
        }
        check(tag, seconds instanceof Double);
        BigDecimal exact;
        try {
            exact = new BigDecimal((Double) seconds);
        } catch (NumberFormatException notFinite) {
            throw new CBORException("tag " + tag + " is on a number that is no time");
        }
        // To the microsecond: the double of a time of today has no more.
        BigInteger micros = exact.movePointRight(6).setScale(0, java.math.RoundingMode.HALF_EVEN).toBigInteger();
        BigInteger[] parts = micros.divideAndRemainder(BigInteger.valueOf(1_000_000));
        return Instant.ofEpochSecond(parts[0].longValueExact(), parts[1].longValueExact() * (NANOS / 1_000_000))
                .atOffset(ZoneOffset.UTC);
    }

    private static BigDecimal decimal(long tag, Object parts) {
        check(tag, parts instanceof List && ((List<?>) parts).size() == 2);
        Object exponent = ((List<?>) parts).get(0);
        Object mantissa = ((List<?>) parts).get(1);
        check(tag, exponent instanceof Long && (mantissa instanceof Long || mantissa instanceof BigInteger));
        BigInteger unscaled = mantissa instanceof BigInteger ? (BigInteger) mantissa : BigInteger.valueOf((Long) mantissa);
        return new BigDecimal(unscaled, Math.toIntExact(Math.negateExact((Long) exponent)));
    }

    private static UUID uuid(byte[] bytes) {
        check(CborWriter.TAG_UUID, bytes.length == UUID_BYTES);
        ByteBuffer both = ByteBuffer.wrap(bytes);
        return new UUID(both.getLong(), both.getLong());
    }
}
