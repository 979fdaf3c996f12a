import com.sun.net.httpserver.*;
import io.github.mccache.*;
import java.io.*;
import java.net.*;
import java.net.http.*;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.sql.*;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A web application that keeps database rows in the cache. Each process answers from its own memory; a row that one process
 * loads the others have soon after, and one that any of them changes is gone from all.
 *
 * <p>{@code WebApp serve --port 8080 --db shop.db} serves until stopped. Without arguments it shows itself: two servers on
 * one database. With mccache's jars and sqlite-jdbc in lib/: {@code javac -cp 'lib/*' -d . WebApp.java && java -cp
 * 'lib/*:.' WebApp}.
 */
public final class WebApp {
    private static final int PRODUCTS = 1_000;
    private static final Duration DEADLINE = Duration.ofSeconds(10);
    private static final HttpClient CLIENT = HttpClient.newHttpClient();

    private final String database;
    private final Cache<String, Object> rows = Mccache.cache("products");
    private final AtomicLong loads = new AtomicLong();

    private WebApp(String database) { this.database = database; }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length == 5 && arguments[0].equals("serve")) {
            new WebApp(arguments[4]).serve(Integer.parseInt(arguments[2]));
        } else if (arguments.length == 0) {
            showItself();
        } else {
            System.err.println("usage: WebApp [serve --port PORT --db FILE]");
            System.exit(2);
        }
    }

    // ---- The application ----------------------------------------------------------------------------------------------

    private void serve(int port) throws Exception {
        Mccache.node().awaitReady(DEADLINE);
        // Or the JDK's server sends head and body apart, and the second waits for the client to acknowledge the first.
        System.setProperty("sun.net.httpserver.nodelay", "true");
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), port), 0);
        server.createContext("/products/", this::product);
        server.createContext("/stats", this::stats);
        server.setExecutor(Executors.newFixedThreadPool(4));
        server.start();
        System.out.println("listening on http://127.0.0.1:" + server.getAddress().getPort());
    }

    private void product(HttpExchange exchange) throws IOException {
        String id = exchange.getRequestURI().getPath().substring("/products/".length());
        try {
            if (!id.matches("\\d{1,9}")) {
                answer(exchange, 404, "");
            } else if (exchange.getRequestMethod().equals("PUT")) {
                change(exchange, id);
            } else {
                show(exchange, id);
            }
        } catch (SQLException | InterruptedException failure) {
            answer(exchange, 500, failure.toString());
        }
    }

    private void show(HttpExchange exchange, String id) throws IOException, SQLException, InterruptedException {
        boolean[] loaded = new boolean[1];
        // Of the threads that want this row at once, one asks the database. What it throws comes out here as it is.
        Object row = rows.getOrLoad(id, key -> {
            loaded[0] = true;
            loads.incrementAndGet();
            return row(database, key);
        });
        exchange.getResponseHeaders().set("X-Cache", loaded[0] ? "miss" : "hit");
        answer(exchange, row == null ? 404 : 200, row == null ? "" : json(id, (Map<?, ?>) row));
    }

    /** A row, as any language reads it from the cache; null if there is none, which is not cached. */
    private static Map<String, String> row(String database, String id) throws SQLException {
        try (Connection connection = connect(database);
                PreparedStatement query = connection.prepareStatement("SELECT name, price FROM products WHERE id = ?")) {
            query.setInt(1, Integer.parseInt(id));
            try (ResultSet result = query.executeQuery()) {
                return result.next() ? Map.of("name", result.getString(1), "price", result.getString(2)) : null;
            }
        }
    }

    private void change(HttpExchange exchange, String id) throws IOException, SQLException {
        String form = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        if (!form.matches("price=\\d{1,9}\\.\\d\\d")) {
            answer(exchange, 400, "expected price=1.30");
            return;
        }
        int changed;
        try (Connection connection = connect(database);
                PreparedStatement update = connection.prepareStatement("UPDATE products SET price = ? WHERE id = ?")) {
            update.setString(1, form.substring("price=".length()));
            update.setInt(2, Integer.parseInt(id));
            changed = update.executeUpdate(); // Committed when it returns.
        }
        // After the commit: whoever loads the row from here on gets the new one. A load that began before, here or on
        // another member, is older than this delete, which wins over it.
        rows.remove(id);
        answer(exchange, changed == 1 ? 204 : 404, "");
    }

    private void stats(HttpExchange exchange) throws IOException {
        Stats stats = rows.stats();
        answer(exchange, 200, String.format("{\"entries\":%d,\"hits\":%d,\"misses\":%d,\"loads\":%d}",
                stats.entries(), stats.hits(), stats.misses(), loads.get()));
    }

    private static void answer(HttpExchange exchange, int status, String body) throws IOException {
        byte[] bytes = body.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", status == 200 ? "application/json" : "text/plain");
        exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
        exchange.getResponseBody().write(bytes);
        exchange.close();
    }

    /** Names and prices of this example have nothing that JSON would have to escape. */
    private static String json(String id, Map<?, ?> row) {
        return "{\"id\":" + id + ",\"name\":\"" + row.get("name") + "\",\"price\":\"" + row.get("price") + "\"}";
    }

    // ---- The database -------------------------------------------------------------------------------------------------

    private static Connection connect(String database) throws SQLException {
        return DriverManager.getConnection("jdbc:sqlite:" + database + "?busy_timeout=10000&journal_mode=WAL");
    }

    private static void fill(String database) throws SQLException {
        try (Connection connection = connect(database)) {
            connection.createStatement().execute("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price TEXT)");
            connection.setAutoCommit(false);
            PreparedStatement insert = connection.prepareStatement("INSERT INTO products VALUES (?, ?, ?)");
            for (int id = 1; id <= PRODUCTS; id++) {
                insert.setInt(1, id);
                insert.setString(2, "product " + id);
                insert.setString(3, String.format("%d.%02d", id % 50, id % 100));
                insert.executeUpdate();
            }
            connection.commit();
        }
    }

    // ---- Showing itself -----------------------------------------------------------------------------------------------

    private static void showItself() throws Exception {
        Path folder = Files.createTempDirectory("mccache-webapp-");
        String database = folder.resolve("shop.db").toString();
        fill(database);
        List<Process> servers = List.of(start(database), start(database));
        try {
            show(database, address(servers.get(0)), address(servers.get(1)));
        } finally {
            for (Process server : servers) {
                server.destroy();
                server.waitFor();
            }
            for (String name : List.of("shop.db", "shop.db-wal", "shop.db-shm", "")) {
                Files.deleteIfExists(folder.resolve(name));
            }
        }
    }

    private static Process start(String database) throws IOException {
        ProcessBuilder builder = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
                System.getProperty("java.class.path"), "WebApp", "serve", "--port", "0", "--db", database);
        builder.environment().put("MCCACHE_CLUSTER", "webapp-" + ProcessHandle.current().pid());
        return builder.redirectError(ProcessBuilder.Redirect.INHERIT).start();
    }

    private static String address(Process server) throws IOException {
        BufferedReader out = new BufferedReader(new InputStreamReader(server.getInputStream(), StandardCharsets.UTF_8));
        String line = out.readLine();
        check(line != null && line.startsWith("listening on "), "a server says: " + line);
        return line.substring("listening on ".length());
    }

    private static void show(String database, String a, String b) throws Exception {
        check(get(a + "/products/7").headers().firstValue("X-Cache").equals(Optional.of("miss")), "the first look on A is no miss");
        until("A's row reaches B", () -> get(b + "/stats").body().contains("\"entries\":1,"));
        HttpResponse<String> there = get(b + "/products/7");
        check(there.headers().firstValue("X-Cache").equals(Optional.of("hit")), "B has not got what A loaded");
        System.out.println("GET on A: a miss. GET on B: a hit, since A's load was replicated: " + there.body());

        long begun = System.nanoTime();
        check(request("PUT", a + "/products/7", "price=99.99").statusCode() == 204, "A refuses the new price");
        until("B tells the new price", () -> get(b + "/products/7").body().contains("99.99"));
        System.out.printf("PUT on A: B tells the new price %.1f ms later%n", (System.nanoTime() - begun) / 1e6);
        check(request("PUT", a + "/products/7", "price=much").statusCode() == 400, "A takes a bad price");
        check(get(b + "/products/" + (PRODUCTS + 1)).statusCode() == 404, "B knows a product that is not there");

        Random random = new Random(1);
        begun = System.nanoTime();
        for (int number = 0; number < 500; number++) {
            String server = random.nextBoolean() ? a : b;
            int id = 1 + random.nextInt(100);
            check(get(server + "/products/" + id).statusCode() == 200, "product " + id + " is not found");
            if (number % 25 == 0) {
                request("PUT", server + "/products/" + id, "price=" + number + ".00");
            }
        }
        System.out.printf("500 GETs and 20 PUTs over both in %d ms%n", (System.nanoTime() - begun) / 1_000_000);
        for (int id = 1; id <= 100; id++) {
            String expected = json(Integer.toString(id), row(database, Integer.toString(id)));
            int asked = id;
            until("A and B tell of product " + id + " what the database has",
                    () -> get(a + "/products/" + asked).body().equals(expected) && get(b + "/products/" + asked).body().equals(expected));
        }
        System.out.println("A: " + get(a + "/stats").body());
        System.out.println("B: " + get(b + "/stats").body());
        System.out.println("every answer of both is what the database has");
    }

    private static void until(String what, Callable<Boolean> condition) throws Exception {
        long end = System.nanoTime() + DEADLINE.toNanos();
        while (!condition.call()) {
            check(System.nanoTime() < end, "not within " + DEADLINE + ": " + what);
        }
    }

    private static void check(boolean good, String problem) {
        if (!good) throw new IllegalStateException(problem);
    }

    private static HttpResponse<String> get(String url) throws Exception {
        return request("GET", url, "");
    }

    private static HttpResponse<String> request(String method, String url, String body) throws Exception {
        HttpRequest.Builder builder = HttpRequest.newBuilder(URI.create(url)).timeout(DEADLINE);
        return CLIENT.send(builder.method(method, HttpRequest.BodyPublishers.ofString(body)).build(),
                HttpResponse.BodyHandlers.ofString());
    }
}
