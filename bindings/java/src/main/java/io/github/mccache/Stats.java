package io.github.mccache;

/** Figures of one cache in this process, since it was opened. */
public final class Stats {
    private final long[] fields;

    /** Of the fields in the order of the library's structure. */
    Stats(long[] fields) {
        this.fields = fields;
    }

    /**
     * Entries held now.
     *
     * @return their number
     */
    public long entries() {
        return fields[0];
    }

    /**
     * What they count against the limit of bytes.
     *
     * @return bytes
     */
    public long bytes() {
        return fields[1];
    }

    /**
     * Deleted keys remembered now, so that an older put does not bring them back.
     *
     * @return their number
     */
    public long tombstones() {
        return fields[2];
    }

    /**
     * Look-ups that found a value.
     *
     * @return their number
     */
    public long hits() {
        return fields[3];
    }

    /**
     * Look-ups that found none.
     *
     * @return their number
     */
    public long misses() {
        return fields[4];
    }

    /**
     * Entries taken out to keep the limits.
     *
     * @return their number
     */
    public long evictions() {
        return fields[5];
    }

    /**
     * Entries taken out because their time was over.
     *
     * @return their number
     */
    public long expirations() {
        return fields[6];
    }

    /**
     * Puts by this process.
     *
     * @return their number
     */
    public long puts() {
        return fields[7];
    }

    /**
     * Deletes by this process, whether there was a value or not.
     *
     * @return their number
     */
    public long deletes() {
        return fields[8];
    }

    @Override
    public String toString() {
        return "entries=" + entries() + " bytes=" + bytes() + " tombstones=" + tombstones() + " hits=" + hits() + " misses="
                + misses() + " evictions=" + evictions() + " expirations=" + expirations() + " puts=" + puts() + " deletes="
                + deletes();
    }
}
