package io.github.mccache;

/** A promise of mccache did not hold: a bug in it. Please report the message. */
public class InternalException extends MccacheException {
    private static final long serialVersionUID = 1L;

    InternalException(String message) {
        super(message);
    }
}
