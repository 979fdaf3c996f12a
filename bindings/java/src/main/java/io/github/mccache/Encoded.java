package io.github.mccache;

import java.util.Objects;

/** A value as it crosses to other members: bytes, and how to read them. What {@link ValueCodec}s make and read. */
public final class Encoded {
    /** Bytes as they are. */
    public static final int RAW = 0;
    /** UTF-8 text. */
    public static final int TEXT = 1;
    /** One CBOR data item (RFC 8949): what all languages make of numbers, lists, maps and dates. */
    public static final int CBOR = 2;
    /** Java's object serialization, which {@link Values#serialized} alone reads and writes. */
    public static final int JAVA = 5;

    private static final int CODEC_MAX = 255;

    private final byte[] bytes;
    private final int codec;

    private Encoded(byte[] bytes, int codec) {
        this.bytes = bytes;
        this.codec = codec;
    }

    /**
     * Joins the two.
     *
     * @param bytes the bytes; not copied, so leave them as they are
     * @param codec how to read them: one of the constants here, or another number of 0 to 255 that the readers know
     * @return both
     */
    public static Encoded of(byte[] bytes, int codec) {
        Objects.requireNonNull(bytes, "bytes: null");
        if (codec < 0 || codec > CODEC_MAX) {
            throw new InvalidArgumentException("codec: " + codec + " is not in 0 to " + CODEC_MAX);
        }
        return new Encoded(bytes, codec);
    }

    /**
     * The bytes themselves, not a copy.
     *
     * @return the bytes
     */
    public byte[] bytes() {
        return bytes;
    }

    /**
     * How to read them.
     *
     * @return a number of 0 to 255
     */
    public int codec() {
        return codec;
    }

    @Override
    public String toString() {
        return bytes.length + " bytes of codec " + codec;
    }
}
