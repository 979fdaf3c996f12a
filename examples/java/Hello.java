import io.github.mccache.Cache;
import io.github.mccache.Node;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/**
 * Two members of a cluster in one process: what one puts the other reads, and what one deletes is gone on both. A program
 * that needs one member only, as most do, begins with {@code Mccache.cache("prices")}.
 *
 * <p>Build and run: {@code javac -cp 'lib/*' -d . Hello.java && java -cp 'lib/*:.' Hello}, with mccache's jar and those it
 * needs in lib/.
 */
public final class Hello {
    private static final Duration SOON = Duration.ofSeconds(10);

    private Hello() {}

    public static void main(String[] arguments) throws InterruptedException {
        Map<String, String> settings = Map.of("cluster", "hello-" + ProcessHandle.current().pid());
        try (Node here = Node.open(settings);
                Node there = Node.open(settings)) {
            Cache<String, Object> mine = here.cache("prices");
            Cache<String, Object> other = there.cache("prices");
            here.awaitReady(SOON);
            there.awaitReady(SOON);

            mine.put("apple", Map.of("price", 1.20, "tags", List.of("red", "sweet")), Duration.ofMinutes(1));
            mine.sync(SOON); // Every live member has it now.
            System.out.println("the other reads: " + other.get("apple"));

            other.remove("apple");
            other.sync(SOON);
            System.out.println("after a delete there: " + (mine.containsKey("apple") ? "still here" : "gone here"));
        }
    }
}
