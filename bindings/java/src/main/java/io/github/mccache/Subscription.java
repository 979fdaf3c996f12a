package io.github.mccache;

/** A listener's place in a node or cache. Closing it ends the calls; closing again does nothing. */
@FunctionalInterface
public interface Subscription extends AutoCloseable {
    /** Ends the calls. One that has begun in another thread goes on to its end. */
    @Override
    void close();
}
