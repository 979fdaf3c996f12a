package io.github.mccache;

/** The types of keys there are: text and bytes. A text and its UTF-8 bytes are one key. */
public final class Keys {
    /** Text. Iteration leaves out keys that are not UTF-8: {@link #BYTES} sees all. */
    public static final KeyCodec<String> TEXT = new TextKeys();

    /**
     * Bytes. Two arrays with the same bytes are the same key for a cache, though Java's own maps would tell them apart.
     * Arrays that iteration gives are new ones.
     */
    public static final KeyCodec<byte[]> BYTES = new ByteKeys();

    private Keys() {}

    private static ClassCastException wrongType(String expected, Object key) {
        return new ClassCastException(
                "keys of this cache are " + expected + ", not " + key.getClass().getTypeName());
    }

    private static final class TextKeys implements KeyCodec<String> {
        @Override
        public byte[] encode(Object key) {
            if (!(key instanceof String)) {
                throw wrongType("java.lang.String", key);
            }
            byte[] bytes = Text.utf8OrNull((String) key);
            if (bytes == null) {
                throw new InvalidArgumentException("a key must be valid Unicode: a surrogate in this one stands alone");
            }
            return bytes;
        }

        @Override
        public String decode(byte[] bytes) {
            return Text.ofUtf8OrNull(bytes);
        }
    }

    private static final class ByteKeys implements KeyCodec<byte[]> {
        @Override
        public byte[] encode(Object key) {
            if (!(key instanceof byte[])) {
                throw wrongType("byte[]", key);
            }
            return (byte[]) key;
        }

        @Override
        public byte[] decode(byte[] bytes) {
            return bytes;
        }
    }
}
