package io.github.mccache;

import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * One call of {@link Cache#getOrLoad} or {@link Cache#getOrLoadAsync}: what it found, what it waits for, what it gives.
 *
 * <p>What is served, who loads and who waits for how long is decided in the core, by a policy. A loader runs in its
 * caller's thread; if that is not to wait for its end, in a thread of {@link Background}. Invariant: a lease that this call
 * got is ended once, and before anybody is told of the load's end.
 */
final class Loading<K, V> {
    // mcc_load_state_t, and that another loads, and there is nothing to serve.
    private static final int BUSY = -1;
    private static final int REFRESH = 1;
    private static final int SLOW = 3;

    // MCC_LOAD_NOTE_.
    private static final int NOTE_STALE = 0;
    private static final int NOTE_SLOW = 1;
    private static final int NOTE_TIMED_OUT = 2;

    private final Cache<K, V> cache;
    private final K key;
    private final byte[] bytes;
    private final LoadOptions options;
    private final LoadPolicy policy;

    private int state;
    /** The live value, or with a lease to load one the expired one. */
    private Encoded found;
    private NativeLease lease;

    /** Of a load that has ended. */
    private boolean ended;
    private V loaded;
    private Throwable problem;

    Loading(Cache<K, V> cache, K key, LoadOptions options) {
        this.cache = cache;
        this.key = key;
        this.bytes = cache.bytesOf(key);
        this.options = Objects.requireNonNull(options, "options: null");
        this.policy = options.policyOr(cache.ownPolicy());
    }

    // ---- For a thread that waits --------------------------------------------------------------------------------------

    <E extends Exception> V run(CacheLoader<? super K, ? extends V, E> loader) throws E, InterruptedException {
        await(options.timeoutMs, Background.SLICE_MS);
        if (lease == null) {
            return cache.decoded(found);
        }
        long patienceMs = policy.patienceMs(found != null);
        if (state == REFRESH) {
            inBackground(() -> refresh(loader));
            return cache.decoded(found);
        }
        if (patienceMs == Times.FOREVER_MS) {
            load(loader);
            return outcome();
        }
        CompletableFuture<Void> end = new CompletableFuture<>();
        inBackground(() -> {
            load(loader);
            end.complete(null);
        });
        try {
            end.get(patienceMs, TimeUnit.MILLISECONDS);
            return outcome();
        } catch (TimeoutException late) {
            return late(patienceMs);
        } catch (ExecutionException impossible) {
            throw new InternalException(impossible.toString());
        }
    }

    private void inBackground(Runnable load) {
        try {
            Background.LOADS.execute(load);
        } catch (RuntimeException | Error noThread) {
            lease.delete();
            throw noThread;
        }
    }

    private void refresh(CacheLoader<? super K, ? extends V, ?> loader) {
        load(loader);
        if (problem instanceof Error) {
            // Nobody waits for this one: it is for whoever the process has for such.
            throw (Error) problem;
        }
    }

    private void load(CacheLoader<? super K, ? extends V, ?> loader) {
        V value = null;
        Throwable failure = null;
        try {
            value = loader.load(key);
        } catch (Throwable thrown) {
            failure = thrown;
        }
        end(value, failure);
    }

    // ---- For a future -------------------------------------------------------------------------------------------------

    CompletableFuture<V> start(Function<? super K, ? extends CompletionStage<? extends V>> loader) {
        CompletableFuture<V> answer = new CompletableFuture<>();
        begin(0);
        if (isWaiting()) {
            Background.THREADS.execute(() -> {
                try {
                    await(options.timeoutMs, Long.MAX_VALUE);
                    load(loader, answer);
                } catch (InterruptedException | RuntimeException | Error failure) {
                    answer.completeExceptionally(failure);
                }
            });
        } else {
            load(loader, answer);
        }
        return answer;
    }

    private void load(Function<? super K, ? extends CompletionStage<? extends V>> loader, CompletableFuture<V> answer) {
        if (lease == null) {
            complete(answer, () -> cache.decoded(found));
            return;
        }
        CompletableFuture<Boolean> inTime = new CompletableFuture<>();
        try {
            loader.apply(key).whenComplete((value, failure) -> {
                end(value, failure);
                inTime.complete(true);
            });
        } catch (Throwable failure) {
            end(null, failure);
            inTime.complete(true);
        }
        if (state == REFRESH) {
            complete(answer, () -> cache.decoded(found));
            return;
        }
        long patienceMs = policy.patienceMs(found != null);
        if (patienceMs != Times.FOREVER_MS) {
            inTime.completeOnTimeout(false, patienceMs, TimeUnit.MILLISECONDS);
        }
        inTime.thenAccept(did -> {
            if (did) {
                complete(answer, this::outcome);
            } else {
                // Not in the one thread that Java has for all that takes too long.
                Background.THREADS.execute(() -> complete(answer, () -> late(patienceMs)));
            }
        });
    }

    private static <T> void complete(CompletableFuture<T> answer, Supplier<? extends T> outcome) {
        T value;
        try {
            value = outcome.get();
        } catch (Throwable failure) {
            answer.completeExceptionally(failure);
            return;
        }
        answer.complete(value);
    }

    // ---- The load -----------------------------------------------------------------------------------------------------

    /** Fills, or tells of the failure, and ends the lease. A stage that ends twice is heard once. */
    private synchronized void end(V value, Throwable failure) {
        if (ended) {
            return;
        }
        ended = true;
        loaded = value;
        problem = failure;
        try {
            if (failure == null && value != null) {
                // Overtaken by another's write: the caller gets what was loaded all the same.
                Encoded encoded = cache.encoded(value);
                lease.fill(encoded.bytes(), (short) encoded.codec(), options.ttlMs, options.packedTags());
            }
        } catch (RuntimeException | Error unfit) {
            problem = unfit;
        } finally {
            if (problem != null && isFailure(problem)) {
                lease.failed();
            }
            lease.delete();
        }
    }

    /** What was loaded; or the expired value, or what the loader threw. */
    private synchronized V outcome() {
        if (problem == null) {
            return loaded;
        }
        if (found == null || !isFailure(problem)) {
            throw Loading.<RuntimeException>unchanged(problem);
        }
        cache.noteLoad(bytes, NOTE_STALE);
        return cache.decoded(found);
    }

    private V late(long waitedMs) {
        cache.noteLoad(bytes, found != null ? NOTE_SLOW : NOTE_TIMED_OUT);
        if (found != null) {
            return cache.decoded(found);
        }
        throw new WaitTimeoutException(
                "timed out after " + Duration.ofMillis(waitedMs) + ": the loader, which goes on, of cache " + cache.name());
    }

    /** Errors and cancellations are no failures of the database: no value is served in their place. */
    private static boolean isFailure(Throwable problem) {
        Throwable cause = problem instanceof CompletionException && problem.getCause() != null ? problem.getCause() : problem;
        return cause instanceof Exception
                && !(cause instanceof InterruptedException)
                && !(cause instanceof CancellationException);
    }

    /** Throws what a loader threw as it is: the caller's compiler knows its type. */
    @SuppressWarnings("unchecked")
    private static <T extends Throwable> T unchanged(Throwable problem) throws T {
        throw (T) problem;
    }

    // ---- The wait for another's load ----------------------------------------------------------------------------------

    /** Until there is a value or a lease. The first look does not wait: mostly there is nobody to wait for. */
    private void await(long timeoutMs, long sliceMs) throws InterruptedException {
        long begun = System.nanoTime();
        long nextMs = 0;
        while (true) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            begin(nextMs);
            long waitedMs = (System.nanoTime() - begun) / 1_000_000;
            if (!isWaiting() || isOver(waitedMs, timeoutMs)) {
                return;
            }
            nextMs = Math.min(sliceMs, Math.min(timeoutMs, policy.patienceMs(state == SLOW)) - waitedMs);
        }
    }

    private boolean isWaiting() {
        return state == BUSY || state == SLOW;
    }

    /** Whether to wait no longer for another's load, having found this; throws if there is nothing to serve then. */
    private boolean isOver(long waitedMs, long timeoutMs) {
        long patienceMs = policy.patienceMs(state == SLOW);
        long longestMs = Math.min(timeoutMs, patienceMs);
        if (waitedMs < longestMs) {
            return false;
        }
        if (state == SLOW) {
            cache.noteLoad(bytes, NOTE_SLOW);
            return true;
        }
        if (patienceMs <= timeoutMs && patienceMs != Times.FOREVER_MS) {
            cache.noteLoad(bytes, NOTE_TIMED_OUT);
        }
        throw new WaitTimeoutException("timed out after " + Duration.ofMillis(longestMs)
                + ": another load of this key of cache " + cache.name());
    }

    private void begin(long timeoutMs) {
        byte[] codec = new byte[1];
        long[] answer = new long[2];
        byte[] value = cache.beginLoad(policy, bytes, timeoutMs, codec, answer);
        state = (int) answer[0];
        found = value == null ? null : Encoded.of(value, codec[0] & 0xFF);
        lease = answer[1] == 0 ? null : new NativeLease(answer[1], true);
    }
}
