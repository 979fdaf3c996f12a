// What the classes of mccache.hpp do beyond the smoke test: the map-like face, conversions, loading, nodes and settings.

#include "check.hpp"

#include <array>
#include <set>
#include <thread>

using namespace check;
using namespace std::string_literals;
using namespace std::string_view_literals;

struct point {
    int x = 0;
    int y = 0;
    friend bool operator==(const point& a, const point& b) { return a.x == b.x && a.y == b.y; }
};

template <>
struct mccache::converter<point> {
    static object to_object(const point& p) { return object::list{p.x, p.y}; }
    static result<point> from_object(const object& o) {
        if (o.size() != 2 || o.item(0) == nullptr) {
            return failure(errc::codec, "this is no point");
        }
        return point{o.item(0)->as<int>(), o.item(1)->as<int>()};
    }
};

namespace {

void keys_are_text_or_bytes(mccache::cache& c) {
    const std::string text = "k";
    const std::array<std::byte, 1> raw{std::byte{'k'}};
    const mccache::bytes bytes{'k'};
    c[text] = 1;
    for (const mccache::key_view key : {mccache::key_view("k"), mccache::key_view("k"sv), mccache::key_view(text),
                                        mccache::key_view(raw), mccache::key_view(bytes),
                                        mccache::key_view(mccache::bytes_view(bytes))}) {
        REQUIRE(c.at<int>(key) == 1);
    }
    c[mccache::bytes{0xff, 0xfe}] = 2;
    REQUIRE(c.at<int>("\xff\xfe") == 2 && c.size() == 2);
    c[std::string(65535, 'k')] = 3;
    REQUIRE(c.size() == 3);
}

void proxies_assign_and_convert(mccache::cache& c) {
    c["text"] = "one";
    c["copy"] = c["text"];
    std::string text = c["copy"];
    text = c["text"];
    REQUIRE(text == "one");
    c["number"] = 7;
    const int number = c["number"];
    const double real = c["number"];
    const std::optional<int> maybe = c["number"];
    REQUIRE(number == 7 && real == 7.0 && maybe == 7 && c["number"].as<std::int64_t>() == 7);
    c["copy"] = c["number"].value();
    REQUIRE(c.at("copy") == c.at("number") && c.at("copy") != c.at("text"));
    REQUIRE_THROWS(mccache::not_found_error, c["copy"] = c["nobody"]);
}

void types_come_back_as_they_were(mccache::cache& c) {
    const auto same = [&c](const auto& value) {
        using type = mccache::detail::bare<decltype(value)>;
        c["k"] = value;
        return c.at<type>("k") == value;
    };
    REQUIRE(same(true) && same(false) && same(0) && same(-1) && same(1U) && same(std::uint8_t{255}) && same(std::int8_t{-128}));
    REQUIRE(same(std::numeric_limits<std::int64_t>::min()) && same(std::numeric_limits<std::uint64_t>::max()));
    REQUIRE(same(1.5) && same(1.5F) && same(1e300) && same("text"s) && same(""s) && same(mccache::bytes{1, 0, 2}));
    REQUIRE(same(std::vector<std::byte>{std::byte{1}}) && same(std::vector<int>{1, 2, 3}) && same(std::vector<bool>{true, false}));
    REQUIRE(same(std::vector<std::vector<std::string>>{{"a"}, {}, {"b", "c"}}) && same(std::map<std::string, int>{{"a", 1}}));
    REQUIRE(same(std::unordered_map<int, std::string>{{1, "one"}, {2, "two"}}) && same(std::optional<int>(5)));
    REQUIRE(same(std::optional<std::string>()) && same(point{1, -2}) && same(std::vector<point>{{1, 2}, {3, 4}}));
    REQUIRE(same(std::map<std::string, std::optional<point>>{{"a", point{1, 2}}, {"b", std::nullopt}}));
    REQUIRE(same(mccache::date{2026, 11, 25}) && same(mccache::date_time(1795610096, 789123000, -330)));
    REQUIRE(same(std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now())));
    REQUIRE(same(mccache::big_integer(true, {1, 2, 3, 4, 5, 6, 7, 8, 9})) && same(mccache::big_integer::of(false, 5)));
    REQUIRE(c.get_or("nobody", "literal") == "literal" && c.get_or("nobody", "view"sv) == "view");
    REQUIRE(c.get_or("nobody", mccache::bytes_view::of("b")) == mccache::bytes{'b'} && c.get_or("nobody", true));
    c["k"] = "there";
    const std::string there = c.get_or("k", "literal");
    REQUIRE(there == "there" && c.get_or("nobody", std::vector<int>{1}) == std::vector<int>{1});
    REQUIRE(same(std::numeric_limits<float>::infinity()) && same(-std::numeric_limits<float>::infinity()));
    REQUIRE(same(std::numeric_limits<float>::max()) && same(std::numeric_limits<float>::denorm_min()));
    c["k"] = 1e300;
    REQUIRE_THROWS(mccache::codec_error, c.at<float>("k"));
    c["k"] = nullptr;
    REQUIRE(c.at<mccache::object>("k").is_null() && c.at("k").bytes() == mccache::bytes{0xf6});
}

void what_is_another_type_is_refused(mccache::cache& c) {
    c["text"] = "one";
    c["bytes"] = mccache::bytes{1};
    c["number"] = 300;
    c["real"] = 0.1;
    c["list"] = std::vector<int>{1, 2, 3};
    c["negative"] = -1;
    c["large"] = std::numeric_limits<std::uint64_t>::max();
    c["beyond"] = std::int64_t{9007199254740993};
    REQUIRE(contains(REQUIRE_THROWS(mccache::codec_error, c.at<int>("text")), "the value is text, not an integer"));
    REQUIRE_THROWS(mccache::codec_error, c.at<std::string>("bytes"));
    REQUIRE_THROWS(mccache::codec_error, c.at("bytes").text());
    REQUIRE_THROWS(mccache::codec_error, c.at<mccache::bytes>("text"));
    REQUIRE_THROWS(mccache::codec_error, c.at<std::uint8_t>("number"));
    REQUIRE_THROWS(mccache::codec_error, c.at<bool>("number"));
    REQUIRE_THROWS(mccache::codec_error, c.at<int>("real"));
    REQUIRE_THROWS(mccache::codec_error, c.at<float>("real"));
    REQUIRE_THROWS(mccache::codec_error, c.at<unsigned>("negative"));
    REQUIRE_THROWS(mccache::codec_error, c.at<std::int64_t>("large"));
    REQUIRE_THROWS(mccache::codec_error, c.at<double>("beyond"));
    REQUIRE_THROWS(mccache::codec_error, c.at<std::vector<std::string>>("list"));
    REQUIRE_THROWS(mccache::codec_error, (c.at<std::map<std::string, int>>("list")));
    REQUIRE_THROWS(mccache::codec_error, c.at<point>("list"));
    REQUIRE_THROWS(mccache::codec_error, c.at<mccache::date>("text"));
    REQUIRE(c.at("text").chars() == "one" && c.at<mccache::object>("number") == 300);
}

void insert_take_and_touch(mccache::cache& c) {
    REQUIRE(c.insert("k", "first", 1h) && !c.insert("k", "second") && c.at("k").text() == "first");
    REQUIRE(c.touch("k", mccache::forever) && !c.metadata("k")->ttl && c.touch("k") && c.metadata("k")->ttl);
    const std::optional<mccache::metadata> known = c.metadata("k");
    REQUIRE(known->size == 5 && known->weight > 5 && known->codec == MCC_CODEC_TEXT && known->age < 60s);
    REQUIRE(known->version.clock > 0 && known->written <= std::chrono::system_clock::now() + 1s);
    const std::optional<mccache::value> taken = c.take("k");
    REQUIRE(taken->text() == "first" && !c.contains("k") && !c.take("k"));
    const mccache::value value = mccache::value::of(std::vector<int>{1, 2});
    c.put("a", value);
    c.put("b", value);
    REQUIRE(c.at("a") == c.at("b") && c.at<std::vector<int>>("b").size() == 2);
}

void durations_are_rounded_up(mccache::cache& c) {
    REQUIRE(mccache::time_to_live(1ns).count() == 1 && mccache::time_to_live(1500us).count() == 2);
    REQUIRE(mccache::time_to_live(2s).count() == 2000 && mccache::time_to_live(std::chrono::hours(1)).count() == 3600000);
    REQUIRE(mccache::time_to_live().count() == MCC_TTL_DEFAULT && mccache::time_to_live(mccache::forever).count() == MCC_TTL_FOREVER);
    REQUIRE(mccache::time_to_live(std::chrono::hours::max()).count() == MCC_TTL_FOREVER);
    REQUIRE(mccache::time_to_live(std::chrono::hours::max() - 1h).count() == MCC_TTL_FOREVER);
    REQUIRE(mccache::time_to_live(std::chrono::duration<double>(0.0015)).count() == 2);
    REQUIRE(mccache::time_to_live(std::chrono::duration<double>(1e300)).count() == MCC_TTL_FOREVER);
    REQUIRE(mccache::timeout(std::chrono::duration<double>(std::numeric_limits<double>::quiet_NaN())).count() == -1);
    REQUIRE(mccache::timeout(0s).count() == 0 && mccache::timeout(-1ns).count() <= 0 && mccache::timeout(-1ms).count() == -1);
    c.put("k", 1, std::chrono::duration<double>(90.5));
    REQUIRE(c.metadata("k")->ttl > 80s && c.metadata("k")->ttl <= 90500ms);
}

void a_tag_takes_its_entries(mccache::cache& c) {
    c.put_tagged("a", 1, {"user:7", "prices"});
    c.put_tagged("b", "two", {"user:8"}, 1h);
    c.put_tagged("c", 3, {});
    mccache::lookup found = c.get_or_lease("d");
    REQUIRE(found.lease && found.lease->fill(4, {}, {"prices"}) && c.at<int>("d") == 4);
    found = c.get_or_lease("e");
    c.invalidate_tag("prices");
    REQUIRE(!c.contains("a") && !c.contains("d") && c.at("b").text() == "two" && c.at<int>("c") == 3);
    REQUIRE(found.lease && !found.lease->fill(5, {}, {"prices"}) && !c.contains("e"));
    for (const mccache::tags& bad : {mccache::tags{""}, mccache::tags{"a", ""}, mccache::tags{std::string_view("a\0b", 3)}}) {
        REQUIRE(c.try_put_tagged("c", 4, bad).failed_with(mccache::errc::invalid_argument) && c.at<int>("c") == 3);
    }
    REQUIRE(c.try_invalidate_tag("").failed_with(mccache::errc::invalid_argument));
}

void a_transaction_is_put_between_two_steps(mccache::cache& c) {
    const auto load = [&c](const char* value) { return c.get_or_load("a", [value] { return value; }); };
    c["a"] = "before";
    c["b"] = "before";
    {
        mccache::invalidation invalidation = c.invalidating({"a", "b"}, 10s, 20s);
        REQUIRE(invalidation.complete() && !c.contains("a") && !c.contains("b"));
        REQUIRE(load("loaded") == "loaded" && !c.contains("a"));
        REQUIRE(invalidation.commit());
        REQUIRE(invalidation.try_commit().failed_with(mccache::errc::invalid_argument));
        REQUIRE(invalidation.try_abort().failed_with(mccache::errc::invalid_argument));
    }
    REQUIRE(load("after") == "after" && c.at<std::string>("a") == "after");
    c.invalidating({"a"}).abort();
    REQUIRE(load("again") == "again" && c.contains("a"));
    { const mccache::invalidation dropped = c.invalidating({"a"}); }
    REQUIRE(!c.contains("a") && load("then") == "then" && c.contains("a"));
    mccache::invalidation late = c.invalidating({"a"}, 1ms);
    eventually([&] { return load("too early") == "too early" && c.contains("a"); });
    REQUIRE(!late.commit() && !c.contains("a"));
    REQUIRE(c.try_invalidating({}).failed_with(mccache::errc::invalid_argument));
    REQUIRE(c.try_invalidating({"a"}, 0s).failed_with(mccache::errc::invalid_argument));
    REQUIRE(c.try_invalidating({"a"}, 601s).failed_with(mccache::errc::invalid_argument));
    REQUIRE(c.try_invalidating({std::string(65'536, 'k')}).failed_with(mccache::errc::too_large));
}

void standard_algorithms_take_the_cache(mccache::cache& c) {
    for (int i = 0; i < 100; i++) {
        c[std::to_string(i)] = i;
    }
    const auto entries = c.entries();
    int sum = 0;
    for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
        sum += entry->value.as<int>();
    }
    REQUIRE(sum == 4950);
    const auto keys = c.keys();
    std::vector<std::string> found(keys.begin(), keys.end());
    std::sort(found.begin(), found.end());
    REQUIRE(found.size() == 100 && found.front() == "0" && found.back() == "99");
    REQUIRE(std::count_if(c.begin(), c.end(), [](const mccache::entry& entry) { return entry.value.as<int>() >= 50; }) == 50);
    auto step = c.keys().begin();
    REQUIRE(!(*step++).empty());
#if defined(__cpp_lib_ranges)
    static_assert(std::input_iterator<mccache::walk_range<mccache::entry>::iterator>);
#endif
}

void loads_once_for_all_who_ask(mccache::cache& c) {
    std::atomic<int> loads{0};
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int i = 0; i < 8; i++) {
        threads.emplace_back([&] {
            const std::string loaded = c.get_or_load(
                "page",
                [&loads] {
                    loads++;
                    std::this_thread::sleep_for(50ms);
                    return "loaded";
                },
                1h);
            right += loaded == "loaded" ? 1 : 0;
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    REQUIRE(loads == 1 && right == 8 && c.at("page").text() == "loaded" && c.metadata("page")->ttl <= 1h);
    REQUIRE(c.get_or_load("point", [] { return point{1, 2}; }) == point{1, 2} && c.at<point>("point") == point{1, 2});
    REQUIRE(!c.get_or_load("none", [] { return std::optional<int>(); }) && c.contains("none"));
    REQUIRE(!c.get_or_load("none", []() -> std::optional<int> { throw std::logic_error("it is there"); }));
    REQUIRE_THROWS(mccache::codec_error, c.get_or_load("page", [] { return 1; }));
}

void a_write_meanwhile_wins(mccache::cache& c) {
    const int loaded = c.get_or_load("k", [&c] {
        c["k"] = 2;
        return 1;
    });
    REQUIRE(loaded == 1 && c.at<int>("k") == 2);
    const int again = c.get_or_load("gone", [&c] {
        c.erase("gone");
        return 1;
    });
    REQUIRE(again == 1 && !c.contains("gone"));
    mccache::lookup found = c.get_or_lease("k");
    REQUIRE(found.value && !found.lease);
    found = c.get_or_lease("leased", 0ms);
    REQUIRE(!found.value && found.lease && found.lease->fill(5, 1h) && c.at<int>("leased") == 5);
    REQUIRE_THROWS(mccache::invalid_argument_error, found.lease->fill(6));
    found = c.get_or_lease("refused");
    REQUIRE_THROWS(mccache::invalid_argument_error, found.lease->fill("\xff"));
    // The lease ended, although nothing could be put: the next one gets one at once.
    REQUIRE(c.get_or_lease("refused", 0ms).lease);
}

void what_a_loader_throws_passes_through(mccache::cache& c) {
    REQUIRE(REQUIRE_THROWS(std::domain_error, c.get_or_load("k", []() -> int { throw std::domain_error("no row"); })) == "no row");
    REQUIRE(!c.contains("k") && c.get_or_load("k", [] { return 1; }, {}, 0ms) == 1);
    const auto failing = [] { return mccache::result<int>(mccache::failure(mccache::errc::network, "no database")); };
    REQUIRE(c.try_get_or_load("other", failing).failed_with(mccache::errc::network) && !c.contains("other"));
    REQUIRE_THROWS(mccache::timeout_error, c.get_or_load("self", [&c] {
        return c.get_or_load("self", [] { return 1; }, {}, 50ms);
    }));
}

void nodes_tell_of_themselves(member& m) {
    REQUIRE(m.node.name() == "facade" && m.cache.name() == "c" && m.cache.node().name() == "facade");
    REQUIRE(m.node.setting("cluster") == "cpp-" + std::to_string(getpid()) && m.node.setting("node_name") == "facade");
    REQUIRE(contains(REQUIRE_THROWS(mccache::invalid_argument_error, m.node.setting("cache_tll")), "cache_ttl"));
    const std::vector<mccache::metric> metrics = m.node.metrics();
    REQUIRE(metrics.size() > 10 && !metrics[0].name.empty() && !metrics[0].help.empty());
    REQUIRE(m.node.members().empty());
    member other("other");
    eventually([&] { return m.node.members().size() == 1; });
    const mccache::member found = m.node.members().at(0);
    REQUIRE(found.name == "other" && found.session.size() == 24 && contains(found.address, ":") && found.heard_ago >= 0ms);
    REQUIRE(found.version == mccache::version());
    m.cache["k"] = 1;
    m.cache.sync(patience);
    REQUIRE(m.cache.checksum() == other.cache.checksum() && m.cache.checksum().entries >= 1);
    const mccache::token written = m.cache.put_token("written", "v");
    REQUIRE(written.version == m.cache.metadata("written")->version && written == mccache::token(written));
    m.cache.sync_token(written, patience, MCC_SYNC_ONE);
    REQUIRE(other.cache.find_at_least("written", written)->as<std::string>() == "v");
    REQUIRE_THROWS(mccache::timeout_error, m.cache.sync_token(written, 10ms, 2));
    REQUIRE_THROWS(mccache::invalid_argument_error, other.cache.sync_token(written, patience));
    const mccache::token erased = m.cache.erase_token("written");
    m.cache.sync_token(erased, patience);
    REQUIRE(!other.cache.find_at_least("written", written) && m.cache.erase_token("written") != erased);
    REQUIRE_THROWS(mccache::invalid_argument_error, m.cache.put_token("written", "\xff"));
    const std::vector<mccache::member_checksum> sums = m.cache.cluster_checksum(patience);
    REQUIRE(sums.size() == 2 && sums[0].member == "facade" && sums[1].checksum == sums[0].checksum && sums[0].checksum);
    const std::vector<mccache::member_metrics> all = m.node.cluster_metrics(patience);
    REQUIRE(all.size() == 2 && all[1].member == "other" && all[1].metrics && all[1].metrics->size() == metrics.size());
    REQUIRE(m.cache.stats().entries >= 1 && m.cache.stats().puts >= 1);
}

void members_of_one_name_are_told_apart(member& m) {
    const member one("same");
    const member two("same");
    const auto same = [](const auto& answer) { return answer.member == "same"; };
    eventually([&] {
        const auto sums = m.cache.cluster_checksum(patience);
        const auto all = m.node.cluster_metrics(patience);
        return std::count_if(sums.begin(), sums.end(), same) == 2 && std::count_if(all.begin(), all.end(), same) == 2;
    });
}

void keys_of_the_cluster_change() {
    const std::string old_key(64, '1');
    const std::string new_key(64, '2');
    mccache::node node(private_config("keys", {{"crypto_key", "1:" + old_key}}));
    REQUIRE(!node.setting("crypto_key") && node.list_keys().size() == 1 && node.list_keys()[0].role == mccache::key_role::primary);
    node.add_key("7:" + new_key);
    REQUIRE(node.list_keys().size() == 2 && node.list_keys()[1].id == 7 && node.list_keys()[1].role == mccache::key_role::decrypt_only);
    node.set_primary_key(7);
    REQUIRE(node.list_keys()[0].role == mccache::key_role::retired && node.list_keys()[0].members == 0);
    REQUIRE_THROWS(mccache::invalid_argument_error, node.remove_key(7));
    node.remove_key(1);
    REQUIRE(node.list_keys().size() == 1 && node.list_keys()[0].id == 7);
    REQUIRE_THROWS(mccache::invalid_argument_error, node.add_key("no key"));
    REQUIRE_THROWS(mccache::invalid_argument_error, node.set_primary_key(9));
    node.close();
    REQUIRE_THROWS(mccache::closed_error, node.list_keys());
}

// As it is in any locale: with a point, and no digits that were not meant.
void numbers_of_settings_are_told_as_they_are() {
    const auto text = [](auto number) { return mccache::setting("cache_ttl", number).value; };
    REQUIRE(text(0.2) == "0.2" && text(0.2F) == "0.2" && text(0.0000001) == "1e-07" && text(3155760000.0) == "3155760000");
    REQUIRE(text(60) == "60" && text(-1) == "-1" && text(UINT64_MAX) == "18446744073709551615" && text(true) == "true");
    REQUIRE(text(90s) == "90000ms" && text(1500us) == "2ms" && text(std::chrono::duration<double>(0.25)) == "250ms");
    struct comma : std::numpunct<char> {
        char do_decimal_point() const override { return ','; }
        std::string do_grouping() const override { return "\3"; }
        char do_thousands_sep() const override { return '.'; }
    };
    const std::locale before = std::locale::global(std::locale(std::locale::classic(), new comma));
    const std::string share = text(0.5), large = text(12345.5);
    std::locale::global(before);
    REQUIRE(share == "0.5" && large == "12345.5");
}

// They are told in the unit of the setting, which is the minute for the first.
void durations_of_settings_have_their_unit() {
    const mccache::node node{{"cluster", "cpp-units-" + std::to_string(getpid())}, {"cache_pulse", 90s}, {"cache_ttl", 10min}};
    REQUIRE(node.setting("cache_pulse") == "1.5" && node.setting("cache_ttl") == "600");
}

void settings_are_checked() {
    REQUIRE(contains(REQUIRE_THROWS(mccache::config_error, mccache::config::empty({{"cache_tll", 5}})), "cache_ttl"));
    REQUIRE_THROWS(mccache::config_error, mccache::config::empty().set("cache_ttl", "soon"));
    REQUIRE_THROWS(mccache::config_error, mccache::config::empty().load("no/such/file.toml"));
    REQUIRE_THROWS(mccache::invalid_argument_error, mccache::config::empty().set("cluster", "a\0b"sv));
    mccache::node node(private_config("settings", {{"cache_max", 10}, {"insecure", false}}));
    REQUIRE(node.setting("cache_max") == "10" && node.setting("insecure") == "false");
    mccache::cache small = node.cache("small", {{"cache_max", 5}, {"cache_mode", "local"}});
    for (int i = 0; i < 100; i++) {
        small[std::to_string(i)] = i;
    }
    REQUIRE(small.size() <= 5 && small.stats().evictions >= 95);
    REQUIRE_THROWS(mccache::invalid_argument_error, node.cache("small", {{"cache_max", 6}}));
    REQUIRE_THROWS(mccache::invalid_argument_error, node.cache(""));
    REQUIRE_THROWS(mccache::invalid_argument_error, node.cache("a\0b"sv));
    node.close();
}

void exceptions_have_one_base_and_a_code(mccache::cache& c) {
    try {
        c.put("\xff", "\xff");
        REQUIRE(false);
    } catch (const mccache::error& problem) {
        REQUIRE(problem.code() == mccache::errc::invalid_argument && contains(problem.what(), "UTF-8"));
    }
    static_assert(std::is_base_of_v<std::runtime_error, mccache::error>);
    mccache::cache moved = std::move(c);
    REQUIRE_THROWS(mccache::invalid_argument_error, c.size());
    REQUIRE_THROWS(mccache::invalid_argument_error, c.get_or_load("k", [] { return 1; }));
    c.close();
    REQUIRE(c.name().empty());
    c = std::move(moved);
    REQUIRE(c.size() == 0);
}

} // namespace

int main() {
    member m("facade");
    const auto alone = [&m](const char* name, void (*act)(mccache::cache&)) {
        m.cache.clear();
        test(name, [&] { act(m.cache); });
    };
    test("nodes_tell_of_themselves", [&] { nodes_tell_of_themselves(m); });
    alone("keys_are_text_or_bytes", keys_are_text_or_bytes);
    alone("proxies_assign_and_convert", proxies_assign_and_convert);
    alone("types_come_back_as_they_were", types_come_back_as_they_were);
    alone("what_is_another_type_is_refused", what_is_another_type_is_refused);
    alone("insert_take_and_touch", insert_take_and_touch);
    alone("durations_are_rounded_up", durations_are_rounded_up);
    alone("a_tag_takes_its_entries", a_tag_takes_its_entries);
    alone("a_transaction_is_put_between_two_steps", a_transaction_is_put_between_two_steps);
    alone("standard_algorithms_take_the_cache", standard_algorithms_take_the_cache);
    alone("loads_once_for_all_who_ask", loads_once_for_all_who_ask);
    alone("a_write_meanwhile_wins", a_write_meanwhile_wins);
    alone("what_a_loader_throws_passes_through", what_a_loader_throws_passes_through);
    test("members_of_one_name_are_told_apart", [&m] { members_of_one_name_are_told_apart(m); });
    test("keys_of_the_cluster_change", keys_of_the_cluster_change);
    test("settings_are_checked", settings_are_checked);
    test("durations_of_settings_have_their_unit", durations_of_settings_have_their_unit);
    test("numbers_of_settings_are_told_as_they_are", numbers_of_settings_are_told_as_they_are);
    alone("exceptions_have_one_base_and_a_code", exceptions_have_one_base_and_a_code);
    return finish();
}
