package io.github.mccache;

import java.io.ObjectInputFilter;
import java.util.Objects;
import java.util.function.Function;

/** The forms of values. What crosses to other languages is bytes, text, and what CBOR carries. */
public final class Values {
    /**
     * Whatever crosses to other languages, by its own type. Bytes ({@code byte[]}, {@code ByteBuffer}) go raw, text
     * ({@code CharSequence}, {@code Character}) as UTF-8, and as CBOR: null, {@code Boolean}, whole numbers ({@code Byte} to
     * {@code BigInteger}), {@code Float} and {@code Double}, {@code BigDecimal}, dates and times with a zone ({@code Instant},
     * {@code OffsetDateTime}, {@code ZonedDateTime}, {@code java.util.Date}), {@code LocalDate}, {@code UUID}, arrays,
     * {@code Set}s, other {@code Collection}s and {@code Map}s of all these, and {@link Tagged}.
     *
     * <p>They come back as {@code byte[]}, {@code String}, {@code Boolean}, {@code Long} ({@code BigInteger} where that is too
     * short), {@code Double}, {@code BigDecimal}, {@code OffsetDateTime}, {@code LocalDate}, {@code UUID}, {@code List},
     * {@code Set} and {@code Map}, all of them the caller's own; other tags as {@link Tagged}. Bytes as the key of a map or in
     * a set come as {@code ByteBuffer}, which compares by content.
     */
    public static final ValueCodec<Object> ANY = new AnyValues();

    /** Bytes, whoever wrote them and whatever they mean: reads every value's bytes, and writes raw ones. */
    public static final ValueCodec<byte[]> BYTES = new ByteValues();

    /** Text alone; a value of another kind is a {@link CodecException}. */
    public static final ValueCodec<String> TEXT = of(String.class);

    private Values() {}

    /**
     * Values of one type of those that {@link #ANY} knows, checked as they are read.
     *
     * <p>Besides the types that {@code ANY} gives: {@code Integer}, {@code Short} and {@code Byte}, if the number fits;
     * {@code BigInteger}, {@code Float}, {@code Instant} and {@code ZonedDateTime}.
     *
     * @param type the type
     * @param <V> the type
     * @return a codec whose {@code decode} throws a {@link CodecException} that names both types where they differ
     */
    public static <V> ValueCodec<V> of(Class<V> type) {
        return new CheckedValues<>(type);
    }

    /**
     * Values in a form of the program's own, stored as raw bytes: Protocol Buffers, Avro, a class's own format.
     *
     * @param toBytes makes the bytes of a value; null is passed if the program puts null
     * @param ofBytes makes a value of bytes; what it throws comes out of the look-up as the cause of a
     *     {@link CodecException}
     * @param <V> the type
     * @return a codec
     */
    public static <V> ValueCodec<V> of(Function<? super V, byte[]> toBytes, Function<byte[], ? extends V> ofBytes) {
        return new MappedValues<>(toBytes, ofBytes);
    }

    /**
     * What {@link #ANY} carries, and beyond that every {@code Serializable}, by Java's object serialization.
     *
     * <p>Deserialization runs code of the classes that the bytes name, and the bytes are of whoever can write to the
     * cluster. So a cache with this codec is refused by a node without a {@code crypto_key}, and the filter says which
     * classes may come in: {@code ObjectInputFilter.Config.createFilter("com.example.*;java.base/*;!*")}. Programs in other
     * languages cannot read such values.
     *
     * @param filter asked for each class, array and depth that is read; it should refuse what it does not know
     * @return a codec
     */
    public static ValueCodec<Object> serialized(ObjectInputFilter filter) {
        return new SerializedValues(Objects.requireNonNull(filter, "filter: null; it says which classes may be read"));
    }

    private static final class ByteValues implements ValueCodec<byte[]> {
        @Override
        public Encoded encode(byte[] value) {
            return Encoded.of(Objects.requireNonNull(value, "a value of bytes cannot be null"), Encoded.RAW);
        }

        @Override
        public byte[] decode(Encoded encoded) {
            return encoded.bytes();
        }
    }

    private static final class MappedValues<V> implements ValueCodec<V> {
        private final Function<? super V, byte[]> toBytes;
        private final Function<byte[], ? extends V> ofBytes;

        MappedValues(Function<? super V, byte[]> toBytes, Function<byte[], ? extends V> ofBytes) {
            this.toBytes = Objects.requireNonNull(toBytes, "toBytes: null");
            this.ofBytes = Objects.requireNonNull(ofBytes, "ofBytes: null");
        }

        @Override
        public Encoded encode(V value) {
            return Encoded.of(Objects.requireNonNull(toBytes.apply(value), "toBytes gave null"), Encoded.RAW);
        }

        @Override
        public V decode(Encoded encoded) {
            if (encoded.codec() != Encoded.RAW) {
                throw new CodecException("a value was put with codec " + encoded.codec()
                        + ", not as raw bytes; Values.BYTES gives its bytes");
            }
            try {
                return ofBytes.apply(encoded.bytes());
            } catch (RuntimeException failure) {
                throw new CodecException("a value of " + encoded.bytes().length + " bytes is not readable: " + failure, failure);
            }
        }
    }
}
