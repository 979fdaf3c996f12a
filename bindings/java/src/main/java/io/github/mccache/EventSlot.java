package io.github.mccache;

/** Where the native library writes an event. */
final class EventSlot {
    private Event event;

    /** Called by the native library, with text as UTF-8. */
    void set(
            int kind,
            boolean local,
            byte[] cache,
            byte[] key,
            byte[] member,
            long versionClock,
            long versionOrigin,
            long dropped) {
        event = new Event(
                EventKind.of(kind),
                local,
                Text.lenient(cache),
                key,
                Text.lenient(member),
                new Version(versionClock, versionOrigin),
                dropped);
    }

    Event event() {
        return event;
    }
}
