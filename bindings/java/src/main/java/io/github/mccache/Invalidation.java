package io.github.mccache;

import java.time.Duration;

/**
 * An invalidation of some keys in two steps, around a transaction of the database that a cache is loaded from:
 * {@link Cache#invalidating}. It has begun, and ends when it is closed.
 *
 * <pre>{@code
 * try (Invalidation invalidation = cache.invalidating("product:7")) {
 *     statement.executeUpdate("UPDATE product SET price = 3 WHERE id = 7");
 *     connection.commit();
 * }
 * }</pre>
 *
 * <p>Used by one thread at a time. One that is forgotten ends when it is collected, or by its limit.
 */
public final class Invalidation implements AutoCloseable {
    private final NativeInvalidation handle;
    private final boolean complete;
    private boolean begun = true;
    private boolean inTime;

    Invalidation(NativeInvalidation handle, long limitMs, long timeoutMs) {
        this.handle = handle;
        complete = handle.begin(limitMs, timeoutMs);
    }

    /** How long members wait for the end, for C: above zero, since that is the usual limit there. */
    static long limitMs(Duration limit) {
        long limitMs = Times.timeoutMs(limit);
        if (limitMs == 0) {
            throw new InvalidArgumentException("limit: " + limit + " must be above zero, and ten minutes at most");
        }
        return limitMs;
    }

    /**
     * Whether every live member has answered in time. If not, some may show what was before the transaction until they hear of
     * the end, as after any removal.
     *
     * @return whether it is complete
     */
    public boolean isComplete() {
        return complete;
    }

    /**
     * Whether it was closed before its limit. If not, members may have loaded what was before the transaction meanwhile, and
     * have shown it until then.
     *
     * @return false also before it was closed, and after {@link #abort}
     */
    public boolean isInTime() {
        return inTime;
    }

    /**
     * Ends it, as the transaction was rolled back for certain. Closing it does nothing then.
     *
     * @throws InvalidArgumentException if it has ended
     */
    public void abort() {
        begun = false;
        handle.abort();
    }

    /** Ends it: after the transaction was committed, or if nobody knows what became of it. */
    @Override
    public void close() {
        if (begun) {
            begun = false;
            inTime = handle.commit();
        }
    }
}
