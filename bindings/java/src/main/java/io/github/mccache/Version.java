package io.github.mccache;

/**
 * Which write an entry is of. Versions of a key that differ are different writes; of two the greater one wins on every
 * member.
 */
public final class Version implements Comparable<Version> {
    private final long clock;
    private final long origin;

    Version(long clock, long origin) {
        this.clock = clock;
        this.origin = origin;
    }

    /**
     * The writer's hybrid logical clock.
     *
     * @return 48 bits of milliseconds since 1970 and 16 bits of a counter; 0 for events about members
     */
    public long clock() {
        return clock;
    }

    /**
     * The writer, which decides where clocks are equal.
     *
     * @return 64 bits without a sign
     */
    public long origin() {
        return origin;
    }

    @Override
    public int compareTo(Version other) {
        int byClock = Long.compare(clock, other.clock);
        return byClock != 0 ? byClock : Long.compareUnsigned(origin, other.origin);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Version && compareTo((Version) other) == 0;
    }

    @Override
    public int hashCode() {
        return Long.hashCode(clock) * 31 + Long.hashCode(origin);
    }

    /**
     * The text that the library's log shows.
     *
     * @return milliseconds, counter and writer, such as {@code 1764073496789.3@00d1c0ffee00a1b2}
     */
    @Override
    public String toString() {
        return String.format("%d.%d@%016x", clock >>> 16, clock & 0xFFFF, origin);
    }
}
