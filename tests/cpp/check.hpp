// What the programs of this folder share. Each test prints `ok NAME` if all it required held, else `FAILED NAME: ...`;
// a program ends with `return finish();`.

#ifndef CHECK_HPP
#define CHECK_HPP

#include <mccache.hpp>

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <sstream>

namespace check {

using namespace std::chrono_literals;

// Longer than anything takes, under valgrind on a busy machine too.
inline constexpr std::chrono::milliseconds patience = 60s;

class failed_requirement : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

inline int& failures() {
    static int count = 0;
    return count;
}

inline void require_at(bool held, const char* condition, const char* file, int line) {
    if (!held) {
        throw failed_requirement(std::string(condition) + " (" + file + ":" + std::to_string(line) + ")");
    }
}

#define REQUIRE(...) check::require_at((__VA_ARGS__) ? true : false, #__VA_ARGS__, __FILE__, __LINE__)

// That an expression throws just this exception; its text is the value.
#define REQUIRE_THROWS(exception, ...)                                                                        \
    check::thrown<exception>([&] { static_cast<void>(__VA_ARGS__); }, #__VA_ARGS__, __FILE__, __LINE__)

template <class E, class F>
std::string thrown(F act, const char* what, const char* file, int line) {
    std::string instead = "nothing was thrown";
    try {
        act();
    } catch (const E& expected) {
        return expected.what();
    } catch (const std::exception& other) {
        instead = std::string("another exception: ") + other.what();
    }
    throw failed_requirement(std::string(what) + ": " + instead + " (" + file + ":" + std::to_string(line) + ")");
}

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

template <class F>
void test(const char* name, F act) {
    try {
        act();
        std::printf("ok %s\n", name);
    } catch (const std::exception& problem) {
        std::printf("FAILED %s: %s\n", name, problem.what());
        failures()++;
    }
    std::fflush(stdout);
}

inline int finish() {
    return failures() == 0 ? 0 : 1;
}

// Settings of a cluster that exists in this run of this program alone.
inline mccache::config private_config(const std::string& node_name, const mccache::settings& more = {}) {
    mccache::config config = mccache::config::empty(more);
    config.set("cluster", "cpp-" + std::to_string(getpid())).set("node_name", node_name);
    return config;
}

// A cache of a node of its own, which is closed at the end.
class member {
public:
    explicit member(const std::string& name, const mccache::settings& more = {})
        : node(private_config(name, more)), cache(node.cache("c")) {
        node.wait_ready(patience);
    }
    member(const member&) = delete;
    member& operator=(const member&) = delete;
    ~member() { node.close(); }

    mccache::node node;
    mccache::cache cache;
};

// Waits until a condition holds, or until it is clear that it never will.
template <class F>
void eventually(F condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) {
            throw failed_requirement("what was waited for did not happen");
        }
        std::this_thread::sleep_for(2ms);
    }
}

// The next event of a kind, others passed over.
inline mccache::event next_of(mccache::events& events, mccache::event_kind kind) {
    while (const std::optional<mccache::event> event = events.next(patience)) {
        if (event->kind == kind) {
            return *event;
        }
    }
    throw failed_requirement("no such event came");
}

inline long resident_bytes() {
    std::ifstream statm("/proc/self/statm");
    long pages = 0;
    long resident = 0;
    statm >> pages >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

inline bool under_valgrind() {
    std::ifstream maps("/proc/self/maps");
    std::stringstream text;
    text << maps.rdbuf();
    return text.str().find("vgpreload") != std::string::npos;
}

} // namespace check

#endif
