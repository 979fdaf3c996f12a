package io.github.mccache;

/** An argument is of a type or in a range that is not accepted. Nothing was changed. */
public class InvalidArgumentException extends MccacheException {
    private static final long serialVersionUID = 1L;

    InvalidArgumentException(String message) {
        super(message);
    }
}
