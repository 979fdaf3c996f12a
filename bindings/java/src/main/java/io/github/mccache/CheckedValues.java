package io.github.mccache;

import java.math.BigInteger;
import java.time.Instant;
import java.time.OffsetDateTime;
import java.time.ZonedDateTime;
import java.util.Objects;

/** Values of one type, checked as they are read. */
final class CheckedValues<V> implements ValueCodec<V> {
    private final Class<V> type;

    CheckedValues(Class<V> type) {
        Objects.requireNonNull(type, "type: null");
        if (type.isPrimitive()) {
            throw new InvalidArgumentException("type: " + type + " is a primitive: use the class, such as Long.class");
        }
        this.type = type;
    }

    @Override
    public Encoded encode(V value) {
        return Values.ANY.encode(value);
    }

    @Override
    public V decode(Encoded encoded) {
        Object value = Values.ANY.decode(encoded);
        if (value == null || type.isInstance(value)) {
            return type.cast(value);
        }
        Object converted = convert(value);
        if (converted == null) {
            throw new CodecException("expected a value of type " + type.getTypeName() + ", and found one of type "
                    + value.getClass().getTypeName());
        }
        return type.cast(converted);
    }

    /** The same value as the type asked for, or null if it is none. */
    private Object convert(Object value) {
        if (value instanceof Long) {
            return ofLong((Long) value);
        }
        if (value instanceof Double && type == Float.class) {
            double number = (Double) value;
            return Double.isNaN(number) || (float) number == number ? Float.valueOf((float) number) : null;
        }
        if (value instanceof OffsetDateTime && type == Instant.class) {
            return ((OffsetDateTime) value).toInstant();
        }
        if (value instanceof OffsetDateTime && type == ZonedDateTime.class) {
            return ((OffsetDateTime) value).toZonedDateTime();
        }
        return null;
    }

    private Object ofLong(long number) {
        if (type == Integer.class && number == (int) number) {
            return (int) number;
        }
        if (type == Short.class && number == (short) number) {
            return (short) number;
        }
        if (type == Byte.class && number == (byte) number) {
            return (byte) number;
        }
        return type == BigInteger.class ? BigInteger.valueOf(number) : null;
    }
}
