package io.github.mccache;

/** The time allowed ran out. What was waited for may still happen. */
public class WaitTimeoutException extends MccacheException {
    private static final long serialVersionUID = 1L;

    WaitTimeoutException(String message) {
        super(message);
    }
}
