package io.github.mccache;

/**
 * Names one write: {@link Cache#putToken(Object, Object)}. Three numbers, which a program may keep, or send to the member on
 * which the write is to be read.
 */
public final class Token {
    private final Version version;
    private final long position;

    /**
     * Of the numbers of another one.
     *
     * @param clock {@link Version#clock()}
     * @param origin {@link Version#origin()}
     * @param position {@link #position()}
     */
    public Token(long clock, long origin, long position) {
        this.version = new Version(clock, origin);
        this.position = position;
    }

    /** Of the fields in the order of the library's structure. */
    Token(long[] fields) {
        this(fields[0], fields[1], fields[2]);
    }

    /**
     * The version that was written, the same on all members.
     *
     * @return the version
     */
    public Version version() {
        return version;
    }

    /**
     * Where the write stands on its way to the members.
     *
     * @return a number that means something to the process that wrote alone
     */
    public long position() {
        return position;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Token && version.equals(((Token) other).version) && position == ((Token) other).position;
    }

    @Override
    public int hashCode() {
        return version.hashCode() * 31 + Long.hashCode(position);
    }

    /**
     * For logs.
     *
     * @return the version and the position
     */
    @Override
    public String toString() {
        return version + " at " + position;
    }
}
