package io.github.mccache;

/** The network could not be set up or used; the message has the system's answer and a cure. */
public class NetworkException extends MccacheException {
    private static final long serialVersionUID = 1L;

    NetworkException(String message) {
        super(message);
    }
}
