// The library's log: the queue, and the function that is called with what is in it.

#include "check.hpp"

#include <sys/wait.h>

#include <mutex>

using namespace check;
using mccache::log_level;
using mccache::log_record;

namespace {

bool begins(const std::string& text, const std::string& with) {
    return text.compare(0, with.size(), with) == 0;
}

// The next record with this beginning, others passed over.
log_record next_with(mccache::logs& logs, const std::string& beginning) {
    while (const std::optional<log_record> record = logs.next(patience)) {
        if (begins(record->message, beginning)) {
            return *record;
        }
    }
    throw failed_requirement("no such record came: " + beginning);
}

// Two members who find each other and part, and what they have logged meanwhile.
void meet() {
    member one("one");
    member two("two");
    eventually([&] { return !one.node.members().empty() && !two.node.members().empty(); });
}

void a_queue_has_what_was_asked_for() {
    mccache::logs logs(log_level::info);
    mccache::logs errors(log_level::error);
    REQUIRE(!logs.next(0ms));
    meet();
    const log_record joined = next_with(logs, "member joined");
    REQUIRE(joined.level == log_level::info && joined.dropped == 0 && contains(joined.message, "member=") && begins(joined.target, "mccache::"));
    const auto age = std::chrono::system_clock::now() - joined.time;
    REQUIRE(age > -1h && age < 1h && !errors.next(0ms));
    REQUIRE_THROWS(mccache::invalid_argument_error, mccache::logs(static_cast<log_level>(6)));
    REQUIRE_THROWS(mccache::invalid_argument_error, logs.next(-1ms));
}

void the_level_can_be_changed() {
    mccache::logs logs(log_level::error);
    std::atomic<int> heard{0};
    mccache::log_listener listener(log_level::error, [&heard](const log_record&) { heard++; });
    meet();
    REQUIRE(!logs.next(0ms) && heard == 0);
    logs.set_level(log_level::info);
    listener.set_level(log_level::info);
    meet();
    next_with(logs, "member joined");
    eventually([&] { return heard > 0; });
    REQUIRE_THROWS(mccache::invalid_argument_error, listener.set_level(static_cast<log_level>(0)));
    listener.stop();
    REQUIRE_THROWS(mccache::closed_error, listener.set_level(log_level::info));
}

void waiting_can_be_ended() {
    mccache::logs logs(log_level::error);
    logs.wake();
    REQUIRE(!logs.next());
    std::thread closer([&logs] {
        std::this_thread::sleep_for(20ms);
        logs.close();
    });
    const std::string message = REQUIRE_THROWS(mccache::closed_error, logs.next());
    closer.join();
    logs.close();
    mccache::logs moved = std::move(logs);
    logs.close();
    logs.wake();
    REQUIRE_THROWS(mccache::invalid_argument_error, logs.next(0ms));
    REQUIRE(!message.empty());
}

void nothing_is_lost_at_the_end() {
    mccache::logs all(log_level::debug);
    std::vector<std::string> heard;
    {
        const mccache::log_listener listener(log_level::debug, [&heard](const log_record& record) {
            // Slower than it comes: much is queued at the end.
            std::this_thread::sleep_for(2ms);
            heard.push_back(record.message);
        });
        meet();
    }
    all.close();
    std::vector<std::string> logged;
    for (auto record = all.try_next(0ms); record; record = all.try_next(0ms)) {
        logged.push_back((*record)->message);
    }
    REQUIRE(heard == logged && heard.size() > 4 && begins(heard.back(), "member left"));
}

void a_function_may_use_caches() {
    member m("used", {{"fail_safe", 60}});
    std::atomic<int> calls{0};
    mccache::log_listener listener(log_level::trace, [&](const log_record& record) {
        calls++;
        m.cache["last"] = record.message;
        m.cache.get_or_load("first", [&record] { return record.message; });
        m.cache.checksum();
    });
    for (int i = 0; i < 50; i++) {
        m.cache["k"] = i;
    }
    meet();
    eventually([&] { return m.cache.contains("last") && m.cache.contains("first"); });
    listener.stop();
    const int counted = calls;
    listener.stop();
    meet();
    REQUIRE(calls == counted);
}

void what_a_function_throws_is_handed_over() {
    std::atomic<int> calls{0};
    std::atomic<int> caught{0};
    const auto throws = [&calls](const log_record&) {
        calls++;
        throw std::domain_error("of the function");
    };
    {
        const mccache::log_listener listener(log_level::info, throws, [&caught](std::exception_ptr) { caught++; });
        meet();
    }
    REQUIRE(calls > 1 && caught == calls);
    REQUIRE_THROWS(mccache::invalid_argument_error, mccache::log_listener(log_level::info, nullptr));
    REQUIRE(mccache::log_listener::try_open(log_level::info, nullptr).failed_with(mccache::errc::invalid_argument));
}

void a_function_may_end_its_own_listener() {
    std::unique_ptr<mccache::log_listener> listener;
    std::mutex mutex;
    std::atomic<int> calls{0};
    std::atomic<bool> last{false};
    std::unique_lock<std::mutex> held(mutex);
    listener = std::make_unique<mccache::log_listener>(log_level::debug, [&](const log_record& record) {
        const std::lock_guard<std::mutex> made(mutex);
        calls++;
        listener.reset();
        last = last || begins(record.message, "member left");
    });
    meet();
    held.unlock();
    // What was queued before follows.
    eventually([&] { return calls > 1 && last; });
    REQUIRE(!listener);
}

void one_takes_the_place_of_another() {
    std::atomic<int> first{0};
    std::atomic<int> second{0};
    mccache::log_listener listener(log_level::info, [&first](const log_record&) { first++; });
    meet();
    listener = mccache::log_listener(log_level::info, [&second](const log_record&) { second++; });
    const int heard = first;
    meet();
    listener.stop();
    REQUIRE(heard > 0 && first == heard && second > 0);
}

// How the child ended: 0 if all was well.
template <class F>
int in_a_child(F act) {
    const pid_t child = fork();
    if (child == 0) {
        alarm(static_cast<unsigned>(std::chrono::duration_cast<std::chrono::seconds>(patience).count()));
        act();
        _exit(1);
    }
    int status = -1;
    REQUIRE(waitpid(child, &status, 0) == child && WIFEXITED(status));
    return WEXITSTATUS(status);
}

void a_static_one_is_ended_with_the_process() {
    REQUIRE(in_a_child([] {
        static std::atomic<int> heard{0};
        static const mccache::log_listener listener(log_level::info, [](const log_record&) { heard++; });
        static mccache::node node(private_config("static"));
        node.cache("c")["k"] = 1;
        std::exit(0);
    }) == 0);
}

void a_forked_child_has_none() {
    std::atomic<int> heard{0};
    mccache::log_listener listener(log_level::info, [&heard](const log_record&) { heard++; });
    mccache::logs logs(log_level::info);
    REQUIRE(in_a_child([&] {
        const bool closed = logs.try_next(0ms).failed_with(mccache::errc::closed);
        const int before = heard;
        meet();
        listener.stop();
        std::atomic<int> own{0};
        {
            const mccache::log_listener another(log_level::info, [&own](const log_record&) { own++; });
            meet();
        }
        _exit(!closed ? 2 : heard != before ? 3 : own == 0 ? 4 : 0);
    }) == 0);
    meet();
    listener.stop();
    REQUIRE(heard > 0);
}

} // namespace

int main() {
    // Before this process has used the library: its child is to begin anew.
    test("a_static_one_is_ended_with_the_process", a_static_one_is_ended_with_the_process);
    test("a_queue_has_what_was_asked_for", a_queue_has_what_was_asked_for);
    test("the_level_can_be_changed", the_level_can_be_changed);
    test("waiting_can_be_ended", waiting_can_be_ended);
    test("nothing_is_lost_at_the_end", nothing_is_lost_at_the_end);
    test("a_function_may_use_caches", a_function_may_use_caches);
    test("what_a_function_throws_is_handed_over", what_a_function_throws_is_handed_over);
    test("a_function_may_end_its_own_listener", a_function_may_end_its_own_listener);
    test("one_takes_the_place_of_another", one_takes_the_place_of_another);
    test("a_forked_child_has_none", a_forked_child_has_none);
    return finish();
}
