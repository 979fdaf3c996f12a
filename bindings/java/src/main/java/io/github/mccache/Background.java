package io.github.mccache;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;

/** Daemon threads for waits that must not hold up whoever asked, and waits that can be interrupted. */
final class Background {
    /** The longest stay inside one native call of a thread that may be interrupted. */
    static final long SLICE_MS = 100;

    /** A thread more for each wait at the same time; idle ones end after a minute. */
    static final ExecutorService THREADS = threads("mccache-wait-");

    /** Likewise for loaders that are not waited for to their end. */
    static final ExecutorService LOADS = threads("mccache-load-");

    private Background() {}

    private static ExecutorService threads(String name) {
        AtomicInteger numbers = new AtomicInteger();
        return Executors.newCachedThreadPool(work -> {
            Thread thread = new Thread(work, name + numbers.incrementAndGet());
            thread.setDaemon(true);
            return thread;
        });
    }

    /**
     * Runs a native call that must not be broken off and begun again, and lets this thread be interrupted meanwhile: then the
     * call goes on by itself to its own timeout, and its answer is dropped.
     */
    static <T> T interruptibly(Callable<T> call) throws InterruptedException {
        Future<T> answer = THREADS.submit(call);
        try {
            return answer.get();
        } catch (ExecutionException failure) {
            throw unwrapped(failure.getCause());
        }
    }

    /** What the call threw, here: native calls throw nothing that must be declared. */
    private static RuntimeException unwrapped(Throwable cause) {
        if (cause instanceof Error) {
            throw (Error) cause;
        }
        return cause instanceof RuntimeException ? (RuntimeException) cause : new InternalException(cause.toString());
    }

    /** A native wait that can be broken off and begun again. */
    interface Wait {
        /** Waits so long, and tells whether it happened. */
        boolean happened(long timeoutMs) throws InterruptedException;
    }

    /** Waits in slices, so that an interrupt is heard; false if it does not happen in time. */
    static boolean inSlices(long timeoutMs, Wait wait) throws InterruptedException {
        long begun = System.nanoTime();
        while (true) {
            if (Thread.interrupted()) {
                throw new InterruptedException();
            }
            long left = timeoutMs - (System.nanoTime() - begun) / 1_000_000;
            if (wait.happened(Math.max(0, Math.min(SLICE_MS, left)))) {
                return true;
            }
            if (left <= 0) {
                return false;
            }
        }
    }
}
