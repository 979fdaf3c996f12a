// The smoke test that every language has: the same names in the same order (tests/smoke.txt).

#include "check.hpp"
#include "matrix.hpp"

#include <set>

using namespace check;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

constexpr int all_rounds = 100000;
// What 100,000 rounds may add to the resident set: less than one byte a round would.
constexpr long leak_max_bytes = 8L * 1024 * 1024;

const std::string crab = "\xf0\x9f\xa6\x80";
const std::string clef = "\xf0\x9d\x84\x9e";

void versions_agree() {
    REQUIRE(mcc_abi_version() == MCC_ABI_VERSION);
    REQUIRE(mccache::check_library().has_value());
    int major = -1;
    int minor = -1;
    int patch = -1;
    REQUIRE(std::sscanf(mccache::version(), "%d.%d.%d", &major, &minor, &patch) == 3 && major >= 0 && patch >= 0);
}

void put_get_del(mccache::cache& c) {
    c["k"] = "v";
    REQUIRE(c.at("k").text() == "v" && c.contains("k") && c.size() == 1);
    c["k"] = "w";
    REQUIRE(c.get<std::string>("k") == "w" && c.size() == 1);
    REQUIRE(c.erase("k") == 1 && !c.contains("k") && c.empty());
    REQUIRE(c.erase("k") == 0 && !c.find("k"));
}

void zero_byte_in_key_and_value(mccache::cache& c) {
    c["a\0b"sv] = "1\0002"sv;
    c["a"] = "other";
    REQUIRE(c.at("a\0b"sv).text() == "1\0002"sv);
    REQUIRE(c.at(mccache::bytes{'a', 0, 'b'}).text() == "1\0002"sv);
    REQUIRE(c.at("a").text() == "other");
    const auto keys = c.keys();
    REQUIRE(std::set<std::string>(keys.begin(), keys.end()) == std::set<std::string>{"a", "a\0b"s});
}

void astral_character(mccache::cache& c) {
    c[crab] = clef;
    REQUIRE(c.at<std::string>(crab) == clef && c.at(crab).codec() == MCC_CODEC_TEXT);
    REQUIRE(c.at(mccache::bytes{0xf0, 0x9f, 0xa6, 0x80}).text() == clef);
    REQUIRE(*c.keys().begin() == crab && c.size() == 1);
}

void empty_value(mccache::cache& c) {
    c["bytes"] = mccache::bytes();
    c["text"] = "";
    c[""] = mccache::bytes_view::of("of the empty key");
    REQUIRE(c.at<mccache::bytes>("bytes").empty() && c.at("bytes").codec() == MCC_CODEC_RAW);
    REQUIRE(c.at("text").text().empty() && c.at("text").codec() == MCC_CODEC_TEXT);
    REQUIRE(c.at("").chars() == "of the empty key");
}

void large_value(mccache::cache& c) {
    const mccache::bytes large = matrix::counting(1024 * 1024);
    c["k"] = large;
    REQUIRE(c.at("k").bytes() == large && c.at<mccache::bytes>("k") == large);
}

void missing_key(mccache::cache& c) {
    REQUIRE_THROWS(mccache::not_found_error, c.at("nobody"));
    REQUIRE_THROWS(mccache::not_found_error, c["nobody"].as<int>());
    REQUIRE(!c.find("nobody") && !c.get<int>("nobody") && c.get_or("nobody", 3) == 3 && !c.take("nobody"));
    REQUIRE(!c.metadata("nobody") && !c.touch("nobody") && c.erase("nobody") == 0);
    REQUIRE(c.try_find("nobody").failed_with(mccache::errc::not_found));
}

void ttl(mccache::cache& c) {
    c.put("short", 1, 50ms);
    c.put("long", 2, 1h);
    c.put("ever", 3, mccache::forever);
    REQUIRE(c.metadata("long")->ttl > 3500s && c.metadata("long")->ttl <= 1h && !c.metadata("ever")->ttl);
    eventually([&] { return !c.contains("short"); });
    REQUIRE(!c.find("short") && c.at<int>("long") == 2 && c.at<int>("ever") == 3);
}

void iteration(mccache::cache& c) {
    std::map<std::string, int> expected;
    for (int i = 0; i < 1000; i++) {
        expected["k" + std::to_string(i)] = i;
        c["k" + std::to_string(i)] = i;
    }
    std::map<std::string, int> found;
    for (const auto& [key, value] : c) {
        REQUIRE(found.emplace(key, value.as<int>()).second);
    }
    REQUIRE(found == expected);
    std::set<std::string> keys;
    for (const std::string& key : c.keys()) {
        REQUIRE(keys.insert(key).second && expected.count(key) == 1);
    }
    REQUIRE(keys.size() == expected.size());
}

void bad_argument(mccache::cache& c) {
    const char* null = nullptr;
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put(null, 1));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", null));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", 1, -1s));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", 1, 0s));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.sync(-1ms));
    REQUIRE_THROWS(mccache::too_large_error, c.put(std::string(65536, 'k'), 1));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", "\xff"));
    // What is no key or no value does not compile.
    static_assert(!std::is_constructible_v<mccache::key_view, int>);
    static_assert(!std::is_constructible_v<mccache::key_view, std::nullptr_t>);
    static_assert(!std::is_constructible_v<mccache::object, const void*>);
    static_assert(!std::is_constructible_v<mccache::object, char>);
    REQUIRE(c.empty());
}

void two_nodes_put_on_one_read_on_the_other(mccache::cache& a, mccache::cache& b) {
    const mccache::object value = mccache::object::map{
        {"list", mccache::object::list{1, 2.5, nullptr, true, mccache::bytes{'b'}, "text"}}};
    a["k"] = value;
    eventually([&] { return b.contains("k"); });
    REQUIRE(b.at<mccache::object>("k") == value);
}

void delete_on_one_gone_on_the_other(mccache::cache& a, mccache::cache& b) {
    // A key of its own: of one that b has from before, b might delete that value, and a's put still be the later one.
    a["gone"] = 1;
    eventually([&] { return b.contains("gone"); });
    REQUIRE(b.erase("gone") == 1);
    eventually([&] { return !a.contains("gone"); });
}

void event_arrives(member& a, member& b) {
    mccache::events events = b.cache.events();
    a.cache["event"] = 1;
    const mccache::event event = next_of(events, mccache::event_kind::put);
    REQUIRE(!event.local && event.cache == "c" && event.key == "event" && event.member == a.node.name());
    REQUIRE(event.version == a.cache.metadata("event")->version && event.dropped == 0);
}

void use_after_close(mccache::cache& c) {
    c["k"] = 1;
    const mccache::value value = c.at("k");
    c.close();
    REQUIRE_THROWS(mccache::closed_error, c.at("k"));
    REQUIRE_THROWS(mccache::closed_error, c.find("k"));
    REQUIRE_THROWS(mccache::closed_error, c.contains("k"));
    REQUIRE_THROWS(mccache::closed_error, c.size());
    REQUIRE_THROWS(mccache::closed_error, c.begin());
    REQUIRE_THROWS(mccache::closed_error, c.keys().begin());
    REQUIRE_THROWS(mccache::closed_error, c.clear());
    REQUIRE_THROWS(mccache::closed_error, c.put("k", 2));
    REQUIRE_THROWS(mccache::closed_error, c.insert("k", 2));
    REQUIRE_THROWS(mccache::closed_error, c.erase("k"));
    REQUIRE_THROWS(mccache::closed_error, c.take("k"));
    REQUIRE_THROWS(mccache::closed_error, c.touch("k"));
    REQUIRE_THROWS(mccache::closed_error, c.metadata("k"));
    REQUIRE_THROWS(mccache::closed_error, c.sync());
    REQUIRE_THROWS(mccache::closed_error, c.checksum());
    REQUIRE_THROWS(mccache::closed_error, c.cluster_checksum());
    REQUIRE_THROWS(mccache::closed_error, c.stats());
    REQUIRE_THROWS(mccache::closed_error, c.events());
    REQUIRE_THROWS(mccache::closed_error, c.get_or_load("k", [] { return 1; }));
    REQUIRE(value.as<int>() == 1 && value.bytes() == mccache::bytes{1});
    REQUIRE(c.name() == "c");
}

void double_close(member& m) {
    m.cache.close();
    m.cache.close();
    m.node.close();
    m.node.close();
    m.cache.close();
}

void some_rounds(mccache::cache& c, int count) {
    const std::string value(100, 'x');
    for (int i = 0; i < count; i++) {
        const std::string key = "key-" + std::to_string(i % 10);
        c[key] = value;
        REQUIRE(c.at(key).text() == value);
        c["n"] = i;
        REQUIRE(c.at<int>("n") == i && !c.find("nobody"));
        REQUIRE(c.try_find("nobody").failed_with(mccache::errc::not_found));
        if (i % 100 == 0) {
            c["o"] = mccache::object::list{i, mccache::object::map{{"a", nullptr}}};
            REQUIRE(c.at<mccache::object>("o").size() == 2 && c.metadata("o") && c.stats().entries >= 3);
            REQUIRE(c.begin() != c.end() && c.keys().begin() != c.keys().end());
            REQUIRE_THROWS(mccache::codec_error, c.at<int>("o"));
            REQUIRE_THROWS(mccache::not_found_error, c.at("nobody"));
            const mccache::events events = c.events();
        }
    }
}

void no_leak_over_100000_rounds(mccache::cache& c) {
    // Valgrind finds every leak by itself, and takes fifty times as long.
    const int rounds = under_valgrind() ? all_rounds / 100 : all_rounds;
    some_rounds(c, rounds / 10);
    const long before = resident_bytes();
    some_rounds(c, rounds);
    REQUIRE(under_valgrind() || resident_bytes() - before < leak_max_bytes);
}

void values_of_other_languages_are_read_back_equal(mccache::cache& c) {
    const std::vector<matrix::line> lines = matrix::lines();
    REQUIRE(lines.size() == matrix::natives().size());
    for (const matrix::line& line : lines) {
        const mccache::object& native = matrix::natives().at(line.name);
        c.put("theirs", mccache::value::of(line.bytes, line.codec));
        REQUIRE(c.at<mccache::object>("theirs") == native);
        c["ours"] = native;
        REQUIRE(c.at("ours").codec() == line.codec && c.at<mccache::object>("ours") == native);
    }
}

} // namespace

int main() {
    {
        member a("a");
        const auto alone = [&a](const char* name, void (*act)(mccache::cache&)) {
            a.cache.clear();
            test(name, [&] { act(a.cache); });
        };
        test("versions_agree", versions_agree);
        alone("put_get_del", put_get_del);
        alone("zero_byte_in_key_and_value", zero_byte_in_key_and_value);
        alone("astral_character", astral_character);
        alone("empty_value", empty_value);
        alone("large_value", large_value);
        alone("missing_key", missing_key);
        alone("ttl", ttl);
        alone("iteration", iteration);
        alone("bad_argument", bad_argument);
        member b("b");
        a.cache.clear();
        const auto both = [&](void (*act)(mccache::cache&, mccache::cache&)) { return [&, act] { act(a.cache, b.cache); }; };
        test("two_nodes_put_on_one_read_on_the_other", both(two_nodes_put_on_one_read_on_the_other));
        test("delete_on_one_gone_on_the_other", both(delete_on_one_gone_on_the_other));
        test("event_arrives", [&] { event_arrives(a, b); });
        test("use_after_close", [&] { use_after_close(b.cache); });
        test("double_close", [&] { double_close(b); });
    }
    member c("c");
    test("no_leak_over_100000_rounds", [&] { no_leak_over_100000_rounds(c.cache); });
    test("values_of_other_languages_are_read_back_equal", [&] { values_of_other_languages_are_read_back_equal(c.cache); });
    return finish();
}
