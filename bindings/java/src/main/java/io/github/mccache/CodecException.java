package io.github.mccache;

/** A value cannot be written in, or read from, the form in which it crosses to other members. */
public class CodecException extends MccacheException {
    private static final long serialVersionUID = 1L;

    CodecException(String message) {
        super(message);
    }

    CodecException(String message, Throwable cause) {
        super(message, cause);
    }
}
