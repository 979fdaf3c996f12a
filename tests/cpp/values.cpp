// Values: what is written and read byte by byte, and what is refused.

#include "check.hpp"
#include "matrix.hpp"

using namespace check;
using matrix::from_hex;
using mccache::object;

namespace {

object read(const std::string& hex) {
    return mccache::from_cbor(from_hex(hex));
}

void the_matrix_is_written_as_it_stands(mccache::cache& c) {
    for (const matrix::line& line : matrix::lines()) {
        const object& native = matrix::natives().at(line.name);
        c["k"] = native;
        const mccache::value written = c.at("k");
        // The entries of a map have an order of C++'s own: there the bytes are read again.
        const bool as_it_stands = written.bytes() == line.bytes && written.codec() == line.codec;
        REQUIRE(as_it_stands || (native.get_if<object::map>() != nullptr && mccache::from_cbor(written.bytes()) == native));
        REQUIRE(line.codec != MCC_CODEC_CBOR || mccache::from_cbor(line.bytes) == native);
    }
    for (const auto& one : matrix::natives()) {
        for (const auto& other : matrix::natives()) {
            REQUIRE((one.second == other.second) == (one.first == other.first));
            REQUIRE((one.second < other.second) + (other.second < one.second) == (one.first == other.first ? 0 : 1));
        }
    }
}

void other_forms_are_read() {
    REQUIRE(read("f7").is_null());
    REQUIRE(read("1b0000000000000001") == 1 && read("3b0000000000000000") == -1 && read("5803010203") == mccache::bytes{1, 2, 3});
    REQUIRE(read("f93e00") == 1.5 && read("fa3fc00000") == 1.5 && read("f97e00") == std::numeric_limits<double>::quiet_NaN());
    REQUIRE(read("fb7ff8000000000123") == std::numeric_limits<double>::quiet_NaN() && read("f98000") == -0.0 && read("f98000") != 0.0);
    REQUIRE(read("9f0102ff") == object::list{1, 2} && read("bf6161016162f6ff") == object::map{{"a", 1}, {"b", nullptr}});
    REQUIRE(read("7f61616162ff") == "ab" && read("5f41014102ff") == mccache::bytes{1, 2} && read("7fff") == "");
    REQUIRE(read("a2616101616102") == object::map{{"a", 2}});
    REQUIRE(read("c24105") == 5 && read("c2480000000000000005") == 5 && read("c34105") == -6 && read("c240") == 0 && read("c340") == -1);
    REQUIRE(read("3bffffffffffffffff") == mccache::big_integer(true, {1, 0, 0, 0, 0, 0, 0, 0, 0}));
    REQUIRE(read("3b8000000000000000") == mccache::big_integer::of(true, 0x8000000000000001));
    REQUIRE(read("c11a6b06d3b0") == mccache::date_time(0x6b06d3b0, 0) && read("c120") == mccache::date_time(-1, 0));
    REQUIRE(read("c1fb3ff8000000000000") == mccache::date_time(1, 500000000) && read("c1fbbfe0000000000000") == mccache::date_time(-1, 500000000));
    REQUIRE(read("d86400") == mccache::date{1970, 1, 1} && read("d86439afcf") == mccache::date{1846, 10, 10});
    REQUIRE(read("d9d9f701") == 1);
    const object tagged = read("d8256101");
    REQUIRE(tagged.get_if<object::tagged_type>()->tag == 37 && tagged.get_if<object::tagged_type>()->content == "\1");
    REQUIRE(mccache::to_cbor(tagged) == from_hex("d8256101"));
}

void big_integers_take_the_fewest_bytes() {
    const auto written = [](const object& value) { return mccache::to_cbor(value); };
    REQUIRE(written(mccache::big_integer(false, {0, 0, 24})) == from_hex("1818"));
    REQUIRE(written(mccache::big_integer(true, {1, 0, 0, 0, 0, 0, 0, 0, 0})) == from_hex("3bffffffffffffffff"));
    REQUIRE(written(mccache::big_integer::of(true, std::uint64_t{1} << 63)) == from_hex("3b7fffffffffffffff"));
    REQUIRE(written(mccache::big_integer::of(true, (std::uint64_t{1} << 63) + 1)) == from_hex("3b8000000000000000"));
    REQUIRE(object(mccache::big_integer(true, {})) == 0 && object(mccache::big_integer::of(true, 7)) == -7);
    REQUIRE(mccache::big_integer(true, {2, 0}) < mccache::big_integer(true, {1}) && mccache::big_integer(true, {1}) < mccache::big_integer());
    REQUIRE(mccache::big_integer(false, {5}) < mccache::big_integer(false, {1, 0}));
}

void what_is_malformed_is_refused() {
    for (const char* hex : {"", "18", "1c", "62c3", "61ff", "81", "82f6", "a1", "a1f6", "a1ff", "bff6ff", "ff", "9f", "9f01", "7f", "7f01ff",
                            "7f5f4101ffff", "7f4161ff", "5f6161ff", "c0", "c001", "c06161", "c074323032362d31332d32355431323a33343a35365a",
                            "c161", "c1f97e00", "c1f97c00", "c1fb7e37e43c8800759c", "c11b7fffffffffffffff", "c201", "c26161",
                            "d903ec01", "d903ec6a323032362d30322d3330", "d864f6", "d8641b7fffffffffffffff", "f0", "f818", "e0", "f8ff", "0001", "f6f6",
                            "9b7fffffffffffffff", "bb7fffffffffffffff", "9bffffffffffffffff", "5b7fffffffffffffff", "5bffffffffffffffff"}) {
        if (!mccache::try_from_cbor(from_hex(*hex == '\0' ? "-" : hex)).failed_with(mccache::errc::codec)) {
            throw failed_requirement(std::string("this was read: ") + hex);
        }
    }
}

// Every value of up to two bytes, and each of the matrix cut short and changed: anything may come of it but a crash.
void no_bytes_crash_the_reader() {
    std::size_t readable = 0;
    const auto attempt = [&readable](const mccache::bytes& bytes) {
        const mccache::result<object> found = mccache::try_from_cbor(bytes);
        if (found) {
            readable++;
            REQUIRE(mccache::from_cbor(mccache::to_cbor(*found)) == *found);
        }
    };
    for (unsigned first = 0; first < 256; first++) {
        attempt({static_cast<std::uint8_t>(first)});
        for (unsigned second = 0; second < 256; second++) {
            attempt({static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second)});
        }
    }
    for (const matrix::line& line : matrix::lines()) {
        if (line.codec != MCC_CODEC_CBOR) {
            continue;
        }
        for (std::size_t at = 0; at < line.bytes.size(); at++) {
            attempt(mccache::bytes(line.bytes.begin(), line.bytes.begin() + static_cast<std::ptrdiff_t>(at)));
            for (unsigned bit = 0; bit < 8; bit++) {
                mccache::bytes changed = line.bytes;
                changed[at] = static_cast<std::uint8_t>(changed[at] ^ (1U << bit));
                attempt(changed);
            }
        }
    }
    REQUIRE(readable > 1000);
}

void nesting_has_a_limit() {
    object deepest;
    for (unsigned i = 0; i < mccache::nesting_max; i++) {
        deepest = object::list{deepest};
    }
    REQUIRE(mccache::from_cbor(mccache::to_cbor(deepest)) == deepest);
    REQUIRE(mccache::try_to_cbor(object::list{deepest}).failed_with(mccache::errc::codec));
    REQUIRE(mccache::try_to_cbor(object::map{{deepest, 1}}).failed_with(mccache::errc::codec));
    for (const std::uint8_t opening : mccache::bytes{0x81, 0x9f, 0xa1, 0xbf, 0xd8}) {
        const mccache::bytes bomb(1000000, opening);
        REQUIRE(mccache::try_from_cbor(bomb).failed_with(mccache::errc::codec));
    }
    mccache::bytes within(mccache::nesting_max, 0x81);
    within.push_back(0xf6);
    REQUIRE(mccache::from_cbor(within) == deepest);
    // The innermost may be empty, or a date, which is a tag; it may be no list more.
    within.back() = 0x80;
    REQUIRE(mccache::try_from_cbor(within).failed_with(mccache::errc::codec));
    object dated = mccache::date{2026, 11, 25};
    for (unsigned i = 0; i < mccache::nesting_max; i++) {
        dated = object::list{dated};
    }
    REQUIRE(mccache::from_cbor(mccache::to_cbor(dated)) == dated);
    within.insert(within.begin(), 0x81);
    REQUIRE(contains(REQUIRE_THROWS(mccache::codec_error, mccache::from_cbor(within)), "200"));
}

void dates_and_times_are_checked() {
    using mccache::date;
    using mccache::date_time;
    for (const char* text : {"2026-11-25", "0000-01-01", "9999-12-31", "2000-02-29", "1900-02-28"}) {
        REQUIRE(date::parse(text) && date::parse(text)->to_string() == text);
        REQUIRE(date::from_days_since_1970(date::parse(text)->days_since_1970()) == date::parse(text));
    }
    for (const char* text : {"", "2026-11-2", "2026-11-255", "2026-13-01", "2026-00-01", "2026-02-29", "1900-02-29", "2026/11/25", "+026-11-25"}) {
        REQUIRE(!date::parse(text));
    }
    for (std::int64_t days = -719528; days <= 2932896; days += 997) {
        REQUIRE(date::from_days_since_1970(days)->is_valid() && date::from_days_since_1970(days)->days_since_1970() == days);
    }
    REQUIRE(!date::from_days_since_1970(-719529) && !date::from_days_since_1970(2932897));
    for (const char* text : {"2026-11-25T12:34:56Z", "2026-11-25T12:34:56.789123Z", "2026-11-25T12:34:56.789123456+05:30",
                             "1969-12-31T23:59:59.000001-23:59", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
                             "9999-12-31T23:59:59+00:01"}) {
        REQUIRE(date_time::parse(text) && date_time::parse(text)->to_string() == text);
    }
    REQUIRE(date_time::parse("2016-12-31t23:59:60z") == date_time::parse("2017-01-01T00:00:00Z"));
    REQUIRE(date_time::parse("2026-11-25T12:34:56.5-00:00")->to_string() == "2026-11-25T12:34:56.500000Z");
    for (const char* text : {"", "2026-11-25", "2026-11-25T12:34:56", "2026-11-25 12:34:56Z", "2026-11-25T24:00:00Z", "2026-11-25T12:34:56.Z",
                             "2026-11-25T12:34:56+24:00", "2026-11-25T12:34:56+0530", "2026-11-25T12:34:56Zx", "2026-11-25T12:34:61Z"}) {
        REQUIRE(!date_time::parse(text));
    }
    REQUIRE(mccache::try_to_cbor(date{2026, 2, 30}).failed_with(mccache::errc::codec));
    REQUIRE(mccache::try_to_cbor(date_time(253402300800, 0)).failed_with(mccache::errc::codec));
    REQUIRE(mccache::try_to_cbor(date_time(0, 1000000000)).failed_with(mccache::errc::codec));
    REQUIRE(mccache::try_to_cbor(date_time(0, 0, 1440)).failed_with(mccache::errc::codec));
    REQUIRE(mccache::try_to_cbor(date_time(std::numeric_limits<std::int64_t>::max(), 0)).failed_with(mccache::errc::codec));
    const date_time noon(1795610096, 789123000);
    REQUIRE(date_time(noon.to_time_point()) == noon && date_time(date_time(-1, 1000).to_time_point()) == date_time(-1, 1000));
}

void codecs_that_are_not_known_are_named(mccache::cache& c) {
    const mccache::bytes some{1, 2, 3};
    for (const auto& [codec, name] : std::map<std::uint8_t, std::string>{
             {MCC_CODEC_PICKLE, "pickle"}, {MCC_CODEC_MARSHAL, "Marshal"}, {MCC_CODEC_JAVA, "Java"}, {MCC_CODEC_DOTNET, "BinaryFormatter"}, {99, "99"}}) {
        c.put("k", mccache::value::of(some, codec));
        REQUIRE(contains(REQUIRE_THROWS(mccache::codec_error, c.at<object>("k")), name));
        REQUIRE(c.at("k").bytes() == some && c.at("k").codec() == codec);
    }
    c.put("k", mccache::value::of(mccache::bytes{0xff}, MCC_CODEC_TEXT));
    REQUIRE_THROWS(mccache::codec_error, c.at<std::string>("k"));
    REQUIRE_THROWS(mccache::codec_error, c.at("k").text());
    REQUIRE_THROWS(mccache::codec_error, c.at<object>("k"));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", std::vector<std::string>{"\xff"}));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", std::string(100, '\xff')));
    REQUIRE_THROWS(mccache::invalid_argument_error, c.put("k", "\xed\xa0\x80"));
    c["k"] = mccache::bytes_view::of("\xff");
    REQUIRE(c.at<mccache::bytes>("k") == mccache::bytes{0xff});
}

void objects_are_values_of_their_own() {
    object o;
    o["list"].push_back(1);
    o["list"].push_back("two");
    o["map"]["inner"] = nullptr;
    const object copy = o;
    o["list"].push_back(3);
    REQUIRE(copy.find("list")->size() == 2 && o.find("list")->size() == 3 && copy.size() == 2 && copy != o);
    REQUIRE(o.find("map")->find("inner")->is_null() && o.find("nobody") == nullptr && o.item(0) == nullptr);
    REQUIRE(o.find("list")->item(1)->as<std::string>() == "two" && o.find("list")->item(9) == nullptr);
    const object moved = std::move(o);
    REQUIRE(o.is_null() && moved.kind() == mccache::kind::map && copy.kind_name() == std::string("a map"));
    o = moved;
    o = object(o);
    REQUIRE(o == moved && (o = copy) == copy);
    object nested = object::list{object::list{1}};
    nested = object(*nested.item(0));
    REQUIRE(nested == object::list{1});
}

} // namespace

int main() {
    member m("values");
    test("the_matrix_is_written_as_it_stands", [&] { the_matrix_is_written_as_it_stands(m.cache); });
    test("other_forms_are_read", other_forms_are_read);
    test("big_integers_take_the_fewest_bytes", big_integers_take_the_fewest_bytes);
    test("what_is_malformed_is_refused", what_is_malformed_is_refused);
    test("no_bytes_crash_the_reader", no_bytes_crash_the_reader);
    test("nesting_has_a_limit", nesting_has_a_limit);
    test("dates_and_times_are_checked", dates_and_times_are_checked);
    test("codecs_that_are_not_known_are_named", [&] { codecs_that_are_not_known_are_named(m.cache); });
    test("objects_are_values_of_their_own", objects_are_values_of_their_own);
    return finish();
}
