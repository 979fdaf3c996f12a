package io.github.mccache;

import java.util.EnumSet;
import java.util.Set;

/** What happened. */
public enum EventKind {
    /** A key got a value, here or on another member. */
    PUT,
    /** A key was deleted, here or on another member. */
    DELETE,
    /** All entries of a cache were deleted, here or on another member. */
    CLEAR,
    /** An entry was taken out here, to keep the cache's limits or because its writer no longer has it. */
    EVICT,
    /** An entry was taken out here because its time was over. */
    EXPIRE,
    /** A member joined. */
    MEMBER_JOINED,
    /** A member said goodbye. */
    MEMBER_LEFT,
    /** A member was not heard for so long that it counts as gone. */
    MEMBER_FAILED,
    /** The queue was full, and events were dropped; {@link Event#dropped()} tells how many. */
    OVERFLOW,
    /** A loader failed. */
    LOAD_FAILED,
    /** A load took longer than the soft timeout; an expired value was given meanwhile. */
    LOAD_SLOW,
    /** A load took longer than the hard timeout; who waited for it got an exception. */
    LOAD_TIMED_OUT,
    /** An expired value was given in place of a loaded one. */
    STALE,
    /**
     * A tag was invalidated, here or on another member: its entries are read no more. {@link Event#key()} is the tag; it is
     * empty if this node learned of it late.
     */
    TAG_INVALIDATED,
    /** Something that a later library knows and this class does not. */
    OTHER;

    private static final Set<EventKind> OF_NO_KEY =
            EnumSet.of(CLEAR, MEMBER_JOINED, MEMBER_LEFT, MEMBER_FAILED, OVERFLOW, TAG_INVALIDATED);

    private static final EventKind[] BY_NUMBER = values();

    boolean hasKey() {
        return !OF_NO_KEY.contains(this);
    }

    static EventKind of(int number) {
        return number >= 0 && number < OTHER.ordinal() ? BY_NUMBER[number] : OTHER;
    }
}
