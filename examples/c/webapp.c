// A web application that keeps rows of its database in the cache, and stays right although several processes serve it.
// Build: cc webapp.c -lmccache -lsqlite3 -o webapp
//
//   webapp serve --port P --db FILE   GET /products/7, PUT /products/7 with price=1.30, GET /stats
//   webapp                            shows itself: two of it on a database of 1,000 products
//
// What is about the cache: find_product() and change_price(). http.h is a small HTTP server and client.

#include "http.h"

#include <mccache.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#define PRODUCTS 1000
#define PATIENCE_MS 10000
#define TTL_MS (10 * 60 * 1000)

static mcc_cache_t *cache;
static sqlite3 *db;
static long loads;

static void must(int held, const char *otherwise) {
    if (!held) {
        fprintf(stderr, "webapp: %s\n", otherwise);
        exit(1);
    }
}

// --- The database ----------------------------------------------------------------------------------------------------

static void open_database(const char *file) {
    must(sqlite3_open(file, &db) == SQLITE_OK, "the database does not open");
    sqlite3_busy_timeout(db, PATIENCE_MS);
}

// A product as JSON: its length, 0 if there is none, -1 if the database fails.
static int read_product(int id, char *json, size_t capacity) {
    sqlite3_stmt *statement;
    int len = -1;
    if (sqlite3_prepare_v2(db, "SELECT name, price FROM products WHERE id = ?", -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_int(statement, 1, id);
        int status = sqlite3_step(statement);
        len = status == SQLITE_ROW ? snprintf(json, capacity, "{\"id\":%d,\"name\":\"%s\",\"price\":\"%s\"}", id,
                                              sqlite3_column_text(statement, 0), sqlite3_column_text(statement, 1))
                                   : -(status != SQLITE_DONE);
    }
    sqlite3_finalize(statement);
    return len;
}

static int write_price(int id, const char *price) {
    sqlite3_stmt *statement;
    int done = 0;
    if (sqlite3_prepare_v2(db, "UPDATE products SET price = ? WHERE id = ?", -1, &statement, NULL) == SQLITE_OK) {
        sqlite3_bind_text(statement, 1, price, -1, SQLITE_STATIC);
        sqlite3_bind_int(statement, 2, id);
        done = sqlite3_step(statement) == SQLITE_DONE;
    }
    sqlite3_finalize(statement);
    return done;
}

// --- The application -------------------------------------------------------------------------------------------------

// From the cache, or from the database into the cache: nobody else of this process asks the database meanwhile, and if
// somebody anywhere changes the price just now, what was read is not kept.
static void find_product(int id, char *response) {
    char json[512] = "";
    char key[32];
    size_t key_len = (size_t)snprintf(key, sizeof key, "product:%d", id);
    mcc_value_t *value;
    mcc_lease_t *lease;
    int len = -1;
    mcc_status_t status = mcc_get_lease(cache, key, key_len, PATIENCE_MS, &value, &lease);
    if (status == MCC_OK) {
        len = snprintf(json, sizeof json, "%.*s", (int)value->len, (const char *)value->data);
        mcc_value_free(value);
    } else if (status == MCC_NOT_FOUND) {
        loads++;
        len = read_product(id, json, sizeof json);
        if (len > 0) { // MCC_OVERTAKEN is as good as MCC_OK: the row was changed meanwhile
            (void)mcc_fill(lease, json, (size_t)len, MCC_CODEC_TEXT, TTL_MS);
        }
        mcc_lease_free(lease);
    }
    if (len < 0) {
        http_response(response, "500 Internal Server Error", "", "{\"error\":\"cache or database failed\"}");
    } else if (len == 0) {
        http_response(response, "404 Not Found", "X-Cache: miss\r\n", "{\"error\":\"no such product\"}");
    } else {
        http_response(response, "200 OK", status == MCC_OK ? "X-Cache: hit\r\n" : "X-Cache: miss\r\n", json);
    }
}

// First the database, then the cache: whoever reads in between reads the old price, and nobody keeps it.
static void change_price(int id, const char *form, char *response) {
    char key[32];
    char price[10], whole[7], cents[3];
    int end = 0;
    if (sscanf(form, "price=%6[0-9].%2[0-9]%n", whole, cents, &end) != 2 || strlen(cents) != 2 || form[end] != '\0') {
        http_response(response, "400 Bad Request", "", "{\"error\":\"price=1.30 is expected\"}");
        return;
    }
    snprintf(price, sizeof price, "%s.%s", whole, cents);
    size_t key_len = (size_t)snprintf(key, sizeof key, "product:%d", id);
    if (!write_price(id, price) || (mcc_del(cache, key, key_len) != MCC_OK && mcc_contains(cache, key, key_len) != MCC_NOT_FOUND)) {
        http_response(response, "500 Internal Server Error", "", "{\"error\":\"cache or database failed\"}");
        return;
    }
    http_response(response, "204 No Content", "", "");
}

static void answer(const char *request, const char *body, char *response) {
    char json[200];
    mcc_cache_stats_t stats;
    int id;
    if (sscanf(request, "GET /products/%9d HTTP", &id) == 1) {
        find_product(id, response);
    } else if (sscanf(request, "PUT /products/%9d HTTP", &id) == 1) {
        change_price(id, body, response);
    } else if (strncmp(request, "GET /stats ", 11) == 0 && mcc_cache_stats(cache, &stats) == MCC_OK) {
        snprintf(json, sizeof json, "{\"entries\":%ld,\"hits\":%ld,\"misses\":%ld,\"loads\":%ld}", (long)stats.entries,
                 (long)stats.hits, (long)stats.misses, loads);
        http_response(response, "200 OK", "", json);
    } else {
        http_response(response, "404 Not Found", "", "{\"error\":\"no such page\"}");
    }
}

static int serve(int port, const char *file) {
    open_database(file);
    must(mcc_open(NULL, "products", NULL, &cache) == MCC_OK, mcc_last_error());
    // What other processes hold already is here before the first request comes.
    must(mcc_sync(cache, PATIENCE_MS) == MCC_OK, mcc_last_error());
    return http_serve(port, answer);
}

// --- The show --------------------------------------------------------------------------------------------------------

static pid_t servers[2];

static void stop_servers(void) {
    for (int i = 0; i < 2; i++) {
        if (servers[i] > 0) {
            kill(servers[i], SIGTERM);
            waitpid(servers[i], NULL, 0);
        }
    }
}

static int start_server(int number, const char *file) {
    char line[100] = "";
    int pipes[2];
    int port = 0;
    must(pipe(pipes) == 0, "no pipe");
    servers[number] = fork();
    if (servers[number] == 0) {
        dup2(pipes[1], STDOUT_FILENO);
        execl("/proc/self/exe", "webapp", "serve", "--port", "0", "--db", file, (char *)NULL);
        _exit(127);
    }
    close(pipes[1]);
    must(read(pipes[0], line, sizeof line - 1) > 0 && sscanf(line, "listening on http://127.0.0.1:%d", &port) == 1,
         "a server did not start");
    close(pipes[0]);
    return port;
}

// Asks until the answer has a text in it; how often it did not.
static int until(int port, const char *what, const char *text) {
    char reply[HTTP_MAX];
    struct timespec pause = {0, 1000000};
    for (int tries = 0; tries < PATIENCE_MS; tries++) {
        must(http_ask(port, what, "", reply), "no answer");
        if (strstr(reply, text) != NULL) {
            return tries;
        }
        nanosleep(&pause, NULL);
    }
    fprintf(stderr, "webapp: %s: still %s, where %s is due\n", what, reply, text);
    exit(1);
}

static void put_price(int port, int id, const char *price) {
    char what[64], form[64];
    char reply[HTTP_MAX];
    snprintf(what, sizeof what, "PUT /products/%d", id);
    snprintf(form, sizeof form, "price=%s", price);
    must(http_ask(port, what, form, reply) && strstr(reply, "204 No Content") != NULL, "a PUT failed");
}

static void show(const char *file) {
    char text[512];
    char what[64];
    char reply[HTTP_MAX];
    open_database(file);
    snprintf(text, sizeof text,
             "CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price TEXT NOT NULL);"
             "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
             "INSERT INTO products SELECT i, 'product ' || i, printf('%%d.%%02d', i / 100, i %% 100) FROM n", PRODUCTS);
    must(sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK, "the database cannot be made");
    snprintf(text, sizeof text, "webapp-%ld", (long)getpid());
    setenv("MCCACHE_CLUSTER", text, 1);
    atexit(stop_servers);
    int ports[2] = {start_server(0, file), start_server(1, file)};

    must(http_ask(ports[0], "GET /products/7", "", reply) && strstr(reply, "X-Cache: miss") != NULL, "A's first GET is no miss");
    until(ports[1], "GET /stats", "\"entries\":1,");
    must(http_ask(ports[1], "GET /products/7", "", reply) && strstr(reply, "X-Cache: hit") != NULL, "B's first GET is no hit");
    printf("A loads product 7 from the database, and B has it in its cache: %s\n", strstr(reply, "\r\n\r\n") + 4);
    put_price(ports[0], 7, "1.30");
    printf("A changes the price; B tells the new one after %d old answers\n", until(ports[1], "GET /products/7", "\"1.30\""));

    srand(7);
    for (int i = 0; i < 500; i++) {
        snprintf(what, sizeof what, "GET /products/%d", rand() % PRODUCTS + 1);
        must(http_ask(ports[rand() % 2], what, "", reply), "no answer");
        if (i % 10 == 0) {
            snprintf(text, sizeof text, "%d.99", rand() % 100);
            put_price(ports[rand() % 2], rand() % PRODUCTS + 1, text);
        }
    }
    for (int id = 1; id <= PRODUCTS; id++) {
        snprintf(what, sizeof what, "GET /products/%d", id);
        must(read_product(id, text, sizeof text) > 0, "the database lost a product");
        until(ports[0], what, text);
        until(ports[1], what, text);
    }
    printf("500 GETs and 50 PUTs later both tell what the database does of all %d products\n", PRODUCTS);
    for (int i = 0; i < 2; i++) {
        must(http_ask(ports[i], "GET /stats", "", reply), "no answer");
        printf("%c: %s\n", 'A' + i, strstr(reply, "\r\n\r\n") + 4);
    }
    sqlite3_close(db);
}

int main(int argc, char **argv) {
    char file[] = "/tmp/webapp-XXXXXX";
    if (argc == 6 && strcmp(argv[1], "serve") == 0 && strcmp(argv[2], "--port") == 0 && strcmp(argv[4], "--db") == 0) {
        return serve(atoi(argv[3]), argv[5]);
    }
    must(argc == 1, "usage: webapp [serve --port P --db FILE]");
    must(mkstemp(file) >= 0, "no temporary file");
    show(file);
    unlink(file);
    return 0;
}
