package io.github.mccache;

/** The cache, its node or the queue was closed, by this or by another thread. */
public class ClosedException extends MccacheException {
    private static final long serialVersionUID = 1L;

    ClosedException(String message) {
        super(message);
    }
}
