package io.github.mccache;

import java.lang.ref.Reference;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.LongPredicate;

/**
 * A named key space that every member of the cluster has, kept coherent in the background. The names are those of JCache
 * (JSR 107); {@link #asMap()} shows the cache as a {@link Map}.
 *
 * <p>Reads never leave the process. Writes are visible here at once and go to the other members by multicast; of two writes
 * of a key the later one wins, on every member alike. There are no transactions. Entries are evicted when the cache is full,
 * and expire.
 *
 * <p>Used by any threads. Values are copied in and out: what is changed afterwards does not change the cache. A null
 * <em>value</em> can be put, and other languages put them: {@link #get} answers null for it as for no entry at all, and
 * {@link #containsKey} tells the two apart.
 *
 * <p>Every method throws {@link ClosedException} once the cache or its node was closed.
 *
 * @param <K> the type of keys; {@link Keys}
 * @param <V> the type of values; {@link Values}
 */
public final class Cache<K, V> implements Iterable<Map.Entry<K, V>>, AutoCloseable {
    /** As a time to live: no end. As a timeout: wait until it happens. */
    public static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

    /** How long {@link #getOrLoad} waits for another thread's load, if nothing else is said. */
    public static final Duration LOAD_TIMEOUT = Duration.ofSeconds(30);

    /** Most waits for the members end in that: longer ones cost a thread. */
    private static final long FIRST_WAIT_MS = 20;

    private static final String ALL_ALIVE = "members that are alive";

    private final Node node;
    private final NativeCache handle;
    private final CacheOptions<K, V> options;
    private final KeyCodec<K> keys;
    private final ValueCodec<V> values;
    private final String name;
    private final LoadPolicy policy;
    private volatile boolean closed;

    Cache(Node node, NativeCache handle, CacheOptions<K, V> options) {
        this(node, handle, options, new LoadPolicy(handle, null));
    }

    private Cache(Node node, NativeCache handle, CacheOptions<K, V> options, LoadPolicy policy) {
        this.node = node;
        this.handle = handle;
        this.options = options;
        this.keys = options.keyCodec();
        this.values = options.valueCodec();
        this.name = handle.name();
        this.policy = policy;
    }

    /**
     * The name under which every member finds it.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * The node it belongs to.
     *
     * @return the node
     */
    public Node node() {
        return node;
    }

    /**
     * The same cache with keys of another type, such as {@link Keys#BYTES}.
     *
     * @param codec the keys
     * @param <K2> the type of keys
     * @return another object for the same cache: closing either closes both
     */
    public <K2> Cache<K2, V> withKeys(KeyCodec<K2> codec) {
        return new Cache<>(node, handle, options.keys(codec), policy);
    }

    /**
     * The same cache with values of another type, such as {@link Values#BYTES}.
     *
     * @param codec the values; {@link Values#serialized} is for {@link Node#cache(String, CacheOptions)} alone
     * @param <V2> the type of values
     * @return another object for the same cache: closing either closes both
     */
    public <V2> Cache<K, V2> withValues(ValueCodec<V2> codec) {
        if (codec instanceof SerializedValues && !(values instanceof SerializedValues)) {
            throw new InvalidArgumentException("Values.serialized() is for opening a cache: pass it to Node.cache()");
        }
        return new Cache<>(node, handle, options.values(codec), policy);
    }

    // ---- One key ------------------------------------------------------------------------------------------------------

    /**
     * Gets a value. What is known here decides; the network is never waited for.
     *
     * @param key the key
     * @return the value; null if there is none, and for an entry whose value is null
     * @throws CodecException if the value is not readable as this cache's type of values
     */
    public V get(K key) {
        return decoded(find(bytesOf(key)));
    }

    /**
     * Gets a value, or another where there is no entry.
     *
     * @param key the key
     * @param other what to answer then
     * @return the value, which is null if null was put; the other if there is none
     */
    public V getOrDefault(K key, V other) {
        Encoded found = find(bytesOf(key));
        return found == null ? other : values.decode(found);
    }

    /**
     * Gets several values.
     *
     * @param wanted the keys
     * @return those that have a value, in this order
     */
    public Map<K, V> getAll(Iterable<? extends K> wanted) {
        Map<K, V> found = new LinkedHashMap<>();
        for (K key : wanted) {
            Encoded value = find(bytesOf(key));
            if (value != null) {
                found.put(key, values.decode(value));
            }
        }
        return found;
    }

    /**
     * Tells whether a key has a value. Does not count as a use of it.
     *
     * @param key the key
     * @return true if so, whatever the value is
     */
    public boolean containsKey(K key) {
        return handle.contains(bytesOf(key));
    }

    /**
     * Puts a value, for as long as the cache's settings say.
     *
     * @param key the key
     * @param value the value
     * @throws TooLargeException if key or value is too long
     * @throws InvalidArgumentException if the value is of a type that cannot be stored, or has text that is no valid Unicode
     * @throws CodecException if this value of such a type cannot
     */
    public void put(K key, V value) {
        write(bytesOf(key), values.encode(value), Times.DEFAULT_MS);
    }

    /**
     * Puts a value for a time.
     *
     * @param key the key
     * @param value the value
     * @param ttl time to live from now, above zero, rounded up to the millisecond; {@link #FOREVER} for no end; null for
     *     what the cache's settings say
     * @throws TooLargeException if key or value is too long
     * @throws InvalidArgumentException if the value is of a type that cannot be stored, or has text that is no valid Unicode
     * @throws CodecException if this value of such a type cannot
     */
    public void put(K key, V value, Duration ttl) {
        write(bytesOf(key), values.encode(value), Times.ttlMs(ttl));
    }

    /**
     * Puts a value with tags, so that {@link #invalidateTag(String)} can take it. {@link LoadOptions#tags} are those of what is
     * loaded.
     *
     * @param key the key
     * @param value the value
     * @param ttl time to live, as with {@link #put(Object, Object, Duration)}
     * @param tags at most 16 of 1 to 255 bytes of UTF-8; the entry has those of its last put
     * @throws InvalidArgumentException for more tags or other ones, and as {@link #put(Object, Object)}
     */
    public void putTagged(K key, V value, Duration ttl, String... tags) {
        Encoded encoded = values.encode(value);
        handle.put_tagged(
                bytesOf(key), encoded.bytes(), (short) encoded.codec(), Times.ttlMs(ttl), Tags.packed(tags));
    }

    /**
     * Makes every entry that was put or loaded with a tag a miss, here at once and on all members soon, however many there are. They
     * count until they expire or make room. What is put with the tag afterwards is read.
     *
     * @param tag the tag
     * @throws InvalidArgumentException if it has not 1 to 255 bytes of UTF-8
     */
    public void invalidateTag(String tag) {
        handle.invalidate_tag(Tags.packed(tag));
    }

    /**
     * Begins to invalidate keys around a transaction that changes what they are loaded from, with a limit of 30 seconds and a
     * wait of one.
     *
     * @param keys 1 to 64
     * @return what is closed when the transaction has ended
     * @see #invalidating(Duration, Duration, Object...)
     */
    @SafeVarargs
    public final Invalidation invalidating(K... keys) {
        return invalidating(Duration.ofSeconds(30), Duration.ofSeconds(1), keys);
    }

    /**
     * Begins to invalidate keys around a transaction that changes what they are loaded from. From now until the result is
     * closed they are misses on every member, and what is loaded of them is returned and not put. So nobody reads from the
     * cache what was before the transaction once the database has committed it, even if the process dies before it says so.
     * Puts pass; it is no lock.
     *
     * @param limit for how long members wait for the end, at most ten minutes; a transaction that takes longer has only what a
     *     removal after it promises
     * @param timeout the longest wait for the members here: see {@link Invalidation#isComplete}
     * @param keys 1 to 64
     * @return what is closed when the transaction has ended
     * @throws InvalidArgumentException for no key or too many, and for a limit out of range
     */
    @SafeVarargs
    public final Invalidation invalidating(Duration limit, Duration timeout, K... keys) {
        long limitMs = Invalidation.limitMs(limit);
        long timeoutMs = Times.timeoutMs(timeout);
        NativeInvalidation begins = new NativeInvalidation(handle);
        for (K key : keys) {
            begins.add(bytesOf(key));
        }
        return new Invalidation(begins, limitMs, timeoutMs);
    }

    /**
     * Puts all entries of a map.
     *
     * @param entries the entries
     */
    public void putAll(Map<? extends K, ? extends V> entries) {
        entries.forEach(this::put);
    }

    /**
     * Puts a value only if this process knows none for the key.
     *
     * @param key the key
     * @param value the value
     * @return true if it was put: of the threads of this process that try at once, one gets that
     */
    public boolean putIfAbsent(K key, V value) {
        return putIfAbsent(key, value, null);
    }

    /**
     * Puts a value for a time, only if this process knows none for the key.
     *
     * @param key the key
     * @param value the value
     * @param ttl time to live, as with {@link #put(Object, Object, Duration)}
     * @return true if it was put: of the threads of this process that try at once, one gets that
     */
    public boolean putIfAbsent(K key, V value, Duration ttl) {
        Encoded encoded = values.encode(value);
        return handle.put_new(bytesOf(key), encoded.bytes(), (short) encoded.codec(), Times.ttlMs(ttl));
    }

    /**
     * Deletes a key, here and on all members, whether or not a value is known here.
     *
     * @param key the key
     * @return false if no value was known here
     */
    public boolean remove(K key) {
        return handle.remove(bytesOf(key));
    }

    /**
     * Deletes a key and gives the value it had, in one step: of the threads of this process that try at once, one gets it.
     *
     * @param key the key
     * @return the value; null if there was none
     */
    public V getAndRemove(K key) {
        return decoded(take(bytesOf(key)));
    }

    /**
     * As {@link #put(Object, Object)}, and names the write. Waits for nobody.
     *
     * @param key the key
     * @param value the value
     * @return what {@link #syncToken} waits for, and what {@link #getAtLeast} asks for on any member
     */
    public Token putToken(K key, V value) {
        return putToken(key, value, null);
    }

    /**
     * As {@link #put(Object, Object, Duration)}, and names the write. Waits for nobody.
     *
     * @param key the key
     * @param value the value
     * @param ttl time to live, as with {@link #put(Object, Object, Duration)}
     * @return what {@link #syncToken} waits for, and what {@link #getAtLeast} asks for on any member
     */
    public Token putToken(K key, V value, Duration ttl) {
        Encoded encoded = values.encode(value);
        return new Token(
                handle.put_token_fields(bytesOf(key), encoded.bytes(), (short) encoded.codec(), Times.ttlMs(ttl)));
    }

    /**
     * As {@link #remove(Object)}, and names the delete, whether or not a value was known here.
     *
     * @param key the key
     * @return what {@link #syncToken} waits for
     */
    public Token removeToken(K key) {
        return new Token(handle.remove_token_fields(bytesOf(key)));
    }

    /**
     * Gets a value if it is the one that a token names, or a newer one. The token may come from another member, by whatever
     * way the program has. Nothing is waited for: a write that has not come here yet is as good as none.
     *
     * @param key the key
     * @param least what is to be there at least; its position does not matter
     * @return the value; null if there is none that is new enough
     */
    public V getAtLeast(K key, Token least) {
        Version version = least.version();
        NativeValue found = handle.get_at_least(bytesOf(key), version.clock(), version.origin());
        if (found == null) {
            return null;
        }
        Encoded encoded = Encoded.of(found.bytes(), found.getCodec());
        found.delete();
        return values.decode(encoded);
    }

    /**
     * Gives an entry a new time to live, here and on all members, as a put of the same value would.
     *
     * @param key the key
     * @param ttl time to live from now, as with {@link #put(Object, Object, Duration)}
     * @return false if there is no such entry
     */
    public boolean touch(K key, Duration ttl) {
        return handle.touch(bytesOf(key), Times.ttlMs(ttl));
    }

    /**
     * Tells what is known of an entry. Does not count as a use of it.
     *
     * @param key the key
     * @return empty if there is no such entry
     */
    public Optional<Metadata> metadata(K key) {
        return Optional.ofNullable(handle.metadata_fields(bytesOf(key))).map(Metadata::new);
    }

    /**
     * The bytes of a value without a copy, whatever their codec.
     *
     * @param key the key
     * @return a read-only buffer whose bytes stay what they are when the entry is overwritten or goes, and when cache and node
     *     are closed: they are freed when no buffer of them is reachable any more; null if there is no such entry
     */
    public ByteBuffer view(K key) {
        long[] value = new long[1];
        ByteBuffer bytes = HotCalls.view(handle, handle.swigCPtr, bytesOf(key), value);
        if (bytes == null) {
            return null;
        }
        long pointer = value[0];
        // Every buffer made of this one refers to it, and it alone keeps the value.
        NativeLibrary.CLEANER.register(bytes, () -> NativeCalls.delete_NativeValue(pointer));
        return bytes.asReadOnlyBuffer();
    }

    // ---- Loading ------------------------------------------------------------------------------------------------------

    /**
     * Gets a value, or loads and puts it, for as long as the cache's settings say. As
     * {@link #getOrLoad(Object, CacheLoader, LoadOptions)} with {@link LoadOptions#defaults()}.
     *
     * @param key the key
     * @param loader loads the value
     * @param <E> what the loader may throw
     * @return the value, or what the loader gave
     * @throws E what the loader threw, as it is
     * @throws WaitTimeoutException if another thread is still loading after {@link #LOAD_TIMEOUT}
     * @throws InterruptedException if this thread was interrupted while it waited for another's load
     */
    public <E extends Exception> V getOrLoad(K key, CacheLoader<? super K, ? extends V, E> loader)
            throws E, InterruptedException {
        return getOrLoad(key, loader, LoadOptions.defaults());
    }

    /**
     * Gets a value, or loads and puts it for a time. As {@link #getOrLoad(Object, CacheLoader, LoadOptions)} with
     * {@link LoadOptions#ttl}.
     *
     * @param key the key
     * @param loader loads the value
     * @param ttl time to live, as with {@link #put(Object, Object, Duration)}
     * @param <E> what the loader may throw
     * @return the value, or what the loader gave
     * @throws E what the loader threw, as it is
     * @throws WaitTimeoutException if another thread is still loading after {@link #LOAD_TIMEOUT}
     * @throws InterruptedException if this thread was interrupted while it waited for another's load
     */
    public <E extends Exception> V getOrLoad(K key, CacheLoader<? super K, ? extends V, E> loader, Duration ttl)
            throws E, InterruptedException {
        return getOrLoad(key, loader, LoadOptions.defaults().ttl(ttl));
    }

    /**
     * Gets a value, or loads and puts it. Of the threads of this process that want the key, one loads and the others wait;
     * members do not wait for each other. If the key is written or deleted while the value is loaded, or a tag of the options
     * is invalidated, that wins, and what was loaded is given to the caller alone. If the loader throws, one of those that wait
     * loads next.
     *
     * <p>The settings {@code fail_safe}, {@code load_soft_timeout}, {@code load_hard_timeout} and {@code eager_refresh}, of the
     * cache or of a {@link #loadPolicy}, say more: an expired value in place of what the loader throws or takes too long for, a
     * {@link WaitTimeoutException} after a time, an early refresh. A loader that is not waited for to its end runs in a daemon
     * thread of its own, and fills the cache when it is done. {@code Error}s, {@code InterruptedException} and
     * {@code CancellationException} come out whatever the settings say.
     *
     * @param key the key
     * @param loader loads the value; a null is given to the caller and not put. One that asks for its own key waits in vain,
     *     for the timeout
     * @param options with what time to live and what tags it is put, how long another's load is waited for, and by what policy
     * @param <E> what the loader may throw
     * @return the value, or what the loader gave
     * @throws E what the loader threw, as it is
     * @throws WaitTimeoutException if another thread is still loading after the timeout, or the loader takes longer than
     *     {@code load_hard_timeout}
     * @throws InterruptedException if this thread was interrupted while it waited for another's load
     */
    public <E extends Exception> V getOrLoad(K key, CacheLoader<? super K, ? extends V, E> loader, LoadOptions options)
            throws E, InterruptedException {
        Objects.requireNonNull(loader, "loader: null");
        return new Loading<>(this, key, options).run(loader);
    }

    /**
     * Gets a value, or has it loaded without a thread that waits. As
     * {@link #getOrLoadAsync(Object, Function, LoadOptions)} with {@link LoadOptions#defaults()}.
     *
     * @param key the key
     * @param loader begins to load the value
     * @return completes with the value, or with what the loader's stage completes with, exceptions included
     */
    public CompletableFuture<V> getOrLoadAsync(
            K key, Function<? super K, ? extends CompletionStage<? extends V>> loader) {
        return getOrLoadAsync(key, loader, LoadOptions.defaults());
    }

    /**
     * Gets a value, or has it loaded without a thread that waits. Else as
     * {@link #getOrLoad(Object, CacheLoader, LoadOptions)}.
     *
     * @param key the key
     * @param loader begins to load the value; called in this thread, or in one of mccache's own if another load is to be
     *     waited for first. One that is not waited for to its end fills the cache when its stage completes
     * @param options with what time to live and what tags it is put, how long another's load is waited for, and by what policy
     * @return completes with the value, or with what the loader's stage completes with, exceptions included
     */
    public CompletableFuture<V> getOrLoadAsync(
            K key, Function<? super K, ? extends CompletionStage<? extends V>> loader, LoadOptions options) {
        Objects.requireNonNull(loader, "loader: null");
        return new Loading<>(this, key, options).start(loader);
    }

    /**
     * How to load, for single calls: this cache's settings with these over them. Make it once, and pass it to many calls, by
     * {@link LoadOptions#policy}.
     *
     * @param settings {@code eager_refresh}, a share of the time to live; {@code fail_safe}, {@code fail_safe_throttle},
     *     {@code load_soft_timeout} and {@code load_hard_timeout}, {@code Duration}s or seconds
     * @return the policy
     * @throws ConfigException if a setting is wrong
     */
    public LoadPolicy loadPolicy(Map<String, ?> settings) {
        return new LoadPolicy(handle, Settings.ofCache(settings));
    }

    // ---- All keys -----------------------------------------------------------------------------------------------------

    /**
     * Counts the entries that this process holds now. One whose time is over may count until it is taken out.
     *
     * @return their number
     */
    public long size() {
        return handle.len();
    }

    /** Deletes all entries, here and on all members. */
    public void clear() {
        handle.clear();
    }

    /**
     * The entries, in no order. Never fails because others write: an entry that is there all the time comes exactly once,
     * others at most once. Does not count as uses of them. Removing deletes the key, here and on all members.
     *
     * @return keys with their values; {@code setValue} puts
     */
    @Override
    public Iterator<Map.Entry<K, V>> iterator() {
        return new EntryIterator();
    }

    /**
     * The keys, in no order; iterated as the entries are.
     *
     * @return each call of {@code iterator} begins anew
     */
    public Iterable<K> keys() {
        return KeyIterator::new;
    }

    /**
     * The cache as a {@link Map}: what it shows changes with the cache, and what is done to it is done to the cache.
     *
     * <p>{@code put} and {@code remove} give the value there was, which {@link #put} and {@link #remove} here spare
     * themselves. {@code putIfAbsent}, {@code remove(key)} and {@code computeIfAbsent} are one step among the threads of this
     * process. {@code replace}, {@code compute}, {@code merge} and {@code remove(key, value)} are not: they look, then write,
     * and another's write may come between, since members are not asked. So it is no {@code ConcurrentMap}.
     *
     * @return a view
     */
    public Map<K, V> asMap() {
        return new CacheMap<>(this);
    }

    private abstract class Steps<T> implements Iterator<T> {
        private final NativeIter steps = handle.keys();
        private T next;
        private byte[] nextKey;
        private byte[] lastKey;

        /** The next one that has a key of this cache's type, with its bytes left in the array; null after the last. */
        abstract T step(NativeIter from, byte[][] key);

        @Override
        public boolean hasNext() {
            if (next == null) {
                byte[][] key = new byte[1][];
                next = step(steps, key);
                nextKey = key[0];
            }
            return next != null;
        }

        @Override
        public T next() {
            if (!hasNext()) {
                throw new NoSuchElementException();
            }
            T given = next;
            lastKey = nextKey;
            next = null;
            return given;
        }

        @Override
        public void remove() {
            if (lastKey == null) {
                throw new IllegalStateException("there is no entry to remove: next() comes first");
            }
            handle.remove(lastKey);
            lastKey = null;
        }
    }

    private final class KeyIterator extends Steps<K> {
        @Override
        K step(NativeIter from, byte[][] key) {
            while (from.next(key)) {
                K decoded = keys.decode(key[0]);
                if (decoded != null) {
                    return decoded;
                }
            }
            return null;
        }
    }

    private final class EntryIterator extends Steps<Map.Entry<K, V>> {
        @Override
        Map.Entry<K, V> step(NativeIter from, byte[][] key) {
            while (true) {
                NativeValue value = from.next_entry(key);
                if (value == null) {
                    return null;
                }
                K decoded = keys.decode(key[0]);
                Encoded encoded = decoded == null ? null : Encoded.of(value.bytes(), value.getCodec());
                value.delete();
                if (encoded != null) {
                    return new CacheMap.Entry<>(Cache.this, decoded, values.decode(encoded));
                }
            }
        }
    }

    // ---- The cluster --------------------------------------------------------------------------------------------------

    /**
     * Waits until all members that are alive have applied everything that this process wrote to the cache before.
     *
     * @param timeout the longest wait
     * @throws WaitTimeoutException if somebody is slower; the writes still go out
     * @throws InterruptedException if this thread was interrupted
     */
    public void sync(Duration timeout) throws InterruptedException {
        waitApplied(handle::sync, ALL_ALIVE, timeout);
    }

    /**
     * The same without waiting here.
     *
     * @param timeout the longest wait
     * @return completes when all have applied it, or with the exceptions of {@link #sync}
     */
    public CompletableFuture<Void> syncAsync(Duration timeout) {
        return whenApplied(handle::sync, ALL_ALIVE, timeout);
    }

    /**
     * Waits until all members that are alive, as far as they have the cache open, have applied one write of this process, or
     * something newer. What was written after it is not waited for.
     *
     * @param token of a put or a removal of this process
     * @param timeout the longest wait
     * @throws WaitTimeoutException if somebody is slower; the write still goes out
     * @throws InterruptedException if this thread was interrupted
     */
    public void syncToken(Token token, Duration timeout) throws InterruptedException {
        waitApplied(applied(token, 0), ALL_ALIVE, timeout);
    }

    /**
     * Waits until so many members that have the cache open have applied one write of this process, or something newer; also
     * if there are not so many yet.
     *
     * @param token of a put or a removal of this process
     * @param members how many, at least 1; this process is not counted
     * @param timeout the longest wait
     * @throws WaitTimeoutException if they are slower, or not there; the write still goes out
     * @throws InterruptedException if this thread was interrupted
     */
    public void syncToken(Token token, int members, Duration timeout) throws InterruptedException {
        waitApplied(applied(token, checked(members)), members + " members", timeout);
    }

    /**
     * As {@link #syncToken(Token, Duration)} without waiting here.
     *
     * @param token of a put or a removal of this process
     * @param timeout the longest wait
     * @return completes when all have applied it, or with the exceptions of {@link #syncToken(Token, Duration)}
     */
    public CompletableFuture<Void> syncTokenAsync(Token token, Duration timeout) {
        return whenApplied(applied(token, 0), ALL_ALIVE, timeout);
    }

    /**
     * As {@link #syncToken(Token, int, Duration)} without waiting here.
     *
     * @param token of a put or a removal of this process
     * @param members how many, at least 1; this process is not counted
     * @param timeout the longest wait
     * @return completes when so many have applied it, or with the exceptions of {@link #syncToken(Token, int, Duration)}
     */
    public CompletableFuture<Void> syncTokenAsync(Token token, int members, Duration timeout) {
        return whenApplied(applied(token, checked(members)), members + " members", timeout);
    }

    private static int checked(int members) {
        if (members < 1) {
            throw new InvalidArgumentException("members: " + members + "; it is 1 or more");
        }
        return members;
    }

    private LongPredicate applied(Token token, long members) {
        Version version = token.version();
        return ms -> handle.sync_token(version.clock(), version.origin(), token.position(), members, ms);
    }

    private static CompletableFuture<Void> whenApplied(LongPredicate wait, String who, Duration timeout) {
        long timeoutMs = Times.timeoutMs(timeout);
        return CompletableFuture.runAsync(
                () -> {
                    if (!wait.test(timeoutMs)) {
                        throw notApplied(who, timeout);
                    }
                },
                Background.THREADS);
    }

    private static void waitApplied(LongPredicate wait, String who, Duration timeout) throws InterruptedException {
        long timeoutMs = Times.timeoutMs(timeout);
        if (Thread.interrupted()) {
            throw new InterruptedException();
        }
        if (wait.test(Math.min(timeoutMs, FIRST_WAIT_MS))) {
            return;
        }
        long restMs = timeoutMs - FIRST_WAIT_MS;
        if (restMs <= 0 || !Background.interruptibly(() -> wait.test(restMs))) {
            throw notApplied(who, timeout);
        }
    }

    private static WaitTimeoutException notApplied(String who, Duration timeout) {
        return new WaitTimeoutException("timed out after " + timeout + ": " + who + " to apply what was written");
    }

    /**
     * Figures of this cache in this process.
     *
     * @return the figures now
     */
    public Stats stats() {
        return new Stats(handle.stats_fields());
    }

    /**
     * Sums up the contents in this process: equal contents have equal checksums on every member. Reads every entry.
     *
     * @return the checksum now
     */
    public Checksum checksum() {
        long[] fields = handle.checksum_fields();
        return new Checksum(fields[0], fields[1]);
    }

    /**
     * Asks every live member for its checksum. After {@link #sync} and while nobody writes, all are equal.
     *
     * @param timeout the longest wait
     * @return each one's checksum by its name, this node's first; empty for who did not answer in time; of members with the
     *     same name the second is {@code name (2)}
     * @throws InterruptedException if this thread was interrupted
     */
    public Map<String, Optional<Checksum>> clusterChecksum(Duration timeout) throws InterruptedException {
        long timeoutMs = Times.timeoutMs(timeout);
        NativeChecksums answers = Background.interruptibly(() -> handle.cluster_checksum(timeoutMs));
        Map<String, Optional<Checksum>> members = new LinkedHashMap<>();
        for (long index = 0; index < answers.count(); index++) {
            NativeChecksum item = answers.item(index);
            members.put(
                    Node.unused(answers.member(index), members),
                    item == null ? Optional.empty() : Optional.of(new Checksum(item.getSum(), item.getEntries())));
        }
        Reference.reachabilityFence(answers);
        return members;
    }

    /**
     * A queue of what happens in this cache from now on.
     *
     * @return the queue, to be closed
     */
    public Events events() {
        return new Events(handle.events());
    }

    /**
     * A queue of what changes what this process has read: puts, removals, evictions and expiries of a key within a time after
     * its value was last read here, by whichever member, this one too; and clears and tags invalidated, if anything was read
     * within that time. From the first call on each read notes its key. A change that comes at the instant of a read may be
     * told although the read has seen it.
     *
     * @param window the time, above zero; null is the node's setting {@code callback_win}, five seconds
     * @return the queue, to be closed
     */
    public Events eventsOfLookups(Duration window) {
        return new Events(handle.events_of_lookups(Times.ttlMs(window)));
    }

    /**
     * Has a listener called for what happens in this cache from now on.
     *
     * @param listener called by one daemon thread of the node, one event after another; what it throws is logged by
     *     {@code System.getLogger("io.github.mccache")}
     * @return ends the calls when it is closed; closing the node ends them too
     */
    public Subscription addListener(Consumer<? super Event> listener) {
        // Throws if the cache is closed, of which the node's listeners know nothing.
        handle.len();
        return node.addListener(name, listener);
    }

    /**
     * The key of an event, as this cache's type.
     *
     * @param event an event of this cache
     * @return the key; null if the event is of no key, as {@link EventKind#CLEAR} and {@link EventKind#TAG_INVALIDATED} are,
     *     and if its bytes are no key of this type
     */
    public K keyOf(Event event) {
        return event.kind().hasKey() ? keys.decode(event.keyBytes()) : null;
    }

    // ---- The end ------------------------------------------------------------------------------------------------------

    /**
     * Whether it was closed through this object.
     *
     * @return true if so
     */
    public boolean isClosed() {
        return closed || node.isClosed();
    }

    /**
     * Leaves the cache: its entries are forgotten in this process, and stay on other members. All objects of this process for
     * the same cache of the node are closed with it. Closing again does nothing.
     */
    @Override
    public void close() {
        closed = true;
        handle.close();
    }

    @Override
    public String toString() {
        String state;
        try {
            state = size() + " entries";
        } catch (ClosedException gone) {
            state = "closed";
        }
        return "mccache cache " + name + " of node " + node.name() + ": " + state;
    }

    // ---- Bytes --------------------------------------------------------------------------------------------------------

    /** For the map, whose look-ups take any object. */
    byte[] bytesOf(Object key) {
        return keys.encode(Objects.requireNonNull(key, "key: null"));
    }

    V decoded(Encoded found) {
        return found == null ? null : values.decode(found);
    }

    Encoded encoded(V value) {
        return values.encode(value);
    }

    /** How values are loaded by the cache's settings. */
    LoadPolicy ownPolicy() {
        return policy;
    }

    /** As HotCalls has it. */
    byte[] beginLoad(LoadPolicy how, byte[] key, long timeoutMs, byte[] codec, long[] answer) {
        return HotCalls.beginLoad(
                handle, handle.swigCPtr, how.handle, how.handle.swigCPtr, key, timeoutMs, codec, answer);
    }

    void noteLoad(byte[] key, int note) {
        handle.note_load(key, note);
    }

    /** Null if there is no entry. */
    Encoded find(byte[] key) {
        if (key.length <= Scratch.KEY_MAX) {
            ByteBuffer block = Scratch.with(key);
            long found = HotCalls.getInto(handle, handle.swigCPtr, Scratch.address(block), key.length);
            if (found >= 0) {
                return Encoded.of(Scratch.value(block, (int) (found >>> 8)), (int) found & 0xFF);
            }
            if (found == HotCalls.ABSENT) {
                return null;
            }
        }
        byte[] codec = new byte[1];
        byte[] value = HotCalls.get(handle, handle.swigCPtr, key, codec);
        return value == null ? null : Encoded.of(value, codec[0] & 0xFF);
    }

    /** Deletes; null if there was no entry. */
    Encoded take(byte[] key) {
        byte[] codec = new byte[1];
        byte[] value = HotCalls.take(handle, handle.swigCPtr, key, codec);
        return value == null ? null : Encoded.of(value, codec[0] & 0xFF);
    }

    boolean contains(byte[] key) {
        return handle.contains(key);
    }

    boolean delete(byte[] key) {
        return handle.remove(key);
    }

    private void write(byte[] key, Encoded value, long ttlMs) {
        byte[] bytes = value.bytes();
        if (key.length <= Scratch.KEY_MAX && bytes.length <= Scratch.VALUE_MAX) {
            ByteBuffer block = Scratch.with(key);
            Scratch.putValue(block, bytes);
            HotCalls.putFrom(
                    handle, handle.swigCPtr, Scratch.address(block), key.length, bytes.length, value.codec(), ttlMs);
        } else {
            HotCalls.put(handle, handle.swigCPtr, key, bytes, value.codec(), ttlMs);
        }
    }
}
