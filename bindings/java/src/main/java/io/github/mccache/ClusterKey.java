package io.github.mccache;

/** One of the cluster's keys, as a node holds it. The key itself is never told. */
public final class ClusterKey {
    private final int id;
    private final KeyRole role;
    private final long members;

    ClusterKey(int id, KeyRole role, long members) {
        this.id = id;
        this.role = role;
        this.members = members;
    }

    /**
     * Its id.
     *
     * @return 1 to 255; 0 is the public key of a node without a {@code crypto_key}
     */
    public int id() {
        return id;
    }

    /**
     * What the node does with it.
     *
     * @return the role
     */
    public KeyRole role() {
        return role;
    }

    /**
     * How many other members seal with it now, as far as the node has heard them.
     *
     * @return their number
     */
    public long members() {
        return members;
    }

    @Override
    public String toString() {
        return id + " " + role + ", used by " + members;
    }
}
