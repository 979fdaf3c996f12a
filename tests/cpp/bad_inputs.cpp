// Every line of tests/bad_inputs.tsv, in C++. What the compiler refuses is asserted where it is compiled.

#include "check.hpp"
#include "matrix.hpp"

#include <functional>
#include <thread>

using namespace check;
using namespace std::string_view_literals;
using mccache::object;

namespace {

using call = std::function<void()>;
template <class T>
inline constexpr bool is_value = std::is_constructible_v<object, T>;

// What is answered to a line: calls that must fail as the table says, or as C++ has it instead.
struct line {
    std::string name;
    std::vector<call> calls;
    std::string instead;
};

struct endless {};

// Whether get_or_load takes this as a loader.
template <class F, class = void>
inline constexpr bool is_loader = false;
template <class F>
inline constexpr bool
    is_loader<F, std::void_t<decltype(std::declval<mccache::cache&>().get_or_load("k", std::declval<F>()))>> = true;

bool is_right(const std::exception& thrown, const std::string& error) {
    // Of wrong types the compiler leaves null pointers and empty functions.
    if (error == "type" || error == "invalid argument") {
        return dynamic_cast<const mccache::invalid_argument_error*>(&thrown) != nullptr;
    }
    return (error == "too large" && dynamic_cast<const mccache::too_large_error*>(&thrown) != nullptr) ||
           (error == "codec" && dynamic_cast<const mccache::codec_error*>(&thrown) != nullptr) ||
           (error == "config" && dynamic_cast<const mccache::config_error*>(&thrown) != nullptr) ||
           (error == "closed" && dynamic_cast<const mccache::closed_error*>(&thrown) != nullptr) ||
           (error == "timeout" && dynamic_cast<const mccache::timeout_error*>(&thrown) != nullptr) ||
           (error == "the loader's" && dynamic_cast<const std::domain_error*>(&thrown) != nullptr);
}

// Requires the message of what a call throws to have some words.
call naming(std::vector<std::string> words, call act) {
    return [words = std::move(words), act = std::move(act)] {
        try {
            act();
        } catch (const mccache::error& problem) {
            for (const std::string& word : words) {
                REQUIRE(contains(problem.what(), word));
            }
            throw;
        }
    };
}

void together(std::vector<call>& all, std::vector<call> more) {
    all.insert(all.end(), more.begin(), more.end());
}

object nested(unsigned lists) {
    object inner = object::list();
    for (unsigned i = 1; i < lists; i++) {
        inner = object::list{std::move(inner)};
    }
    return inner;
}

class table {
public:
    table() : m_("bad-inputs", {{"max_value", 100000}}) {}

    // All of it, in the table's order.
    void run() {
        keys();
        values();
        reads();
        names();
        times();
        functions();
        ends();
        std::ifstream file("tests/bad_inputs.tsv");
        std::size_t at = 0;
        for (std::string text; std::getline(file, text);) {
            if (text.empty() || text[0] == '#') {
                continue;
            }
            const std::string name = text.substr(0, text.find('\t'));
            const std::string error = text.substr(text.rfind('\t') + 1);
            test(name.c_str(), [&] {
                REQUIRE(at < lines_.size() && lines_[at].name == name);
                answer(lines_[at], error);
            });
            at++;
        }
        test("nothing_more_is_answered", [&] { REQUIRE(at == lines_.size()); });
    }

private:
    void answer(const line& of, const std::string& asked) {
        const std::string& error = of.instead.empty() ? asked : of.instead;
        for (const call& act : of.calls) {
            c_.clear();
            c_["before"] = "there";
            if (error == "fine") {
                act();
                continue;
            }
            std::string problem = "nothing was thrown";
            try {
                act();
            } catch (const std::exception& thrown) {
                problem = is_right(thrown, error) && *thrown.what() != '\0' ? "" : std::string("this was thrown: ") + thrown.what();
            }
            if (!problem.empty()) {
                throw failed_requirement("call " + std::to_string(&act - of.calls.data()) + ": " + problem);
            }
            REQUIRE(c_.size() == 1 && c_.at("before").text() == "there");
        }
    }
    void on(const char* name, std::vector<call> calls, std::string instead = "") {
        lines_.push_back({name, std::move(calls), std::move(instead)});
    }

    template <class Key>
    std::vector<call> with_key(const Key& key) {
        return {[=, this_ = this] { this_->c_.at(key); }, [=, this_ = this] { this_->c_[key] = 1; },
                [=, this_ = this] { this_->c_.insert(key, 1); }, [=, this_ = this] { this_->c_.erase(key); },
                [=, this_ = this] { this_->c_.take(key); }, [=, this_ = this] { this_->c_.touch(key); },
                [=, this_ = this] { this_->c_.contains(key); }, [=, this_ = this] { this_->c_.metadata(key); },
                [=, this_ = this] { this_->c_.get_or("k", 1), this_->c_.get_or(key, 1); },
                [=, this_ = this] { this_->c_.get_or_load(key, [] { return 1; }); },
                [=, this_ = this] { this_->c_.get_or_lease(key); }};
    }
    // Each way to put a value; after a load that fails the key can be loaded at once.
    template <class Value>
    std::vector<call> with_value(const Value& value) {
        return {[=, this_ = this] { this_->c_["k"] = value; }, [=, this_ = this] { this_->c_.put("k", value, 5s); },
                [=, this_ = this] { this_->c_.insert("k", value); },
                [=, this_ = this] { mccache::value::of(value), this_->c_.size(); }, loading([=] { return value; })};
    }
    template <class Loader>
    call loading(Loader load, mccache::time_to_live ttl = {}) {
        return [load, ttl, this_ = this] {
            const auto free_again = [this_] {
                REQUIRE(this_->c_.get_or_load("loaded", [] { return 1; }, {}, 0ms) == 1 && this_->c_.erase("loaded") == 1);
            };
            try {
                this_->c_.get_or_load("loaded", load, ttl);
            } catch (const std::exception&) {
                free_again();
                throw;
            }
        };
    }
    call read(std::uint8_t codec, const mccache::bytes& bytes) {
        return [=, this_ = this] {
            this_->c_.put("theirs", mccache::value::of(bytes, codec));
            REQUIRE(this_->c_.at("theirs").bytes() == bytes);
            const mccache::value theirs = *this_->c_.take("theirs");
            theirs.as<object>();
        };
    }
    std::vector<call> reads_of(std::uint8_t codec, std::initializer_list<const char*> hexes) {
        std::vector<call> calls;
        for (const char* hex : hexes) {
            calls.push_back(read(codec, matrix::from_hex(hex)));
        }
        return calls;
    }

    void keys() {
        static_assert(!std::is_constructible_v<mccache::key_view, int> && !std::is_constructible_v<mccache::key_view, object>);
        static_assert(!std::is_constructible_v<mccache::key_view, std::vector<std::string>>);
        static_assert(!std::is_constructible_v<mccache::key_view, std::nullptr_t>);
        static_assert(!std::is_constructible_v<mccache::key_view, mccache::value>);
        on("key_of_wrong_type", {});
        on("key_of_nothing", with_key(static_cast<const char*>(nullptr)));
        std::vector<call> long_keys = with_key(std::string(65536, 'k'));
        together(long_keys, with_key(mccache::bytes(65536, 'k')));
        on("key_too_long", std::move(long_keys));
        const std::string longest(65535, 'k');
        on("key_of_65535_bytes", {[=, this_ = this] { this_->c_[longest] = 1, REQUIRE(this_->c_.at<int>(longest) == 1); }});
        on("key_empty", {[this] { c_[""] = 1, REQUIRE(c_.at<int>(mccache::bytes()) == 1 && c_.at<int>("") == 1); }});
        // A text of C++ is its bytes, and any bytes are a key.
        on("key_with_lone_surrogate", {[this] { c_["\xed\xa0\xbe"] = 1, REQUIRE(c_.at<int>("\xed\xa0\xbe") == 1); }}, "fine");
    }

    void values() {
        static_assert(!is_value<void (*)()> && !is_value<std::thread::id> && !is_value<mccache::cache> && !is_value<const void*>);
        static_assert(!is_value<endless> && !is_value<char> && !is_value<mccache::node> && is_value<std::vector<int>>);
        on("value_of_wrong_type", with_value(static_cast<const char*>(nullptr)));
        static_assert(!is_value<std::vector<endless>> && !is_value<std::map<std::string, std::vector<std::thread::id>>>);
        static_assert(!is_value<std::map<endless, int>> && !is_value<std::optional<const void*>>);
        on("value_with_wrong_type_inside", {});
        std::vector<call> large;
        for (const object& value : {object(mccache::bytes(100001)), object(std::string(100001, 'x')), object(object::list{std::string(100000, 'x')})}) {
            const std::vector<call> puts = with_value(value);
            large.insert(large.end(), {puts[0], puts[1], puts[2], puts[4]});
        }
        on("value_too_large", std::move(large));
        const char* const half = "\xed\xa0\xbe";
        std::vector<call> halves = with_value(half);
        together(halves, with_value(std::string(200, 'x') + half));
        together(halves, with_value(std::vector<std::string>{"a", half}));
        together(halves, with_value(std::map<std::string, int>{{half, 1}}));
        halves.push_back([this, half] { c_["k"] = std::vector<const char*>{"a", half}; });
        on("value_with_lone_surrogate", std::move(halves));
        std::vector<call> deep = with_value(nested(201));
        together(deep, with_value(nested(10000)));
        together(deep, with_value(object(object::map{{"a", nested(200)}})));
        on("value_nested_201_deep", std::move(deep));
        // Objects hold copies: none can hold itself.
        on("value_that_contains_itself", {[] {
               object list = object::list();
               list.push_back(list);
               REQUIRE(list == object::list{object::list()});
           }}, "fine");
        // A date_time always has its offset from UTC, and local times of C++20 are no values.
        static_assert(!is_value<std::tm> && !is_value<std::chrono::steady_clock::time_point>);
#if defined(__cpp_lib_chrono) && __cpp_lib_chrono >= 201907L
        static_assert(!is_value<std::chrono::local_seconds> && !is_value<std::vector<std::chrono::local_seconds>>);
#endif
        on("value_of_time_without_zone", {});
    }

    void reads() {
        on("read_of_malformed_cbor", reads_of(2, {"-", "ff", "1c", "81", "a101", "9f", "62c328", "9b7fffffffffffffff",
                                                  "5b7fffffffffffffff", "fb00", "c0"}));
        on("read_of_two_cbor_items", reads_of(2, {"0102", "8001", "f6f6", "fb000000000000000000"}));
        on("read_of_cbor_nested_201_deep", reads_of(2, {"200*81+80", "99000*81+80", "201*9f+201*ff"}));
        on("read_of_text_not_utf8", reads_of(1, {"ff", "eda080", "6fc3"}));
        std::vector<call> unknown = reads_of(200, {"-", "00"});
        together(unknown, reads_of(255, {"00"}));
        on("read_of_unknown_codec", std::move(unknown));
        std::vector<call> native;
        for (const int codec : {MCC_CODEC_PICKLE, MCC_CODEC_MARSHAL, MCC_CODEC_JAVA, MCC_CODEC_DOTNET}) {
            together(native, reads_of(static_cast<std::uint8_t>(codec), {"80054e2e"}));
        }
        on("read_of_native_without_option", std::move(native));
        // C++ has no serialization of its own, and thus no option for it.
        on("native_without_key", {});
    }

    void names() {
        mccache::node& node = m_.node;
        static_assert(!std::is_constructible_v<std::string_view, int> && !std::is_constructible_v<mccache::cache, int>);
        on("cache_name_of_wrong_type", {});
        on("cache_name_empty", {[&node] { node.cache(""); }});
        on("cache_name_too_long", {[&node] { node.cache(std::string(256, 'n')); }});
        on("cache_name_with_zero_byte", {[&node] { node.cache("a\0b"sv); }});
        on("setting_unknown", {naming({"cache_tll", "cache_ttl"}, [] { mccache::node(private_config("n", {{"cache_tll", 5}})); }),
                               naming({"cache_tll", "cache_ttl"}, [&node] { node.cache("s", {{"cache_tll", 5}}); })});
        on("setting_of_bad_value", {naming({"cache_max", "many"}, [] { mccache::node(private_config("n", {{"cache_max", "many"}})); }),
                                    naming({"cache_max", "-1"}, [&node] { node.cache("s", {{"cache_max", -1}}); }),
                                    naming({"cache_ttl", "nan"}, [&node] { node.cache("s", {{"cache_ttl", std::nan("")}}); })});
        on("setting_of_node_given_to_cache", {naming({"cluster", "cache_ttl"}, [&node] { node.cache("s", {{"cluster", "x"}}); })});
        on("setting_other_than_open", {[&node] { node.cache("c", {{"cache_ttl", 61}}); }});
        const std::string missing = "/nowhere/mccache.toml";
        on("config_file_missing", {naming({missing}, [missing] { mccache::config::empty().load(missing); })});
        const std::string file = "/tmp/mccache-bad-" + std::to_string(getpid()) + ".toml";
        const auto loading_of = [file](const char* text) -> call {
            return [file, text] {
                std::ofstream(file) << text;
                const mccache::result<void> loaded = mccache::config::empty().try_load(file);
                std::remove(file.c_str());
                loaded.value();
            };
        };
        on("config_file_wrong", {naming({file, "line 2"}, loading_of("\nthis is no TOML\n")), naming({file, "cache_tll"}, loading_of("cache_tll = 5\n"))});
    }

    void times() {
        std::vector<call> zero;
        std::vector<call> negative;
        for (const mccache::time_to_live ttl : {mccache::time_to_live(0s), mccache::time_to_live(0ns), mccache::time_to_live(std::chrono::duration<double>(0))}) {
            together(zero, with_ttl(ttl));
        }
        for (const mccache::time_to_live ttl : {mccache::time_to_live(-1s), mccache::time_to_live(-1ns), mccache::time_to_live(std::chrono::hours::min()),
                                                mccache::time_to_live(std::chrono::duration<double>(std::nan("")))}) {
            together(negative, with_ttl(ttl));
        }
        on("ttl_of_zero", std::move(zero));
        on("ttl_negative", std::move(negative));
        static_assert(!std::is_convertible_v<const char*, mccache::time_to_live> && !std::is_convertible_v<int, mccache::time_to_live>);
        on("ttl_of_wrong_type", {});
        on("ttl_too_long", {[this] { c_.put("k", 1, mccache::forever), REQUIRE(!c_.metadata("k")->ttl); },
                            [this] { c_.put("k", 1, std::chrono::hours::max()), REQUIRE(!c_.metadata("k")->ttl); },
                            [this] { c_.put("k", 1, std::chrono::duration<double>(1e300)), REQUIRE(!c_.metadata("k")->ttl); }});
        on("timeout_negative", {[this] { c_.sync(-1ms); }, [this] { c_.events().next(-1s); }, [this] { m_.node.wait_ready(-1s); },
                                [this] { c_.cluster_checksum(-1s); }, [this] { m_.node.cluster_metrics(-1s); },
                                [this] { c_.get_or_load("k", [] { return 1; }, {}, -1s); }, [this] { c_.get_or_lease("k", -1s); }});
        static_assert(!std::is_convertible_v<const char*, mccache::timeout> && !std::is_convertible_v<int, mccache::timeout>);
        on("timeout_of_wrong_type", {});
    }
    std::vector<call> with_ttl(mccache::time_to_live ttl) {
        return {[=, this_ = this] { this_->c_.put("k", 1, ttl); }, [=, this_ = this] { this_->c_.insert("k", 1, ttl); },
                [=, this_ = this] { this_->c_.touch("before", ttl); }, loading([] { return 1; }, ttl)};
    }

    void functions() {
        static_assert(is_loader<int (*)()> && !is_loader<int> && !is_loader<const char*> && !is_loader<std::nullptr_t>);
        static_assert(!is_loader<int (*)(int)>);
        on("loader_of_wrong_type", {loading(static_cast<int (*)()>(nullptr)), loading(std::function<std::string()>())});
        on("loader_that_fails", {loading([]() -> int { throw std::domain_error("the loader's own"); })});
        on("loader_of_bad_value", {loading([]() -> const char* { return nullptr; }), loading([] { return "\xff"; }),
                                   loading([] { return mccache::result<const char*>(nullptr); })});
        on("loader_that_asks_for_its_own_key", {loading([this] { return c_.get_or_load("loaded", [] { return 1; }, {}, 0ms); }),
                                                loading([this] { return c_.get_or_load("loaded", [] { return 1; }, {}, 20ms); })});
        static_assert(!std::is_constructible_v<mccache::event_handler, int> && !std::is_constructible_v<mccache::event_handler, void (*)(int)>);
        on("listener_of_wrong_type", {[this] { c_.listen(nullptr); }, [this] { m_.node.listen(mccache::event_handler()); },
                                      [this] { c_.try_listen(nullptr).value(); }, [this] { m_.node.try_listen(nullptr).value(); }});
    }

    // Every call on a cache that is closed.
    static std::vector<call> on_closed(const std::shared_ptr<member>& of) {
        mccache::cache& c = of->cache;
        return {[of, &c] { c.at("k"); }, [&c] { c.find("k"); }, [&c] { c.get<int>("k"); }, [&c] { c.get_or("k", 1); }, [&c] { c.contains("k"); },
                [&c] { c.size(); }, [&c] { c.empty(); }, [&c] { c.metadata("k"); }, [&c] { c.entries(); }, [&c] { c.keys(); }, [&c] { c.begin(); },
                [&c] { c["k"] = 1; }, [&c] { c.put("k", 1); }, [&c] { c.insert("k", 1); }, [&c] { c.erase("k"); }, [&c] { c.take("k"); },
                [&c] { c.touch("k"); }, [&c] { c.clear(); }, [&c] { c.get_or_lease("k"); }, [&c] { c.get_or_load("k", [] { return 1; }); },
                [&c] { c.sync(); }, [&c] { c.checksum(); }, [&c] { c.cluster_checksum(); }, [&c] { c.stats(); }, [&c] { c.events(); },
                [&c] { c.listen([](const mccache::event&) {}); }};
    }

    void ends() {
        const auto closed = std::make_shared<member>("closed");
        closed->cache.close();
        on("closed_cache", on_closed(closed));
        const auto gone = std::make_shared<member>("gone");
        gone->node.close();
        std::vector<call> calls = on_closed(gone);
        mccache::node& node = gone->node;
        together(calls, {[&node] { node.cache("d"); }, [&node] { node.wait_ready(); }, [&node] { node.members(); }, [&node] { node.events(); },
                         [&node] { node.cluster_metrics(); }, [&node] { node.list_keys(); }, [&node] { node.listen([](const mccache::event&) {}); }});
        on("closed_node", std::move(calls));
        on("closed_events", {[this] {
               mccache::cache other = m_.node.cache("other");
               mccache::events events = other.events();
               other["k"] = 1;
               events.close();
               REQUIRE(events.next(0ms)->key == "k");
               events.next();
           }});
        on("closed_twice", {[closed] { closed->cache.close(), closed->cache.close(); }, [gone] { gone->node.close(), gone->node.close(); },
                            [this] {
                                mccache::events events = c_.events();
                                events.close(), events.close();
                            }});
        on("iteration_while_closing", {[this] {
               mccache::cache closing = m_.node.cache("closing");
               for (int i = 0; i < 10; i++) {
                   closing[std::to_string(i)] = i;
               }
               auto entry = closing.begin();
               closing.close();
               ++entry;
           }});
    }

    member m_;
    mccache::cache& c_ = m_.cache;
    std::vector<line> lines_;
};

} // namespace

int main() {
    table().run();
    return finish();
}
