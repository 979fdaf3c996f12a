package io.github.mccache;

/** Something that happened in a cache or to the cluster. */
public final class Event {
    private final EventKind kind;
    private final boolean local;
    private final String cache;
    private final byte[] key;
    private final String member;
    private final Version version;
    private final long dropped;

    Event(EventKind kind, boolean local, String cache, byte[] key, String member, Version version, long dropped) {
        this.kind = kind;
        this.local = local;
        this.cache = cache;
        this.key = key;
        this.member = member;
        this.version = version;
        this.dropped = dropped;
    }

    /**
     * What happened.
     *
     * @return the kind
     */
    public EventKind kind() {
        return kind;
    }

    /**
     * Whether this process did it.
     *
     * @return true if so
     */
    public boolean local() {
        return local;
    }

    /**
     * The cache it happened in.
     *
     * @return its name; empty for members
     */
    public String cache() {
        return cache;
    }

    /**
     * The key as text.
     *
     * @return the key; with {@link EventKind#TAG_INVALIDATED} the tag; empty where there is none
     * @throws CodecException if the key is not UTF-8: {@link #keyBytes()} has it
     */
    public String key() {
        String text = Text.ofUtf8OrNull(key);
        if (text == null) {
            throw new CodecException("the key of this event is " + key.length + " bytes that are not UTF-8: use keyBytes()");
        }
        return text;
    }

    /**
     * The key's bytes.
     *
     * @return a copy of them; none where there is no key
     */
    public byte[] keyBytes() {
        return key.clone();
    }

    /** The key's bytes for who does not write to them. */
    byte[] rawKey() {
        return key;
    }

    /**
     * The member that wrote, joined, left or failed.
     *
     * @return its name; empty if unknown
     */
    public String member() {
        return member;
    }

    /**
     * Which write it was.
     *
     * @return the update's version; of zeros for members
     */
    public Version version() {
        return version;
    }

    /**
     * With {@link EventKind#OVERFLOW} how many events were dropped.
     *
     * @return their number; else 0
     */
    public long dropped() {
        return dropped;
    }

    @Override
    public String toString() {
        String text = Text.ofUtf8OrNull(key);
        return kind + (local ? " (local)" : "") + " cache=" + cache + " key="
                + (text == null ? key.length + " bytes" : text) + " member=" + member
                + (kind == EventKind.OVERFLOW ? " dropped=" + dropped : "");
    }
}
