package io.github.mccache;

import java.util.Objects;

/** A value with a CBOR tag (RFC 8949, 3.4) that stands for no class of Java: it is read and written as it is. */
public final class Tagged {
    private final long tag;
    private final Object value;

    /**
     * Joins the two.
     *
     * @param tag the tag's number, 0 or more
     * @param value what {@link Values#ANY} takes
     */
    public Tagged(long tag, Object value) {
        if (tag < 0) {
            throw new InvalidArgumentException("tag: " + tag + " is negative");
        }
        this.tag = tag;
        this.value = value;
    }

    /**
     * The tag.
     *
     * @return its number
     */
    public long tag() {
        return tag;
    }

    /**
     * The value it is on.
     *
     * @return the value
     */
    public Object value() {
        return value;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Tagged && ((Tagged) other).tag == tag && Objects.deepEquals(((Tagged) other).value, value);
    }

    @Override
    public int hashCode() {
        return Long.hashCode(tag);
    }

    @Override
    public String toString() {
        return tag + "(" + value + ")";
    }
}
