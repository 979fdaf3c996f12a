package io.github.mccache;

import java.time.Instant;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * The core's log, handed to a {@link System.Logger} or a listener by a thread of its own, as long as there is a node.
 *
 * <p>Invariant: the core calls nothing of Java's, so a slow listener holds up nobody but this thread, and what does not fit
 * the queue meanwhile is counted. No lock is held while a listener is called.
 */
final class Log {
    private static final System.Logger LOGGER = System.getLogger("io.github.mccache");

    /** By the core's numbers, which begin at 1. */
    private static final System.Logger.Level[] LEVELS = {
        System.Logger.Level.ERROR,
        System.Logger.Level.WARNING,
        System.Logger.Level.INFO,
        System.Logger.Level.DEBUG,
        System.Logger.Level.TRACE,
    };

    /** How soon a level that was changed is followed: nothing tells of a change. */
    private static final long LOOK_MS = 1_000;

    /** How long the last close waits for a listener that is slow. */
    private static final long STOP_WAIT_MS = 1_000;

    private static volatile Sink sink = new Sink(null, null);
    /** The nodes that are open. */
    private static int uses;
    private static NativeLogs queue;
    /** The core's level of the queue. */
    private static int collected;
    /** The one that runs, or the last one that did. */
    private static Thread thread;

    private Log() {}

    /**
     * Who hears, and from which level on; no listener: the System.Logger, as far as it wants to.
     *
     * <p>No level: nobody asked for anything. Loggers that nobody set up let INFO pass, and the JDK's own writes it to standard
     * error: a library that is merely used keeps still there. To be told of DEBUG, somebody must have set it up.
     */
    private static final class Sink {
        private final System.Logger.Level level;
        final Consumer<? super LogLine> listener;

        Sink(System.Logger.Level level, Consumer<? super LogLine> listener) {
            this.level = level;
            this.listener = listener;
        }

        boolean hears(System.Logger.Level spoken) {
            return spoken.getSeverity() >= least().getSeverity() && (listener != null || LOGGER.isLoggable(spoken));
        }

        private System.Logger.Level least() {
            if (level != null) {
                return level;
            }
            return LOGGER.isLoggable(System.Logger.Level.DEBUG) ? System.Logger.Level.ALL : System.Logger.Level.WARNING;
        }

        /** The finest level of the core that is heard. Asks the logger, so no lock may be held. */
        int coreLevel() {
            try {
                int finest = LEVELS.length;
                while (finest > 1 && !hears(LEVELS[finest - 1])) {
                    finest--;
                }
                return finest;
            } catch (RuntimeException logger) {
                // A logger that fails must keep no node from opening.
                return 1;
            }
        }

        void tell(LogLine line) {
            if (listener != null) {
                listener.accept(line);
                return;
            }
            if (line.dropped() > 0) {
                LOGGER.log(
                        System.Logger.Level.WARNING,
                        line.dropped() + " lines of the log were dropped: what it is written to is slow");
            }
            LOGGER.log(line.level(), line.toString());
        }
    }

    /** One node's share of the log: the last that ends, ends the thread. */
    static final class Use {
        private final AtomicBoolean ended = new AtomicBoolean();

        /** Hands on what is queued, the node's last words among it. */
        void end() {
            Thread last = release();
            if (last != null && last != Thread.currentThread()) {
                try {
                    last.join(STOP_WAIT_MS);
                } catch (InterruptedException interrupted) {
                    Thread.currentThread().interrupt();
                }
            }
        }

        /** The same for a node that nobody can reach any more; its cleaner must not wait. */
        void endWith(Node node) {
            NativeLibrary.CLEANER.register(node, this::release);
        }

        /** The thread that ends now; null if there are other nodes. */
        private Thread release() {
            return ended.getAndSet(true) ? null : leave();
        }
    }

    /** Before a node is opened, since its first words are to be heard. */
    static Use use() {
        return enter(sink.coreLevel());
    }

    private static synchronized Use enter(int level) {
        if (uses == 0) {
            NativeLogs opened = new NativeLogs(level);
            Thread before = thread;
            thread = new Thread(null, () -> run(opened, before), "mccache-log", 0, false);
            thread.setDaemon(true);
            thread.start();
            queue = opened;
            collected = level;
        }
        uses++;
        return new Use();
    }

    private static synchronized Thread leave() {
        uses--;
        if (uses > 0) {
            return null;
        }
        queue.close();
        queue = null;
        return thread;
    }

    static void set(System.Logger.Level level, Consumer<? super LogLine> listener) {
        sink = new Sink(level, listener);
        collect(null, sink.coreLevel());
    }

    /** Of this queue, if it is the one of now; null: of the one of now. */
    private static synchronized void collect(NativeLogs logs, int level) {
        if (queue != null && (logs == null || logs == queue) && level != collected) {
            queue.set_level(level);
            collected = level;
        }
    }

    private static void run(NativeLogs logs, Thread before) {
        if (before != null) {
            // It may still have lines, which were said before.
            joinWhole(before);
        }
        LogSlot slot = new LogSlot();
        try {
            while (true) {
                if (logs.next(LOOK_MS, slot)) {
                    handOn(slot);
                }
                collect(logs, sink.coreLevel());
            }
        } catch (ClosedException closed) {
            // And empty.
        }
    }

    private static void joinWhole(Thread other) {
        while (other.isAlive()) {
            try {
                other.join();
            } catch (InterruptedException interrupted) {
                // Nobody has this thread to interrupt it, but a listener may leave that behind in the one before.
            }
        }
    }

    private static void handOn(LogSlot slot) {
        Sink to = sink;
        try {
            System.Logger.Level level = LEVELS[slot.level - 1];
            if (to.hears(level)) {
                to.tell(new LogLine(level, Instant.ofEpochMilli(slot.timeMs), slot.target, slot.message, slot.dropped));
            }
        } catch (Throwable failure) {
            // Errors, too: what one line comes to must not cost the lines to come.
            report(to, failure);
        }
    }

    private static void report(Sink from, Throwable failure) {
        if (from.listener == null) {
            return;
        }
        try {
            LOGGER.log(System.Logger.Level.WARNING, "the listener of mccache's log threw", failure);
        } catch (RuntimeException logger) {
            // There is nowhere to tell it.
        }
    }
}
