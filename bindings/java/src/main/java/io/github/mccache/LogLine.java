package io.github.mccache;

import java.time.Instant;

/** A line of the native library's log. */
public final class LogLine {
    private final System.Logger.Level level;
    private final Instant time;
    private final String target;
    private final String message;
    private final long dropped;

    LogLine(System.Logger.Level level, Instant time, String target, String message, long dropped) {
        this.level = level;
        this.time = time;
        this.target = target;
        this.message = message;
        this.dropped = dropped;
    }

    /**
     * How grave it is.
     *
     * @return {@code ERROR}, {@code WARNING}, {@code INFO}, {@code DEBUG} or {@code TRACE}
     */
    public System.Logger.Level level() {
        return level;
    }

    /**
     * When it was said.
     *
     * @return the time, to the millisecond
     */
    public Instant time() {
        return time;
    }

    /**
     * The part of the library that said it.
     *
     * @return such as {@code mccache::protocol::admission}
     */
    public String target() {
        return target;
    }

    /**
     * What was said.
     *
     * @return one line without its end, with the fields behind it: {@code member joined member=b}
     */
    public String message() {
        return message;
    }

    /**
     * How many lines before this one were lost, because the listener was slow.
     *
     * @return mostly 0
     */
    public long dropped() {
        return dropped;
    }

    @Override
    public String toString() {
        return target + ": " + message;
    }
}
