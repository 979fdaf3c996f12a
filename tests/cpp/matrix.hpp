// The values of tests/values.tsv: what each name is in C++, and the bytes that stand for it.

#ifndef MATRIX_HPP
#define MATRIX_HPP

#include <mccache.hpp>

#include <fstream>
#include <sstream>

namespace matrix {

using mccache::object;

inline mccache::bytes counting(std::size_t length) {
    mccache::bytes bytes;
    for (std::size_t i = 0; i < length; i++) {
        bytes.push_back(static_cast<std::uint8_t>(i % 251));
    }
    return bytes;
}

inline mccache::big_integer two_to_64_and(bool negative, std::uint8_t more) {
    return mccache::big_integer(negative, {1, 0, 0, 0, 0, 0, 0, 0, more});
}

inline const std::map<std::string, object>& natives() {
    using list = object::list;
    using map = object::map;
    using limits = std::numeric_limits<double>;
    using namespace std::string_view_literals;
    // 2026-11-25T12:34:56Z.
    constexpr std::int64_t noon = 1795610096;
    static const mccache::date_time utc(noon, 789123000);
    static const std::map<std::string, object> values = {
        {"null", nullptr},
        {"true", true},
        {"false", false},
        {"int_0", 0},
        {"int_23", 23},
        {"int_24", 24},
        {"int_255", 255},
        {"int_256", 256},
        {"int_65535", 65535},
        {"int_65536", 65536},
        {"int_u32_max", 4294967295U},
        {"int_u32_max_plus_1", 4294967296},
        {"int_2_53_plus_1", 9007199254740993},
        {"int_i64_max", std::numeric_limits<std::int64_t>::max()},
        {"int_i64_min", std::numeric_limits<std::int64_t>::min()},
        {"int_u64_max", std::numeric_limits<std::uint64_t>::max()},
        {"int_minus_1", -1},
        {"int_minus_24", -24},
        {"int_minus_25", -25},
        {"int_minus_256", -256},
        {"int_minus_257", -257},
        {"big_2_64", two_to_64_and(false, 0)},
        {"big_minus_2_64_minus_1", two_to_64_and(true, 1)},
        {"float_0", 0.0},
        {"float_minus_0", -0.0},
        {"float_1_5", 1.5},
        {"float_1e300", 1e300},
        {"float_tiny", limits::denorm_min()},
        {"float_nan", limits::quiet_NaN()},
        {"float_inf", limits::infinity()},
        {"float_minus_inf", -limits::infinity()},
        {"text_empty", ""},
        {"text_ascii", "plain text"},
        {"text_astral", "\xf0\x9f\xa6\x80 \xf0\x9d\x84\x9e \xc3\xa9"},
        {"text_zero", "a\0b"sv},
        {"text_long", std::string(100000, 'x') + "\xf0\x9f\xa6\x80"},
        {"bytes_empty", mccache::bytes()},
        {"bytes_zero", mccache::bytes{0x00, 0x01, 0x00, 0xff}},
        {"bytes_long", counting(65536)},
        {"list_empty", list()},
        {"list_nested", list{1, list{2, list{3, list()}}, "x"}},
        {"list_mixed", list{nullptr, true, -1, 1.5, "t", mccache::bytes{0x00, 0xff}}},
        {"map_empty", map()},
        {"map_nested", map{{"a", 1}, {"b", list{1, 2}}, {"c", map{{"d", nullptr}}}}},
        {"map_int_keys", map{{1, "one"}, {-2, "minus two"}}},
        {"datetime_utc", utc},
        {"datetime_offset", mccache::date_time(noon - 330 * 60, 0, 330)},
        {"date", mccache::date{2026, 11, 25}},
        {"list_of_dates", list{mccache::date{2026, 11, 25}, utc}},
        {"list_floats", list{limits::quiet_NaN(), limits::infinity(), -limits::infinity(), -0.0}},
        {"list_int_edges", list{std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max(),
                                std::numeric_limits<std::uint64_t>::max()}},
        {"map_astral", map{{"\xf0\x9f\xa6\x80", "\xf0\x9d\x84\x9e"}}},
        {"datetime_before_1970", mccache::date_time(-1, 1000)},
        {"date_leap", mccache::date{2024, 2, 29}},
    };
    return values;
}

// The bytes of "3*78+f0": 78 78 78 f0. "-" is no bytes.
inline mccache::bytes from_hex(const std::string& text) {
    mccache::bytes bytes;
    std::stringstream parts(text == "-" ? "" : text);
    for (std::string part; std::getline(parts, part, '+');) {
        const std::size_t star = part.find('*');
        const int count = star == std::string::npos ? 1 : std::stoi(part.substr(0, star));
        const std::string digits = star == std::string::npos ? part : part.substr(star + 1);
        for (int i = 0; i < count; i++) {
            for (std::size_t at = 0; at + 1 < digits.size(); at += 2) {
                bytes.push_back(static_cast<std::uint8_t>(std::stoi(digits.substr(at, 2), nullptr, 16)));
            }
        }
    }
    return bytes;
}

// A line of the file.
struct line {
    std::string name;
    std::uint8_t codec = 0;
    mccache::bytes bytes;
};

// The whole file. Programs of this repository are started at its root.
inline std::vector<line> lines() {
    std::ifstream file("tests/values.tsv");
    std::vector<line> found;
    for (std::string text; std::getline(file, text);) {
        if (text.empty() || text[0] == '#') {
            continue;
        }
        std::stringstream fields(text);
        std::string name;
        std::string codec;
        std::string hex;
        std::getline(fields, name, '\t');
        std::getline(fields, codec, '\t');
        std::getline(fields, hex, '\t');
        found.push_back({name, static_cast<std::uint8_t>(std::stoi(codec)), from_hex(hex)});
    }
    return found;
}

} // namespace matrix

#endif
