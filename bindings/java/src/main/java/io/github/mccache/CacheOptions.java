package io.github.mccache;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;

/**
 * How a cache is opened: its types of keys and values, and settings of its own. Does not change: each method gives another
 * one.
 *
 * <pre>{@code
 * CacheOptions.defaults().values(Values.of(Long.class)).set("cache_ttl", Duration.ofMinutes(5))
 * }</pre>
 *
 * @param <K> the type of keys
 * @param <V> the type of values
 */
public final class CacheOptions<K, V> {
    private static final CacheOptions<String, Object> DEFAULTS = new CacheOptions<>(Keys.TEXT, Values.ANY, Map.of());

    private final KeyCodec<K> keys;
    private final ValueCodec<V> values;
    private final Map<String, Object> settings;

    private CacheOptions(KeyCodec<K> keys, ValueCodec<V> values, Map<String, Object> settings) {
        this.keys = keys;
        this.values = values;
        this.settings = settings;
    }

    /**
     * Text as keys, whatever crosses to other languages as values, and the node's settings.
     *
     * @return the options of {@link Node#cache(String)}
     */
    public static CacheOptions<String, Object> defaults() {
        return DEFAULTS;
    }

    /**
     * The same with other keys.
     *
     * @param codec such as {@link Keys#BYTES}
     * @param <K2> the type of keys
     * @return other options
     */
    public <K2> CacheOptions<K2, V> keys(KeyCodec<K2> codec) {
        return new CacheOptions<>(Objects.requireNonNull(codec, "codec: null"), values, settings);
    }

    /**
     * The same with other values.
     *
     * @param codec such as {@link Values#of(Class)}
     * @param <V2> the type of values
     * @return other options
     */
    public <V2> CacheOptions<K, V2> values(ValueCodec<V2> codec) {
        return new CacheOptions<>(keys, Objects.requireNonNull(codec, "codec: null"), settings);
    }

    /**
     * The same with a setting of the cache's own, over the node's. A cache that is open already must have been opened with
     * the same.
     *
     * @param name a cache's setting: {@code cache_ttl}, {@code cache_max}, {@code cache_size}, {@code cache_mode},
     *     {@code max_value}, {@code fail_safe}, {@code load_soft_timeout} and so on; opening refuses a node's
     * @param value text, a number, a {@code Boolean} or a {@code Duration}
     * @return other options
     */
    public CacheOptions<K, V> set(String name, Object value) {
        Map<String, Object> more = new LinkedHashMap<>(settings);
        more.put(Objects.requireNonNull(name, "name: null"), Objects.requireNonNull(value, "value: null"));
        return new CacheOptions<>(keys, values, more);
    }

    KeyCodec<K> keyCodec() {
        return keys;
    }

    ValueCodec<V> valueCodec() {
        return values;
    }

    Map<String, Object> settings() {
        return settings;
    }
}
