package io.github.mccache;

/**
 * How values of a cache are loaded: the settings {@code eager_refresh}, {@code fail_safe}, {@code fail_safe_throttle},
 * {@code load_soft_timeout} and {@code load_hard_timeout}. From {@link Cache#loadPolicy}, for single calls of
 * {@link Cache#getOrLoad} and {@link Cache#getOrLoadAsync}; does not change, and is used by any threads.
 */
public final class LoadPolicy {
    final NativeLoadPolicy handle;
    private final long patienceMs;
    private final long patienceWithExpiredMs;

    /** The cache's settings, with others over them, if any. */
    LoadPolicy(NativeCache cache, NativeConfig settings) {
        handle = new NativeLoadPolicy(cache, settings);
        patienceMs = handle.patience(false);
        patienceWithExpiredMs = handle.patience(true);
    }

    /** How long whoever wants a value waits for its load: longer if there is no expired one to be served. */
    long patienceMs(boolean hasExpired) {
        return hasExpired ? patienceWithExpiredMs : patienceMs;
    }

    @Override
    public String toString() {
        return "mccache load policy, patient for " + shown(patienceMs) + ", with an expired value for "
                + shown(patienceWithExpiredMs);
    }

    private static String shown(long ms) {
        return ms == Times.FOREVER_MS ? "ever" : ms + " ms";
    }
}
