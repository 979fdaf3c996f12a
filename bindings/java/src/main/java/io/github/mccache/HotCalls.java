package io.github.mccache;

import java.nio.ByteBuffer;

/**
 * The calls that are hot, written by hand in swig/java.i. Each takes the proxy of the cache, which it keeps alive, and its
 * pointer.
 */
final class HotCalls {
    /** No value, from {@link #getInto}. */
    static final long ABSENT = -1;

    private HotCalls() {}

    /** Looks up what the library calls in Java. */
    static native void bind();

    /** Where a direct buffer's memory is. */
    static native long address(ByteBuffer buffer);

    /**
     * Gets a short value by a short key, both in a block of {@link Scratch}.
     *
     * @return its length times 256 plus its codec; {@link #ABSENT}; or below that: the value is long
     */
    static native long getInto(NativeCache self, long cache, long block, int keyLength);

    /** Gets any value, or null; its codec is written into an array of one. */
    static native byte[] get(NativeCache self, long cache, byte[] key, byte[] codec);

    /** Deletes a key and gives the value it had, or null; its codec is written into an array of one. */
    static native byte[] take(NativeCache self, long cache, byte[] key, byte[] codec);

    /** The bytes of a value, which frees whoever owns the pointer that is written into an array of one; or null. */
    static native ByteBuffer view(NativeCache self, long cache, byte[] key, long[] owner);

    /**
     * What a load begins with: the value as get has it, and an array of two: what was found, a number of Loading, and the
     * pointer of the lease, which is 0 if there is none.
     */
    static native byte[] beginLoad(
            NativeCache self,
            long cache,
            NativeLoadPolicy policy,
            long policyPointer,
            byte[] key,
            long timeoutMs,
            byte[] codec,
            long[] answer);

    /** Puts a short value under a short key, both in a block of {@link Scratch}. */
    static native void putFrom(
            NativeCache self, long cache, long block, int keyLength, int valueLength, int codec, long ttlMs);

    /** Puts any value. */
    static native void put(NativeCache self, long cache, byte[] key, byte[] value, int codec, long ttlMs);
}
