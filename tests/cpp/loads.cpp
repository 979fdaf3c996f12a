// What is served when a load fails, takes long, or could be early.

#include "check.hpp"

#include <future>

using namespace check;
using namespace std::string_literals;
using mccache::event_kind;

namespace {

struct down : std::runtime_error {
    down() : std::runtime_error("no database") {}
};

std::string fails() {
    throw down();
}

std::string unneeded() {
    throw std::logic_error("this loader is not to be called");
}

std::int64_t counted(const mccache::node& node, const std::string& name) {
    for (const mccache::metric& counter : node.metrics()) {
        if (counter.name == name) {
            return counter.value;
        }
    }
    throw failed_requirement("there is no counter " + name);
}

void expired(mccache::cache& c, const char* key) {
    c.put(key, "old", 1ms);
    eventually([&] { return !c.contains(key); });
}

// A loader that answers when it is told to, and not before.
class gate {
public:
    auto loader() const {
        return [opened = opened_, calls = calls_] {
            ++*calls;
            opened.wait();
            return "new"s;
        };
    }
    void open() { promise_.set_value(); }
    int calls() const { return *calls_; }

private:
    std::promise<void> promise_;
    std::shared_future<void> opened_ = promise_.get_future().share();
    std::shared_ptr<std::atomic<int>> calls_ = std::make_shared<std::atomic<int>>(0);
};

void an_expired_value_is_served_while_the_loader_fails() {
    member m("fail-safe", {{"fail_safe", 60}});
    int calls = 0;
    const auto load = [&calls] {
        calls++;
        return fails();
    };
    expired(m.cache, "k");
    REQUIRE(m.cache.get_or_load("k", load) == "old" && m.cache.get_or_load("k", load) == "old");
    REQUIRE(m.cache.get_or_load_with("k", load) == "old" && calls == 1);
    REQUIRE(!m.cache.find("k"));
    REQUIRE(counted(m.node, "load_failures") == 1 && counted(m.node, "stale_served") == 3 && counted(m.node, "loads_throttled") == 2);
    REQUIRE_THROWS(down, m.cache.get_or_load("another", load));
    REQUIRE_THROWS(down, m.cache.get_or_load_with("another", load));
    const auto failure = []() -> mccache::result<std::string> { return mccache::failure(mccache::errc::network, "no database"); };
    expired(m.cache, "f");
    REQUIRE(m.cache.try_get_or_load("f", failure).value() == "old" && m.cache.try_get_or_load_with("f", failure).value() == "old");
    REQUIRE(m.cache.try_get_or_load("another", failure).failed_with(mccache::errc::network));
    REQUIRE(counted(m.node, "load_failures") == 5);
    mccache::load_options off;
    off.policy = m.cache.load_policy({{"fail_safe", 0}});
    off.ttl = 1h;
    REQUIRE(m.cache.get_or_load_with("k", [] { return "new"; }, off) == "new" && m.cache.at("k").text() == "new");
    REQUIRE(m.cache.metadata("k")->ttl <= 1h);
}

void after_the_pause_the_loader_is_tried_again() {
    member m("throttle", {{"fail_safe", 60}, {"fail_safe_throttle", "0.05"}});
    expired(m.cache, "k");
    REQUIRE(m.cache.get_or_load("k", fails) == "old");
    eventually([&] { return m.cache.get_or_load("k", [] { return "new"; }) == "new"; });
}

void an_expired_value_of_another_type_is_none() {
    member m("typed", {{"fail_safe", 60}, {"fail_safe_throttle", 0}});
    expired(m.cache, "k");
    REQUIRE_THROWS(down, m.cache.get_or_load("k", []() -> int { throw down(); }));
    REQUIRE(m.cache.get_or_load("k", [] { return 5; }) == 5);
}

void what_cannot_be_put_is_an_error_all_the_same() {
    member m("misuse", {{"fail_safe", 60}});
    expired(m.cache, "k");
    REQUIRE_THROWS(mccache::invalid_argument_error, m.cache.get_or_load("k", [] { return "\xff"; }));
    const char* null = nullptr;
    REQUIRE_THROWS(mccache::invalid_argument_error, m.cache.get_or_load("k", [null] { return null; }));
    REQUIRE_THROWS(mccache::invalid_argument_error, m.cache.get_or_load_with("k", std::function<int()>()));
    REQUIRE(m.cache.get_or_load("k", [] { return "new"; }) == "new");
}

void a_tag_takes_what_was_loaded_with_it() {
    member m("tags", {{"load_hard_timeout", 60}});
    mccache::load_options with;
    with.tags = {"t", "u"};
    const std::vector<std::string> names = {"t"};
    REQUIRE(m.cache.get_or_load("here", [] { return 1; }, {}, 30s, {"t"}) == 1);
    REQUIRE(m.cache.get_or_load("named", [] { return 2; }, {}, 30s, mccache::tags(names.begin(), names.end())) == 2);
    REQUIRE(m.cache.get_or_load_with("elsewhere", [] { return 3; }, with) == 3);
    with.policy = m.cache.load_policy({{"load_hard_timeout", 0}});
    REQUIRE(m.cache.get_or_load_with("with", [] { return 4; }, with) == 4);
    REQUIRE(m.cache.get_or_load("untagged", [] { return 5; }) == 5 && m.cache.size() == 5);
    m.cache.invalidate_tag("t");
    REQUIRE(!m.cache.find("here") && !m.cache.find("named") && !m.cache.find("elsewhere") && !m.cache.find("with"));
    REQUIRE(m.cache.at<int>("untagged") == 5);
    const auto overtaken = [&m] {
        m.cache.invalidate_tag("u");
        return 6;
    };
    REQUIRE(m.cache.get_or_load("k", overtaken, {}, 30s, {"u"}) == 6 && !m.cache.find("k"));
    REQUIRE(m.cache.get_or_load_with("k", overtaken, with) == 6 && !m.cache.find("k"));
    REQUIRE(m.cache.try_get_or_load("k", [] { return 7; }, {}, 30s, {""}).failed_with(mccache::errc::invalid_argument));
    with.tags = {std::string(256, 't')};
    REQUIRE(m.cache.try_get_or_load_with("k", [] { return 7; }, with).failed_with(mccache::errc::invalid_argument));
    REQUIRE(!m.cache.find("k"));
}

void a_slow_load_is_not_waited_for_and_fills() {
    member m("soft", {{"fail_safe", 60}, {"load_soft_timeout", "0.02"}});
    gate slow;
    expired(m.cache, "k");
    REQUIRE(m.cache.get_or_load_with("k", slow.loader()) == "old");
    REQUIRE(m.cache.get_or_load_with("k", unneeded) == "old" && m.cache.get_or_load("k", unneeded) == "old");
    std::vector<std::future<std::string>> waiters;
    for (int i = 0; i < 3; i++) {
        waiters.push_back(std::async(std::launch::async, [&m] { return m.cache.get_or_load_with("k", unneeded); }));
    }
    for (std::future<std::string>& waiter : waiters) {
        REQUIRE(waiter.get() == "old");
    }
    REQUIRE(counted(m.node, "loads_slow") == 6 && slow.calls() == 1 && !m.cache.contains("k"));
    slow.open();
    eventually([&] { return m.cache.get<std::string>("k") == "new"; });
}

void beyond_the_hard_timeout_a_load_is_an_error_and_fills() {
    member m("hard", {{"load_hard_timeout", "0.02"}});
    gate slow;
    REQUIRE(contains(REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load_with("k", slow.loader())), "20 ms"));
    REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load_with("k", unneeded));
    REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load("k", unneeded));
    REQUIRE(counted(m.node, "loads_timed_out") == 3);
    // Who waits for less than that by his own will is no load that took too long.
    REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load("k", unneeded, {}, 1ms));
    REQUIRE(counted(m.node, "loads_timed_out") == 3);
    slow.open();
    eventually([&] { return m.cache.get<std::string>("k") == "new"; });
}

void what_is_loaded_in_time_by_a_thread_is_returned_and_what_it_throws_is_thrown() {
    member m("in-time", {{"load_hard_timeout", 60}});
    const std::thread::id own = std::this_thread::get_id();
    std::thread::id other = own;
    // Waited for to its end: what the loader refers to and holds is not in use any more then.
    auto held = std::make_shared<int>(5);
    REQUIRE(m.cache.get_or_load_with("k", [&other, held] { return other = std::this_thread::get_id(), *held; }) == 5);
    REQUIRE(other != own && held.use_count() == 1);
    REQUIRE_THROWS(down, m.cache.get_or_load_with("another", [held]() -> int { throw down(); }));
    REQUIRE(held.use_count() == 1 && counted(m.node, "load_failures") == 1);
    // A loader that cannot be copied, nor what it makes.
    auto only = std::make_unique<std::string>("moved");
    REQUIRE(m.cache.get_or_load_with("moved", [only = std::move(only)] { return *only; }) == "moved");
    m.cache.get_or_load("here", [&other] { return other = std::this_thread::get_id(), 1; });
    REQUIRE(other == own);
}

void a_value_is_refreshed_early_by_one_and_in_the_background() {
    member m("eager");
    mccache::load_options eager{60s, 30s, m.cache.load_policy({{"eager_refresh", "0.05"}})};
    gate slow;
    m.cache.put("k", "old", 4s);
    REQUIRE(m.cache.get_or_load_with("k", unneeded, eager) == "old");
    eventually([&] {
        REQUIRE(m.cache.get_or_load_with("k", slow.loader(), eager) == "old");
        return counted(m.node, "refreshes") == 1;
    });
    for (int i = 0; i < 5; i++) {
        REQUIRE(m.cache.get_or_load_with("k", unneeded, eager) == "old");
    }
    slow.open();
    eventually([&] { return m.cache.at("k").text() == "new"; });
    REQUIRE(slow.calls() == 1 && m.cache.metadata("k")->ttl > 30s);
}

void an_early_refresh_in_the_callers_thread_is_waited_for_and_may_fail() {
    member m("eager-here", {{"eager_refresh", "0.05"}, {"fail_safe_throttle", "0.02"}});
    m.cache.put("k", "old", 4s);
    eventually([&] { return m.cache.get_or_load("k", fails) == "old" && counted(m.node, "load_failures") == 1; });
    REQUIRE(counted(m.node, "stale_served") == 0);
    eventually([&] { return m.cache.get_or_load("k", [] { return "new"; }, 60s) == "new"; });
    REQUIRE(m.cache.at("k").text() == "new" && counted(m.node, "refreshes") == 2);
}

void a_write_wins_over_a_load_in_the_background() {
    member m("overtaken", {{"load_hard_timeout", "0.02"}});
    gate slow;
    REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load_with("k", slow.loader()));
    m.cache["k"] = "written";
    slow.open();
    eventually([&] { return counted(m.node, "fills_overtaken") == 1; });
    REQUIRE(m.cache.at("k").text() == "written");
}

void each_degradation_is_told() {
    member m("told", {{"fail_safe", 60}, {"load_hard_timeout", "0.02"}});
    expired(m.cache, "k");
    mccache::events events = m.cache.events();
    m.cache.get_or_load("k", fails);
    REQUIRE(next_of(events, event_kind::load_failed).key == "k" && next_of(events, event_kind::stale).local);
    gate slow;
    REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load_with("n", slow.loader()));
    REQUIRE(next_of(events, event_kind::load_timed_out).key == "n");
    expired(m.cache, "s");
    REQUIRE(m.cache.get_or_load_with("s", slow.loader()) == "old");
    REQUIRE(next_of(events, event_kind::load_slow).key == "s" && next_of(events, event_kind::stale).key == "s");
    slow.open();
    std::optional<mccache::lease> given = std::move(m.cache.get_or_lease("l").lease);
    given->load_failed();
    given->load_failed();
    REQUIRE(next_of(events, event_kind::load_failed).key == "l");
    REQUIRE_THROWS(mccache::invalid_argument_error, given->fill(1));
}

void closing_does_not_wait_for_a_load_in_the_background() {
    gate slow;
    std::optional<mccache::cache> outlived;
    {
        member m("closed", {{"load_hard_timeout", "0.02"}});
        REQUIRE_THROWS(mccache::timeout_error, m.cache.get_or_load_with("k", slow.loader()));
        outlived = m.node.cache("c");
    }
    REQUIRE_THROWS(mccache::closed_error, outlived->get_or_load("k", unneeded));
    slow.open();
}

void a_policy_takes_settings_of_caches_in_their_range() {
    member m("policies");
    for (const mccache::setting& wrong : mccache::settings{{"fail_safe", 86401}, {"eager_refresh", 1}, {"load_soft_timeout", -1},
                                                           {"cluster", "x"}, {"no_such", 1}}) {
        REQUIRE(contains(REQUIRE_THROWS(mccache::config_error, m.cache.load_policy({wrong})), wrong.name));
    }
    const mccache::load_policy policy = m.cache.load_policy({{"fail_safe", 60}});
    const mccache::load_policy copy = policy;
    REQUIRE(copy.handle() == policy.handle() && policy.handle() != nullptr && mccache::load_policy().handle() == nullptr);
    m.cache.close();
    REQUIRE_THROWS(mccache::closed_error, m.cache.get_or_load_with("k", unneeded, {{}, 1s, copy}));
}

} // namespace

int main() {
    test("an_expired_value_is_served_while_the_loader_fails", an_expired_value_is_served_while_the_loader_fails);
    test("after_the_pause_the_loader_is_tried_again", after_the_pause_the_loader_is_tried_again);
    test("an_expired_value_of_another_type_is_none", an_expired_value_of_another_type_is_none);
    test("what_cannot_be_put_is_an_error_all_the_same", what_cannot_be_put_is_an_error_all_the_same);
    test("a_tag_takes_what_was_loaded_with_it", a_tag_takes_what_was_loaded_with_it);
    test("a_slow_load_is_not_waited_for_and_fills", a_slow_load_is_not_waited_for_and_fills);
    test("beyond_the_hard_timeout_a_load_is_an_error_and_fills", beyond_the_hard_timeout_a_load_is_an_error_and_fills);
    test("what_is_loaded_in_time_by_a_thread_is_returned_and_what_it_throws_is_thrown",
         what_is_loaded_in_time_by_a_thread_is_returned_and_what_it_throws_is_thrown);
    test("a_value_is_refreshed_early_by_one_and_in_the_background", a_value_is_refreshed_early_by_one_and_in_the_background);
    test("an_early_refresh_in_the_callers_thread_is_waited_for_and_may_fail",
         an_early_refresh_in_the_callers_thread_is_waited_for_and_may_fail);
    test("a_write_wins_over_a_load_in_the_background", a_write_wins_over_a_load_in_the_background);
    test("each_degradation_is_told", each_degradation_is_told);
    test("closing_does_not_wait_for_a_load_in_the_background", closing_does_not_wait_for_a_load_in_the_background);
    test("a_policy_takes_settings_of_caches_in_their_range", a_policy_takes_settings_of_caches_in_their_range);
    return finish();
}
