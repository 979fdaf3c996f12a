import com.github.benmanes.caffeine.cache.Caffeine;
import io.github.mccache.Cache;
import io.github.mccache.CacheOptions;
import io.github.mccache.Keys;
import io.github.mccache.Node;
import io.github.mccache.Values;
import java.util.Arrays;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.IntConsumer;

/**
 * Nanoseconds a call, from Java: tab-separated lines of subject, operation and figure. Keys are 16 bytes, values byte
 * arrays. Each figure is of the pass over all 1,000 keys that took least of those in half a second.
 *
 * <p>A map hands out the array that it was given; mccache makes a new one for each get, as it copies each put.
 */
final class Bench {
    private static final int KEYS = 1_000;
    private static final int SHORT = 100;
    private static final int LONG = 64 * 1024;
    /** Long enough for the compiler to be done with what is measured. */
    private static final long MEASURED_NS = 500_000_000;

    private static final String[] TEXTS = new String[KEYS];
    private static final byte[][] BYTES = new byte[KEYS][];

    /** What the compiler cannot prove useless. */
    private static long sink;

    private Bench() {}

    public static void main(String[] arguments) throws Exception {
        for (int index = 0; index < KEYS; index++) {
            TEXTS[index] = String.format("key-%012d", index);
            BYTES[index] = TEXTS[index].getBytes("UTF-8");
        }
        Map<String, Object> settings = Map.of(
                "cluster", "bench-" + ProcessHandle.current().pid(), "cache_mode", "local", "cache_size", 256 << 20);
        try (Node node = Node.open(settings)) {
            mccache(node.cache("bench", CacheOptions.defaults().values(Values.BYTES)));
        }
        map("ConcurrentHashMap", new ConcurrentHashMap<>());
        try {
            map("Caffeine", Caffeine.newBuilder().maximumSize(2 * KEYS).<String, byte[]>build().asMap());
        } catch (NoClassDefFoundError absent) {
            System.out.println("Caffeine\tskipped\tcaffeine.jar is not on the class path");
        }
        if (sink == 42) {
            System.err.println(sink);
        }
    }

    private static void mccache(Cache<String, byte[]> texts) {
        Cache<byte[], byte[]> bytes = texts.withKeys(Keys.BYTES);
        byte[] small = filled(SHORT);
        print("mccache", "put_100", index -> texts.put(TEXTS[index], small));
        print("mccache", "get_100", index -> sink += texts.get(TEXTS[index]).length);
        print("mccache byte[] key", "put_100", index -> bytes.put(BYTES[index], small));
        print("mccache byte[] key", "get_100", index -> sink += bytes.get(BYTES[index]).length);
        byte[] large = filled(LONG);
        print("mccache", "put_64k", index -> texts.put(TEXTS[index], large));
        print("mccache", "get_64k", index -> sink += texts.get(TEXTS[index]).length);
        print("mccache", "view_64k", index -> sink += texts.view(TEXTS[index]).get(7));
    }

    private static void map(String subject, Map<String, byte[]> map) {
        byte[] small = filled(SHORT);
        print(subject, "put_100", index -> map.put(TEXTS[index], small));
        print(subject, "get_100", index -> sink += map.get(TEXTS[index]).length);
        byte[] large = filled(LONG);
        print(subject, "put_64k", index -> map.put(TEXTS[index], large));
        print(subject, "get_64k", index -> sink += map.get(TEXTS[index]).length);
    }

    private static byte[] filled(int length) {
        byte[] bytes = new byte[length];
        Arrays.fill(bytes, (byte) 'v');
        return bytes;
    }

    private static void print(String subject, String operation, IntConsumer call) {
        long least = Long.MAX_VALUE;
        long begun = System.nanoTime();
        for (long now = begun; now - begun < MEASURED_NS; ) {
            long before = now;
            for (int index = 0; index < KEYS; index++) {
                call.accept(index);
            }
            now = System.nanoTime();
            least = Math.min(least, now - before);
        }
        System.out.printf("%s\t%s\t%.1f%n", subject, operation, least / (double) KEYS);
    }
}
