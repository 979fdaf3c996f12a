package io.github.mccache;

import java.time.Duration;
import java.util.Objects;

/** Java's durations as the library's milliseconds, rounded up, so that no time above zero becomes none. */
final class Times {
    /** In C: without end. */
    static final long FOREVER_MS = Long.MAX_VALUE;
    /** In C: what the cache's settings say. */
    static final long DEFAULT_MS = 0;
    /** Longer times than a century are for ever: they would only overflow somewhere. */
    private static final Duration LONGEST = Duration.ofDays(100 * 366);

    private Times() {}

    /** Of a timeout, 0 or more. */
    static long timeoutMs(Duration timeout) {
        Objects.requireNonNull(timeout, "timeout: null; Duration.ZERO does not wait, Cache.FOREVER waits for ever");
        if (timeout.isNegative()) {
            throw new InvalidArgumentException(
                    "timeout: " + timeout + " is negative; Duration.ZERO does not wait, Cache.FOREVER waits for ever");
        }
        return ms(timeout);
    }

    /** Of a time to live; null is the cache's own. */
    static long ttlMs(Duration ttl) {
        if (ttl == null) {
            return DEFAULT_MS;
        }
        if (ttl.isNegative() || ttl.isZero()) {
            throw new InvalidArgumentException(
                    "ttl: " + ttl + " must be above zero; null is the cache's own, Cache.FOREVER is for ever");
        }
        return ms(ttl);
    }

    private static long ms(Duration time) {
        if (time.compareTo(LONGEST) > 0) {
            return FOREVER_MS;
        }
        long floor = time.toMillis();
        return time.minusMillis(floor).isZero() ? floor : floor + 1;
    }
}
