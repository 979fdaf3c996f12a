package io.github.mccache;

/** The key or the value is longer than accepted. Nothing was changed. */
public class TooLargeException extends MccacheException {
    private static final long serialVersionUID = 1L;

    TooLargeException(String message) {
        super(message);
    }
}
