package io.github.mccache;

import java.util.Objects;
import java.util.function.Consumer;

/**
 * The process's own node, which most programs need alone, and the version.
 *
 * <pre>{@code
 * Cache<String, Object> prices = Mccache.cache("prices");
 * prices.put("apple", new BigDecimal("1.20"));
 * prices.get("apple");
 * }</pre>
 */
public final class Mccache {
    private static Node own;

    private Mccache() {}

    /**
     * The process's own node: started on first use with the settings of file and environment, and again if it was closed.
     *
     * @return the same object until it is closed
     * @throws ConfigException if a setting is wrong
     * @throws NetworkException if the network cannot be set up
     * @throws UnsatisfiedLinkError if there is no native library; the message lists the places tried, and a cure
     */
    public static synchronized Node node() {
        if (own == null || own.isClosed()) {
            own = Node.own();
        }
        return own;
    }

    /**
     * Opens a cache of the process's own node, with text as keys: {@code node().cache(name)}.
     *
     * @param name the cache's name, 1 to 255 bytes; the same name is the same cache, in this process and on all members
     * @return the cache
     */
    public static Cache<String, Object> cache(String name) {
        return node().cache(name);
    }

    /**
     * Opens a cache of the process's own node: {@code node().cache(name, options)}.
     *
     * @param name the cache's name, 1 to 255 bytes; the same name is the same cache, in this process and on all members
     * @param options its types of keys and values, and settings of its own
     * @param <K> the type of keys
     * @param <V> the type of values
     * @return the cache
     */
    public static <K, V> Cache<K, V> cache(String name, CacheOptions<K, V> options) {
        return node().cache(name, options);
    }

    /**
     * Sets who hears what the native library has to say: members that come and go, settings without effect. From the
     * beginning it is {@code System.getLogger("io.github.mccache")}, with {@code WARNING} and above; with all that it takes, if it
     * takes {@code DEBUG}.
     *
     * @param level the least grave lines to be heard; {@code OFF} for none, {@code ALL} for all that a {@code System.Logger} takes
     * @param listener called by a daemon thread of its own, one line after another, while there is a node; it may use caches
     *     and close nodes. Null: the {@code System.Logger}, as far as it takes them. What it throws goes there, too
     */
    public static void setLog(System.Logger.Level level, Consumer<? super LogLine> listener) {
        Log.set(Objects.requireNonNull(level, "level: null"), listener);
    }

    /**
     * The version of the native library in use.
     *
     * @return such as {@code 0.1.0}
     * @throws UnsatisfiedLinkError if there is no native library
     */
    public static String version() {
        NativeLibrary.load();
        return Native.version();
    }
}
