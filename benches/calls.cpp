// What a call costs from C++, beside the standard library's map. Prints WHAT, OP and nanoseconds a call, tab-separated: of
// the passes over all keys in a third of a second the one that took least. Keys of 16 bytes, 1,000 of them; values of
// 100 bytes and 64 KiB; a cache of this process alone.
//
// get makes a mccache::bytes of the value, view looks at it in place. `cargo xtask calls` builds and runs it.

#include <mccache.hpp>

#include <unistd.h>

#include <iostream>
#include <mutex>
#include <shared_mutex>

namespace {

using mccache::bytes;

constexpr std::size_t key_count = 1000;
constexpr std::size_t small = 100;
constexpr std::size_t large = 65536;

std::vector<std::string> make_keys() {
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < key_count; i++) {
        std::string number = std::to_string(i);
        keys.push_back("key-" + std::string(12 - number.size(), '0') + number);
    }
    return keys;
}

// What a pass reads goes here, so that no compiler leaves the reading out.
volatile std::size_t sink = 0;

template <class F>
void measure(const char* what, const char* op, F call) {
    using clock = std::chrono::steady_clock;
    static const std::vector<std::string> keys = make_keys();
    clock::duration least = clock::duration::max();
    const auto begun = clock::now();
    for (auto now = begun; now - begun < std::chrono::milliseconds(300);) {
        const auto before = now;
        for (const std::string& key : keys) {
            sink = call(key);
        }
        now = clock::now();
        least = std::min(least, now - before);
    }
    const std::chrono::duration<double, std::nano> took = least;
    std::cout << what << '\t' << op << '\t' << took.count() / static_cast<double>(key_count) << std::endl;
}

void mccache_calls() {
    mccache::config config = mccache::config::empty({{"cache_mode", "local"}, {"cache_size", "256 MiB"}});
    config.set("cluster", "calls-cpp-" + std::to_string(getpid()));
    mccache::node node(config);
    mccache::cache cache = node.cache("calls");
    for (const std::size_t length : {small, large}) {
        const bytes value(length, 'v');
        const bool is_small = length == small;
        measure("mccache", is_small ? "put_100" : "put_64k", [&](const std::string& key) {
            cache.put(key, value);
            return key.size();
        });
        measure("mccache", is_small ? "get_100" : "get_64k", [&](const std::string& key) { return cache.get<bytes>(key)->size(); });
        if (!is_small) {
            measure("mccache", "view_64k", [&](const std::string& key) { return cache.find(key)->bytes().size(); });
        }
    }
    node.close();
}

// A map as it is, and one that several threads may use.
struct no_lock {
    void lock() {}
    void unlock() {}
    void lock_shared() {}
    void unlock_shared() {}
};

template <class Mutex>
void map_calls(const char* what) {
    std::unordered_map<std::string, bytes> map;
    Mutex mutex;
    for (const std::size_t length : {small, large}) {
        const bytes value(length, 'v');
        measure(what, length == small ? "put_100" : "put_64k", [&](const std::string& key) {
            const std::unique_lock<Mutex> held(mutex);
            // A value of its own, as the cache makes one, and not the old one's memory again.
            map.insert_or_assign(key, bytes(value));
            return key.size();
        });
        measure(what, length == small ? "get_100" : "get_64k", [&](const std::string& key) {
            const std::shared_lock<Mutex> held(mutex);
            const bytes copy = map.find(key)->second;
            return copy.size();
        });
    }
}

} // namespace

int main() {
    try {
        mccache_calls();
        map_calls<no_lock>("std::unordered_map");
        map_calls<std::shared_mutex>("std::unordered_map + std::shared_mutex");
        return 0;
    } catch (const std::exception& problem) {
        std::cerr << problem.what() << '\n';
        return 1;
    }
}
