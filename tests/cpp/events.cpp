// Queues of events, and listeners: what comes, in which order, and how they end.

#include "check.hpp"

#include <mutex>

using namespace check;
using mccache::event_kind;

namespace {

void own_changes_come_in_order(mccache::cache& c) {
    mccache::events events = c.events();
    REQUIRE(!events.next(0ms));
    c["k"] = 1;
    c["k"] = 2;
    c.erase("k");
    c.put("short", 1, 1ms);
    const mccache::event first = *events.next(patience);
    const mccache::event second = *events.next(patience);
    REQUIRE(first.kind == event_kind::put && first.key == "k" && first.local && first.cache == "c" && first.member == "events");
    REQUIRE(second.kind == event_kind::put && first.version < second.version);
    REQUIRE(next_of(events, event_kind::erase).key == "k" && next_of(events, event_kind::expire).key == "short");
    c.clear();
    REQUIRE(next_of(events, event_kind::clear).key.empty());
}

void changes_of_what_was_read_are_told_and_no_others(mccache::cache& c) {
    c["read"] = 1;
    c["unread"] = 1;
    mccache::events events = c.events_of_lookups(1h);
    REQUIRE(c.at<int>("read") == 1);
    c["unread"] = 2;
    c["read"] = 2;
    const mccache::event told = *events.next(patience);
    REQUIRE(told.kind == event_kind::put && told.key == "read" && told.local);
    c.erase("read");
    REQUIRE(events.next(patience)->kind == event_kind::erase && !events.next(0ms));
    REQUIRE(c.try_events_of_lookups(0s).failed_with(mccache::errc::invalid_argument));
}

void members_come_and_go(member& m) {
    mccache::events events = m.node.events();
    {
        member other("other");
        const mccache::event joined = next_of(events, event_kind::member_joined);
        REQUIRE(joined.member == "other" && joined.cache.empty() && !joined.local && joined.version.clock == 0);
    }
    REQUIRE(next_of(events, event_kind::member_left).member == "other");
}

void waiting_can_be_ended(mccache::cache& c) {
    mccache::events events = c.events();
    events.wake();
    REQUIRE(!events.next());
    std::thread waker([&events] {
        std::this_thread::sleep_for(20ms);
        events.wake();
        std::this_thread::sleep_for(20ms);
        events.close();
    });
    const bool woken = !events.next();
    const std::string message = REQUIRE_THROWS(mccache::closed_error, events.next());
    waker.join();
    REQUIRE(woken && !message.empty());
    events.close();
    mccache::events moved = std::move(events);
    events.close();
    events.wake();
    REQUIRE_THROWS(mccache::invalid_argument_error, events.next(0ms));
}

void a_listener_hears_all_in_order(mccache::cache& c) {
    std::mutex mutex;
    std::vector<std::string> heard;
    std::atomic<bool> done{false};
    mccache::listener listener = c.listen([&](const mccache::event& event) {
        const std::lock_guard<std::mutex> held(mutex);
        heard.push_back(event.key);
        done = event.key == "last";
    });
    std::vector<std::string> written;
    for (int i = 0; i < 100; i++) {
        written.push_back(std::to_string(i));
        c[written.back()] = i;
    }
    written.push_back("last");
    c["last"] = 1;
    eventually([&] { return done.load(); });
    mccache::listener moved = std::move(listener);
    moved.stop();
    moved.stop();
    listener.stop();
    const std::size_t count = heard.size();
    c["after"] = 1;
    REQUIRE(heard == written && heard.size() == count);
}

void what_a_listener_throws_is_handed_over(mccache::cache& c) {
    std::atomic<int> calls{0};
    std::atomic<int> caught{0};
    const mccache::listener listener = c.listen(
        [&calls](const mccache::event&) {
            calls++;
            throw std::domain_error("of the function");
        },
        [&caught](std::exception_ptr problem) {
            try {
                std::rethrow_exception(problem);
            } catch (const std::domain_error&) {
                caught++;
            }
        });
    c["a"] = 1;
    c["b"] = 1;
    eventually([&] { return caught == 2; });
    REQUIRE(calls == 2);
}

void a_listener_may_use_the_cache_and_stop_itself(mccache::cache& c) {
    std::unique_ptr<mccache::listener> listener;
    std::mutex mutex;
    std::atomic<bool> stopped{false};
    std::unique_lock<std::mutex> held(mutex);
    listener = std::make_unique<mccache::listener>(c.listen([&](const mccache::event& event) {
        if (event.key == "question") {
            c["answer"] = event.key;
        }
        const std::lock_guard<std::mutex> made(mutex);
        listener.reset();
        stopped = true;
    }));
    held.unlock();
    c["question"] = 1;
    eventually([&] { return stopped.load(); });
    REQUIRE(c.at("answer").text() == "question");
}

void closing_ends_listeners(const std::string& what) {
    member m("closing");
    std::atomic<int> heard{0};
    mccache::listener of_cache = m.cache.listen([&](const mccache::event&) { heard++; });
    mccache::listener of_node = m.node.listen([&](const mccache::event&) { heard++; });
    m.cache["k"] = 1;
    eventually([&] { return heard == 2; });
    if (what == "cache") {
        m.cache.close();
    } else {
        m.node.close();
    }
    of_cache.stop();
    of_node.stop();
}

} // namespace

int main() {
    member m("events");
    test("own_changes_come_in_order", [&] { own_changes_come_in_order(m.cache); });
    test("changes_of_what_was_read_are_told_and_no_others",
         [&] { changes_of_what_was_read_are_told_and_no_others(m.cache); });
    test("members_come_and_go", [&] { members_come_and_go(m); });
    test("waiting_can_be_ended", [&] { waiting_can_be_ended(m.cache); });
    test("a_listener_hears_all_in_order", [&] { a_listener_hears_all_in_order(m.cache); });
    test("what_a_listener_throws_is_handed_over", [&] { what_a_listener_throws_is_handed_over(m.cache); });
    test("a_listener_may_use_the_cache_and_stop_itself", [&] { a_listener_may_use_the_cache_and_stop_itself(m.cache); });
    test("closing_the_cache_ends_listeners", [] { closing_ends_listeners("cache"); });
    test("closing_the_node_ends_listeners", [] { closing_ends_listeners("node"); });
    return finish();
}
