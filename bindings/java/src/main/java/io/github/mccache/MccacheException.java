package io.github.mccache;

/**
 * Base of everything that mccache throws of its own. The message says what went wrong this time and what to do about it.
 *
 * <p>A missing key is no exception: look-ups answer {@code null}. A {@code null} key is a {@link NullPointerException},
 * and a key of a wrong type, which only {@link Cache#asMap()} lets through, a {@link ClassCastException}, as for other maps.
 * A call that failed has changed nothing.
 */
public class MccacheException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    // mcc_status_t, whose numbers never change.
    private static final int INVALID_ARGUMENT = 3;
    private static final int TOO_LARGE = 4;
    private static final int CLOSED = 5;
    private static final int TIMEOUT = 6;
    private static final int CONFIG = 7;
    private static final int NETWORK = 8;

    MccacheException(String message) {
        super(message);
    }

    MccacheException(String message, Throwable cause) {
        super(message, cause);
    }

    /** Called by the native library, with text as UTF-8. */
    static MccacheException of(int status, byte[] text) {
        String message = Text.lenient(text);
        switch (status) {
            case INVALID_ARGUMENT:
                return new InvalidArgumentException(message);
            case TOO_LARGE:
                return new TooLargeException(message);
            case CLOSED:
                return new ClosedException(message);
            case TIMEOUT:
                return new WaitTimeoutException(message);
            case CONFIG:
                return new ConfigException(message);
            case NETWORK:
                return new NetworkException(message);
            default:
                return new InternalException(message);
        }
    }
}
