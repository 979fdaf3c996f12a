package io.github.mccache;

import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.Consumer;

/**
 * The listeners of a node and its caches, and the daemon thread that calls them one after another. The thread runs while
 * there are listeners; it ends when the last one goes or the node is closed.
 */
final class Dispatcher {
    private static final System.Logger LOGGER = System.getLogger("io.github.mccache");

    private final Node node;
    private final List<Listener> listeners = new CopyOnWriteArrayList<>();
    /** The queue of the thread that runs; null if none does. */
    private Events queue;

    Dispatcher(Node node) {
        this.node = node;
    }

    /** Of one cache, or of all that happens where the name is null. */
    Subscription add(String cache, Consumer<? super Event> listener) {
        Listener added = new Listener(cache, listener);
        synchronized (this) {
            if (node.isClosed()) {
                throw new ClosedException("node " + node.name() + " is closed");
            }
            if (queue == null) {
                start(node.events());
            }
            listeners.add(added);
        }
        return () -> remove(added);
    }

    private void start(Events opened) {
        queue = opened;
        Thread thread = new Thread(() -> run(opened), "mccache-events-" + node.name());
        thread.setDaemon(true);
        thread.start();
    }

    private synchronized void remove(Listener listener) {
        if (listeners.remove(listener) && listeners.isEmpty() && queue != null) {
            queue.close();
            queue = null;
        }
    }

    private void run(Events events) {
        try {
            while (true) {
                tell(events.take());
            }
        } catch (ClosedException closed) {
            // The node, or the last listener, has gone.
        } finally {
            synchronized (this) {
                if (queue == events) {
                    queue = null;
                }
            }
        }
    }

    private void tell(Event event) {
        for (Listener listener : listeners) {
            if (!listener.hears(event)) {
                continue;
            }
            try {
                listener.call.accept(event);
            } catch (Throwable failure) {
                // Errors, too: a class that one listener misses must not keep the others from being told.
                LOGGER.log(System.Logger.Level.WARNING, "a listener of mccache threw", failure);
            }
        }
    }

    private static final class Listener {
        private final String cache;
        private final Consumer<? super Event> call;

        Listener(String cache, Consumer<? super Event> call) {
            this.cache = cache;
            this.call = call;
        }

        /** Lost events may have been of any cache. */
        boolean hears(Event event) {
            return cache == null || cache.equals(event.cache()) || event.kind() == EventKind.OVERFLOW;
        }
    }
}
