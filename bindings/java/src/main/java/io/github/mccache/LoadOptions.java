package io.github.mccache;

import java.time.Duration;
import java.util.Objects;

/**
 * How one value is loaded: with what time to live and what tags it is put, how long another thread's load is waited for, and
 * by what policy. For {@link Cache#getOrLoad(Object, CacheLoader, LoadOptions)} and
 * {@link Cache#getOrLoadAsync(Object, java.util.function.Function, LoadOptions)}. Does not change: each method gives another
 * one.
 *
 * <pre>{@code
 * cache.getOrLoad("row 7", key -> database.load(key), LoadOptions.defaults().ttl(Duration.ofMinutes(5)).tags("user:7"))
 * }</pre>
 */
public final class LoadOptions {
    private static final LoadOptions DEFAULTS =
            new LoadOptions(Times.DEFAULT_MS, Times.timeoutMs(Cache.LOAD_TIMEOUT), Tags.NONE, null);

    final long ttlMs;
    final long timeoutMs;
    private final byte[] tags;
    /** Null: the cache's settings. */
    private final LoadPolicy policy;

    private LoadOptions(long ttlMs, long timeoutMs, byte[] tags, LoadPolicy policy) {
        this.ttlMs = ttlMs;
        this.timeoutMs = timeoutMs;
        this.tags = tags;
        this.policy = policy;
    }

    /**
     * The cache's own time to live, no tags, a wait of {@link Cache#LOAD_TIMEOUT} at most, and the cache's settings.
     *
     * @return the options of {@link Cache#getOrLoad(Object, CacheLoader)}
     */
    public static LoadOptions defaults() {
        return DEFAULTS;
    }

    /**
     * The same with another time to live for what is loaded.
     *
     * @param ttl time to live, as with {@link Cache#put(Object, Object, Duration)}; null for what the cache's settings say
     * @return other options
     * @throws InvalidArgumentException if it is not above zero
     */
    public LoadOptions ttl(Duration ttl) {
        return new LoadOptions(Times.ttlMs(ttl), timeoutMs, tags, policy);
    }

    /**
     * The same with another wait for another thread's load.
     *
     * @param timeout the longest wait; zero does not wait, {@link Cache#FOREVER} waits for ever
     * @return other options
     * @throws InvalidArgumentException if it is negative
     */
    public LoadOptions timeout(Duration timeout) {
        return new LoadOptions(ttlMs, Times.timeoutMs(timeout), tags, policy);
    }

    /**
     * The same with tags that what is loaded is put with, so that {@link Cache#invalidateTag} can take it. It is not put if one
     * of them is invalidated while it is loaded.
     *
     * @param tags at most 16 of 1 to 255 bytes of UTF-8, in place of others that were given before
     * @return other options
     * @throws InvalidArgumentException for more tags or other ones
     */
    public LoadOptions tags(String... tags) {
        return new LoadOptions(ttlMs, timeoutMs, Tags.packed(tags), policy);
    }

    /**
     * The same by another policy than the cache's settings.
     *
     * @param policy of {@link Cache#loadPolicy}
     * @return other options
     */
    public LoadOptions policy(LoadPolicy policy) {
        return new LoadOptions(ttlMs, timeoutMs, tags, Objects.requireNonNull(policy, "policy: null"));
    }

    /** Not written to. */
    byte[] packedTags() {
        return tags;
    }

    LoadPolicy policyOr(LoadPolicy own) {
        return policy == null ? own : policy;
    }
}
