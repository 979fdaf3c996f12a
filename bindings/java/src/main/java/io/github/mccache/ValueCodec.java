package io.github.mccache;

/**
 * How values of a type become bytes, and bytes such values. {@link Values} has those most programs need.
 *
 * <p>Used by any threads at once.
 *
 * @param <V> the type of values
 */
public interface ValueCodec<V> {
    /**
     * Makes the bytes of a value.
     *
     * @param value the value; null if the program put null
     * @return its bytes and how to read them; they are copied before the call that puts them returns
     * @throws InvalidArgumentException if the value is of a type that cannot be stored, or has text that is no valid Unicode
     * @throws CodecException if this value of such a type cannot
     */
    Encoded encode(V value);

    /**
     * Makes the value of bytes that any member in any language may have put.
     *
     * @param encoded the bytes, which are the codec's own, and how to read them
     * @return the value; null where a member put a null
     * @throws CodecException if they are not readable as this type
     */
    V decode(Encoded encoded);
}
