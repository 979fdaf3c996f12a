package io.github.mccache;

/** A sum over a cache's contents: equal keys and values have equal sums on every member. */
public final class Checksum {
    private final long sum;
    private final long entries;

    Checksum(long sum, long entries) {
        this.sum = sum;
        this.entries = entries;
    }

    /**
     * The sum.
     *
     * @return 64 bits without a sign: {@link Long#toUnsignedString(long)} prints them
     */
    public long sum() {
        return sum;
    }

    /**
     * How many entries are in it.
     *
     * @return their number
     */
    public long entries() {
        return entries;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Checksum && ((Checksum) other).sum == sum && ((Checksum) other).entries == entries;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(sum) ^ Long.hashCode(entries);
    }

    @Override
    public String toString() {
        return String.format("%016x of %d entries", sum, entries);
    }
}
