package io.github.mccache;

/** What a node does with one of the cluster's keys. */
public enum KeyRole {
    /** It opens what others seal with it; the node has not sealed with it yet. */
    DECRYPT_ONLY,
    /** It seals what the node sends, and opens. */
    PRIMARY,
    /** The node has sealed with it; now it opens, until it is removed. */
    RETIRED,
    /** A role that a later library knows and this class does not. */
    OTHER;

    private static final KeyRole[] BY_NUMBER = values();

    static KeyRole of(int number) {
        return number >= 0 && number < OTHER.ordinal() ? BY_NUMBER[number] : OTHER;
    }
}
