package io.github.mccache;

import java.util.AbstractMap;
import java.util.AbstractSet;
import java.util.Iterator;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.function.BiConsumer;
import java.util.function.Function;

/** A cache as a map. Null values are values here, as in a HashMap. */
final class CacheMap<K, V> extends AbstractMap<K, V> {
    private final Cache<K, V> cache;

    CacheMap(Cache<K, V> cache) {
        this.cache = cache;
    }

    @Override
    public int size() {
        return (int) Math.min(cache.size(), Integer.MAX_VALUE);
    }

    @Override
    public boolean isEmpty() {
        return cache.size() == 0;
    }

    @Override
    public boolean containsKey(Object key) {
        return cache.contains(cache.bytesOf(key));
    }

    @Override
    public V get(Object key) {
        return cache.decoded(cache.find(cache.bytesOf(key)));
    }

    @Override
    public V getOrDefault(Object key, V other) {
        Encoded found = cache.find(cache.bytesOf(key));
        return found == null ? other : cache.decoded(found);
    }

    @Override
    public V put(K key, V value) {
        V before = cache.get(key);
        cache.put(key, value);
        return before;
    }

    @Override
    public void putAll(Map<? extends K, ? extends V> entries) {
        cache.putAll(entries);
    }

    @Override
    public V putIfAbsent(K key, V value) {
        while (!cache.putIfAbsent(key, value)) {
            Encoded found = cache.find(cache.bytesOf(key));
            if (found != null) {
                return cache.decoded(found);
            }
        }
        return null;
    }

    @Override
    public V computeIfAbsent(K key, Function<? super K, ? extends V> loader) {
        try {
            return cache.<RuntimeException>getOrLoad(key, loader::apply);
        } catch (InterruptedException interrupted) {
            Thread.currentThread().interrupt();
            throw new WaitTimeoutException("interrupted while another thread was loading this key of cache " + cache.name());
        }
    }

    @Override
    public V remove(Object key) {
        return cache.decoded(cache.take(cache.bytesOf(key)));
    }

    @Override
    public void clear() {
        cache.clear();
    }

    @Override
    public void forEach(BiConsumer<? super K, ? super V> action) {
        Objects.requireNonNull(action, "action: null");
        for (Map.Entry<K, V> entry : cache) {
            action.accept(entry.getKey(), entry.getValue());
        }
    }

    @Override
    public Set<K> keySet() {
        return new AbstractSet<>() {
            @Override
            public Iterator<K> iterator() {
                return cache.keys().iterator();
            }

            @Override
            public int size() {
                return CacheMap.this.size();
            }

            @Override
            public boolean contains(Object key) {
                return containsKey(key);
            }

            @Override
            public boolean remove(Object key) {
                return cache.delete(cache.bytesOf(key));
            }

            @Override
            public void clear() {
                cache.clear();
            }
        };
    }

    @Override
    public Set<Map.Entry<K, V>> entrySet() {
        return new AbstractSet<>() {
            @Override
            public Iterator<Map.Entry<K, V>> iterator() {
                return cache.iterator();
            }

            @Override
            public int size() {
                return CacheMap.this.size();
            }

            @Override
            public void clear() {
                cache.clear();
            }
        };
    }

    /**
     * One entry as it was when it was reached; setting its value puts.
     *
     * @param <K> the type of keys
     * @param <V> the type of values
     */
    static final class Entry<K, V> extends SimpleEntry<K, V> {
        private static final long serialVersionUID = 1L;
        private final transient Cache<K, V> cache;

        Entry(Cache<K, V> cache, K key, V value) {
            super(key, value);
            this.cache = cache;
        }

        @Override
        public V setValue(V value) {
            cache.put(getKey(), value);
            return super.setValue(value);
        }
    }
}
