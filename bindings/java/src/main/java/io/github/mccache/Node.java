package io.github.mccache;

import java.lang.ref.Reference;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.WeakHashMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * A member of a cluster that runs in this process. Most programs need none of their own: {@link Mccache#cache} uses the
 * process's.
 *
 * <p>Used by any threads. A node that nobody closed says goodbye when the process ends, or soon after the last object of it
 * is gone. One that has listeners lives until it is closed.
 */
public final class Node implements AutoCloseable {
    private static final Set<Node> OPEN = Collections.synchronizedSet(Collections.newSetFromMap(new WeakHashMap<>()));
    private static boolean hooked;

    private final NativeNode handle;
    private final String name;
    private final Dispatcher dispatcher = new Dispatcher(this);
    private final Log.Use log;
    private volatile boolean closed;

    private Node(NativeNode handle, Log.Use log) {
        this.handle = handle;
        this.log = log;
        this.name = handle.name();
        hook();
        OPEN.add(this);
        log.endWith(this);
    }

    private static Node start(Supplier<NativeNode> opening) {
        NativeLibrary.load();
        Log.Use log = Log.use();
        Node node = null;
        try {
            node = new Node(opening.get(), log);
            return node;
        } finally {
            if (node == null) {
                log.end();
            }
        }
    }

    /**
     * Starts a node with the settings of file and environment.
     *
     * @return the node
     * @throws ConfigException if a setting is wrong
     * @throws NetworkException if the network cannot be set up
     * @throws UnsatisfiedLinkError if there is no native library; the message lists the places tried, and a cure
     */
    public static Node open() {
        return open(Map.of());
    }

    /**
     * Starts a node with settings over those of file and environment.
     *
     * @param settings names as in the configuration file ({@code cluster}, {@code crypto_key}, {@code cache_ttl}, ...) and
     *     values: text, numbers, {@code Boolean}s, {@code Path}s, {@code Duration}s
     * @return the node
     * @throws ConfigException if a setting is wrong
     * @throws NetworkException if the network cannot be set up
     * @throws UnsatisfiedLinkError if there is no native library; the message lists the places tried, and a cure
     */
    public static Node open(Map<String, ?> settings) {
        return start(() -> new NativeNode(Settings.ofNode(null, settings)));
    }

    /**
     * Starts a node with settings over those of one more file, which go over those of file and environment.
     *
     * @param file a configuration file
     * @param settings as with {@link #open(Map)}
     * @return the node
     * @throws ConfigException if a setting is wrong, or the file cannot be read
     * @throws NetworkException if the network cannot be set up
     * @throws UnsatisfiedLinkError if there is no native library; the message lists the places tried, and a cure
     */
    public static Node open(Path file, Map<String, ?> settings) {
        Objects.requireNonNull(file, "file: null");
        return start(() -> new NativeNode(Settings.ofNode(file, settings)));
    }

    static Node own() {
        return start(NativeNode::own);
    }

    /**
     * The name by which the other members show it.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * Opens a cache with text as keys and whatever crosses to other languages as values.
     *
     * @param cache the cache's name, 1 to 255 bytes; the same name is the same cache, in this process and on all members
     * @return the cache: each call gives a handle of its own
     * @throws ClosedException if the node is closed
     * @throws InvalidArgumentException if the name is too long or empty
     */
    public Cache<String, Object> cache(String cache) {
        return cache(cache, CacheOptions.defaults());
    }

    /**
     * Opens a cache.
     *
     * @param cache the cache's name, 1 to 255 bytes; the same name is the same cache, in this process and on all members
     * @param options its types of keys and values, and settings of its own
     * @param <K> the type of keys
     * @param <V> the type of values
     * @return the cache: each call gives a handle of its own
     * @throws ClosedException if the node is closed
     * @throws ConfigException if a setting is wrong, and with {@link Values#serialized} if the node has no
     *     {@code crypto_key}
     * @throws InvalidArgumentException if the name is too long or empty, or the cache is open with other settings
     */
    public <K, V> Cache<K, V> cache(String cache, CacheOptions<K, V> options) {
        Objects.requireNonNull(cache, "cache: null");
        if (options.valueCodec() instanceof SerializedValues && !hasSecretKey()) {
            throw new ConfigException("Values.serialized() needs a node with a `crypto_key`: without one anybody on the network "
                    + "could write a value that runs code in this process when it is read");
        }
        NativeConfig settings = Settings.ofCache(options.settings());
        return new Cache<>(this, new NativeCache(handle, cache, settings), options);
    }

    /** The core tells no secret that is set. */
    private boolean hasSecretKey() {
        return handle.setting("crypto_key") == null;
    }

    /**
     * What a setting amounts to: given anywhere, derived, or the default.
     *
     * @param setting the setting's name
     * @return its text; empty for a secret that is set, and for a setting that has no effect
     * @throws InvalidArgumentException if there is no such setting; the message names the nearest
     */
    public Optional<String> setting(String setting) {
        return Optional.ofNullable(handle.setting(Objects.requireNonNull(setting, "setting: null")));
    }

    /**
     * Waits until the node has found the members that are there and holds what they hold.
     *
     * @param timeout the longest wait
     * @throws WaitTimeoutException if that takes longer; the node works, and goes on receiving
     * @throws ClosedException if the node is closed
     * @throws InterruptedException if this thread was interrupted
     */
    public void awaitReady(Duration timeout) throws InterruptedException {
        if (!Background.inSlices(Times.timeoutMs(timeout), handle::wait_ready)) {
            throw new WaitTimeoutException("timed out after " + timeout + ": the node to hold what the members hold");
        }
    }

    /**
     * The same without waiting here.
     *
     * @param timeout the longest wait
     * @return completes when the node is ready, or with the exceptions of {@link #awaitReady}
     */
    public CompletableFuture<Void> ready(Duration timeout) {
        long timeoutMs = Times.timeoutMs(timeout);
        return CompletableFuture.runAsync(
                () -> {
                    if (!handle.wait_ready(timeoutMs)) {
                        throw new WaitTimeoutException(
                                "timed out after " + timeout + ": the node to hold what the members hold");
                    }
                },
                Background.THREADS);
    }

    /**
     * The other members, as this node knows them now.
     *
     * @return a list of its own
     * @throws ClosedException if the node is closed
     */
    public List<Member> members() {
        NativeMembers found = handle.members();
        List<Member> members = new ArrayList<>();
        for (long index = 0; index < found.count(); index++) {
            members.add(new Member(found.item(index)));
        }
        Reference.reachabilityFence(found);
        return members;
    }

    /**
     * The keys that this node holds.
     *
     * @return a list of its own, in the order they came to the node
     * @throws ClosedException if the node is closed
     */
    public List<ClusterKey> keys() {
        NativeKeys found = handle.keys();
        List<ClusterKey> keys = new ArrayList<>();
        for (long index = 0; index < found.count(); index++) {
            keys.add(new ClusterKey(found.id(index), KeyRole.of(found.role(index)), found.members(index)));
        }
        return keys;
    }

    /**
     * Opens what is sealed with another key, too: for a change of the cluster's key without a restart.
     *
     * <p>Add the new key to every node; when all have it, make it primary on every node; when {@link #keys()} tells of no
     * member that uses the old one, on any node, remove that everywhere. Put the new key into the settings as well.
     *
     * @param key {@code ID:KEY}, such as {@code mccache keygen} prints; it is never shown or logged
     * @throws InvalidArgumentException if it is no key, another has its id, the node holds eight, or it was opened without one
     * @throws ClosedException if the node is closed
     */
    public void addKey(String key) {
        handle.add_key(Objects.requireNonNull(key, "key: null"));
    }

    /**
     * Seals with another of the node's keys from now on. Members that do not hold it hear nothing of this node.
     *
     * @param id the key's id, 1 to 255
     * @throws InvalidArgumentException if the node has no such key
     * @throws ClosedException if the node is closed
     */
    public void setPrimaryKey(int id) {
        handle.set_primary_key(id);
    }

    /**
     * Forgets a key: members that seal with it are not heard any more.
     *
     * @param id the key's id, 1 to 255
     * @throws InvalidArgumentException if the node has no such key, or it is the primary
     * @throws ClosedException if the node is closed
     */
    public void removeKey(int id) {
        handle.remove_key(id);
    }

    /**
     * Every counter of this node by its name. A closed node has its last ones.
     *
     * @return a map of its own
     */
    public Map<String, Long> metrics() {
        NativeCounters found = handle.counters();
        Map<String, Long> counters = counters(found);
        Reference.reachabilityFence(found);
        return counters;
    }

    /**
     * Asks every live member for its counters.
     *
     * @param timeout the longest wait
     * @return each one's counters by its name, this node's first; empty for who did not answer in time; of members with the
     *     same name the second is {@code name (2)}
     * @throws ClosedException if the node is closed
     * @throws InterruptedException if this thread was interrupted
     */
    public Map<String, Optional<Map<String, Long>>> clusterMetrics(Duration timeout) throws InterruptedException {
        long timeoutMs = Times.timeoutMs(timeout);
        NativeClusterMetrics answers = Background.interruptibly(() -> handle.cluster_metrics(timeoutMs));
        Map<String, Optional<Map<String, Long>>> members = new LinkedHashMap<>();
        for (long index = 0; index < answers.count(); index++) {
            members.put(
                    unused(answers.member(index), members),
                    Optional.ofNullable(answers.item(index)).map(Node::counters));
        }
        Reference.reachabilityFence(answers);
        return members;
    }

    /** The name, or with a number behind it if another member has the same: two nodes of one process do, unless set. */
    static String unused(String name, Map<String, ?> taken) {
        String unused = name;
        for (int number = 2; taken.containsKey(unused); number++) {
            unused = name + " (" + number + ")";
        }
        return unused;
    }

    private static Map<String, Long> counters(NativeCounters raw) {
        Map<String, Long> counters = new LinkedHashMap<>();
        for (long index = 0; index < raw.count(); index++) {
            counters.put(raw.name(index), raw.value(index));
        }
        return counters;
    }

    /**
     * A queue of what happens from now on, in all caches and to the members.
     *
     * @return the queue, to be closed
     * @throws ClosedException if the node is closed
     */
    public Events events() {
        return new Events(handle.events());
    }

    /**
     * Has a listener called for what happens from now on, in all caches and to the members.
     *
     * @param listener called by one daemon thread of the node, one event after another; what it throws is logged by
     *     {@code System.getLogger("io.github.mccache")}
     * @return ends the calls when it is closed; closing the node ends them too
     * @throws ClosedException if the node is closed
     */
    public Subscription addListener(Consumer<? super Event> listener) {
        return dispatcher.add(null, Objects.requireNonNull(listener, "listener: null"));
    }

    Subscription addListener(String cache, Consumer<? super Event> listener) {
        return dispatcher.add(cache, Objects.requireNonNull(listener, "listener: null"));
    }

    /**
     * Whether it was closed through this object.
     *
     * @return true if so
     */
    public boolean isClosed() {
        return closed;
    }

    /**
     * Leaves the cluster: says goodbye, closes the caches and event queues; calls of other threads that wait in them throw
     * {@link ClosedException}, as later calls do. Takes less than a second, and if it is the last node of the process up to
     * one more where the log is slow to take what was said. Closing again does nothing.
     */
    @Override
    public void close() {
        closed = true;
        OPEN.remove(this);
        try {
            handle.close();
        } finally {
            log.end();
        }
    }

    @Override
    public String toString() {
        return "mccache node " + name + (closed ? ", closed" : "");
    }

    /** Members hear a goodbye at the end of the process instead of a silence. */
    private static synchronized void hook() {
        if (!hooked) {
            hooked = true;
            Runtime.getRuntime().addShutdownHook(new Thread(Node::closeAll, "mccache-goodbye"));
        }
    }

    private static void closeAll() {
        List<Node> open;
        synchronized (OPEN) {
            open = new ArrayList<>(OPEN);
        }
        for (Node node : open) {
            try {
                node.close();
            } catch (MccacheException atTheEnd) {
                // Nobody is left to be told.
            }
        }
    }
}
