// A web application that keeps rows of its database in the cache, and stays right although several processes serve it.
// Build: c++ -std=c++17 webapp.cpp -lmccache -lsqlite3 -o webapp
//
//   webapp serve --port P --db FILE   GET /products/7, PUT /products/7 with price=1.30, GET /stats
//   webapp                            shows itself: two of it on a database of 1,000 products
//
// What is about the cache: `product`, `find_product` and `change_price`. http.hpp is a small HTTP server and client.

#include <mccache.hpp>

#include "http.hpp"

#include <sqlite3.h>

#include <signal.h>
#include <sys/wait.h>

#include <filesystem>
#include <random>

using namespace std::chrono_literals;

struct product {
    std::int64_t id = 0;
    std::string name;
    std::string price;
};

// How a product crosses: as a map, which every other language reads as its own.
template <>
struct mccache::converter<product> {
    static object to_object(const product& p) { return object::map{{"id", p.id}, {"name", p.name}, {"price", p.price}}; }

    static result<product> from_object(const object& o) {
        const object* id = o.find("id");
        const object* name = o.find("name");
        const object* price = o.find("price");
        if (id == nullptr || name == nullptr || price == nullptr) {
            return failure(errc::codec, "this is no product");
        }
        return product{id->as<std::int64_t>(), name->as<std::string>(), price->as<std::string>()};
    }
};

// --- The database ----------------------------------------------------------------------------------------------------

class database {
public:
    explicit database(const std::string& file) {
        if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) {
            throw std::runtime_error(sqlite3_errmsg(handle_));
        }
        sqlite3_busy_timeout(handle_, 10000);
    }
    database(const database&) = delete;
    ~database() { sqlite3_close(handle_); }

    // Runs one statement; each row goes to `row`.
    void run(const std::string& sql, const std::vector<std::string>& arguments = {},
             const std::function<void(sqlite3_stmt*)>& row = nullptr) {
        sqlite3_stmt* statement = nullptr;
        int status = sqlite3_prepare_v2(handle_, sql.c_str(), -1, &statement, nullptr);
        for (int i = 0; i < static_cast<int>(arguments.size()); i++) {
            sqlite3_bind_text(statement, i + 1, arguments[static_cast<std::size_t>(i)].c_str(), -1, nullptr);
        }
        while (status == SQLITE_OK || status == SQLITE_ROW) {
            status = sqlite3_step(statement);
            if (status == SQLITE_ROW && row) {
                row(statement);
            }
        }
        sqlite3_finalize(statement);
        if (status != SQLITE_DONE) {
            throw std::runtime_error(sqlite3_errmsg(handle_));
        }
    }
    std::optional<product> read(const std::string& id) {
        std::optional<product> found;
        run("SELECT id, name, price FROM products WHERE id = ?", {id}, [&](sqlite3_stmt* row) {
            const auto text = [row](int at) { return std::string(reinterpret_cast<const char*>(sqlite3_column_text(row, at))); };
            found = product{sqlite3_column_int64(row, 0), text(1), text(2)};
        });
        return found;
    }

private:
    sqlite3* handle_ = nullptr;
};

// --- The application -------------------------------------------------------------------------------------------------

struct application {
    database db;
    mccache::cache cache{"products"};
    std::atomic<long> loads{0};

    // From the cache, or from the database into the cache: nobody else of this process asks the database meanwhile, and
    // if somebody anywhere changes the price just now, what was read is not kept.
    std::string find_product(const std::string& id) {
        bool loaded = false;
        const std::optional<product> found = cache.get_or_load(
            "product:" + id,
            [&] {
                loaded = true;
                loads++;
                return db.read(id);
            },
            10min);
        const std::string header = loaded ? "X-Cache: miss\r\n" : "X-Cache: hit\r\n";
        if (!found) {
            return http::response("404 Not Found", "{\"error\":\"no such product\"}", header);
        }
        return http::response("200 OK", "{\"id\":" + id + ",\"name\":\"" + found->name + "\",\"price\":\"" + found->price + "\"}", header);
    }
    // First the database, then the cache: whoever reads in between reads the old price, and nobody keeps it.
    std::string change_price(const std::string& id, const std::string& form) {
        std::smatch price;
        if (!std::regex_match(form, price, std::regex("price=(\\d{1,6}\\.\\d\\d)"))) {
            return http::response("400 Bad Request", "{\"error\":\"price=1.30 is expected\"}");
        }
        db.run("UPDATE products SET price = ? WHERE id = ?", {price[1], id});
        cache.erase("product:" + id);
        return http::response("204 No Content");
    }
    std::string stats() {
        const mccache::stats now = cache.stats();
        return http::response("200 OK", "{\"entries\":" + std::to_string(now.entries) + ",\"hits\":" + std::to_string(now.hits) +
                                      ",\"misses\":" + std::to_string(now.misses) + ",\"loads\":" + std::to_string(loads) + "}");
    }
    std::string answer(const http::message& request) {
        std::smatch path;
        if (std::regex_match(request.start, path, std::regex("(GET|PUT) /products/([1-9]\\d{0,8}) HTTP/1.[01]"))) {
            return path[1] == "GET" ? find_product(path[2]) : change_price(path[2], request.body);
        }
        return request.start.rfind("GET /stats ", 0) == 0 ? stats() : http::response("404 Not Found", "{\"error\":\"no such page\"}");
    }
};

[[noreturn]] void serve(int port, const std::string& file) {
    application app{database(file)};
    // Held by what members hold already before the first request comes.
    app.cache.node().wait_ready(10s);
    http::serve(port, [&app](const http::message& request) { return app.answer(request); });
}

// --- The show --------------------------------------------------------------------------------------------------------

constexpr std::size_t products = 1000;

void must(bool held, const std::string& otherwise) {
    held ? void() : throw std::runtime_error(otherwise);
}

// One of the two processes of the show.
struct server {
    pid_t pid = 0;
    int port = 0;

    explicit server(const std::string& file) {
        int pipes[2];
        must(pipe(pipes) == 0, "no pipe");
        pid = fork();
        if (pid == 0) {
            dup2(pipes[1], STDOUT_FILENO);
            execl("/proc/self/exe", "webapp", "serve", "--port", "0", "--db", file.c_str(), nullptr);
            _exit(127);
        }
        close(pipes[1]);
        char line[100] = {};
        const ssize_t got = read(pipes[0], line, sizeof line - 1);
        close(pipes[0]);
        must(got > 0 && std::sscanf(line, "listening on http://127.0.0.1:%d", &port) == 1, "a server did not start");
    }
    server(const server&) = delete;
    ~server() {
        kill(pid, SIGTERM);
        waitpid(pid, nullptr, 0);
    }

    http::message ask(const std::string& what, const std::string& body = "") const { return http::ask(port, what, body); }
    void put(std::size_t id, const std::string& price) const {
        must(ask("PUT /products/" + std::to_string(id), "price=" + price).start == "HTTP/1.1 204 No Content", "a PUT failed");
    }
    // Asks until the answer has a text in it; how often it did not.
    int until(const std::string& path, const std::string& text) const {
        const auto deadline = std::chrono::steady_clock::now() + 10s;
        for (int tries = 0;; tries++) {
            const std::string body = ask("GET " + path).body;
            if (body.find(text) != std::string::npos) {
                return tries;
            }
            must(std::chrono::steady_clock::now() < deadline, "still " + body + " where " + text + " is due");
        }
    }
};

void show(const std::string& file) {
    database db(file);
    db.run("PRAGMA journal_mode = WAL");
    db.run("CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT NOT NULL, price TEXT NOT NULL)");
    db.run("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < " + std::to_string(products) +
           ") INSERT INTO products SELECT i, 'product ' || i, printf('%d.%02d', i / 100, i % 100) FROM n");
    setenv("MCCACHE_CLUSTER", ("webapp-" + std::to_string(getpid())).c_str(), 1);
    const server a(file);
    const server b(file);

    must(a.ask("GET /products/7").headers.find("X-Cache: miss") != std::string::npos, "A's first GET is no miss");
    b.until("/stats", "\"entries\":1,");
    must(b.ask("GET /products/7").headers.find("X-Cache: hit") != std::string::npos, "B's first GET is no hit");
    std::cout << "A loads product 7 from the database, and B has it in its cache: " << b.ask("GET /products/7").body << '\n';
    a.put(7, "1.30");
    std::cout << "A changes the price; B tells the new one after " << b.until("/products/7", "\"price\":\"1.30\"") << " old answers\n";

    std::mt19937 random(7);
    for (int i = 0; i < 500; i++) {
        const server& one = random() % 2 == 0 ? a : b;
        one.ask("GET /products/" + std::to_string(random() % products + 1));
        if (i % 10 == 0) {
            one.put(random() % products + 1, std::to_string(random() % 100) + ".99");
        }
    }
    for (std::size_t id = 1; id <= products; id++) {
        const std::string path = "/products/" + std::to_string(id);
        const std::string price = "\"price\":\"" + db.read(std::to_string(id))->price + "\"";
        a.until(path, price);
        b.until(path, price);
    }
    std::cout << "500 GETs and 50 PUTs later both tell the price of the database for all " << products << " products\n"
              << "A: " << a.ask("GET /stats").body << "\nB: " << b.ask("GET /stats").body << '\n';
}

int main(int argc, char** argv) {
    const std::vector<std::string> words(argv + 1, argv + argc);
    try {
        if (words.size() == 5 && words[0] == "serve" && words[1] == "--port" && words[3] == "--db") {
            serve(std::stoi(words[2]), words[4]);
        }
        must(words.empty(), "usage: webapp [serve --port P --db FILE]");
        char folder[] = "/tmp/webapp-XXXXXX";
        must(mkdtemp(folder) != nullptr, "no temporary folder");
        const std::unique_ptr<char, void (*)(char*)> gone_at_end(folder, [](char* path) { std::filesystem::remove_all(path); });
        show(std::string(folder) + "/products.db");
        return 0;
    } catch (const std::exception& problem) {
        std::cerr << "webapp: " << problem.what() << '\n';
        return 1;
    }
}
