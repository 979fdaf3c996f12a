package io.github.mccache;

/** What a node thinks of another member. */
public enum MemberState {
    /** It says hello; its contents are not compared yet. */
    JOINING,
    /** It is heard, and keeps up. */
    ALIVE,
    /** It was not heard for a while. */
    SUSPECT,
    /** It is heard, and does not keep up; nobody waits for it. */
    LAGGING,
    /** It was not heard for so long that it counts as gone. */
    DOWN,
    /** It said goodbye. */
    LEFT,
    /** A state that a later library knows and this class does not. */
    OTHER;

    private static final MemberState[] BY_NUMBER = values();

    static MemberState of(int number) {
        return number >= 0 && number < OTHER.ordinal() ? BY_NUMBER[number] : OTHER;
    }
}
