// The face of results, as programs without exceptions have it.
// Build: c++ -std=c++17 -fno-exceptions no_exceptions.cpp -lmccache -o no_exceptions

#include <mccache.hpp>

#include <unistd.h>

#include <cstdio>

#if MCCACHE_EXCEPTIONS && defined(__GNUC__)
#  error "this is to be compiled with -fno-exceptions"
#endif

using namespace std::chrono_literals;
using mccache::errc;

namespace {

int failed_checks = 0;

void check(const char* name, bool held) {
    std::printf("%s %s\n", held ? "ok" : "FAILED", name);
    std::fflush(stdout);
    failed_checks += held ? 0 : 1;
}

mccache::result<mccache::node> open_node() {
    const mccache::settings settings = {{"cluster", "cpp-" + std::to_string(getpid())}, {"node_name", "plain"}};
    mccache::result<mccache::config> config = mccache::config::try_empty(settings);
    return config ? mccache::node::try_open(*config) : config.error();
}

void reads_and_writes(mccache::cache& c) {
    check("nothing_is_there", c.try_find("k").failed_with(errc::not_found) && !*c.try_contains("k"));
    check("put", c.try_put("k", "v", 1h).has_value() && *c.try_contains("k") && *c.try_size() == 1);
    const mccache::result<mccache::value> found = c.try_find("k");
    check("find", found && found->try_text() && *found->try_text() == "v" && found->codec() == MCC_CODEC_TEXT);
    check("get_as_a_type", c.try_get<std::string>("k").value_or("") == "v" && c.try_get<int>("k").failed_with(errc::codec));
    check("insert", !*c.try_insert("k", 1) && *c.try_insert("n", 1) && c.try_get<int>("n").value_or(0) == 1);
    check("metadata", c.try_metadata("k")->ttl.has_value() && c.try_metadata("x").failed_with(errc::not_found));
    check("touch", *c.try_touch("k", mccache::forever) && !c.try_metadata("k")->ttl && !*c.try_touch("x"));
    mccache::result<mccache::walk> walk = c.try_walk();
    int entries = 0;
    for (auto entry = walk->try_next(); entry && *entry; entry = walk->try_next()) {
        entries += (*entry)->key == "k" || (*entry)->key == "n" ? 1 : 100;
    }
    check("walk", entries == 2);
    check("take", c.try_take("n")->try_as<int>().value_or(0) == 1 && c.try_take("n").failed_with(errc::not_found));
    check("erase", *c.try_erase("k") && !*c.try_erase("k"));
    const char* null = nullptr;
    const mccache::result<void> refused = c.try_put(null, 1);
    check("bad_argument", refused.failed_with(errc::invalid_argument) && !refused.error().message().empty());
    check("not_utf8", c.try_put("k", "\xff").failed_with(errc::invalid_argument));
    check("no_listener", c.try_listen(nullptr).failed_with(errc::invalid_argument));
    check("clear", c.try_put("k", 1) && c.try_clear() && *c.try_size() == 0);
}

void loads(mccache::cache& c) {
    int loaded = 0;
    const auto load = [&loaded] { return std::to_string(++loaded); };
    check("get_or_load", *c.try_get_or_load("k", load) == "1" && *c.try_get_or_load("k", load) == "1" && loaded == 1);
    const auto fails = []() -> mccache::result<int> { return mccache::failure(errc::network, "no database"); };
    check("a_loaders_failure", c.try_get_or_load("x", fails).failed_with(errc::network) && !*c.try_contains("x"));
    mccache::result<mccache::lookup> first = c.try_get_or_lease("y");
    check("lease", first && first->lease && c.try_get_or_lease("y", 0ms).failed_with(errc::timeout));
    check("fill", *first->lease->try_fill(5) && *c.try_get<int>("y") == 5);
}

void loads_by_a_policy(mccache::cache& c) {
    mccache::load_options with;
    with.policy = *c.try_load_policy({{"fail_safe", 60}, {"load_hard_timeout", "0.02"}});
    check("wrong_policy", c.try_load_policy({{"fail_safe", -1}}).failed_with(errc::config));
    const auto fails = []() -> mccache::result<int> { return mccache::failure(errc::network, "no database"); };
    // The failure comes before this, however busy the machine is.
    mccache::load_options patient;
    patient.policy = *c.try_load_policy({{"load_hard_timeout", 60}});
    check("a_failure_in_the_background", c.try_get_or_load_with("p", fails, patient).failed_with(errc::network));
    const auto slow = [] { return std::this_thread::sleep_for(200ms), 2; };
    check("hard_timeout", c.try_get_or_load_with("q", slow, with).failed_with(errc::timeout));
    int filled = 0;
    for (int tries = 0; filled == 0 && tries < 6000; tries++) {
        std::this_thread::sleep_for(10ms);
        filled = c.try_get<int>("q").value_or(0);
    }
    check("it_fills", filled == 2 && *c.try_get_or_load_with("q", fails, patient) == 2);
    check("in_the_callers_thread", *c.try_get_or_load_with("r", [] { return 3; }) == 3);
}

void events_come(mccache::cache& c) {
    std::atomic<int> heard{0};
    {
        mccache::result<mccache::listener> listener =
            c.try_listen([&heard](const mccache::event& event) { heard += event.key == "heard" ? 1 : 0; });
        mccache::result<mccache::events> queue = c.try_events();
        check("put_that_is_heard", c.try_put("heard", 1).has_value());
        const auto event = queue->try_next(60s);
        check("event", event && *event && (*event)->kind == mccache::event_kind::put && (*event)->key == "heard");
        for (int tries = 0; heard == 0 && tries < 6000; tries++) {
            std::this_thread::sleep_for(10ms);
        }
        queue->close();
        check("closed_queue", queue->try_next(0ms).failed_with(errc::closed));
    }
    check("listener", heard == 1);
}

} // namespace

int main() {
    mccache::result<mccache::node> node = open_node();
    if (!node) {
        std::printf("FAILED open: %s\n", node.error().message().c_str());
        return 1;
    }
    mccache::result<mccache::cache> cache = node->try_cache("plain");
    check("open", cache && node->try_wait_ready(60s) && node->name() == "plain" && *node->try_setting("node_name") == "plain");
    reads_and_writes(*cache);
    loads(*cache);
    loads_by_a_policy(*cache);
    events_come(*cache);
    check("members", node->try_members()->empty() && node->try_metrics()->size() > 10);
    check("cluster", cache->try_sync(60s) && cache->try_checksum()->entries == 5 &&
                         cache->try_cluster_checksum(60s)->size() == 1 && node->try_cluster_metrics(60s)->size() == 1);
    check("wrong_setting", mccache::config::try_empty({{"cache_ttl", "soon"}}).failed_with(errc::config));
    node->close();
    check("closed", cache->try_find("k").failed_with(errc::closed) && cache->try_put("k", 1).failed_with(errc::closed));
    return failed_checks == 0 ? 0 : 1;
}
