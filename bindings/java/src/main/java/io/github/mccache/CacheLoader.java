package io.github.mccache;

/**
 * Loads the value of a key that the cache does not have, from a database for instance. For {@link Cache#getOrLoad}.
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 * @param <E> what it may throw; the compiler finds that out for a lambda
 */
@FunctionalInterface
public interface CacheLoader<K, V, E extends Exception> {
    /**
     * Loads a value. No lock is held meanwhile; of the threads of this process that want the key, one loads.
     *
     * @param key the key
     * @return the value; null if there is none, which is not put
     * @throws E as the caller of {@code getOrLoad} gets it
     */
    V load(K key) throws E;
}
