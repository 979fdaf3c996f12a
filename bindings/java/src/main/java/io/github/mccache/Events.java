package io.github.mccache;

import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A queue of what happens, from when it was made. It is bounded: who does not keep up gets one {@link EventKind#OVERFLOW}
 * that tells how many were dropped.
 *
 * <p>Used by any threads; each event goes to one of them. Most programs add a listener instead:
 * {@link Cache#addListener}, {@link Node#addListener}.
 */
public final class Events implements AutoCloseable {
    private final NativeEvents handle;
    // The core's next() is for one thread at a time: its event is overwritten by the following call.
    private final ReentrantLock turn = new ReentrantLock();
    private final EventSlot slot = new EventSlot();

    Events(NativeEvents handle) {
        this.handle = handle;
    }

    /**
     * Takes the next event, or waits for one.
     *
     * @param timeout the longest wait; zero does not wait, {@link Cache#FOREVER} waits for ever
     * @return the event; null if there was none in time
     * @throws ClosedException once queue, cache or node is closed and the queue is empty
     * @throws InterruptedException if this thread was interrupted
     */
    public Event next(Duration timeout) throws InterruptedException {
        Event[] next = new Event[1];
        Background.inSlices(Times.timeoutMs(timeout), sliceMs -> {
            // Another thread may wait in it all the time.
            if (!turn.tryLock(sliceMs, TimeUnit.MILLISECONDS)) {
                return false;
            }
            try {
                next[0] = handle.next(sliceMs, slot) ? slot.event() : null;
            } finally {
                turn.unlock();
            }
            return next[0] != null;
        });
        return next[0];
    }

    /**
     * Takes the next event, or waits for one for ever.
     *
     * @return the event
     * @throws ClosedException once queue, cache or node is closed and the queue is empty
     * @throws InterruptedException if this thread was interrupted
     */
    public Event next() throws InterruptedException {
        return next(Cache.FOREVER);
    }

    /** Waits in the native library until there is an event or the queue is closed: for a thread that nobody interrupts. */
    Event take() {
        turn.lock();
        try {
            while (!handle.next(Times.FOREVER_MS, slot)) {
                // Woken: go on.
            }
            return slot.event();
        } finally {
            turn.unlock();
        }
    }

    /** Ends the collecting: what is queued can still be taken. A thread that waits gets {@link ClosedException} at once. */
    @Override
    public void close() {
        handle.close();
    }
}
