package io.github.mccache;

/** Where the native library writes a record of its log. */
final class LogSlot {
    /** From 1, an error, to 5, a trace. */
    int level;

    long timeMs;
    String target;
    String message;
    long dropped;

    /** Called by the native library, with text as UTF-8. */
    void set(int level, long timeMs, byte[] target, byte[] message, long dropped) {
        this.level = level;
        this.timeMs = timeMs;
        this.target = Text.lenient(target);
        this.message = Text.lenient(message);
        this.dropped = dropped;
    }
}
