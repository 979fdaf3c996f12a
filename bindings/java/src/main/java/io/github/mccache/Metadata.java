package io.github.mccache;

import java.time.Duration;
import java.time.Instant;
import java.util.Optional;

/** What is known of an entry. */
public final class Metadata {
    private final Instant written;
    private final Duration age;
    private final Duration timeToLive;
    private final long size;
    private final long weight;
    private final Version version;
    private final int codec;

    /** Of the fields in the order of the library's structure. */
    Metadata(long[] fields) {
        written = Instant.ofEpochMilli(fields[0]);
        age = Duration.ofMillis(fields[1]);
        timeToLive = fields[2] == Times.FOREVER_MS ? null : Duration.ofMillis(fields[2]);
        size = fields[3];
        weight = fields[4];
        version = new Version(fields[5], fields[6]);
        codec = (int) fields[7];
    }

    /**
     * When it was written.
     *
     * @return by the writer's clock, to the millisecond
     */
    public Instant written() {
        return written;
    }

    /**
     * Time since then.
     *
     * @return zero or more
     */
    public Duration age() {
        return age;
    }

    /**
     * Time until it expires.
     *
     * @return empty if it does not
     */
    public Optional<Duration> timeToLive() {
        return Optional.ofNullable(timeToLive);
    }

    /**
     * The value's length.
     *
     * @return bytes
     */
    public long size() {
        return size;
    }

    /**
     * What the entry counts against the cache's limit of bytes.
     *
     * @return bytes
     */
    public long weight() {
        return weight;
    }

    /**
     * Which write it is.
     *
     * @return its version
     */
    public Version version() {
        return version;
    }

    /**
     * How the value's bytes are to be read.
     *
     * @return {@link Encoded#RAW}, {@link Encoded#TEXT}, {@link Encoded#CBOR}, or another number that a writer chose
     */
    public int codec() {
        return codec;
    }

    @Override
    public String toString() {
        return size + " bytes of codec " + codec + ", version " + version + ", age " + age
                + (timeToLive == null ? "" : ", for another " + timeToLive);
    }
}
