package io.github.mccache;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** A change of the cluster's key while it runs. */
class KeysTest extends ClusterCase {
    private static final String OLD = "1:" + "0f".repeat(32);
    private static final String NEW = "2:" + "1e".repeat(32);

    private Node keyed() {
        return node(Map.of("crypto_key", OLD, "interface", "127.0.0.1"));
    }

    private static String told(Node node) {
        return node.keys().stream().map(ClusterKey::toString).collect(Collectors.joining("; "));
    }

    @Test
    void aKeyIsChangedWhileValuesCross() {
        List<Node> nodes = List.of(keyed(), keyed());
        Cache<String, Object> a = nodes.get(0).cache("c");
        Cache<String, Object> b = nodes.get(1).cache("c");
        eventually("both use the old key", () -> told(nodes.get(0)).equals("1 PRIMARY, used by 1"));
        nodes.forEach(node -> node.addKey(NEW));
        assertEquals(KeyRole.DECRYPT_ONLY, nodes.get(1).keys().get(1).role());
        a.put("before", 1L);
        nodes.forEach(node -> node.setPrimaryKey(2));
        a.put("after", 2L);
        eventually("values cross", () -> b.containsKey("before") && b.containsKey("after"));
        eventually("the old key is unused", () -> nodes.stream()
                .allMatch(node -> told(node).equals("1 RETIRED, used by 0; 2 PRIMARY, used by 1")));
        nodes.forEach(node -> node.removeKey(1));
        b.put("last", 3L);
        eventually("values cross with the new key alone", () -> a.containsKey("last"));
        assertEquals(2, nodes.get(0).keys().get(0).id());
        assertEquals(1, nodes.get(0).keys().size());
    }

    @Test
    void badKeysAndIdsChangeNothingAndAreNotShown() {
        Node node = keyed();
        for (String bad : new String[] {"", "secret-but-short", "0:" + "1e".repeat(32), "256:" + "1e".repeat(32), "1:" + "1e".repeat(32)}) {
            Exception refused = assertThrows(InvalidArgumentException.class, () -> node.addKey(bad));
            assertFalse(refused.getMessage().contains("secret-but-short") || refused.getMessage().contains("1e1e1e"));
        }
        assertThrows(NullPointerException.class, () -> node.addKey(null));
        for (int bad : new int[] {Integer.MIN_VALUE, -1, 0, 7, 256}) {
            assertThrows(InvalidArgumentException.class, () -> node.setPrimaryKey(bad));
            assertThrows(InvalidArgumentException.class, () -> node.removeKey(bad));
        }
        assertThrows(InvalidArgumentException.class, () -> node.removeKey(1));
        node.setPrimaryKey(1);
        node.addKey(OLD);
        assertEquals("1 PRIMARY, used by 0", told(node));
        assertThrows(InvalidArgumentException.class, () -> node().addKey(NEW));
    }
}
