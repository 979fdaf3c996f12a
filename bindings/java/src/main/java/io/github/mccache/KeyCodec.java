package io.github.mccache;

/**
 * How keys of a type become bytes, and bytes such keys. {@link Keys} has those for text and bytes.
 *
 * <p>Used by any threads at once. Two keys that are equal must become equal bytes.
 *
 * @param <K> the type of keys
 */
public interface KeyCodec<K> {
    /**
     * Makes the bytes of a key.
     *
     * @param key the key, not null; of another type if it came through {@link java.util.Map#get(Object)} and its like
     * @return 0 to 65,535 bytes, which are not written to any more
     * @throws ClassCastException if the key is of another type
     * @throws InvalidArgumentException if the key has no such bytes
     */
    byte[] encode(Object key);

    /**
     * Makes the key of bytes that any member in any language may have put.
     *
     * @param bytes the bytes; the codec may keep them
     * @return the key; null if there is none of this type with these bytes: iteration leaves it out
     */
    K decode(byte[] bytes);
}
