// Threads, ends and forks: objects outlive one another in any order, closing is safe under load, a child is a member of
// its own.

#include "check.hpp"

#include <sys/wait.h>

#include <thread>

using namespace check;

namespace {

void objects_go_in_any_order() {
    std::optional<mccache::value> value;
    std::optional<mccache::walk> walk;
    std::optional<mccache::events> events;
    std::optional<mccache::lease> lease;
    std::optional<mccache::cache> cache;
    {
        mccache::node node(private_config("gone"));
        cache = node.cache("c");
    }
    (*cache)["k"] = "kept";
    value = cache->at("k");
    walk = cache->try_walk().value();
    events = cache->events();
    lease = std::move(cache->get_or_lease("l").lease);
    cache->node().close();
    cache.reset();
    REQUIRE(value->text() == "kept" && walk->try_next().failed_with(mccache::errc::closed));
    REQUIRE_THROWS(mccache::closed_error, events->next());
    REQUIRE_THROWS(mccache::closed_error, lease->fill(1));
    mccache::value copy = *value;
    value.reset();
    mccache::value moved = std::move(copy);
    REQUIRE(moved.text() == "kept" && copy.size() == 0 && copy.bytes().empty());
    copy = moved;
    moved = mccache::value::of("other");
    REQUIRE(copy.text() == "kept" && moved.text() == "other");
}

void a_lease_that_goes_lets_the_next_one_load() {
    member m("leases");
    std::optional<mccache::lease> lease = std::move(m.cache.get_or_lease("k").lease);
    std::atomic<bool> begun{false};
    std::thread waiting([&] {
        begun = true;
        m.cache.get_or_load("k", [] { return "second"; });
    });
    eventually([&] { return begun.load(); });
    lease.reset();
    waiting.join();
    REQUIRE(m.cache.at("k").text() == "second");
}

void many_threads_use_one_cache() {
    member m("threads");
    std::atomic<long> wrong{0};
    std::vector<std::thread> threads;
    const int rounds = under_valgrind() ? 100 : 5000;
    for (int number = 0; number < 8; number++) {
        threads.emplace_back([&m, &wrong, number, rounds] {
            const std::string own = "own-" + std::to_string(number);
            for (int i = 0; i < rounds; i++) {
                m.cache[own] = i;
                m.cache["shared-" + std::to_string(i % 10)] = std::vector<int>{number, i};
                wrong += m.cache.at<int>(own) != i;
                const auto shared = m.cache.get<std::vector<int>>("shared-" + std::to_string(i % 7));
                wrong += shared && shared->size() != 2;
                if (i % 100 == 0) {
                    wrong += static_cast<long>(m.cache.size()) > 18;
                    for (const mccache::entry& entry : m.cache) {
                        wrong += entry.value.codec() != MCC_CODEC_CBOR;
                    }
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    REQUIRE(wrong == 0 && m.cache.size() == 18);
}

void closing_under_load_ends_every_call() {
    for (int round = 0; round < 5; round++) {
        member m("load");
        std::atomic<long> closed{0};
        std::atomic<long> wrong{0};
        std::atomic<int> running{0};
        std::vector<std::thread> threads;
        const auto until_closed = [&](const auto& act) {
            threads.emplace_back([&, act] {
                running++;
                try {
                    for (;;) {
                        act();
                    }
                } catch (const mccache::closed_error&) {
                    closed++;
                } catch (const std::exception&) {
                    wrong++;
                }
            });
        };
        mccache::events events = m.cache.events();
        mccache::listener listener = m.cache.listen([](const mccache::event&) {});
        until_closed([&] { m.cache["k"] = "v"; });
        until_closed([&] { m.cache.find("k"); });
        until_closed([&] { m.cache.get_or_load("loaded", [] { return 1; }), m.cache.erase("loaded"); });
        until_closed([&] { for (const auto& entry : m.cache) { static_cast<void>(entry); } });
        until_closed([&] { events.next(); });
        until_closed([&] { m.cache.sync(patience); });
        eventually([&] { return running == 6; });
        std::this_thread::sleep_for(20ms);
        if (round % 2 == 0) {
            m.cache.close();
        } else {
            m.node.close();
        }
        for (std::thread& thread : threads) {
            thread.join();
        }
        REQUIRE(closed == 6 && wrong == 0);
    }
}

void opening_and_closing_leaves_nothing_behind() {
    const auto rounds = [](int count) {
        for (int i = 0; i < count; i++) {
            member m("rounds");
            m.cache["k"] = std::string(100000, 'x');
            const mccache::listener listener = m.cache.listen([](const mccache::event&) {});
            REQUIRE(m.cache.at("k").size() == 100000);
        }
    };
    rounds(2);
    const long before = resident_bytes();
    rounds(under_valgrind() ? 1 : 10);
    REQUIRE(under_valgrind() || resident_bytes() - before < 8L * 1024 * 1024);
}

// The child's answer: 0 if all is well, else what was not.
int in_child(mccache::cache& cache, const mccache::value& value, mccache::listener& listener, mccache::events& events) {
    try {
        if (value.text() != "of the parent" || events.try_next(0ms)) {
            return 2;
        }
        cache["of the child"] = 1;
        cache.node().wait_ready(patience);
        eventually([&] { return cache.contains("k"); });
        listener.stop();
        cache.sync(patience);
        mccache::node node = cache.node();
        node.close();
        return 0;
    } catch (const std::exception& problem) {
        std::fprintf(stderr, "child: %s\n", problem.what());
        return 1;
    }
}

void a_forked_child_is_a_member_of_its_own() {
    member m("parent");
    m.cache["k"] = "of the parent";
    const mccache::value value = m.cache.at("k");
    std::atomic<int> heard{0};
    mccache::events events = m.cache.events();
    mccache::listener listener = m.cache.listen([&heard](const mccache::event& event) { heard += event.key == "of the child"; });
    const pid_t child = fork();
    if (child == 0) {
        _exit(in_child(m.cache, value, listener, events));
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    eventually([&] { return heard == 1; });
    REQUIRE(m.cache.at<int>("of the child") == 1);
}

} // namespace

int main() {
    test("objects_go_in_any_order", objects_go_in_any_order);
    test("a_lease_that_goes_lets_the_next_one_load", a_lease_that_goes_lets_the_next_one_load);
    test("many_threads_use_one_cache", many_threads_use_one_cache);
    test("closing_under_load_ends_every_call", closing_under_load_ends_every_call);
    test("opening_and_closing_leaves_nothing_behind", opening_and_closing_leaves_nothing_behind);
    test("a_forked_child_is_a_member_of_its_own", a_forked_child_is_a_member_of_its_own);
    return finish();
}
