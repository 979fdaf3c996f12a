package io.github.mccache;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A block of native memory for each thread, in which short keys and values cross: reading and writing it takes no JNI
 * function.
 *
 * <p>The block is a plain buffer with its own address in its first bytes, and not an object of this class, so that the
 * threads of an application server keep no class of an application that is gone.
 */
final class Scratch {
    /** Longer keys and values go as arrays. swig/java.i has the same numbers. */
    static final int KEY_MAX = 256;

    static final int VALUE_MAX = 2048;

    private static final int KEY_AT = Long.BYTES;
    private static final int VALUE_AT = KEY_AT + KEY_MAX;
    private static final ThreadLocal<ByteBuffer> OF_THREAD = ThreadLocal.withInitial(Scratch::allocate);

    private Scratch() {}

    private static ByteBuffer allocate() {
        ByteBuffer block = ByteBuffer.allocateDirect(VALUE_AT + VALUE_MAX).order(ByteOrder.nativeOrder());
        return block.putLong(0, HotCalls.address(block) + KEY_AT);
    }

    /** This thread's, with a key in it. */
    static ByteBuffer with(byte[] key) {
        ByteBuffer block = OF_THREAD.get();
        block.position(KEY_AT);
        block.put(key);
        return block;
    }

    /** Where its key is. */
    static long address(ByteBuffer block) {
        return block.getLong(0);
    }

    static void putValue(ByteBuffer block, byte[] value) {
        block.position(VALUE_AT);
        block.put(value);
    }

    static byte[] value(ByteBuffer block, int length) {
        byte[] value = new byte[length];
        block.position(VALUE_AT);
        block.get(value);
        return value;
    }
}
