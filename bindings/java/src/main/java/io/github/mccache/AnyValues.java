package io.github.mccache;

import java.nio.ByteBuffer;

/** Values by their own type: bytes, text, and CBOR for everything else. */
class AnyValues implements ValueCodec<Object> {
    @Override
    public Encoded encode(Object value) {
        if (value instanceof byte[]) {
            return Encoded.of((byte[]) value, Encoded.RAW);
        }
        if (value instanceof CharSequence || value instanceof Character) {
            return Encoded.of(utf8(value.toString()), Encoded.TEXT);
        }
        if (value instanceof ByteBuffer) {
            return Encoded.of(bytesOf((ByteBuffer) value), Encoded.RAW);
        }
        return Encoded.of(CborWriter.write(value), Encoded.CBOR);
    }

    @Override
    public Object decode(Encoded encoded) {
        byte[] bytes = encoded.bytes();
        switch (encoded.codec()) {
            case Encoded.RAW:
                return bytes;
            case Encoded.TEXT:
                String text = Text.ofUtf8OrNull(bytes);
                if (text == null) {
                    throw new CodecException("a value of " + bytes.length
                            + " bytes was put as text but is not UTF-8; view(key) gives its bytes");
                }
                return text;
            case Encoded.CBOR:
                return CborReader.read(bytes);
            case Encoded.JAVA:
                throw new CodecException("a value was put with codec 5, Java's object serialization; to read such values "
                        + "open the cache with Values.serialized(filter), on a node with a crypto_key");
            default:
                throw new CodecException("a value was put with codec " + encoded.codec() + name(encoded.codec())
                        + ", which this version cannot read; view(key) gives its bytes");
        }
    }

    static byte[] utf8(String text) {
        byte[] bytes = Text.utf8OrNull(text);
        if (bytes == null) {
            throw new InvalidArgumentException("text must be valid Unicode: a surrogate in it stands alone");
        }
        return bytes;
    }

    static byte[] bytesOf(ByteBuffer buffer) {
        byte[] bytes = new byte[buffer.remaining()];
        buffer.duplicate().get(bytes);
        return bytes;
    }

    private static String name(int codec) {
        switch (codec) {
            case 3:
                return " (Python's pickle)";
            case 4:
                return " (Ruby's Marshal)";
            case 6:
                return " (.NET's BinaryFormatter)";
            default:
                return "";
        }
    }
}
