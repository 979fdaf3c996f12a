package io.github.mccache;

import java.time.Duration;

/** Another member of the cluster, as a node knew it when it was asked. */
public final class Member {
    private final String name;
    private final String session;
    private final String address;
    private final String version;
    private final MemberState state;
    private final Duration heardAgo;
    private final Duration roundTrip;

    Member(NativeMember raw) {
        name = raw.getName();
        session = raw.getSession();
        address = raw.getAddress();
        version = raw.getVersion();
        state = MemberState.of(raw.getState());
        heardAgo = Duration.ofMillis(raw.getHeard_ago_ms());
        roundTrip = Duration.ofNanos(raw.getRound_trip_us() * 1000);
    }

    /**
     * Its name, as its settings have it.
     *
     * @return the name
     */
    public String name() {
        return name;
    }

    /**
     * One run of it.
     *
     * @return 24 hexadecimal digits, different after each start
     */
    public String session() {
        return session;
    }

    /**
     * Where it sends from.
     *
     * @return such as {@code 192.0.2.7:4000}
     */
    public String address() {
        return address;
    }

    /**
     * The mccache it runs.
     *
     * @return its version
     */
    public String version() {
        return version;
    }

    /**
     * What this node thinks of it.
     *
     * @return the state
     */
    public MemberState state() {
        return state;
    }

    /**
     * Time since it was last heard.
     *
     * @return to the millisecond
     */
    public Duration heardAgo() {
        return heardAgo;
    }

    /**
     * Time to it and back, smoothed.
     *
     * @return to the microsecond; zero until measured
     */
    public Duration roundTrip() {
        return roundTrip;
    }

    @Override
    public String toString() {
        return name + " " + state + " at " + address;
    }
}
